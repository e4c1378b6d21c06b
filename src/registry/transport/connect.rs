//! Opens connections: with TLS for `https`, without for `http` where that is allowed, and never one for the other.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use http::uri::Scheme;
use hyper_util::client::legacy::connect::HttpConnector;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use socket2::SockRef;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tower::Service as _;

use super::address::{AddressPolicy, AddressRefused, Resolver};
use super::error::find;
use super::plain_http::PlainPolicy;
use super::stream::Stream;
use crate::http::body::BoxError;
use crate::registry::host::Host;

/// How long connecting may take, TLS handshake included.
const CONNECT_LIMIT: Duration = Duration::from_secs(30);
/// How long a host that may speak plain HTTP has to take a connection, and then for a TLS handshake, before it is taken
/// to speak none.
const PROBE_LIMIT: Duration = Duration::from_secs(5);
/// Bytes that the kernel holds of a body before they are sent, at most. By itself it takes megabytes, and more only once a
/// third of them is gone: a slow registry seems to take nothing meanwhile. What is on its way is not limited by this.
const UNSENT_LIMIT: u32 = 256 * 1024;

/// Plain HTTP was asked for where it is not allowed.
#[derive(Debug, thiserror::Error)]
#[error("plain http is not allowed")]
pub(crate) struct PlainHttpRefused;

/// Opens connections within one [`AddressPolicy`].
#[derive(Clone)]
pub(crate) struct Connector {
    reach: AddressPolicy,
    plain: Arc<PlainPolicy>,
    tcp: HttpConnector<Resolver>,
    tls: TlsConnector,
}

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connector").field("reach", &self.reach).finish_non_exhaustive()
    }
}

impl Connector {
    pub(crate) fn new(
        reach: AddressPolicy,
        tls: &ClientConfig,
        http2: bool,
        plain: Arc<PlainPolicy>,
    ) -> Self {
        let mut tcp = HttpConnector::new_with_resolver(Resolver { reach });
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_keepalive(Some(Duration::from_mins(1)));
        let mut tls = tls.clone();
        if http2 {
            tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        }
        Self { reach, plain, tcp, tls: Arc::new(tls).into() }
    }

    async fn connect(mut self, uri: Uri) -> Result<Stream, BoxError> {
        let authority = uri.authority().map(ToString::to_string).unwrap_or_default();
        let host = Host::parse(&authority)?;
        if let Some(address) = host.address().filter(|address| !self.reach.allows(*address)) {
            return Err(Box::new(AddressRefused { name: address.to_string() }));
        }
        if uri.scheme() != Some(&Scheme::HTTP) {
            return self.connect_tls(uri, &host).await;
        }
        if !self.plain.allows(&host) {
            return Err(Box::new(PlainHttpRefused));
        }
        Ok(Stream::plain(self.open(uri).await?))
    }

    async fn open(&mut self, uri: Uri) -> Result<TcpStream, BoxError> {
        let tcp = self.tcp.call(uri).await?.into_inner();
        // Without it uploads work as well, but a slow one may be taken for one that stands still.
        if let Err(error) = SockRef::from(&tcp).set_tcp_notsent_lowat(UNSENT_LIMIT) {
            tracing::debug!(%error, "the system does not limit what is held of a body that is not sent yet");
        }
        Ok(tcp)
    }

    async fn connect_tls(&mut self, uri: Uri, host: &Host) -> Result<Stream, BoxError> {
        let tcp = self.open(uri).await?;
        let secured = Stream::secured(tcp, server_name(host)?, &self.tls).await;
        if secured.as_ref().map_or_else(|error| heard(error) == Heard::Tls, |_| true) {
            self.plain.note_tls(host);
        }
        Ok(secured?)
    }

    /// What `host`, which may speak plain HTTP, says to a TLS handshake.
    pub(crate) async fn try_tls(mut self, host: &Host) -> Heard {
        let reachable = host.address().is_none_or(|address| self.reach.allows(address));
        let (true, Ok(name), Ok(uri)) = (reachable, server_name(host), format!("https://{host}/").parse())
        else {
            return Heard::Nothing;
        };
        let Ok(Ok(tcp)) = tokio::time::timeout(PROBE_LIMIT, self.tcp.call(uri)).await else {
            return Heard::Nothing;
        };
        let handshake = Stream::secured(tcp.into_inner(), name, &self.tls);
        let heard = match tokio::time::timeout(PROBE_LIMIT, handshake).await {
            Ok(Ok(_)) => Heard::Tls,
            Ok(Err(error)) => heard(&error),
            // It waits for the request's end, which TLS does not have.
            Err(_) => Heard::SomethingElse,
        };
        if heard == Heard::Tls {
            self.plain.note_tls(host);
        }
        heard
    }
}

fn server_name(host: &Host) -> Result<ServerName<'static>, BoxError> {
    Ok(match host.address() {
        Some(address) => ServerName::from(address),
        None => ServerName::try_from(host.name().to_owned())?,
    })
}

/// What a server says to a TLS handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// It speaks TLS, whether or not its certificate is accepted.
    Tls,
    /// Bytes that are not TLS, or a connection closed at once, or silence.
    SomethingElse,
    /// There is no connection.
    Nothing,
}

/// What a handshake heard that failed with `error`.
fn heard(error: &std::io::Error) -> Heard {
    use std::io::ErrorKind;
    if let Some(tls) = find::<rustls::Error>(error) {
        return if not_tls(tls) { Heard::SomethingElse } else { Heard::Tls };
    }
    match error.kind() {
        ErrorKind::UnexpectedEof
        | ErrorKind::ConnectionReset
        | ErrorKind::ConnectionAborted
        | ErrorKind::BrokenPipe => Heard::SomethingElse,
        _ => Heard::Nothing,
    }
}

/// Whether `error` says that what came was not TLS at all.
pub(crate) const fn not_tls(error: &rustls::Error) -> bool {
    matches!(error, rustls::Error::InvalidMessage(_))
}

impl tower::Service<Uri> for Connector {
    type Response = Stream;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Stream, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connector = self.clone();
        Box::pin(async move {
            tokio::time::timeout(CONNECT_LIMIT, connector.connect(uri))
                .await
                .unwrap_or_else(|_| Err(Box::new(std::io::Error::from(std::io::ErrorKind::TimedOut))))
        })
    }
}
