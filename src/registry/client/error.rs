//! Why the registry client did not do what was asked, with the registry's own words.

use std::time::Duration;

use http::{Response, StatusCode};
use serde::Deserialize;

use crate::diag::printable_line;
use crate::http::body::{Body, BoxError, collect};
use crate::registry::error::CallError;
use crate::registry::transport::error::TransportError;
use crate::registry::transport::redirect_target::RedirectError;
use crate::registry::transport::retry;

/// The most that is read of an error's body, in bytes.
const MAX_ERROR_BYTES: usize = 16 * 1024;
/// How long an error's body may take: its status tells the most.
const ERROR_BODY_TIME_LIMIT: Duration = Duration::from_secs(10);
/// The most that is shown of an error's words, in characters.
const MAX_SHOWN_CHARS: usize = 300;

/// A request to a registry that did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// There was no response.
    #[error("cannot {what}")]
    Call {
        /// What was to be done.
        what: String,
        /// Why not.
        source: Box<CallError>,
    },
    /// The registry refused.
    #[error("cannot {what}: the registry answered {status}{message}")]
    Status {
        /// What was to be done.
        what: String,
        /// The registry's answer.
        status: StatusCode,
        /// The registry's own words, after a colon, or nothing.
        message: String,
        /// How long the registry asks to wait.
        retry_after: Option<Duration>,
    },
    /// The content breaks off or is too large.
    #[error("cannot {what}: its content does not arrive whole")]
    Content {
        /// What was to be done.
        what: String,
        /// Why not.
        source: BoxError,
    },
    /// The content is not what its digest says.
    #[error("cannot {what}: the registry sent content with digest {found}")]
    Digest {
        /// What was to be done.
        what: String,
        /// The digest of what came.
        found: String,
    },
    /// A name, tag or digest that may not stand in a URL, or a size that no content has.
    #[error("cannot {what}: {text:?} is not a valid {kind}")]
    Name {
        /// What was to be done.
        what: String,
        /// What it should be.
        kind: &'static str,
        /// What it is.
        text: String,
    },
    /// The registry begins an upload without a usable location.
    #[error("cannot {what}: the registry named no usable upload location")]
    Location {
        /// What was to be done.
        what: String,
        /// Why, if it named one.
        source: Option<RedirectError>,
    },
}

#[derive(Deserialize)]
struct Errors {
    errors: Vec<ErrorEntry>,
}

#[derive(Deserialize)]
struct ErrorEntry {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
}

impl ClientError {
    /// A name, digest or size that is not used: `text`, which should be a valid `kind`.
    pub fn name(what: &str, kind: &'static str, text: &str) -> Self {
        Self::Name { what: printable_line(what, MAX_SHOWN_CHARS), kind, text: printable_line(text, 80) }
    }

    /// How long to wait after `attempt` (from 1) before the whole is tried again; none if that would not help, or
    /// this was the last attempt. For what is sent once, such as a stream: all else has been sent again already.
    pub fn pause(&self, attempt: u32) -> Option<Duration> {
        match self {
            Self::Status { status, retry_after, .. } if retry::is_passing_status(*status) => {
                retry::pause_before_next(attempt, *retry_after)
            }
            Self::Content { .. } => retry::pause_before_next(attempt, None),
            Self::Call { source, .. } => match source.root() {
                CallError::Transport(fault) | CallError::Endpoint { source: fault, .. } => {
                    let passes = fault.is_passing() || matches!(fault, TransportError::RequestBody { .. });
                    retry::pause_before_next(attempt, None).filter(|_| passes)
                }
                _ => None,
            },
            _ => None,
        }
    }
}

/// The registry's refusal, with the words of its JSON error.
pub(crate) async fn refusal(response: Response<Body>, what: String) -> ClientError {
    let (status, retry_after) = (response.status(), retry::retry_after(response.headers()));
    let body =
        tokio::time::timeout(ERROR_BODY_TIME_LIMIT, collect(response.into_body(), MAX_ERROR_BYTES)).await;
    let message = body.ok().and_then(Result::ok).map_or_else(String::new, |body| first_error_text(&body));
    ClientError::Status { what, status, message, retry_after }
}

/// The first error of a JSON body, after a colon; nothing if it has none.
fn first_error_text(body: &[u8]) -> String {
    let errors = serde_json::from_slice::<Errors>(body).ok();
    let first = errors.and_then(|errors| errors.errors.into_iter().next());
    let Some(ErrorEntry { code, message }) = first else { return String::new() };
    printable_line(format!(": {code} {message}").trim_end(), MAX_SHOWN_CHARS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_registry_hold_no_sequences_and_are_bounded() {
        let text = r#"{"errors":[{"code":"DENIED","message":"no\u001b]52;c;aGk=\u0007 \u202e\nnext"}]}"#;
        assert_eq!(first_error_text(text.as_bytes()), ": DENIED no\u{fffd}]52;c;aGk=\u{fffd} \u{fffd} next");
        let long = format!(r#"{{"errors":[{{"message":"{}"}}]}}"#, "x".repeat(10_000));
        assert_eq!(first_error_text(long.as_bytes()).chars().count(), MAX_SHOWN_CHARS);
        for text in ["", "[]", "{}", r#"{"errors":[]}"#, "<html>"] {
            assert_eq!(first_error_text(text.as_bytes()), "");
        }
    }

    #[test]
    fn only_faults_that_may_pass_are_worth_another_attempt() {
        let status = |status: u16, seconds: Option<u64>| ClientError::Status {
            what: String::new(),
            status: StatusCode::from_u16(status).unwrap(),
            message: String::new(),
            retry_after: seconds.map(Duration::from_secs),
        };
        for passing in [429, 500, 502, 503, 504] {
            assert!(status(passing, None).pause(1).is_some(), "{passing}");
            assert_eq!(status(passing, Some(7)).pause(1), Some(Duration::from_secs(7)));
            assert_eq!(status(passing, Some(3600)).pause(1), None);
            assert_eq!(status(passing, None).pause(4), None);
        }
        for lasting in [400, 401, 403, 404, 413, 501] {
            assert_eq!(status(lasting, Some(1)).pause(1), None, "{lasting}");
        }
    }
}
