//! The end of a connection with TLS whose server says no goodbye.
//!
//! Many servers that end an answer by closing the connection close it without TLS's `close_notify`. As in Go's client
//! (`readRecordOrCCS` in `crypto/tls/conn.go`), which registries are made for, that is an end where the last record was
//! whole, and a connection that broke off anywhere else.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::client::TlsStream;

/// The bytes before a record's content: its type, the version, the length of what follows.
/// (<https://www.rfc-editor.org/rfc/rfc8446#section-5.1>)
const HEADER_BYTES: usize = 5;

/// The bytes below TLS, counted so that it is known whether the last record was whole.
#[derive(Debug)]
pub(crate) struct Records<S> {
    inner: S,
    place: Place,
}

/// Where in a record the next byte stands.
#[derive(Debug, Default, PartialEq, Eq)]
struct Place {
    header: [u8; HEADER_BYTES],
    /// Bytes of the header that are there.
    known: usize,
    /// Bytes of the content that are missing.
    missing: usize,
}

impl Place {
    fn advance(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.missing > 0 {
                let taken = self.missing.min(bytes.len());
                self.missing -= taken;
                bytes = &bytes[taken..];
                continue;
            }
            let taken = (HEADER_BYTES - self.known).min(bytes.len());
            self.header[self.known..self.known + taken].copy_from_slice(&bytes[..taken]);
            self.known += taken;
            bytes = &bytes[taken..];
            if self.known == HEADER_BYTES {
                self.missing = usize::from(u16::from_be_bytes([self.header[3], self.header[4]]));
                self.known = 0;
            }
        }
    }

    const fn is_between_records(&self) -> bool {
        self.known == 0 && self.missing == 0
    }
}

impl<S> Records<S> {
    pub(crate) fn new(inner: S) -> Self {
        Self { inner, place: Place::default() }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Records<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(cx, buf))?;
        self.place.advance(&buf.filled()[before..]);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Records<S> {
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

/// A connection with TLS that may end between two records.
#[derive(Debug)]
pub(crate) struct Secured<S>(pub(crate) TlsStream<Records<S>>);

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Secured<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match ready!(Pin::new(&mut self.0).poll_read(cx, buf)) {
            Err(error)
                if error.kind() == io::ErrorKind::UnexpectedEof
                    && self.0.get_ref().0.place.is_between_records() =>
            {
                Poll::Ready(Ok(()))
            }
            outcome => Poll::Ready(outcome),
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Secured<S> {
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
            let (mut place, mut read) = (Place::default(), 0);
            for piece in records.chunks(size) {
                place.advance(piece);
                read += piece.len();
                assert_eq!(place.is_between_records(), ends.contains(&read), "{read} in pieces of {size}");
            }
        }
    }
}
