//! TLS connections that the server closes without `close_notify`.
//!
//! Many servers end an answer by closing the connection without it. As in Go's client (`readRecordOrCCS` in
//! `crypto/tls/conn.go`), which registries are tested with, that is an ordinary end if the last record was complete, and a
//! broken connection if it was not.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::client::TlsStream;

/// Length of a record's header in bytes: its type, the version, the length of what follows.
/// (<https://www.rfc-editor.org/rfc/rfc8446#section-5.1>)
const HEADER_BYTES: usize = 5;

/// A connection below TLS that keeps track of whether the last record is complete.
#[derive(Debug)]
pub(crate) struct RecordTracker<S> {
    inner: S,
    position: RecordPosition,
}

/// The position of the next byte in the sequence of records.
#[derive(Debug, Default, PartialEq, Eq)]
struct RecordPosition {
    header: [u8; HEADER_BYTES],
    /// How many bytes of the header have been read.
    header_read: usize,
    /// How many bytes of the content are still to come.
    content_left: usize,
}

impl RecordPosition {
    fn advance(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.content_left > 0 {
                let taken = self.content_left.min(bytes.len());
                self.content_left -= taken;
                bytes = &bytes[taken..];
                continue;
            }
            let taken = (HEADER_BYTES - self.header_read).min(bytes.len());
            self.header[self.header_read..self.header_read + taken].copy_from_slice(&bytes[..taken]);
            self.header_read += taken;
            bytes = &bytes[taken..];
            if self.header_read == HEADER_BYTES {
                self.content_left = usize::from(u16::from_be_bytes([self.header[3], self.header[4]]));
                self.header_read = 0;
            }
        }
    }

    const fn is_between_records(&self) -> bool {
        self.header_read == 0 && self.content_left == 0
    }
}

impl<S> RecordTracker<S> {
    pub(crate) fn new(inner: S) -> Self {
        Self { inner, position: RecordPosition::default() }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for RecordTracker<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(cx, buf))?;
        self.position.advance(&buf.filled()[before..]);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for RecordTracker<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

/// A TLS stream whose connection may be closed between two records without an error.
#[derive(Debug)]
pub(crate) struct EofTolerantTlsStream<S>(pub(crate) TlsStream<RecordTracker<S>>);

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for EofTolerantTlsStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match ready!(Pin::new(&mut self.0).poll_read(cx, buf)) {
            Err(error)
                if error.kind() == io::ErrorKind::UnexpectedEof
                    && self.0.get_ref().0.position.is_between_records() =>
            {
                Poll::Ready(Ok(()))
            }
            outcome => Poll::Ready(outcome),
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for EofTolerantTlsStream<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_record_is_known_in_pieces_of_any_size() {
        let records = [&[23, 3, 3, 0, 4][..], b"abcd", &[23, 3, 3, 0, 0], &[21, 3, 3, 0, 2], b"xy"].concat();
        let ends = [0, 9, 14, 21];
        for size in 1..=records.len() {
            let (mut position, mut read) = (RecordPosition::default(), 0);
            for piece in records.chunks(size) {
                position.advance(piece);
                read += piece.len();
                assert_eq!(position.is_between_records(), ends.contains(&read), "{read} in pieces of {size}");
            }
        }
    }
}
