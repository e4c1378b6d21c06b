//! From how a build ended to what the user is told.

use std::sync::Arc;

use super::dockerfile::Unmade;
use super::explain::{Trouble, failed_push};
use super::failure::Error;
use super::route::{self, Routes};
use super::run::{Ended, Fault};
use crate::buildkit::{self, BuildOutcome, GatewayFailure};
use crate::diag::{Diagnostic, Source};
use crate::image::Reference;
use crate::lint;
use crate::progress::Journal;
use crate::registry::{Credentials, Repository};

/// The outcome of a Dockerfile build, or what the user is told; warnings of a rejected Dockerfile beside it.
pub(super) async fn dockerfile_build<T>(
    ended: Ended<T, Unmade>,
    source: &Source,
    routes: &Routes,
) -> Result<BuildOutcome<T>, (Error, Vec<lint::Warning>)> {
    let Ended { journal, outcome } = ended;
    match outcome {
        Ok(outcome) => Ok(outcome),
        Err(Fault::Function(Unmade::Rejected { rejected, .. })) => {
            Err((Error::Rejected(rejected.error), rejected.warnings))
        }
        Err(Fault::Function(Unmade::Marshal(error))) => {
            Err((Error::Rejected(Box::new(Diagnostic::error(error.to_string()))), Vec::new()))
        }
        Err(Fault::Function(Unmade::Daemon(error))) => {
            Err((connection(error, &journal, Some(source), routes).await, Vec::new()))
        }
        Err(Fault::Daemon(failure)) => {
            Err((daemon(&failure, &journal, Some(source), routes).await, Vec::new()))
        }
        Err(Fault::Other(error)) => Err((error, Vec::new())),
    }
}

/// The outcome of a build without a Dockerfile, or what the user is told.
pub(super) async fn image_build<T, E>(
    ended: Ended<T, E>,
    routes: &Routes,
    explain: impl FnOnce(E) -> Result<Error, buildkit::Error>,
) -> Result<BuildOutcome<T>, Error>
where
    E: GatewayFailure,
{
    let Ended { journal, outcome } = ended;
    match outcome {
        Ok(outcome) => Ok(outcome),
        Err(Fault::Other(error)) => Err(error),
        Err(Fault::Daemon(failure)) => Err(daemon(&failure, &journal, None, routes).await),
        Err(Fault::Function(error)) => match explain(error) {
            Ok(error) => Err(error),
            Err(error) => Err(connection(error, &journal, None, routes).await),
        },
    }
}

async fn connection(
    error: buildkit::Error,
    journal: &Journal,
    source: Option<&Source>,
    routes: &Routes,
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
    routes: &Routes,
) -> Error {
    let Some((reference, rest)) = failed_push(&failure.message) else {
        let renamed = failure.clone().with_message(routes.renames.ours(&failure.message));
        return Error::of_daemon(&renamed, journal, source);
    };
    let ours = routes.renames.ours(reference);
    let trouble = match Trouble::of(rest) {
        // BuildKit drops the status where the registry gives its reasons in JSON: ask again.
        Trouble::Refused { words } => match refusal(&ours, routes).await {
            Some(status) => Trouble::Status { status, words: None },
            None => Trouble::Refused { words },
        },
        // The registry's fault, as the proxy passes it on.
        trouble @ Trouble::Status { .. } => match routes.refusal(&ours).await {
            Some(status) => Trouble::Status { status, words: None },
            None => trouble,
        },
        trouble => trouble,
    };
    Error::Daemon(trouble.of_push(&ours))
}

/// What the registry of `reference` answers to an upload: through the proxy's credentials where it has
/// any, else only where the registry is on this machine.
async fn refusal(reference: &str, routes: &Routes) -> Option<String> {
    if let Some(found) = routes.refusal(reference).await {
        return Some(found);
    }
    let parsed = Reference::parse_named(reference).ok()?;
    let host = route::registry_host(&parsed).filter(crate::registry::Host::is_loopback)?;
    let auth = route::authenticator(Credentials::default()).ok()?;
    let repository = Repository { host, name: parsed.path().to_owned() };
    route::probe(&repository, &Arc::clone(&auth)).await
}
