//! Why the registry client did not do what was asked, with the registry's own words.

use http::{Response, StatusCode};
use serde::Deserialize;

use super::error::CallError;
use super::onward::OnwardError;
use super::transport::{Body, BoxError, collect};

/// The most that is read of an error's body, in bytes.
const ERROR_LIMIT: usize = 16 * 1024;

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
    /// A name or digest that cannot stand in a URL.
    #[error("cannot {what}: a name or digest in it is not valid")]
    Name {
        /// What was to be done.
        what: String,
    },
    /// The registry begins an upload without a usable location.
    #[error("cannot {what}: the registry named no usable upload location")]
    Location {
        /// What was to be done.
        what: String,
        /// Why, if it named one.
        source: Option<OnwardError>,
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

/// The registry's refusal, with the words of its JSON error.
pub(super) async fn refusal(response: Response<Body>, what: String) -> ClientError {
    let status = response.status();
    let body = collect(response.into_body(), ERROR_LIMIT).await;
    let errors = body.ok().and_then(|body| serde_json::from_slice::<Errors>(&body).ok());
    let first = errors.and_then(|errors| errors.errors.into_iter().next());
    let message = first.map_or_else(String::new, |entry| format!(": {} {}", entry.code, entry.message));
    let message = message.trim_end().chars().filter(|c| !c.is_control()).take(300).collect();
    ClientError::Status { what, status, message }
}
