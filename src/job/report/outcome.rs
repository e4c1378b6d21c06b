//! From how a build ended to what the user is told.

use super::client_error::describe_client_error;
use super::failure::Error;
use super::registry_message::{RegistryMessage, failed_push};
use crate::buildkit::{self, BuildOutcome, GatewayFailure};
use crate::converter::lint;
use crate::diag::{Diagnostic, Source};
use crate::image::Reference;
use crate::job::dockerfile::DockerfileFailure;
use crate::job::lookup::gateway::LookupError;
use crate::job::push::copy::CopyError;
use crate::job::push::routes::{PushRoutes, RegistryEndpoint};
use crate::job::run::{Ended, Fault};
use crate::progress::Journal;
use crate::registry::ClientError;

/// The outcome of a Dockerfile build, or what the user is told; warnings of a rejected Dockerfile beside it.
pub(crate) async fn dockerfile_build<T>(
    ended: Ended<T, DockerfileFailure>,
    source: &Source,
    routes: &PushRoutes,
) -> Result<BuildOutcome<T>, (Error, Vec<lint::Warning>)> {
    let Ended { journal, outcome } = ended;
    match outcome {
        Ok(outcome) => Ok(outcome),
        Err(Fault::Function(DockerfileFailure::Rejected { rejected, .. })) => {
            Err((Error::Rejected(rejected.error), rejected.warnings))
        }
        Err(Fault::Function(DockerfileFailure::Marshal(error))) => {
            Err((Error::Rejected(Box::new(Diagnostic::error(error.to_string()))), Vec::new()))
        }
        Err(Fault::Function(DockerfileFailure::Daemon(error))) => {
            Err((connection(error, &journal, Some(source), routes).await, Vec::new()))
        }
        Err(Fault::Daemon(failure)) => {
            Err((daemon(&failure, &journal, Some(source), routes).await, Vec::new()))
        }
        Err(Fault::Other(error)) => Err((error, Vec::new())),
    }
}

/// A failed build without a Dockerfile.
pub(crate) enum BuildFailure<E> {
    /// What the user is told.
    Told(Error),
    /// The function that makes the graph failed.
    Function(E),
}

/// The outcome of a build without a Dockerfile.
pub(crate) async fn image_build<T, E: GatewayFailure>(
    ended: Ended<T, E>,
    routes: &PushRoutes,
) -> Result<BuildOutcome<T>, BuildFailure<E>> {
    let Ended { journal, outcome } = ended;
    match outcome {
        Ok(outcome) => Ok(outcome),
        Err(Fault::Other(error)) => Err(BuildFailure::Told(error)),
        Err(Fault::Daemon(failure)) => {
            Err(BuildFailure::Told(daemon(&failure, &journal, None, routes).await))
        }
        Err(Fault::Function(error)) => Err(BuildFailure::Function(error)),
    }
}

/// What the user is told of a base image that its registry does not have.
pub(crate) fn missing_base(base: &Reference) -> Error {
    let shown = base.to_string();
    Error::Daemon(format!("{shown}: {}", RegistryMessage::Missing.of_lookup(&shown)))
}

/// What the user is told of a copy from one image to the other that failed.
pub(crate) async fn copy(
    error: &CopyError,
    from: (&Reference, &RegistryEndpoint),
    to: (&Reference, &RegistryEndpoint),
) -> Error {
    let (reference, place) = match error {
        CopyError::Read(_) => from,
        CopyError::Write(_) => to,
    };
    let told = describe_client_error(error.inner(), &place.repository.host, &place.auth).await;
    let trouble = match error.inner() {
        ClientError::Status { .. } => RegistryMessage::Status { status: told, words: None },
        _ => RegistryMessage::Other { message: told },
    };
    let shown = reference.to_string();
    Error::Daemon(match error {
        CopyError::Read(_) => format!("{shown}: {}", trouble.of_lookup(&shown)),
        CopyError::Write(_) => trouble.of_push(&shown),
    })
}

/// What the user is told of an image that could not be looked up.
pub(crate) async fn lookup(error: LookupError, routes: &PushRoutes) -> Error {
    let LookupError::Image { reference, trouble } = error else {
        return Error::Daemon(error.to_string());
    };
    let trouble = match trouble {
        // A HEAD has no body: what stands behind the status has to be asked for.
        RegistryMessage::Status { status, words: None } => match routes.pull_refusal(&reference).await {
            Some(found) => RegistryMessage::Status { status: found, words: None },
            None => RegistryMessage::Status { status, words: None },
        },
        trouble => trouble,
    };
    Error::Daemon(format!("{reference}: {}", trouble.of_lookup(&reference)))
}

pub(crate) async fn connection(
    error: buildkit::Error,
    journal: &Journal,
    source: Option<&Source>,
    routes: &PushRoutes,
) -> Error {
    match error.failure() {
        Some(failure) => daemon(failure, journal, source, routes).await,
        None => Error::Connection(error),
    }
}

async fn daemon(
    failure: &buildkit::Failure,
    journal: &Journal,
    source: Option<&Source>,
    routes: &PushRoutes,
) -> Error {
    let Some((reference, rest)) = failed_push(&failure.message) else {
        let renamed = failure.clone().with_message(routes.image_names.user_name(&failure.message));
        return Error::of_daemon(&renamed, journal, source);
    };
    let pushed = routes.image_names.user_name(reference);
    let trouble = match RegistryMessage::of(rest) {
        // BuildKit drops the status where the registry gives its reasons in JSON, and a HEAD has no
        // reasons: the registry is asked once more.
        trouble @ (RegistryMessage::Refused { .. } | RegistryMessage::Status { .. }) => {
            match routes.push_refusal(&pushed).await {
                Some(found) => RegistryMessage::Status { status: found, words: None },
                None => trouble,
            }
        }
        trouble => trouble,
    };
    Error::Daemon(trouble.of_push(&pushed))
}
