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
use super::error::{chain, find};
use super::http_proxy::{HttpProxies, HttpProxy, HttpProxyError, tunnel};
use super::plain_http::PlainPolicy;
use super::stream::{Duplex, Stream};
use super::tls;
use crate::diag::cause_text;
use crate::http::body::BoxError;
use crate::registry::host::Host;

/// How long connecting may take, TLS handshake included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a host that may speak plain HTTP has to accept a connection, and again to answer a TLS handshake. After that
/// it counts as one that does not speak TLS.
const PROBE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long an HTTP proxy has to accept a connection and to open a tunnel, which takes it a connection of its own.
const HTTP_PROXY_TIMEOUT: Duration = Duration::from_secs(20);
/// How long the resolver of this machine has to know a name that an HTTP proxy can resolve as well.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(5);
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
    http_proxies: Arc<HttpProxies>,
    tcp: HttpConnector<Resolver>,
    /// For connections to HTTP proxies, which the operator named.
    http_proxy_tcp: HttpConnector<Resolver>,
    tls: TlsSettings,
}

/// How TLS is spoken to each host.
#[derive(Clone)]
pub(crate) struct TlsSettings {
    usual: TlsConnector,
    /// The settings for hosts whose certificates are not checked, and these hosts.
    unverified: Option<(TlsConnector, Arc<BTreeSet<Host>>)>,
    /// The settings for HTTP proxies, which speak HTTP/1.1.
    http_proxies: TlsConnector,
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
        let http_proxies = Arc::new(config.clone()).into();
        Self { usual: connector(config), unverified, http_proxies }
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
    pub(crate) fn new(
        address_policy: AddressPolicy,
        tls: TlsSettings,
        plain: Arc<PlainPolicy>,
        http_proxies: Arc<HttpProxies>,
    ) -> Self {
        Self {
            address_policy,
            plain,
            http_proxies,
            tcp: tcp_connector(address_policy),
            http_proxy_tcp: tcp_connector(AddressPolicy::Any),
            tls,
        }
    }

    async fn connect(mut self, uri: Uri) -> Result<Stream, BoxError> {
        let authority = uri.authority().map(ToString::to_string).unwrap_or_default();
        let host = Host::parse(&authority)?;
        if let Some(address) = host.address().filter(|address| !self.address_policy.allows(*address)) {
            return Err(Box::new(AddressRefused { name: address.to_string() }));
        }
        let is_tls = uri.scheme() != Some(&Scheme::HTTP);
        if !is_tls && !self.plain.allows(&host) {
            return Err(Box::new(PlainHttpRefused));
        }
        match self.http_proxies.of(is_tls, &host)? {
            None if is_tls => {
                let tcp = self.open(uri).await?;
                self.secure(tcp, &host).await
            }
            None => Ok(Stream::plain(self.open(uri).await?)),
            Some(proxy) if is_tls => {
                let tunnel = self.open_tunnel(&proxy, &host).await?;
                self.secure(tunnel, &host).await
            }
            Some(proxy) => {
                // The HTTP proxy reads the name off the request.
                self.check_name(&proxy, &host).await?;
                let opened = self.open_http_proxy(&proxy);
                Ok(Stream::to_http_proxy(in_time(&proxy, opened).await?))
            }
        }
    }

    async fn open(&mut self, uri: Uri) -> Result<TcpStream, BoxError> {
        let tcp = self.tcp.call(uri).await?.into_inner();
        limit_unsent(&tcp);
        Ok(tcp)
    }

    /// Returns the connection `io` to `host` with TLS.
    async fn secure(&self, io: impl Duplex + 'static, host: &Host) -> Result<Stream, BoxError> {
        let secured = Stream::secured(io, server_name(host)?, self.tls.of(host)).await;
        if secured.as_ref().map_or_else(|error| tls_probe_of(error) == TlsProbe::Tls, |_| true) {
            self.plain.note_tls(host);
        }
        Ok(secured?)
    }

    /// Returns a connection to `proxy`.
    async fn open_http_proxy(&mut self, proxy: &HttpProxy) -> Result<Box<dyn Duplex>, HttpProxyError> {
        let unreachable =
            |source| HttpProxyError::Unreachable { proxy: proxy.to_string(), source: Arc::new(source) };
        let tcp = self.http_proxy_tcp.call(proxy.uri.clone()).await;
        let innermost = |error| chain(&error).last().map(cause_text).unwrap_or_default();
        let tcp = tcp.map_err(|error| unreachable(std::io::Error::other(innermost(error))))?.into_inner();
        limit_unsent(&tcp);
        if !proxy.is_tls() {
            return Ok(Box::new(tcp));
        }
        let name = proxy.uri.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let name = ServerName::try_from(name).map_err(|error| unreachable(std::io::Error::other(error)))?;
        let tls = self.tls.http_proxies.connect(name, tcp).await.map_err(unreachable)?;
        Ok(Box::new(tls))
    }

    /// Returns a tunnel through `proxy` to `host`.
    async fn open_tunnel(&mut self, proxy: &HttpProxy, host: &Host) -> Result<impl Duplex + use<>, BoxError> {
        let name = self.check_name(proxy, host).await?;
        let target = format!("{name}:{}", host.port().unwrap_or(443));
        let opened = async {
            let connection = self.open_http_proxy(proxy).await?;
            tunnel::open(connection, proxy, &target).await
        };
        Ok(in_time(proxy, opened).await?)
    }

    /// Returns the name or address of `host` that `proxy` is to connect to.
    ///
    /// An HTTP proxy resolves names itself, so that the addresses are not seen here. A name that the operator gave is
    /// passed on. One whose address has to be public is resolved here, and the address is passed on. One that an answer
    /// of the operator's registry gave is refused if an address that is found here may not be used.
    async fn check_name(&self, proxy: &HttpProxy, host: &Host) -> Result<String, BoxError> {
        let name = host.name();
        if self.address_policy == AddressPolicy::Any || host.address().is_some() {
            return Ok(name.to_owned());
        }
        let found = tokio::time::timeout(LOOKUP_TIMEOUT, tokio::net::lookup_host((name, 0))).await;
        let found: Vec<_> = match found {
            Ok(Ok(addresses)) => addresses.map(|address| address.ip()).collect(),
            Ok(Err(_)) | Err(_) => Vec::new(),
        };
        if !found.iter().all(|address| self.address_policy.allows(*address)) {
            return Err(Box::new(AddressRefused { name: name.to_owned() }));
        }
        if self.address_policy != AddressPolicy::PublicOnly {
            return Ok(name.to_owned());
        }
        let address = found.iter().find(|address| address.is_ipv4()).or_else(|| found.first());
        match address {
            Some(std::net::IpAddr::V6(address)) => Ok(format!("[{address}]")),
            Some(address) => Ok(address.to_string()),
            None => Err(Box::new(HttpProxyError::UnknownAddress {
                name: name.to_owned(),
                proxy: proxy.to_string(),
            })),
        }
    }

    /// Returns how `host`, which may speak plain HTTP, answers a TLS handshake.
    pub(crate) async fn try_tls(mut self, host: &Host) -> TlsProbe {
        let reachable = host.address().is_none_or(|address| self.address_policy.allows(address));
        let (true, Ok(name), Ok(uri), Ok(via)) = (
            reachable,
            server_name(host),
            format!("https://{host}/").parse(),
            self.http_proxies.of(true, host),
        ) else {
            return TlsProbe::NoConnection;
        };
        let probe = if let Some(proxy) = via {
            match self.open_tunnel(&proxy, host).await {
                Ok(tunnel) => self.probe(tunnel, name, host).await,
                // Many HTTP proxies open tunnels to port 443 alone, and pass requests by plain HTTP on to every port.
                Err(error) => match find::<HttpProxyError>(&*error) {
                    Some(HttpProxyError::Refused { .. }) => TlsProbe::NotTls,
                    _ => TlsProbe::NoConnection,
                },
            }
        } else {
            let Ok(Ok(tcp)) = tokio::time::timeout(PROBE_TIMEOUT, self.tcp.call(uri)).await else {
                return TlsProbe::NoConnection;
            };
            self.probe(tcp.into_inner(), name, host).await
        };
        if probe == TlsProbe::Tls {
            self.plain.note_tls(host);
        }
        probe
    }

    /// Returns how the server `name` answers a TLS handshake on `io`.
    async fn probe(&self, io: impl Duplex + 'static, name: ServerName<'static>, host: &Host) -> TlsProbe {
        match tokio::time::timeout(PROBE_TIMEOUT, Stream::secured(io, name, self.tls.of(host))).await {
            Ok(Ok(_)) => TlsProbe::Tls,
            Ok(Err(error)) => tls_probe_of(&error),
            // A server of plain HTTP waits for the end of a request's head, which no TLS handshake has.
            Err(_) => TlsProbe::NotTls,
        }
    }
}

fn tcp_connector(address_policy: AddressPolicy) -> HttpConnector<Resolver> {
    let mut tcp = HttpConnector::new_with_resolver(Resolver { address_policy });
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_keepalive(Some(Duration::from_mins(1)));
    tcp
}

fn limit_unsent(tcp: &TcpStream) {
    // Without it uploads work as well, but a slow one may be taken for one that stands still.
    if let Err(error) = SockRef::from(tcp).set_tcp_notsent_lowat(MAX_UNSENT_BYTES) {
        tracing::debug!(%error, "the system does not limit what is held of a body that is not sent yet");
    }
}

/// Returns what `step` brings, which `proxy` has to do in time.
async fn in_time<T>(
    proxy: &HttpProxy,
    step: impl Future<Output = Result<T, HttpProxyError>>,
) -> Result<T, HttpProxyError> {
    tokio::time::timeout(HTTP_PROXY_TIMEOUT, step).await.unwrap_or_else(|_| {
        Err(HttpProxyError::Silent { proxy: proxy.to_string(), seconds: HTTP_PROXY_TIMEOUT.as_secs() })
    })
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
