//! Starting and stopping a proxy on listeners that the caller bound.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::{SelectAll, select_all};
use http::{HeaderValue, Request, Response, header};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, timeout_at};
use tokio_stream::wrappers::TcpListenerStream;
use tokio_util::sync::CancellationToken;

use crate::http::body::{Body, BoxError};
use crate::registry::idle_limited;

use super::config::{Config, Limits};
use super::connection::checked_stream::CheckedStream;
use super::connection::response_state::ResponseState;
use super::connection::slots::{ConnectionSlot, ConnectionSlots, SlotLimits};
use super::error::ProxyError;
use super::layers::{Layer, Shared, assemble};
use super::listeners::Listeners;
use super::operator::listener::OperatorService;
use super::operator::metrics::Metrics;
use super::uploads::sessions::UploadSessions;

/// How long the proxy waits after a failed accept: usually there are no file descriptors left.
pub(super) const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// One in so many slots is reserved for connections with the push token, where there is one.
const RESERVED_FOR_PUSH_DIVISOR: usize = 8;
/// The most bytes that are read from, or written to, a connection at once.
const READ_BUFFER: usize = 128 * 1024;

/// Why a proxy cannot serve.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// A listener has no address.
    #[error("cannot tell the address of a listener")]
    Listener(#[source] std::io::Error),
    /// A listener is not on a loopback address.
    #[error(
        "refusing to serve on {0}: the proxy holds credentials, so it listens on loopback addresses only"
    )]
    NotLoopback(SocketAddr),
}

/// Serves `config` on `listeners` until `shutdown` completes. After that no upload can be started. Started uploads
/// continue until they are committed, and active requests finish, both within the drain timeout of `config`.
/// `listening on ADDRESS` is logged for each listener. Writes are allowed from the start.
///
/// # Errors
/// [`ServeError`] if a listener cannot be used; faults of single connections are logged.
pub async fn run(
    listeners: impl Into<Listeners>,
    config: Config,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    serve_until(listeners.into(), config, Arc::new(AtomicBool::new(true)), shutdown).await
}

/// As [`run`]; writes are refused until `pushes_allowed` is true.
async fn serve_until(
    listeners: Listeners,
    config: Config,
    pushes_allowed: Arc<AtomicBool>,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    let Listeners { clients, names, operator } = listeners;
    let addresses = loopback_addresses(&clients)?;
    let limits = config.limits;
    let sessions = Arc::new(UploadSessions::new(limits.stall_timeout));
    let metrics = Arc::new(Metrics::new(config.aliases.keys().map(String::as_str)));
    // Aborted with this future.
    let mut operators = JoinSet::new();
    if let Some(listener) = operator {
        let operator = OperatorService { metrics: metrics.clone(), sessions: sessions.clone() };
        operators.spawn(Arc::new(operator).serve(listener, limits));
    }
    let reserved_for_push =
        config.access_tokens.push.as_ref().map_or(0, |_| limits.connections / RESERVED_FOR_PUSH_DIVISOR);
    let names = names.iter().map(|name| name.to_ascii_lowercase()).collect();
    let mut server = Server {
        layers: Arc::new(assemble(
            config,
            Shared { sessions: sessions.clone(), metrics, pushes_allowed, names },
        )),
        incoming: select_all(clients.into_iter().map(TcpListenerStream::new)),
        slots: ConnectionSlots::new(SlotLimits {
            unadmitted: limits.unadmitted_connections,
            admission_timeout: limits.admission_timeout,
            admitted: limits.connections,
            reserved_for_push,
            // By then a connection that makes no progress has lost its slot.
            admission_wait: limits.stall_timeout + limits.head_timeout,
        }),
        connections: JoinSet::new(),
        stop: CancellationToken::new(),
        limits,
    };
    for address in addresses {
        tracing::info!("listening on {address}");
    }
    server.accept_until(shutdown).await;
    sessions.stop();
    tracing::info!(connections = server.connections.len(), "stopping");
    let deadline = Instant::now() + limits.drain_timeout;
    // The next request of an upload may come on a new connection.
    let _ = timeout_at(deadline, server.accept_until(sessions.finished())).await;
    server.finish(deadline).await;
    Ok(())
}

/// The connections of a proxy, and the layers that serve them.
struct Server<L> {
    layers: Arc<L>,
    incoming: SelectAll<TcpListenerStream>,
    slots: Arc<ConnectionSlots>,
    connections: JoinSet<()>,
    stop: CancellationToken,
    limits: Limits,
}

impl<L: Layer<Request<Body>> + 'static> Server<L> {
    /// Serves new connections until `end` completes.
    async fn accept_until(&mut self, end: impl Future<Output = ()> + Send) {
        tokio::pin!(end);
        loop {
            let accepted = tokio::select! {
                () = &mut end => return,
                Some(_) = self.connections.join_next() => continue,
                accepted = self.incoming.next() => accepted,
            };
            match accepted {
                Some(Ok(stream)) => {
                    let slot = tokio::select! {
                        () = &mut end => return,
                        slot = self.slots.acquire() => slot,
                    };
                    let connection = serve(stream, self.layers.clone(), self.limits, self.stop.clone(), slot);
                    self.connections.spawn(connection);
                }
                Some(Err(error)) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    self.slots.evict_one();
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
                None => return,
            }
        }
    }

    /// Waits until active requests have finished, or until `deadline`.
    async fn finish(self, deadline: Instant) {
        let Self { incoming, mut connections, stop, .. } = self;
        drop(incoming);
        stop.cancel();
        let drained = async { while connections.join_next().await.is_some() {} };
        if timeout_at(deadline, drained).await.is_err() {
            tracing::warn!("requests were cut off: they did not finish in time");
        }
        connections.shutdown().await;
    }
}

fn loopback_addresses(listeners: &[TcpListener]) -> Result<Vec<SocketAddr>, ServeError> {
    let addresses: Result<Vec<_>, _> = listeners.iter().map(TcpListener::local_addr).collect();
    let addresses = addresses.map_err(ServeError::Listener)?;
    match addresses.iter().find(|address| !address.ip().to_canonical().is_loopback()) {
        Some(address) => Err(ServeError::NotLoopback(*address)),
        None => Ok(addresses),
    }
}

/// Serves one connection until it ends or loses its slot; after `stop`, until its request has finished.
async fn serve<L: Layer<Request<Body>>>(
    stream: TcpStream,
    layers: Arc<L>,
    limits: Limits,
    stop: CancellationToken,
    slot: Arc<ConnectionSlot>,
) {
    // Small responses are sent at once; a failure here costs only time.
    let _ = stream.set_nodelay(true);
    let response_state = ResponseState::default();
    let checked_stream = CheckedStream::new(stream, &limits, response_state.clone(), slot.clone());
    let own_slot = slot.clone();
    let service = service_fn(|request| {
        // On the heap and only while it runs: hyper would keep its memory between requests.
        Box::pin(respond(
            layers.clone(),
            request,
            limits.stall_timeout,
            response_state.clone(),
            own_slot.clone(),
        ))
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_timeout)
        .max_buf_size(READ_BUFFER)
        .serve_connection(TokioIo::new(checked_stream), service);
    tokio::pin!(connection);
    let served = async {
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "a connection ended early");
        }
    };
    if !slot.run(served).await {
        tracing::debug!("a connection lost its slot");
    }
}

/// The response to one request of a connection.
async fn respond<L: Layer<Request<Body>>>(
    layers: Arc<L>,
    mut request: Request<Incoming>,
    stall: Duration,
    response_state: ResponseState,
    slot: Arc<ConnectionSlot>,
) -> Result<Response<Body>, ProxyError> {
    let version = request.version();
    request.extensions_mut().insert(slot.clone());
    let request = request.map(|body| {
        let body = body.map_err(|error| -> BoxError { Box::new(error) }).boxed_unsync();
        idle_limited(body, stall)
    });
    let mut response = response_state.track(version, layers.call(request).await?);
    if slot.has_max_refusals() {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(response)
}

/// A proxy that runs in the background. Dropping the handle stops it without waiting.
#[derive(Debug)]
pub struct Handle {
    addresses: Vec<SocketAddr>,
    pushes_allowed: Arc<AtomicBool>,
    stop: CancellationToken,
    task: JoinHandle<Result<(), ServeError>>,
}

/// A proxy that has been started in the background. It accepts connections when this returns, and refuses every write,
/// with any token, until [`Handle::allow_pushes`].
///
/// # Errors
/// [`ServeError`] if a listener cannot be used.
pub fn spawn(listeners: impl Into<Listeners>, config: Config) -> Result<Handle, ServeError> {
    let listeners = listeners.into();
    let addresses = loopback_addresses(&listeners.clients)?;
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    let pushes_allowed = Arc::new(AtomicBool::new(false));
    let serving = serve_until(listeners, config, pushes_allowed.clone(), stopped.cancelled_owned());
    Ok(Handle { addresses, pushes_allowed, stop, task: tokio::spawn(serving) })
}

impl Handle {
    /// The addresses that the proxy listens on, in the order of its listeners.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Allows writes with a token for them from now on. Before, every write is answered with 401.
    pub fn allow_pushes(&self) {
        self.pushes_allowed.store(true, Ordering::Release);
    }

    /// Starts to stop the proxy, as [`Handle::stop`] does, and returns at once.
    pub fn shut_down(&self) {
        self.stop.cancel();
    }

    /// Stops the proxy once started uploads and active requests have finished, or the drain timeout is over.
    pub async fn stop(mut self) {
        self.stop.cancel();
        let _ = (&mut self.task).await;
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.stop.cancel();
        self.task.abort();
    }
}
