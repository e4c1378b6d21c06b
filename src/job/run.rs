//! One build on a buildkitd, watched: progress on the way, and the reason where it fails.

use bollard_buildkit_proto::moby::buildkit::v1::StatusResponse;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::daemon::builder::Builder;
use super::push::image_names::ImageNames;
use super::report::failure::Error;
use crate::buildkit::{
    self, BuildError, BuildOutcome, BuildRequest, BuildResult, Gateway, GatewayFailure, SessionOptions,
};
use crate::progress::{self, Journal, Mode};

/// Status messages under way between buildkitd and the display.
pub(super) const STATUS_QUEUE: usize = 64;
/// How long the end of Bob's own daemon may take to show after its connection broke.
const EXIT_PATIENCE: std::time::Duration = std::time::Duration::from_secs(2);

/// What a build ended with: the steps, and the outcome.
pub(super) struct Ended<T, E: std::error::Error + 'static> {
    pub(super) journal: Journal,
    pub(super) outcome: Result<BuildOutcome<T>, Fault<E>>,
}

/// Why a build ended badly.
pub(super) enum Fault<E> {
    /// The function that makes the graph failed.
    Function(E),
    /// buildkitd said so.
    Daemon(Box<buildkit::Failure>),
    /// Anything else.
    Other(Error),
}

/// Runs one build and shows its progress.
pub(super) async fn run<T, E, F, Fut>(
    builder: &Builder,
    request: BuildRequest,
    session: SessionOptions,
    display: (Mode, ImageNames),
    cancel: &CancellationToken,
    function: F,
) -> Ended<T, E>
where
    F: FnOnce(Gateway) -> Fut,
    Fut: Future<Output = Result<(BuildResult, T), E>>,
    E: GatewayFailure,
{
    let (mode, image_names) = display;
    let (events, raw) = mpsc::channel(STATUS_QUEUE);
    let follower = tokio::spawn(progress::follow(mode, renamed(raw, image_names)));
    let build = builder.client.build(request, session, events, cancel, function);
    let outcome = tokio::select! {
        outcome = build => outcome.map_err(Fault::from),
        ended = builder.exited() => Err(Fault::Other(Error::DaemonEnded(ended))),
    };
    let outcome = match outcome {
        Err(Fault::Other(Error::Connection(error))) => {
            Err(Fault::Other(why_disconnected(builder).await.unwrap_or(Error::Connection(error))))
        }
        Err(Fault::Function(error)) if error.is_disconnection() => {
            Err(why_disconnected(builder).await.map_or(Fault::Function(error), Fault::Other))
        }
        other => other,
    };
    let journal = follower.await.unwrap_or_default();
    Ended { journal, outcome }
}

impl<E: GatewayFailure> From<BuildError<E>> for Fault<E> {
    fn from(error: BuildError<E>) -> Self {
        match error {
            BuildError::Caller(error) => Self::Function(error),
            BuildError::Cancelled => Self::Other(Error::Interrupted),
            BuildError::Daemon(buildkit::Error::Failed { failure, .. }) => Self::Daemon(failure),
            BuildError::Daemon(other) => Self::Other(Error::Connection(other)),
        }
    }
}

/// Why the connection broke, if that is known: usually Bob's own daemon has ended.
async fn why_disconnected(builder: &Builder) -> Option<Error> {
    tokio::time::timeout(EXIT_PATIENCE, builder.exited()).await.ok().map(Error::DaemonEnded)
}

/// The same messages with the user's names for images.
fn renamed(
    mut raw: mpsc::Receiver<StatusResponse>,
    image_names: ImageNames,
) -> mpsc::Receiver<StatusResponse> {
    let (sender, receiver) = mpsc::channel(STATUS_QUEUE);
    tokio::spawn(async move {
        while let Some(mut message) = raw.recv().await {
            image_names.in_status(&mut message);
            if sender.send(message).await.is_err() {
                break;
            }
        }
    });
    receiver
}
