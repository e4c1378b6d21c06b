//! The stream of one client's connection. It passes only well-formed requests, one after the other, drops a client that
//! stops reading, and lets the last response reach a client that is still sending.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf, Ready};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};

use super::framing::{Framing, MalformedChunks};
use super::response_state::ResponseState;
use super::slots::ConnectionSlot;
use crate::proxy::config::Limits;

/// The most bytes that are read at once while the head of a request is awaited.
const HEAD_READ_SIZE: usize = 4 * 1024;
/// How often a client that has pipelined requests is checked for having left.
const PRESENCE_CHECK_INTERVAL: Duration = Duration::from_millis(500);
/// How long a closing connection still reads what its client sends. Closing it with unread bytes would reset it, and the
/// client would lose the response.
/// (<https://www.rfc-editor.org/rfc/rfc9112#section-9.6>)
const LINGER_TIME: Duration = Duration::from_secs(2);
/// The most bytes that are read and discarded at once on a closing connection.
const LINGER_BUFFER_SIZE: usize = 16 * 1024;

/// A connection that checks the framing of what it reads, and limits how long a write may take.
#[derive(Debug)]
pub(crate) struct CheckedStream {
    stream: TcpStream,
    framing: Framing,
    response_state: ResponseState,
    slot: Arc<ConnectionSlot>,
    /// Bytes that the reader has not taken yet.
    input: Vec<u8>,
    /// How many of the first bytes of `input` have been checked.
    checked: usize,
    /// Whether a request was refused; nothing is read after it.
    is_refused: bool,
    /// The task that reads, while a response is due.
    reader: Option<Waker>,
    /// Due at the next check whether the client is still there.
    presence_timer: Option<Pin<Box<Sleep>>>,
    /// How long a write may make no progress.
    write_timeout: Duration,
    write_timer: Pin<Box<Sleep>>,
    is_write_pending: bool,
    is_closing: bool,
}

impl CheckedStream {
    pub(crate) fn new(
        stream: TcpStream,
        limits: &Limits,
        response_state: ResponseState,
        slot: Arc<ConnectionSlot>,
    ) -> Self {
        Self {
            stream,
            framing: Framing::new(limits.head_bytes),
            response_state,
            slot,
            input: Vec::new(),
            checked: 0,
            is_refused: false,
            reader: None,
            presence_timer: None,
            write_timeout: limits.stall_timeout,
            write_timer: Box::pin(tokio::time::sleep(limits.stall_timeout)),
            is_write_pending: false,
            is_closing: false,
        }
    }

    /// The result of a write; it fails once writes have made no progress for the timeout.
    fn limit_write_time<T>(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.is_write_pending = false;
            return written;
        }
        if !self.is_write_pending {
            self.is_write_pending = true;
            let due = Instant::now() + self.write_timeout;
            self.write_timer.as_mut().reset(due);
        }
        ready!(self.write_timer.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    /// Passes checked bytes on to the reader; `false` if there are none.
    fn pass_on(&mut self, buf: &mut ReadBuf<'_>) -> bool {
        let count = self.checked.min(buf.remaining());
        buf.put_slice(&self.input[..count]);
        self.checked -= count;
        if count == self.input.len() {
            self.input = Vec::new();
        } else {
            self.input.drain(..count);
        }
        count > 0
    }

    /// Checks the bytes that have been read, up to the end of one request.
    fn check_input(&mut self) -> io::Result<()> {
        if self.input.is_empty() {
            return Ok(());
        }
        if !self.framing.is_in_body() {
            match self.framing.head(&self.input) {
                None => return Ok(()),
                Some(Ok(length)) => self.checked = length,
                Some(Err(error)) => {
                    self.is_refused = true;
                    self.input = error.placeholder_request();
                    self.checked = self.input.len();
                }
            }
            self.response_state.note_request();
        }
        if !self.is_refused {
            self.checked += self.framing.body(&self.input[self.checked..]).map_err(malformed_chunks)?;
        }
        Ok(())
    }

    /// Reads the rest of a body straight into `buf`; bytes after it are kept for the next request.
    fn read_body(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        let fresh = &buf.filled()[before..];
        let count = self.framing.body(fresh).map_err(malformed_chunks)?;
        self.input.extend_from_slice(&fresh[count..]);
        buf.set_filled(before + count);
        Poll::Ready(Ok(()))
    }

    /// Waits until the response has been sent, or the client has left: a client that closes its side while it waits for a
    /// response counts as gone.
    fn wait_for_response(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.reader = Some(cx.waker().clone());
        if self.input.is_empty() {
            let mut byte = [0];
            // The peeked byte stays in the socket.
            if ready!(self.stream.poll_peek(cx, &mut ReadBuf::new(&mut byte)))? == 0 {
                return Poll::Ready(Ok(()));
            }
        }
        // Unread bytes hide the end of the stream from a reader that waits for more, so it is polled for.
        loop {
            let state = self.stream.ready(Interest::READABLE).now_or_never().transpose()?;
            if state.is_some_and(Ready::is_read_closed) {
                return Poll::Ready(Ok(()));
            }
            let timer = self
                .presence_timer
                .get_or_insert_with(|| Box::pin(tokio::time::sleep(PRESENCE_CHECK_INTERVAL)));
            ready!(timer.as_mut().poll(cx));
            self.presence_timer = None;
        }
    }
}

/// The I/O error for malformed chunks.
fn malformed_chunks(_: MalformedChunks) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "malformed chunks")
}

impl Drop for CheckedStream {
    fn drop(&mut self) {
        if self.response_state.is_truncated() {
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for CheckedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        loop {
            if buf.remaining() == 0 || this.pass_on(buf) {
                return Poll::Ready(Ok(()));
            }
            if this.is_refused {
                // An end of input would make the server drop the response.
                return Poll::Pending;
            }
            if !this.framing.is_in_body() && !this.response_state.is_idle() {
                return this.wait_for_response(cx);
            }
            this.check_input()?;
            if this.checked > 0 {
                continue;
            }
            if this.framing.is_in_body() {
                return this.read_body(cx, buf);
            }
            let mut bytes = [0; HEAD_READ_SIZE];
            let mut piece = ReadBuf::new(&mut bytes);
            ready!(Pin::new(&mut this.stream).poll_read(cx, &mut piece))?;
            if piece.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
            this.input.extend_from_slice(piece.filled());
        }
    }
}

impl AsyncWrite for CheckedStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.limit_write_time(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.limit_write_time(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
        // All that was to be written has been written.
        if self.response_state.note_flushed() {
            self.slot.note_idle();
            if let Some(reader) = self.reader.take() {
                reader.wake();
            }
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if !this.is_closing {
            ready!(Pin::new(&mut this.stream).poll_shutdown(cx))?;
            this.is_closing = true;
            let due = Instant::now() + LINGER_TIME;
            this.write_timer.as_mut().reset(due);
        }
        let mut unwanted = [0; LINGER_BUFFER_SIZE];
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

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;
    use crate::proxy::connection::slots::{ConnectionSlots, SlotLimits};

    /// A client, and this side of its connection.
    async fn connection() -> (TcpStream, CheckedStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        let limits = Limits::default();
        let slots = ConnectionSlots::new(SlotLimits {
            unadmitted: 1,
            admission_timeout: limits.admission_timeout,
            admitted: 1,
            reserved_for_push: 0,
            admission_wait: limits.admission_timeout,
        });
        let slot = slots.acquire().await;
        (client, CheckedStream::new(stream, &limits, ResponseState::default(), slot))
    }

    #[tokio::test]
    async fn a_closing_connection_reads_what_is_still_sent_so_that_the_last_response_arrives() {
        let (mut client, mut stream) = connection().await;
        client.write_all(&b"x".repeat(40_000)).await.unwrap();
        client.shutdown().await.unwrap();
        stream.write_all(b"response").await.unwrap();
        stream.shutdown().await.unwrap();
        // With unread bytes, this would reset the connection.
        drop(stream);
        let mut response = String::new();
        client.read_to_string(&mut response).await.unwrap();
        assert_eq!(response, "response");
    }

    #[tokio::test]
    async fn a_closing_connection_shows_its_end_before_the_client_closes() {
        let (mut client, mut stream) = connection().await;
        stream.write_all(b"response").await.unwrap();
        let read_to_end = async move {
            let mut response = String::new();
            client.read_to_string(&mut response).await.unwrap();
            response
        };
        let (closed, response) = tokio::join!(stream.shutdown(), read_to_end);
        closed.unwrap();
        assert_eq!(response, "response");
    }

    #[tokio::test]
    async fn requests_pass_one_by_one_each_after_the_response_before_it() {
        const REQUEST: &[u8] = b"GET /v2/ HTTP/1.1\r\nhost: x\r\n\r\n";
        let (mut client, mut stream) = connection().await;
        client.write_all(&REQUEST.repeat(2)).await.unwrap();
        let mut read = [0; 100];
        assert_eq!(stream.read(&mut read).await.unwrap(), REQUEST.len());
        assert!(stream.read(&mut read).now_or_never().is_none(), "the response is due");
        let response = http::Response::new(crate::http::body::empty_body());
        drop(stream.response_state.clone().track(http::Version::HTTP_11, response));
        stream.flush().await.unwrap();
        assert_eq!(stream.read(&mut read).await.unwrap(), REQUEST.len());
        assert_eq!(&read[..REQUEST.len()], REQUEST);
    }
}
