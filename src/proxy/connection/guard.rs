//! One client connection: only well-formed requests come in, each in its turn, a client that stops reading is
//! dropped, and a last answer reaches a client that is still sending.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf, Ready};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};

use super::framing::{BadBody, Framing};
use super::places::Place;
use super::turn::Turn;
use crate::proxy::config::Limits;

/// What is read of a connection at once while a request's head is awaited.
const HEAD_READ: usize = 4 * 1024;
/// How often it is looked whether a client that sent bytes ahead of its turn is still there.
const PRESENCE_CHECK: Duration = Duration::from_millis(500);
/// How long a closing connection still takes what its client sends. Closing with unread bytes would reset
/// the connection, and the client would lose the answer.
const LINGER: Duration = Duration::from_secs(2);
/// What is read at once of the bytes that nobody wants.
const LINGER_BUFFER: usize = 16 * 1024;

/// A guarded client connection.
#[derive(Debug)]
pub(crate) struct Guard {
    stream: TcpStream,
    framing: Framing,
    turn: Turn,
    place: Arc<Place>,
    /// Bytes that the reader has not taken yet. The first `vetted` of them are good.
    input: Vec<u8>,
    vetted: usize,
    /// Nothing more is read after a refused request.
    refused: bool,
    /// Who reads, while it is not the client's turn.
    reader: Option<Waker>,
    /// Due when it is to be looked whether the client is still there; none while its end shows by itself.
    presence_timer: Option<Pin<Box<Sleep>>>,
    stall: Duration,
    write_timer: Pin<Box<Sleep>>,
    write_waits: bool,
    closing: bool,
}

impl Guard {
    pub(crate) fn new(stream: TcpStream, limits: &Limits, turn: Turn, place: Arc<Place>) -> Self {
        Self {
            stream,
            framing: Framing::new(limits.head_bytes),
            turn,
            place,
            input: Vec::new(),
            vetted: 0,
            refused: false,
            reader: None,
            presence_timer: None,
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

    /// Passes on what is vetted; `false` if nothing is.
    fn give(&mut self, buf: &mut ReadBuf<'_>) -> bool {
        let count = self.vetted.min(buf.remaining());
        buf.put_slice(&self.input[..count]);
        self.vetted -= count;
        if count == self.input.len() {
            self.input = Vec::new();
        } else {
            self.input.drain(..count);
        }
        count > 0
    }

    /// Vets what has been read: one request at most, as far as it is there.
    fn vet(&mut self) -> io::Result<()> {
        if self.input.is_empty() {
            return Ok(());
        }
        if !self.framing.is_in_body() {
            match self.framing.head(&self.input) {
                None => return Ok(()),
                Some(Ok(length)) => self.vetted = length,
                Some(Err(refusal)) => {
                    self.refused = true;
                    self.input = refusal.request();
                    self.vetted = self.input.len();
                }
            }
            self.turn.owe();
        }
        if !self.refused {
            self.vetted += self.framing.body(&self.input[self.vetted..]).map_err(bad_body)?;
        }
        Ok(())
    }

    /// Reads what belongs to the body straight into `buf`; what comes after it is left for its turn.
    fn read_body(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        let fresh = &buf.filled()[before..];
        let count = self.framing.body(fresh).map_err(bad_body)?;
        self.input.extend_from_slice(&fresh[count..]);
        buf.set_filled(before + count);
        Poll::Ready(Ok(()))
    }

    /// Waits for the client's turn, or for its end: a client that sends no more while it waits for its answer is
    /// taken for gone.
    fn wait_for_turn(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.reader = Some(cx.waker().clone());
        if self.input.is_empty() {
            let mut byte = [0];
            // More than nothing is left where it is.
            if ready!(self.stream.poll_peek(cx, &mut ReadBuf::new(&mut byte)))? == 0 {
                return Poll::Ready(Ok(()));
            }
        }
        // Unread bytes hide the end from whoever waits for more to read.
        loop {
            let state = self.stream.ready(Interest::READABLE).now_or_never().transpose()?;
            if state.is_some_and(Ready::is_read_closed) {
                return Poll::Ready(Ok(()));
            }
            let timer =
                self.presence_timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(PRESENCE_CHECK)));
            ready!(timer.as_mut().poll(cx));
            self.presence_timer = None;
        }
    }
}

fn bad_body(_: BadBody) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "malformed chunks")
}

impl Drop for Guard {
    fn drop(&mut self) {
        if self.turn.is_broken() {
            let _ = self.stream.set_zero_linger();
        }
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
            if !this.framing.is_in_body() && !this.turn.is_free() {
                return this.wait_for_turn(cx);
            }
            this.vet()?;
            if this.vetted > 0 {
                continue;
            }
            if this.framing.is_in_body() {
                return this.read_body(cx, buf);
            }
            let mut bytes = [0; HEAD_READ];
            let mut piece = ReadBuf::new(&mut bytes);
            ready!(Pin::new(&mut this.stream).poll_read(cx, &mut piece))?;
            if piece.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
            this.input.extend_from_slice(piece.filled());
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
        ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
        // All that there was to write has been written.
        if self.turn.flushed() {
            self.place.rest();
            if let Some(reader) = self.reader.take() {
                reader.wake();
            }
        }
        Poll::Ready(Ok(()))
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
