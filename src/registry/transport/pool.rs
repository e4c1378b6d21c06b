//! HTTP to registries: which addresses and schemes may be used, connection pools, time limits.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::uri::Scheme;
use http::{Request, Response, Uri, header};
use http_body_util::BodyExt as _;
use hyper_util::client::legacy;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use super::address::AddressPolicy;
use super::connect::{Connector, Heard};
use super::error::{TransportError, classify};
use super::idle::{Activity, idle_limited, watched};
use super::plain_http::{HostState, PlainPolicy, Spoken};
use super::tls::{self, RootsError};
use crate::http::body::{Body, BoxError};
use crate::registry::host::Host;

/// Unused connections are closed before the load balancers in front of registries do it (60 s).
const POOL_IDLE: Duration = Duration::from_secs(30);
/// Unused connections kept for each registry.
const POOL_SIZE: usize = 32;

/// What is read of a connection at once, and held of a body that is being sent, at most, in bytes. Larger pieces
/// cost less: 128 KiB a sixth less processor time a GiB than 64 KiB. But with 256 KiB 16 uploads to a slow
/// registry took 32.8 MiB, where 32 is the limit (`make bench-proxy`).
const BUFFER: usize = 128 * 1024;

/// How registries are reached.
#[derive(Clone, Debug)]
pub struct TransportConfig {
    /// Hosts that may speak plain HTTP besides loopback ones.
    pub insecure: BTreeSet<Host>,
    /// Files of certificate authorities besides the system's, `SSL_CERT_FILE` and the workspace's own.
    pub extra_ca: Vec<PathBuf>,
    /// How long a registry may say nothing, and take nothing of a body, before it is given up.
    pub silence: Duration,
    /// Whether HTTP/2 is spoken where a registry offers it.
    pub http2: bool,
}

impl Default for TransportConfig {
    fn default() -> Self {
        Self {
            insecure: BTreeSet::new(),
            extra_ca: Vec::new(),
            silence: Duration::from_mins(2),
            // Measured by `make bench-proxy`: a layer's bytes move 1.3 to 1.8 times as fast over one HTTP/1.1
            // connection each as over HTTP/2, for half to three quarters of the processor time.
            http2: false,
        }
    }
}

type HyperClient = legacy::Client<Connector, Body>;

/// HTTP to registries, with pooled connections. Cheap to share behind an [`Arc`].
#[derive(Debug)]
pub struct Transport {
    pools: [Pools; 3],
    plain: Arc<PlainPolicy>,
    silence: Duration,
}

/// The connections of one [`AddressPolicy`]; never shared with another.
#[derive(Debug)]
struct Pools {
    connector: Connector,
    pooled: HyperClient,
    fresh: HyperClient,
}

/// How a host is spoken to.
#[derive(Clone, Debug)]
pub(crate) struct Contact {
    /// The state of a host that speaks plain HTTP, as was found by trying, which `https` in a URI then stands for.
    plain: Option<Arc<HostState>>,
    /// Whether the host may get credentials: one that is found to speak no TLS has to answer by plain HTTP first.
    pub(crate) may_log_in: bool,
}

impl Contact {
    /// As the URI says: an address that somebody named, or a host that speaks nothing but TLS.
    pub(crate) const fn as_addressed() -> Self {
        Self { plain: None, may_log_in: true }
    }
}

/// `work`, which has to be done within `limit`; `what` says what was waited for.
pub(crate) async fn within<T>(
    limit: Duration,
    what: impl FnOnce() -> String,
    work: impl Future<Output = T>,
) -> Result<T, TransportError> {
    let late = |_| TransportError::Late { what: what(), seconds: limit.as_secs() };
    tokio::time::timeout(limit, work).await.map_err(late)
}

impl Transport {
    /// A transport without connections.
    ///
    /// # Errors
    /// [`RootsError`] if a certificate file cannot be used.
    pub fn new(config: &TransportConfig) -> Result<Self, RootsError> {
        let tls = tls::client_config(&config.extra_ca)?;
        let plain = Arc::new(PlainPolicy::new(config.insecure.clone()));
        let pools =
            [AddressPolicy::Anywhere, AddressPolicy::OtherMachines, AddressPolicy::Public].map(|reach| {
                let connector = Connector::new(reach, &tls, config.http2, plain.clone());
                let client = |pool_size| {
                    legacy::Client::builder(TokioExecutor::new())
                        .pool_timer(TokioTimer::new())
                        .pool_idle_timeout(POOL_IDLE)
                        .pool_max_idle_per_host(pool_size)
                        .http1_max_buf_size(BUFFER)
                        .http2_adaptive_window(true)
                        .build(connector.clone())
                };
                Pools { pooled: client(POOL_SIZE), fresh: client(0), connector }
            });
        Ok(Self { pools, plain, silence: config.silence })
    }

    /// Whether plain HTTP may be spoken to `host`, where `from` names it: the operator said so, or both are on this
    /// machine and `from` does not speak TLS, which would be a step down.
    pub(crate) fn allows_plain(&self, host: &Host, from: &Host) -> bool {
        self.plain.allows(host) && (self.plain.is_insecure(host) || self.plain.allows(from))
    }

    /// The longest wait for an answer that is read whole.
    pub(crate) const fn answer_limit(&self) -> Duration {
        self.silence
    }

    /// How `host`, a registry, is spoken to, which is found out by trying where it may speak plain HTTP.
    pub(crate) async fn contact(&self, reach: AddressPolicy, host: &Host) -> Contact {
        if !self.plain.allows(host) {
            return Contact::as_addressed();
        }
        let state = self.plain.state(host);
        if state.get() == Spoken::Unknown {
            let _one = state.trial.lock().await;
            if state.get() == Spoken::Unknown {
                match self.pools(reach).connector.clone().try_tls(host).await {
                    Heard::SomethingElse => state.set(Spoken::PerhapsPlain),
                    // Without a port in its name it may listen on the other scheme's.
                    Heard::Nothing if host.port().is_none() => state.set(Spoken::PerhapsPlain),
                    Heard::Nothing | Heard::Tls => return Contact::as_addressed(),
                }
            }
        }
        let may_log_in = state.get() == Spoken::Plain;
        Contact { plain: Some(state), may_log_in }
    }

    /// The response to `request`, whose URI is absolute and is taken as it stands. The time limit for silence covers
    /// the wait for it and every wait for its body.
    ///
    /// # Errors
    /// [`TransportError`] says how far it came.
    pub async fn send(
        &self,
        reach: AddressPolicy,
        request: Request<Body>,
    ) -> Result<Response<Body>, TransportError> {
        self.send_to(&Contact::as_addressed(), reach, request).await
    }

    /// As [`Transport::send`], to a host that is spoken to as `contact` says.
    ///
    /// # Errors
    /// [`TransportError`] says how far it came.
    pub(crate) async fn send_to(
        &self,
        contact: &Contact,
        reach: AddressPolicy,
        request: Request<Body>,
    ) -> Result<Response<Body>, TransportError> {
        self.send_on(&self.pools(reach).pooled, contact, request).await
    }

    /// As [`Transport::send_to`], on a new connection: for a body that cannot be sent twice, since a pooled
    /// connection may turn out to be closed only once the body is on its way.
    ///
    /// # Errors
    /// [`TransportError`] says how far it came.
    pub(crate) async fn send_once(
        &self,
        contact: &Contact,
        reach: AddressPolicy,
        request: Request<Body>,
    ) -> Result<Response<Body>, TransportError> {
        self.send_on(&self.pools(reach).fresh, contact, request).await
    }

    const fn pools(&self, reach: AddressPolicy) -> &Pools {
        match reach {
            AddressPolicy::Anywhere => &self.pools[0],
            AddressPolicy::OtherMachines => &self.pools[1],
            AddressPolicy::Public => &self.pools[2],
        }
    }

    async fn send_on(
        &self,
        client: &HyperClient,
        contact: &Contact,
        mut request: Request<Body>,
    ) -> Result<Response<Body>, TransportError> {
        let found = request.uri().scheme() == Some(&Scheme::HTTPS);
        let Some(state) = contact.plain.as_ref().filter(|_| found) else {
            return self.transmit(client, request).await;
        };
        let mut parts = request.uri().clone().into_parts();
        parts.scheme = Some(Scheme::HTTP);
        *request.uri_mut() = Uri::from_parts(parts).expect("only the scheme is another");
        let outcome = self.transmit(client, request).await;
        match &outcome {
            Ok(response) => state.heard(Some(response.status())),
            // So that a registry which comes back with TLS, and may close what is plain, is found before it gets
            // credentials again.
            Err(_) => state.heard(None),
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
        let activity = Activity::new();
        let request = request.map(|body| watched(body, activity.clone()));
        tokio::select! {
            response = client.request(request) => match response {
                Ok(response) => Ok(response.map(|body| {
                    let body = body.map_err(|error| -> BoxError { Box::new(error) }).boxed_unsync();
                    idle_limited(body, self.silence)
                })),
                Err(error) => Err(classify(host, &error)),
            },
            () = activity.silence(self.silence) => {
                Err(TransportError::Silent { host, seconds: self.silence.as_secs() })
            }
        }
    }
}
