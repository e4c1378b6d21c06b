//! Starting and stopping a proxy on listeners that the caller bound.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::select_all;
use http::Request;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{JoinHandle, JoinSet};
use tokio_stream::wrappers::TcpListenerStream;
use tokio_util::sync::CancellationToken;

use crate::registry::{BoxError, IdleBody};

use super::config::{Config, Limits};
use super::exchange::Layer as _;
use super::guard::Guard;
use super::stack::{Stack, assemble};

/// How long accepting rests after it failed: usually there are no file descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// What is read of a connection at once, at most; one such buffer a connection.
const READ_BUFFER: usize = 256 * 1024;

/// A proxy that cannot serve.
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

/// Serves `config` on `listeners` until `shutdown` completes; then lets requests that are under way
/// finish, within the limit of `config`. `listening on ADDRESS` is logged for each listener.
///
/// # Errors
/// [`ServeError`] if a listener cannot be used; faults of single connections are logged.
pub async fn run(
    listeners: Vec<TcpListener>,
    config: Config,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    let addresses = loopback_addresses(&listeners)?;
    let limits = config.limits;
    let stack = Arc::new(assemble(config));
    let places = Arc::new(Semaphore::new(limits.connections));
    let stop = CancellationToken::new();
    let mut connections = JoinSet::new();
    let mut incoming = select_all(listeners.into_iter().map(TcpListenerStream::new));
    for address in addresses {
        tracing::info!("listening on {address}");
    }
    tokio::pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            () = &mut shutdown => break,
            Some(_) = connections.join_next() => continue,
            accepted = accept(&mut incoming, &places) => accepted,
        };
        match accepted {
            Some((Ok(stream), place)) => {
                connections.spawn(serve(stream, stack.clone(), limits, stop.clone(), place));
            }
            Some((Err(error), _)) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
            None => break,
        }
    }
    drop(incoming);
    stop.cancel();
    tracing::info!(connections = connections.len(), "stopping");
    let drained = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(limits.drain_timeout, drained).await.is_err() {
        tracing::warn!("requests were cut off: they did not finish in time");
    }
    connections.shutdown().await;
    Ok(())
}

type Accepted = Option<(std::io::Result<TcpStream>, OwnedSemaphorePermit)>;

/// The next connection, once there is a place for it.
async fn accept(
    incoming: &mut (impl futures_util::Stream<Item = std::io::Result<TcpStream>> + Unpin),
    places: &Arc<Semaphore>,
) -> Accepted {
    let place = places.clone().acquire_owned().await.ok()?;
    Some((incoming.next().await?, place))
}

fn loopback_addresses(listeners: &[TcpListener]) -> Result<Vec<SocketAddr>, ServeError> {
    let addresses: Result<Vec<_>, _> = listeners.iter().map(TcpListener::local_addr).collect();
    let addresses = addresses.map_err(ServeError::Listener)?;
    match addresses.iter().find(|address| !address.ip().to_canonical().is_loopback()) {
        Some(address) => Err(ServeError::NotLoopback(*address)),
        None => Ok(addresses),
    }
}

/// Serves one connection until it ends, or until its request is finished after `stop`.
async fn serve(
    stream: TcpStream,
    stack: Arc<Stack>,
    limits: Limits,
    stop: CancellationToken,
    _place: OwnedSemaphorePermit,
) {
    // Small answers are not held back; a failure here costs only time.
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request: Request<Incoming>| {
        let stack = stack.clone();
        async move {
            let request = request.map(|body| {
                let body = body.map_err(|error| -> BoxError { Box::new(error) }).boxed_unsync();
                IdleBody::new(body, limits.stall_timeout).boxed_unsync()
            });
            stack.call(request).await
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_timeout)
        .max_buf_size(READ_BUFFER)
        .serve_connection(TokioIo::new(Guard::new(stream, &limits)), service);
    tokio::pin!(connection);
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
}

/// A proxy that runs in the background. Dropping the handle stops it without waiting.
#[derive(Debug)]
pub struct Handle {
    addresses: Vec<SocketAddr>,
    stop: CancellationToken,
    task: JoinHandle<Result<(), ServeError>>,
}

/// Starts a proxy in the background, ready when this returns.
///
/// # Errors
/// [`ServeError`] if a listener cannot be used.
pub fn spawn(listeners: Vec<TcpListener>, config: Config) -> Result<Handle, ServeError> {
    let addresses = loopback_addresses(&listeners)?;
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    let task = tokio::spawn(run(listeners, config, async move { stopped.cancelled().await }));
    Ok(Handle { addresses, stop, task })
}

impl Handle {
    /// The addresses that the proxy listens on, in the order of its listeners.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Stops the proxy once the requests that are under way have finished.
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
