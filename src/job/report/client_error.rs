//! Why a request to a registry failed, in words.

use std::fmt::Write as _;

use crate::diag::causes;
use crate::registry::{Authenticator, ClientError, Host};

/// Returns what went wrong, and with whose login where the registry did not accept it.
pub(crate) async fn describe_client_error(error: &ClientError, host: &Host, auth: &Authenticator) -> String {
    let text = describe_causes(error);
    match error {
        ClientError::Status { status, .. } if matches!(status.as_u16(), 401 | 403) => {
            format!("{text} ({})", auth.describe_login(host).await)
        }
        _ => text,
    }
}

/// Returns the causes of `error` as one text, without what was to be done.
fn describe_causes(error: &ClientError) -> String {
    let mut text = match error {
        ClientError::Status { status, message, .. } => format!("{status}{message}"),
        ClientError::Call { .. } => String::new(),
        other => other.to_string(),
    };
    for cause in causes(error) {
        let _ = write!(text, "{}{cause}", if text.is_empty() { "" } else { ": " });
    }
    text
}
