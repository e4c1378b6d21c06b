//! One build on a buildkitd, watched: progress on the way, and the reason where it fails.

use std::time::Duration;

use bollard_buildkit_proto::moby::buildkit::v1::StatusResponse;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::daemon::builder::Builder;
use super::failure::{LookupFailure, SolveFailure};
use super::progress_link::ProgressLink;
use super::push::image_names::ImageNames;
use crate::buildkit::{
    BuildError, BuildOutcome, BuildRequest, BuildResult, Gateway, GatewayFailure as _, SessionOptions,
};
use crate::progress::{self, Journal, Mode};

/// Status messages under way between buildkitd and the display, at most.
pub(super) const STATUS_QUEUE: usize = 64;
/// How long the end of Bob's own daemon may take to show after its connection broke.
const DAEMON_EXIT_TIMEOUT: Duration = Duration::from_secs(2);

/// A build that has ended: what its steps logged, and what came of it.
pub(super) struct FinishedBuild<T> {
    pub(super) journal: Journal,
    pub(super) outcome: Result<BuildOutcome<T>, SolveFailure>,
}

/// How a build is shown.
pub(super) struct Display {
    /// The form of its progress.
    pub(super) mode: Mode,
    /// The user's names for images.
    pub(super) image_names: ImageNames,
    /// What is told where steps of Bob's own are shown.
    pub(super) link: ProgressLink,
    /// Who else gets the messages.
    pub(super) also: Option<mpsc::Sender<StatusResponse>>,
}

impl Display {
    pub(super) fn new(mode: Mode, image_names: ImageNames) -> Self {
        Self { mode, image_names, link: ProgressLink::default(), also: None }
    }
}

/// Runs one build and shows its progress. `function` makes the graph and returns the result.
pub(super) async fn run<T, F, Fut>(
    builder: &Builder,
    request: BuildRequest,
    session: SessionOptions,
    display: Display,
    cancel: &CancellationToken,
    function: F,
) -> FinishedBuild<T>
where
    F: FnOnce(Gateway) -> Fut,
    Fut: Future<Output = Result<(BuildResult, T), SolveFailure>>,
{
    let Display { mode, image_names, link, also } = display;
    let (events, raw) = mpsc::channel(STATUS_QUEUE);
    link.connect(&events);
    let follower = tokio::spawn(progress::follow(mode, renamed(raw, image_names, (link, also))));
    let build = builder.client.build(request, session, events, cancel, function);
    let outcome = tokio::select! {
        outcome = build => match outcome {
            Ok(outcome) => Ok(outcome),
            Err(error) => Err(failure(error, builder).await),
        },
        error = builder.exited() => Err(SolveFailure::DaemonEnded(error)),
    };
    let journal = follower.await.unwrap_or_default();
    FinishedBuild { journal, outcome }
}

/// Returns why a build failed. Where its connection broke, that is usually because Bob's own daemon has ended.
async fn failure(error: BuildError<SolveFailure>, builder: &Builder) -> SolveFailure {
    let (failure, is_disconnected) = match error {
        BuildError::Caller(failure) => {
            let is_disconnected = failure.is_disconnection();
            (failure, is_disconnected)
        }
        BuildError::Daemon(error) => {
            let is_disconnected = error.failure().is_none();
            (SolveFailure::Daemon(error), is_disconnected)
        }
        BuildError::Cancelled => (SolveFailure::Interrupted, false),
    };
    if is_disconnected && let Ok(error) = tokio::time::timeout(DAEMON_EXIT_TIMEOUT, builder.exited()).await {
        return SolveFailure::DaemonEnded(error);
    }
    match failure {
        SolveFailure::Daemon(error) => SolveFailure::Daemon(builder.client.explain(error).await),
        SolveFailure::Lookup(LookupFailure::Daemon(error)) => {
            SolveFailure::Daemon(builder.client.explain(error).await)
        }
        other => other,
    }
}

/// Returns the same messages with the user's names for images.
fn renamed(
    mut raw: mpsc::Receiver<StatusResponse>,
    image_names: ImageNames,
    (link, also): (ProgressLink, Option<mpsc::Sender<StatusResponse>>),
) -> mpsc::Receiver<StatusResponse> {
    let (sender, receiver) = mpsc::channel(STATUS_QUEUE);
    tokio::spawn(async move {
        while let Some(mut message) = raw.recv().await {
            link.note(&message);
            image_names.in_status(&mut message);
            if let Some(also) = &also {
                let _ = also.send(message.clone()).await;
            }
            if sender.send(message).await.is_err() {
                break;
            }
        }
    });
    receiver
}
