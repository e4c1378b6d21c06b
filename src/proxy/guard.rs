//! One client connection: only well-formed requests come in, a client that stops reading is dropped, and
//! a last answer reaches a client that is still sending.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};

use super::config::Limits;
use super::framing::{Framing, Vetted};

/// How long a closing connection still takes what its client sends. Closing with unread bytes would reset
/// the connection, and the client would lose the answer.
const LINGER: Duration = Duration::from_secs(2);
/// What is read at once of the bytes that nobody wants.
const LINGER_BUFFER: usize = 16 * 1024;

/// A guarded client connection.
#[derive(Debug)]
pub(super) struct Guard {
    stream: TcpStream,
    framing: Framing,
    /// Vetted bytes that the reader has not taken yet, and how many of them it has.
    ready: (Vec<u8>, usize),
    /// Nothing more is read after a refused request.
    refused: bool,
    stall: Duration,
    write_timer: Pin<Box<Sleep>>,
    write_waits: bool,
    closing: bool,
}

impl Guard {
    pub(super) fn new(stream: TcpStream, limits: &Limits) -> Self {
        Self {
            stream,
            framing: Framing::new(limits.head_bytes),
            ready: (Vec::new(), 0),
            refused: false,
            stall: limits.stall_timeout,
            write_timer: Box::pin(tokio::time::sleep(limits.stall_timeout)),
            write_waits: false,
            closing: false,
        }
    }

    /// Lets a write that makes no progress fail in time.
    fn watch_write<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.write_waits = false;
            return written;
        }
        if !self.write_waits {
            self.write_waits = true;
            let due = Instant::now() + self.stall;
            self.write_timer.as_mut().reset(due);
        }
        ready!(self.write_timer.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    /// Passes on what is ready; `false` if nothing is.
    fn give(&mut self, buf: &mut ReadBuf<'_>) -> bool {
        let (bytes, taken) = &mut self.ready;
        let count = (bytes.len() - *taken).min(buf.remaining());
        buf.put_slice(&bytes[*taken..*taken + count]);
        *taken += count;
        if *taken == bytes.len() {
            self.ready = (Vec::new(), 0);
        }
        count > 0
    }

    /// Vets what was read into `buf` after `before`, and leaves there what may be taken at once.
    fn vet(&mut self, buf: &mut ReadBuf<'_>, before: usize) -> io::Result<()> {
        let held = self.framing.take_held();
        let fresh = &buf.filled()[before..];
        let (count, refusal) = match self.framing.vet(fresh, &held) {
            Vetted::Pass(count) => (count, None),
            Vetted::Refuse(count, refusal) => (count, Some(refusal)),
            Vetted::BadBody => return Err(io::Error::new(io::ErrorKind::InvalidData, "malformed chunks")),
        };
        if held.is_empty() || count == 0 {
            buf.set_filled(before + count);
        } else {
            self.ready.0 = [&held, &fresh[..count]].concat();
            buf.set_filled(before);
        }
        if let Some(refusal) = refusal {
            self.refused = true;
            self.ready.0.extend(refusal.request());
        }
        Ok(())
    }
}

impl AsyncRead for Guard {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        loop {
            if buf.remaining() == 0 || this.give(buf) {
                return Poll::Ready(Ok(()));
            }
            if this.refused {
                // An end of input would make the server drop the answer.
                return Poll::Pending;
            }
            let before = buf.filled().len();
            ready!(Pin::new(&mut this.stream).poll_read(cx, buf))?;
            if buf.filled().len() == before {
                return Poll::Ready(Ok(()));
            }
            this.vet(buf, before)?;
            if buf.filled().len() > before {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl AsyncWrite for Guard {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.watch_write(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.watch_write(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if !this.closing {
            ready!(Pin::new(&mut this.stream).poll_shutdown(cx))?;
            this.closing = true;
            let due = Instant::now() + LINGER;
            this.write_timer.as_mut().reset(due);
        }
        let mut unwanted = [0; LINGER_BUFFER];
        loop {
            if this.write_timer.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Ok(()));
            }
            let mut buf = ReadBuf::new(&mut unwanted);
            let read = ready!(Pin::new(&mut this.stream).poll_read(cx, &mut buf));
            if read.is_err() || buf.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
        }
    }
}
