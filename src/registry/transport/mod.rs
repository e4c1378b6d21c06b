//! The HTTP transport: which addresses and schemes may be used, connection pools, time limits, retries, redirects.
//!
//! [`Transport`] sends one request and returns its response. A [`HostProtocol`] says whether it goes by TLS or plain HTTP
//! ([`plain_http`]), an [`AddressPolicy`] to which addresses ([`address`]). [`connect`] opens connections, [`tls`] has the
//! certificate authorities, [`http_proxy`] says what goes through an HTTP proxy, [`retry`] sends again, [`redirect_target`] checks where a registry's answers lead.

pub(super) mod address;
mod connect;
pub(super) mod deadline;
pub(super) mod error;
pub(super) mod http_proxy;
pub(super) mod idle;
mod plain_http;
pub(super) mod redirect_target;
pub(super) mod retry;
mod stream;
pub(super) mod tls;
mod tls_records;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::uri::Scheme;
use http::{Request, Response, StatusCode, Uri, header};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper_util::client::legacy;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use self::address::AddressPolicy;
use self::connect::{Connector, TlsProbe, TlsSettings};
use self::error::{TransportError, classify};
use self::http_proxy::{HttpProxies, HttpProxy};
use self::idle::{Activity, idle_limited, with_activity};
use self::plain_http::{HostState, PlainHttp, PlainPolicy};
use self::tls::RootsError;
use crate::http::body::{Body, BoxError};
use crate::registry::host::Host;
use crate::retry::RetryPolicy;

/// How long an unused connection stays open: less than the 60 s of the load balancers in front of registries.
const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// How many unused connections stay open for each registry.
const MAX_IDLE_CONNECTIONS: usize = 32;

/// Size of the buffers of a connection, one for reading and one for a body that is being sent, in bytes. Larger ones
/// cost less: 128 KiB a sixth less processor time a GiB than 64 KiB. But with 256 KiB 16 uploads to a slow
/// registry took 32.8 MiB, where 32 is the limit (`make bench-proxy`).
const BUFFER_BYTES: usize = 128 * 1024;

/// Settings of a [`Transport`].
#[derive(Clone, Debug)]
pub struct TransportConfig {
    /// Hosts that may speak plain HTTP besides loopback ones.
    pub insecure: BTreeSet<Host>,
    /// Hosts whose certificates are not checked.
    pub unverified: BTreeSet<Host>,
    /// Files of certificate authorities besides the system's, `SSL_CERT_FILE` and the workspace's own.
    pub extra_ca: Vec<PathBuf>,
    /// The HTTP proxies that requests go through.
    pub http_proxies: HttpProxies,
    /// How long a registry may send nothing, and take nothing of a body, before a request fails.
    pub silence: Duration,
    /// Whether HTTP/2 is spoken where a registry offers it.
    pub http2: bool,
    /// How often and after which pauses a request is sent.
    pub retry: RetryPolicy,
}

impl Default for TransportConfig {
    fn default() -> Self {
        Self {
            insecure: BTreeSet::new(),
            unverified: BTreeSet::new(),
            extra_ca: Vec::new(),
            http_proxies: HttpProxies::default(),
            silence: Duration::from_mins(2),
            // Measured by `make bench-proxy`: a layer's bytes move 1.3 to 1.8 times as fast over one HTTP/1.1
            // connection each as over HTTP/2, for half to three quarters of the processor time.
            http2: false,
            retry: RetryPolicy::REGISTRY,
        }
    }
}

type HyperClient = legacy::Client<Connector, Body>;

/// An HTTP client for registries with pooled connections. To be shared behind an [`Arc`].
#[derive(Debug)]
pub struct Transport {
    clients: [PolicyClients; 3],
    plain: Arc<PlainPolicy>,
    http_proxies: Arc<HttpProxies>,
    silence: Duration,
    retry: RetryPolicy,
}

/// The HTTP clients of one [`AddressPolicy`]. Their connections are never used under another policy.
#[derive(Debug)]
struct PolicyClients {
    connector: Connector,
    pooled: HyperClient,
    fresh: HyperClient,
}

/// Whether requests to a host go by TLS or plain HTTP, and whether they may carry credentials.
#[derive(Clone, Debug)]
pub(crate) struct HostProtocol {
    /// The state of a host that turned out to speak plain HTTP: `https` in a URI of this host is replaced by `http`.
    plain: Option<Arc<HostState>>,
    /// Whether credentials may be sent. A host that turned out not to speak TLS has to answer by plain HTTP first.
    pub(crate) may_send_credentials: bool,
}

impl HostProtocol {
    /// Returns the protocol that the scheme of each URI names.
    pub(crate) const fn from_uri() -> Self {
        Self { plain: None, may_send_credentials: true }
    }
}

impl Transport {
    /// Returns a transport without connections.
    ///
    /// # Errors
    /// [`RootsError`] if a certificate file cannot be used.
    pub fn new(config: &TransportConfig) -> Result<Self, RootsError> {
        let tls = tls::client_config(&config.extra_ca)?;
        let tls = TlsSettings::new(tls, &config.unverified, config.http2);
        let plain = Arc::new(PlainPolicy::new(config.insecure.clone()));
        let http_proxies = Arc::new(config.http_proxies.clone());
        let clients =
            [AddressPolicy::Any, AddressPolicy::NonLocal, AddressPolicy::PublicOnly].map(|address_policy| {
                let connector =
                    Connector::new(address_policy, tls.clone(), plain.clone(), http_proxies.clone());
                let client = |pool_size| {
                    legacy::Client::builder(TokioExecutor::new())
                        .pool_timer(TokioTimer::new())
                        .pool_idle_timeout(POOL_IDLE_TIMEOUT)
                        .pool_max_idle_per_host(pool_size)
                        .http1_max_buf_size(BUFFER_BYTES)
                        .http2_adaptive_window(true)
                        .build(connector.clone())
                };
                PolicyClients { pooled: client(MAX_IDLE_CONNECTIONS), fresh: client(0), connector }
            });
        Ok(Self { clients, plain, http_proxies, silence: config.silence, retry: config.retry })
    }

    /// Whether plain HTTP may be used for `host` where an answer of `from` names it: the operator allowed it, or both are
    /// on this machine and `from` does not speak TLS either.
    pub(crate) fn allows_plain(&self, host: &Host, from: &Host) -> bool {
        self.plain.allows(host) && (self.plain.is_insecure(host) || self.plain.allows(from))
    }

    /// Returns how often and after which pauses a request is sent.
    pub(crate) const fn retry_policy(&self) -> &RetryPolicy {
        &self.retry
    }

    /// Returns how long an answer that is read whole may take.
    pub(crate) const fn answer_limit(&self) -> Duration {
        self.silence
    }

    /// Returns the protocol of the registry `host`. Where it may speak plain HTTP, a TLS handshake is tried first.
    pub(crate) async fn protocol(&self, address_policy: AddressPolicy, host: &Host) -> HostProtocol {
        if !self.plain.allows(host) {
            return HostProtocol::from_uri();
        }
        let state = self.plain.state(host);
        if state.get() == PlainHttp::Unknown {
            let _only_probe = state.probe.lock().await;
            if state.get() == PlainHttp::Unknown {
                match self.clients(address_policy).connector.clone().try_tls(host).await {
                    TlsProbe::NotTls => state.set(PlainHttp::Unconfirmed),
                    // Without a port in its name it may listen on port 80 alone.
                    TlsProbe::NoConnection if host.port().is_none() => state.set(PlainHttp::Unconfirmed),
                    TlsProbe::NoConnection | TlsProbe::Tls => return HostProtocol::from_uri(),
                }
            }
        }
        let may_send_credentials = state.get() == PlainHttp::Confirmed;
        HostProtocol { plain: Some(state), may_send_credentials }
    }

    /// Returns the response to `request`, whose absolute URI is used unchanged. The time limit for silence holds for the
    /// wait for the response and for every wait for its body.
    ///
    /// # Errors
    /// [`TransportError`] says how far it came.
    pub async fn send(
        &self,
        address_policy: AddressPolicy,
        request: Request<Body>,
    ) -> Result<Response<Body>, TransportError> {
        self.send_to(&HostProtocol::from_uri(), address_policy, request).await
    }

    /// Returns the response to `request` as [`Transport::send`] does, by `protocol`.
    ///
    /// # Errors
    /// [`TransportError`] says how far it came.
    pub(crate) async fn send_to(
        &self,
        protocol: &HostProtocol,
        address_policy: AddressPolicy,
        request: Request<Body>,
    ) -> Result<Response<Body>, TransportError> {
        self.send_on(&self.clients(address_policy).pooled, protocol, request).await
    }

    /// Returns the response to `request` as [`Transport::send_to`] does, on a new connection: a pooled one may turn out to
    /// be closed while the body is being sent, and a stream cannot be sent twice.
    ///
    /// # Errors
    /// [`TransportError`] says how far it came.
    pub(crate) async fn send_once(
        &self,
        protocol: &HostProtocol,
        address_policy: AddressPolicy,
        request: Request<Body>,
    ) -> Result<Response<Body>, TransportError> {
        self.send_on(&self.clients(address_policy).fresh, protocol, request).await
    }

    const fn clients(&self, address_policy: AddressPolicy) -> &PolicyClients {
        match address_policy {
            AddressPolicy::Any => &self.clients[0],
            AddressPolicy::NonLocal => &self.clients[1],
            AddressPolicy::PublicOnly => &self.clients[2],
        }
    }

    async fn send_on(
        &self,
        client: &HyperClient,
        protocol: &HostProtocol,
        mut request: Request<Body>,
    ) -> Result<Response<Body>, TransportError> {
        let is_https = request.uri().scheme() == Some(&Scheme::HTTPS);
        let Some(state) = protocol.plain.as_ref().filter(|_| is_https) else {
            return self.transmit(client, request).await;
        };
        let mut parts = request.uri().clone().into_parts();
        parts.scheme = Some(Scheme::HTTP);
        *request.uri_mut() = Uri::from_parts(parts).expect("only the scheme is another");
        let outcome = self.transmit(client, request).await;
        match &outcome {
            Ok(response) => state.note_response(Some(response.status())),
            // The registry may have been restarted with TLS: that is tried before it gets credentials again.
            Err(_) => state.note_response(None),
        }
        outcome
    }

    async fn transmit(
        &self,
        client: &HyperClient,
        mut request: Request<Body>,
    ) -> Result<Response<Body>, TransportError> {
        let host = request.uri().authority().map(ToString::to_string).unwrap_or_default();
        request.headers_mut().remove(header::HOST);
        // A connection without TLS leads to the HTTP proxy itself; with TLS the tunnel has been asked for already.
        let http_proxy = match request.uri().scheme() {
            Some(scheme) if *scheme == Scheme::HTTP => self.http_proxy_of(&host),
            _ => None,
        };
        if let Some(login) = http_proxy.as_ref().and_then(|proxy| proxy.login.clone()) {
            request.headers_mut().insert(header::PROXY_AUTHORIZATION, login);
        }
        let activity = Activity::new();
        let request = request.map(|body| with_activity(body, activity.clone()));
        tokio::select! {
            response = client.request(request) => match response {
                Ok(response) if response.status() == StatusCode::PROXY_AUTHENTICATION_REQUIRED => {
                    match http_proxy {
                        Some(proxy) => Err(TransportError::HttpProxy { host, source: proxy.login_error() }),
                        None => Ok(self.limited(response)),
                    }
                }
                Ok(response) => Ok(self.limited(response)),
                Err(error) => Err(classify(host, &error)),
            },
            () = activity.silence(self.silence) => {
                Err(TransportError::Silent { host, seconds: self.silence.as_secs() })
            }
        }
    }

    /// Returns the HTTP proxy that plain HTTP to `authority` goes through, if there is one.
    fn http_proxy_of(&self, authority: &str) -> Option<Arc<HttpProxy>> {
        let host = Host::parse(authority).ok()?;
        // That a variable cannot be used is the error of the connection.
        self.http_proxies.of(false, &host).ok().flatten()
    }

    /// Returns `response` with the time limit for silence on its body.
    fn limited(&self, response: Response<Incoming>) -> Response<Body> {
        response.map(|body| {
            let body = body.map_err(|error| -> BoxError { Box::new(error) }).boxed_unsync();
            idle_limited(body, self.silence)
        })
    }
}
