//! The layers that each request passes, one a file, and the order in which it passes them.
//!
//! A layer is added with its file, its line below and its line in [`assemble`].

mod access_log;
mod access_token_check;
mod body_buffering;
mod error_responses;
mod forward;
mod host_check;
mod manifest_check;
mod repository_authorization;
mod routing;
mod upload_locations;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use http::{Request, Response};

use self::access_log::AccessLog;
use self::access_token_check::AccessTokenCheck;
use self::body_buffering::{BodyBuffering, BodyMemory};
use self::error_responses::ErrorResponses;
use self::forward::Forward;
use self::host_check::HostCheck;
use self::manifest_check::ManifestCheck;
use self::repository_authorization::RepositoryAuthorization;
use self::routing::Routing;
use self::upload_locations::UploadLocations;
use super::config::Config;
use super::error::ProxyError;
use super::operator::metrics::Metrics;
use super::uploads::sealed_location::LocationSealer;
use super::uploads::sessions::UploadSessions;
use crate::http::body::Body;

/// A layer: it does one thing to a request or its response, and leaves the rest to its `inner` layer.
/// The type of its input says what the layers outside it have checked.
pub(crate) trait Layer<In>: Send + Sync {
    /// The response to `input`.
    fn call(&self, input: In) -> impl Future<Output = Result<Response<Body>, ProxyError>> + Send;
}

/// What the layers share with the server.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) sessions: Arc<UploadSessions>,
    pub(crate) metrics: Arc<Metrics>,
    /// Whether writes are allowed yet.
    pub(crate) pushes_allowed: Arc<AtomicBool>,
    /// Names beside loopback ones that lead to the proxy.
    pub(crate) names: BTreeSet<String>,
}

/// All layers, in one: the last line is the outermost layer. (`connection` checks the framing of requests before them.)
pub(crate) fn assemble(config: Config, shared: Shared) -> impl Layer<Request<Body>> + use<> {
    // Innermost: it calls the registry. Credentials, retries and redirects of reads are those of `registry`.
    let inner = Forward::new();
    // Next to the call, so that no location of a registry's gets past it.
    let inner = UploadLocations { sealer: LocationSealer::new(), sessions: shared.sessions, inner };
    // Before a manifest is sent; after the buffering, since it reads the whole of it.
    let inner = ManifestCheck { inner };
    // Outside the layers that may send twice, so that a body is read from the client once.
    let inner = BodyBuffering {
        memory: BodyMemory::new(config.limits.buffer_bytes),
        timeout: config.limits.stall_timeout,
        uploads: config.uploads,
        inner,
    };
    // Before a byte of a body is read, so that a refused request costs nothing.
    let inner = RepositoryAuthorization { aliases: config.aliases, mirror: config.mirror, inner };
    // Outside the layers that decide on a route; none of them sees the path.
    let inner = Routing { inner };
    // Before the path is read, so that a client without a token does not learn what exists here.
    let inner =
        AccessTokenCheck { tokens: config.access_tokens, pushes_allowed: shared.pushes_allowed, inner };
    // Before the token, so that the refusal of a web page does not depend on what the browser sends with it.
    let inner = HostCheck { names: shared.names, inner };
    // Outside all layers that can fail, so that errors become responses in one place.
    let inner = ErrorResponses { inner };
    // Outermost, so that refused requests are logged and counted like all others.
    AccessLog { metrics: shared.metrics, inner }
}
