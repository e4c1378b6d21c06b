//! Opening connections: with TLS for `https`, without for `http` where that is allowed, and never one for the other.

use std::collections::BTreeSet;
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
use super::tls;
use crate::http::body::BoxError;
use crate::registry::host::Host;

/// How long connecting may take, TLS handshake included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a host that may speak plain HTTP has to accept a connection, and again to answer a TLS handshake. After that
/// it counts as one that does not speak TLS.
const PROBE_TIMEOUT: Duration = Duration::from_secs(5);
/// How much of a body the kernel holds that is not sent yet, in bytes (`TCP_NOTSENT_LOWAT`, tcp(7)). Without a limit it
/// takes megabytes, and no more until a third of them is sent: a slow registry seems to take nothing meanwhile.
const MAX_UNSENT_BYTES: u32 = 256 * 1024;

/// The error of a URI with `http` where plain HTTP is not allowed.
#[derive(Debug, thiserror::Error)]
#[error("plain http is not allowed")]
pub(crate) struct PlainHttpRefused;

/// A connector that opens connections to the addresses that one [`AddressPolicy`] allows.
#[derive(Clone)]
pub(crate) struct Connector {
    address_policy: AddressPolicy,
    plain: Arc<PlainPolicy>,
    tcp: HttpConnector<Resolver>,
    tls: TlsSettings,
}

/// How TLS is spoken to each host.
#[derive(Clone)]
pub(crate) struct TlsSettings {
    usual: TlsConnector,
    /// The settings for hosts whose certificates are not checked, and these hosts.
    unverified: Option<(TlsConnector, Arc<BTreeSet<Host>>)>,
}

impl TlsSettings {
    pub(crate) fn new(config: ClientConfig, unverified: &BTreeSet<Host>, http2: bool) -> Self {
        let connector = |mut config: ClientConfig| {
            if http2 {
                config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
            }
            TlsConnector::from(Arc::new(config))
        };
        let unverified = (!unverified.is_empty())
            .then(|| (connector(tls::without_verification(&config)), Arc::new(unverified.clone())));
        Self { usual: connector(config), unverified }
    }

    fn of(&self, host: &Host) -> &TlsConnector {
        match &self.unverified {
            Some((unverified, hosts)) if hosts.contains(host) => unverified,
            _ => &self.usual,
        }
    }
}

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connector").field("address_policy", &self.address_policy).finish_non_exhaustive()
    }
}

impl Connector {
    pub(crate) fn new(address_policy: AddressPolicy, tls: TlsSettings, plain: Arc<PlainPolicy>) -> Self {
        let mut tcp = HttpConnector::new_with_resolver(Resolver { address_policy });
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_keepalive(Some(Duration::from_mins(1)));
        Self { address_policy, plain, tcp, tls }
    }

    async fn connect(mut self, uri: Uri) -> Result<Stream, BoxError> {
        let authority = uri.authority().map(ToString::to_string).unwrap_or_default();
        let host = Host::parse(&authority)?;
        if let Some(address) = host.address().filter(|address| !self.address_policy.allows(*address)) {
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
        if let Err(error) = SockRef::from(&tcp).set_tcp_notsent_lowat(MAX_UNSENT_BYTES) {
            tracing::debug!(%error, "the system does not limit what is held of a body that is not sent yet");
        }
        Ok(tcp)
    }

    async fn connect_tls(&mut self, uri: Uri, host: &Host) -> Result<Stream, BoxError> {
        let tcp = self.open(uri).await?;
        let secured = Stream::secured(tcp, server_name(host)?, self.tls.of(host)).await;
        if secured.as_ref().map_or_else(|error| tls_probe_of(error) == TlsProbe::Tls, |_| true) {
            self.plain.note_tls(host);
        }
        Ok(secured?)
    }

    /// Returns how `host`, which may speak plain HTTP, answers a TLS handshake.
    pub(crate) async fn try_tls(mut self, host: &Host) -> TlsProbe {
        let reachable = host.address().is_none_or(|address| self.address_policy.allows(address));
        let (true, Ok(name), Ok(uri)) = (reachable, server_name(host), format!("https://{host}/").parse())
        else {
            return TlsProbe::NoConnection;
        };
        let Ok(Ok(tcp)) = tokio::time::timeout(PROBE_TIMEOUT, self.tcp.call(uri)).await else {
            return TlsProbe::NoConnection;
        };
        let handshake = Stream::secured(tcp.into_inner(), name, self.tls.of(host));
        let probe = match tokio::time::timeout(PROBE_TIMEOUT, handshake).await {
            Ok(Ok(_)) => TlsProbe::Tls,
            Ok(Err(error)) => tls_probe_of(&error),
            // A server of plain HTTP waits for the end of a request's head, which no TLS handshake has.
            Err(_) => TlsProbe::NotTls,
        };
        if probe == TlsProbe::Tls {
            self.plain.note_tls(host);
        }
        probe
    }
}

fn server_name(host: &Host) -> Result<ServerName<'static>, BoxError> {
    Ok(match host.address() {
        Some(address) => ServerName::from(address),
        None => ServerName::try_from(host.name().to_owned())?,
    })
}

/// How a server answered a TLS handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TlsProbe {
    /// It speaks TLS, whether or not its certificate is accepted.
    Tls,
    /// By bytes that are not TLS, by closing the connection at once, or not at all.
    NotTls,
    /// There is no connection.
    NoConnection,
}

/// Returns what a handshake that failed with `error` says of the server.
fn tls_probe_of(error: &std::io::Error) -> TlsProbe {
    use std::io::ErrorKind;
    if let Some(tls) = find::<rustls::Error>(error) {
        return if not_tls(tls) { TlsProbe::NotTls } else { TlsProbe::Tls };
    }
    match error.kind() {
        ErrorKind::UnexpectedEof
        | ErrorKind::ConnectionReset
        | ErrorKind::ConnectionAborted
        | ErrorKind::BrokenPipe => TlsProbe::NotTls,
        _ => TlsProbe::NoConnection,
    }
}

/// Whether `error` says that the server's bytes were not TLS.
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
            tokio::time::timeout(CONNECT_TIMEOUT, connector.connect(uri))
                .await
                .unwrap_or_else(|_| Err(Box::new(std::io::Error::from(std::io::ErrorKind::TimedOut))))
        })
    }
}
