//! The error for a build, a look-up or a copy that failed, as the user sees it.

use std::borrow::Cow;

use super::by_name;
use super::client_error::describe_client_error;
use super::reason::cause_of;
use super::registry_message::{RegistryMessage, failed_push};
use crate::buildkit::{self, BuildOutcome};
use crate::diag::{Diagnostic, Source, Span};
use crate::image::Reference;
use crate::job::error::{Error, StepFailure};
use crate::job::failure::{CopyFailure, LookupFailure, SolveFailure};
use crate::job::push::routes::{PushRoutes, RegistryEndpoint};
use crate::job::run::FinishedBuild;
use crate::progress::{Journal, StepRecord};
use crate::registry::ClientError;

/// How many other steps that failed are named.
const OTHER_FAILURES: usize = 3;

/// Returns the outcome of a build, or the error that the user sees. `dockerfile` is the one that was built, under the name
/// that the user knows; `None` where the graph was made without one.
pub(crate) async fn of_build<T>(
    finished: FinishedBuild<T>,
    dockerfile: Option<&Source>,
    routes: &PushRoutes,
) -> Result<BuildOutcome<T>, Error> {
    let FinishedBuild { journal, outcome } = finished;
    Err(match outcome {
        Ok(outcome) => return Ok(outcome),
        Err(SolveFailure::Conversion(failure)) => Error::Conversion(failure),
        Err(SolveFailure::Fetch(failure)) => Error::Fetch(Box::new(failure)),
        Err(SolveFailure::Lookup(failure)) => lookup(failure, routes).await,
        Err(SolveFailure::Daemon(buildkit::Error::Failed { failure, .. })) => {
            daemon(*failure, &journal, dockerfile, routes).await
        }
        Err(SolveFailure::Daemon(error)) => Error::Connection(error),
        Err(SolveFailure::DaemonEnded(error)) => Error::DaemonEnded(error),
        Err(SolveFailure::Interrupted) => Error::Interrupted,
    })
}

/// Returns the error for a base image that its registry does not have.
pub(crate) fn missing_base(base: &Reference) -> Error {
    Error::BaseImage { reference: base.to_string(), message: RegistryMessage::Missing }
}

/// Returns the error for a copy from one image to the other.
pub(crate) async fn of_copy(
    failure: &CopyFailure,
    from: (&Reference, &RegistryEndpoint),
    to: (&Reference, &RegistryEndpoint),
) -> Error {
    let (reference, endpoint) = match failure {
        CopyFailure::Read(_) => from,
        CopyFailure::Write(_) => to,
    };
    let message = of_client(failure.client_error(), endpoint).await;
    let reference = reference.to_string();
    match failure {
        CopyFailure::Read(_) => Error::BaseImage { reference, message },
        CopyFailure::Write(_) => Error::Push { reference, message },
    }
}

/// Returns the error for an index that its registry did not give or take.
pub(crate) async fn of_push(error: &ClientError, to: (&Reference, &RegistryEndpoint)) -> Error {
    let (reference, endpoint) = to;
    let message = of_client(error, endpoint).await;
    Error::Push { reference: reference.to_string(), message }
}

async fn of_client(error: &ClientError, endpoint: &RegistryEndpoint) -> RegistryMessage {
    let RegistryEndpoint { repository, auth } = endpoint;
    let description = describe_client_error(error, &repository.host, auth).await;
    match error {
        ClientError::Status { .. } => RegistryMessage::Status { status: description, words: None },
        _ => RegistryMessage::Other { message: description },
    }
}

/// Returns the error for an image that could not be looked up.
async fn lookup(failure: LookupFailure, routes: &PushRoutes) -> Error {
    let (reference, message) = match failure {
        LookupFailure::Image { reference, message } => (reference, message),
        LookupFailure::Daemon(error) => return Error::Connection(error),
        LookupFailure::Reference(_)
        | LookupFailure::NotYet(_)
        | LookupFailure::Encoding(_)
        | LookupFailure::Scanner { .. } => return Error::Lookup(failure),
    };
    let message = match message {
        // A HEAD has no body: what stands behind the status has to be asked for.
        RegistryMessage::Status { status, words: None } => {
            let status = routes.pull_refusal(&reference).await.unwrap_or(status);
            RegistryMessage::Status { status, words: None }
        }
        message => message,
    };
    Error::BaseImage { reference, message }
}

/// Returns `text` without what Go's gRPC puts before the words of an error that came through a call, such as
/// `rpc error: code = Unknown desc = `.
///
/// Source: `Error` in `internal/status/status.go` of grpc-go.
fn without_rpc_headers(text: &str) -> Cow<'_, str> {
    const HEADER: &str = "rpc error: code = ";
    let mut parts = text.split(HEADER);
    let first = parts.next().unwrap_or_default();
    let mut shown = Cow::Borrowed(first);
    for part in parts {
        let words =
            part.split_once(" desc = ").filter(|(code, _)| code.bytes().all(|b| b.is_ascii_alphabetic()));
        let shown = shown.to_mut();
        match words {
            Some((_, words)) => shown.push_str(words),
            None => shown.extend([HEADER, part]),
        }
    }
    shown
}

/// Returns the error for a failure that buildkitd reports.
async fn daemon(
    failure: buildkit::DaemonFailure,
    journal: &Journal,
    dockerfile: Option<&Source>,
    routes: &PushRoutes,
) -> Error {
    let message = without_rpc_headers(&failure.message).into_owned();
    let failure = failure.with_message(message);
    let Some((reference, rest)) = failed_push(&failure.message) else {
        let message = routes.image_names.user_name(&failure.message);
        return failed_at_daemon(failure.with_message(message), journal, dockerfile);
    };
    let reference = routes.image_names.user_name(reference);
    let message = match RegistryMessage::of(rest) {
        // BuildKit drops the status where the registry gives its reasons in JSON, and a HEAD has no
        // reasons: the registry is asked once more.
        message @ (RegistryMessage::Refused { .. }
        | RegistryMessage::Status { .. }
        | RegistryMessage::PlainHttpRefused) => match routes.push_refusal(&reference).await {
            Some(status) => RegistryMessage::Status { status, words: None },
            None => message,
        },
        message => message,
    };
    Error::Push { reference, message }
}

/// Returns the steps of a Dockerfile that failed besides `record`, each with its cause.
fn other_failures(journal: &Journal, record: Option<&StepRecord>) -> Vec<String> {
    let is_other = |step: &&StepRecord| {
        step.name.starts_with('[') && record.is_some_and(|record| record.name != step.name)
    };
    let others = journal.failed().filter(is_other).take(OTHER_FAILURES);
    others.map(|step| format!("{}: {}", step.name, cause_of(step.error.trim()))).collect()
}

/// Returns the error for a `failure` of buildkitd that is no push: the step that failed with what it logged, if it is a
/// step.
pub(super) fn failed_at_daemon(
    failure: buildkit::DaemonFailure,
    journal: &Journal,
    dockerfile: Option<&Source>,
) -> Error {
    let location = failure.sources.iter().find(|source| !source.ranges.is_empty());
    let mut diagnostic = Diagnostic::error(failure.message.trim());
    let mut record = failure.vertex.as_deref().and_then(|digest| journal.step(digest));
    if let Some(found) = location {
        let own_source = dockerfile.filter(|own_source| own_source.bytes() == found.data);
        let source =
            own_source.cloned().unwrap_or_else(|| Source::new(found.filename.clone(), found.data.clone()));
        let line = |number: i32| u32::try_from(number).unwrap_or(1).max(1);
        let spans = found.ranges.iter().map(|range| Span::new(line(range.start_line), line(range.end_line)));
        diagnostic = diagnostic.at(&source, spans);
    } else {
        // A command may have run for another build too, as a step of that: buildkitd then names no line of this one.
        if failure.exit_code.is_none() {
            record = by_name::failed_step(journal, &failure.message);
        }
        let found = dockerfile
            .zip(record)
            .and_then(|(source, step)| Some((source, by_name::line_of(source, &step.name)?)));
        match found {
            Some((source, span)) => diagnostic = diagnostic.at(source, [span]),
            None if failure.exit_code.is_none() => return Error::Daemon(Box::new(failure)),
            None => {}
        }
    }
    Error::Step(Box::new(StepFailure {
        diagnostic,
        step: record.map(|record| record.name.clone()).unwrap_or_default(),
        exit_code: failure.exit_code,
        others: other_failures(journal, record),
        platforms: Vec::new(),
        own_platform: String::new(),
        memory_limit: None,
        log: record.map(|record| record.log().clone()).unwrap_or_default(),
    }))
}

#[cfg(test)]
mod tests {
    use super::without_rpc_headers;

    #[test]
    fn words_of_an_error_are_shown_without_those_of_the_call() {
        for (text, shown) in [
            ("x: not found", "x: not found"),
            ("rpc error: code = Unknown desc = cannot write the export: x", "cannot write the export: x"),
            (
                "failed to copy: rpc error: code = NotFound desc = rpc error: code = Unknown desc = a desc = b",
                "failed to copy: a desc = b",
            ),
            ("rpc error: code = 5", "rpc error: code = 5"),
            ("rpc error: code = a b desc = c", "rpc error: code = a b desc = c"),
        ] {
            assert_eq!(without_rpc_headers(text), shown);
        }
    }
}
