//! One build: session, solve, status stream and the caller's function, side by side.

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::client::Client;
use super::error::{BuildError, GatewayFailure};
use super::gateway::{BuildResult, Gateway};
use super::proto::control::StatusResponse;
use super::request::{BuildOutcome, BuildRequest};
use super::session::SessionOptions;

#[expect(clippy::unused_async, reason = "being written")]
pub(crate) async fn run<T, E, F, Fut>(
    _client: &Client,
    _request: BuildRequest,
    _session: SessionOptions,
    _events: mpsc::Sender<StatusResponse>,
    _cancel: &CancellationToken,
    _function: F,
) -> Result<BuildOutcome<T>, BuildError<E>>
where
    F: FnOnce(Gateway) -> Fut,
    Fut: Future<Output = Result<(BuildResult, T), E>>,
    E: GatewayFailure,
{
    Err(BuildError::Cancelled)
}
