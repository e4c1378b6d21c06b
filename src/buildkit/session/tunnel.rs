//! The byte stream inside `Control/Session`: the daemon's HTTP/2 client on one end, our server on the other.
//!
//! Writes gather in one buffer and leave as one message whenever the outer connection takes more, so small
//! frames cost no message each and the buffer bounds the memory.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use bytes::{Buf as _, Bytes, BytesMut};
use futures_util::Stream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tonic::Streaming;

use super::wire::Chunk;

/// Bytes that may wait for the outer connection.
const BUFFER_BYTES: usize = 512 << 10;

#[derive(Debug, Default)]
struct Pipe {
    buffer: BytesMut,
    writer_gone: bool,
    reader_gone: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

type Shared = Arc<Mutex<Pipe>>;

fn lock(pipe: &Shared) -> MutexGuard<'_, Pipe> {
    pipe.lock().unwrap_or_else(PoisonError::into_inner)
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

/// The outgoing half as the request stream of the session call.
#[derive(Debug)]
pub(crate) struct ChunkStream(Shared);

/// The outgoing half as the server writes to it.
#[derive(Debug)]
pub(crate) struct Writer(Shared);

/// Returns both ends of an empty outgoing half.
pub(crate) fn pipe() -> (Writer, ChunkStream) {
    let shared = Shared::default();
    (Writer(Arc::clone(&shared)), ChunkStream(shared))
}

impl Stream for ChunkStream {
    type Item = Chunk;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Chunk>> {
        let mut pipe = lock(&self.0);
        if pipe.buffer.is_empty() {
            if pipe.writer_gone {
                return Poll::Ready(None);
            }
            pipe.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let data = pipe.buffer.split().freeze();
        wake(pipe.writer.take());
        Poll::Ready(Some(Chunk { data }))
    }
}

impl Drop for ChunkStream {
    fn drop(&mut self) {
        let mut pipe = lock(&self.0);
        pipe.reader_gone = true;
        wake(pipe.writer.take());
    }
}

impl Writer {
    fn poll_append(&self, cx: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let mut pipe = lock(&self.0);
        if pipe.reader_gone {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let mut room = BUFFER_BYTES.saturating_sub(pipe.buffer.len());
        if room == 0 {
            pipe.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let before = pipe.buffer.len();
        for slice in slices {
            let part = &slice[..slice.len().min(room)];
            pipe.buffer.extend_from_slice(part);
            room -= part.len();
        }
        let written = pipe.buffer.len() - before;
        if written > 0 {
            wake(pipe.reader.take());
        }
        Poll::Ready(Ok(written))
    }

    fn close(&self) {
        let mut pipe = lock(&self.0);
        pipe.writer_gone = true;
        wake(pipe.reader.take());
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.close();
    }
}

/// Both halves as one connection. Dropping it ends the session at once.
#[derive(Debug)]
pub(crate) struct Tunnel {
    incoming: Streaming<Chunk>,
    unread: Bytes,
    writer: Writer,
}

impl Tunnel {
    /// Returns the connection made of the daemon's messages and our outgoing half.
    pub(crate) fn new(incoming: Streaming<Chunk>, writer: Writer) -> Self {
        Self { incoming, unread: Bytes::new(), writer }
    }
}

impl AsyncRead for Tunnel {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while self.unread.is_empty() {
            match ready!(Pin::new(&mut self.incoming).poll_next(cx)) {
                Some(Ok(chunk)) => self.unread = chunk.data,
                Some(Err(status)) => return Poll::Ready(Err(io::Error::other(status))),
                None => return Poll::Ready(Ok(())),
            }
        }
        let n = self.unread.len().min(buf.remaining());
        buf.put_slice(&self.unread[..n]);
        self.unread.advance(n);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Tunnel {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        self.writer.poll_append(cx, &[IoSlice::new(data)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.writer.poll_append(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.writer.close();
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt as _;
    use std::future::poll_fn;

    use super::*;

    #[tokio::test]
    async fn writes_that_gather_leave_as_one_message() {
        let (writer, mut outgoing) = pipe();
        for part in [b"ab".as_slice(), b"c"] {
            poll_fn(|cx| writer.poll_append(cx, &[IoSlice::new(part)])).await.unwrap();
        }
        assert_eq!(outgoing.next().await.unwrap().data, "abc");
        drop(writer);
        assert_eq!(outgoing.next().await, None);
    }

    #[tokio::test]
    async fn a_full_buffer_waits_until_the_reader_takes_it() {
        let (writer, mut outgoing) = pipe();
        let much = vec![0; BUFFER_BYTES + 1];
        let written = poll_fn(|cx| writer.poll_append(cx, &[IoSlice::new(&much)])).await.unwrap();
        assert_eq!(written, BUFFER_BYTES);
        let taken = async {
            tokio::task::yield_now().await;
            outgoing.next().await.unwrap().data.len()
        };
        let (more, taken) = tokio::join!(poll_fn(|cx| writer.poll_append(cx, &[IoSlice::new(b"x")])), taken);
        assert_eq!((more.unwrap(), taken), (1, BUFFER_BYTES));
    }

    #[tokio::test]
    async fn writing_to_a_session_that_is_gone_fails() {
        let (writer, outgoing) = pipe();
        drop(outgoing);
        let result = poll_fn(|cx| writer.poll_append(cx, &[IoSlice::new(b"x")])).await;
        assert_eq!(result.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }
}
