//! Open connections to registries, with and without TLS, in the form that the HTTP client takes.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, BufReader};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::tls_records::{EofTolerantTlsStream, RecordTracker};

/// Size of the read buffer below TLS, in bytes. Without one the TLS library asks the kernel for 4 KiB at a time.
const TLS_READ_BUFFER_BYTES: usize = 64 * 1024;

/// A connection that is read and written.
pub(crate) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Duplex for S {}

/// An open connection.
pub(crate) struct Stream {
    io: TokioIo<Box<dyn Duplex>>,
    http2: bool,
    /// Whether it leads to an HTTP proxy, which reads from each request where it is to go.
    to_http_proxy: bool,
}

impl Stream {
    /// Returns a connection without TLS.
    pub(crate) fn plain(tcp: TcpStream) -> Self {
        Self { io: TokioIo::new(Box::new(tcp)), http2: false, to_http_proxy: false }
    }

    /// Returns a connection to an HTTP proxy, for requests by plain HTTP.
    pub(crate) fn to_http_proxy(connection: Box<dyn Duplex>) -> Self {
        Self { io: TokioIo::new(connection), http2: false, to_http_proxy: true }
    }

    /// Returns a connection with TLS to the server `name`, after the handshake.
    pub(crate) async fn secured(
        connection: impl Duplex + 'static,
        name: ServerName<'static>,
        connector: &TlsConnector,
    ) -> io::Result<Self> {
        let records = RecordTracker::new(BufReader::with_capacity(TLS_READ_BUFFER_BYTES, connection));
        let tls = connector.connect(name, records).await?;
        let http2 = tls.get_ref().1.alpn_protocol() == Some(b"h2");
        Ok(Self { io: TokioIo::new(Box::new(EofTolerantTlsStream(tls))), http2, to_http_proxy: false })
    }
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        let connected = Connected::new().proxy(self.to_http_proxy);
        if self.http2 { connected.negotiated_h2() } else { connected }
    }
}

impl Read for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl Write for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, slices)
    }
}
