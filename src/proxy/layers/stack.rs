//! The layers of the proxy, put together in one place.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::access_log::AccessLog;
use super::authorise::Authorise;
use super::content::{Content, Room};
use super::forward::Forward;
use super::gate::Gate;
use super::locations::Uploads;
use super::rescue::Rescue;
use super::route::Router;
use crate::proxy::config::Config;
use crate::proxy::operator::metrics::Metrics;
use crate::proxy::uploads::seal::Sealer;
use crate::proxy::uploads::sessions::Sessions;

/// Everything that a request passes through, outermost first.
pub(crate) type Stack = AccessLog<Rescue<Gate<Router<Authorise<Content<Uploads<Forward>>>>>>>;

/// What the stack shares with whoever serves it.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) metrics: Arc<Metrics>,
    /// Whether writes are let through at all.
    pub(crate) pushes_allowed: Arc<AtomicBool>,
    /// Names beside loopback ones that lead to the proxy.
    pub(crate) names: BTreeSet<String>,
}

/// The stack that serves `config`. (Framing is checked below it, on the connection's bytes.)
pub(crate) fn assemble(config: Config, shared: Shared) -> Stack {
    // Credentials, retries and redirects are the registry module's: they serve `bob build` as well.
    let forward = Forward::new();
    // Right outside what talks to the registry, so that no location of a registry's ever gets past it.
    let uploads = Uploads { sealer: Sealer::new(), sessions: shared.sessions, inner: forward };
    // Outside what may send twice, so that a body is read from the client once.
    let (room, patience) = (Room::new(config.limits.buffer_bytes), config.limits.stall_timeout);
    let content = Content { room, patience, inner: uploads };
    // Before a byte of a body is read: what is not allowed costs nothing.
    let authorise = Authorise { aliases: config.aliases, mirror: config.mirror, inner: content };
    // Gives the layers inside a value to decide on; none of them sees the request's path again.
    let router = Router { inner: authorise };
    // Before routing: without a token nobody learns what exists here.
    let gate = Gate {
        tokens: config.access_tokens,
        pushes_allowed: shared.pushes_allowed,
        names: shared.names,
        inner: router,
    };
    // Outside everything that can fail, so that errors become responses in one place.
    let rescue = Rescue { inner: gate };
    // Outermost: refused requests are logged and counted like all others.
    AccessLog { metrics: shared.metrics, inner: rescue }
}
