//! Errors of calls that brought no response.

use std::sync::Arc;

use http::StatusCode;

use super::auth::store::CredentialsError;
use super::host::Host;
use super::transport::error::TransportError;
use super::transport::redirect_target::RedirectError;
use super::transport::retry::MayBeTransportError;

/// A call to a registry that brought no response.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The request itself failed.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The credentials cannot be read.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// The token endpoint may not be used.
    #[error("the token endpoint that {registry} names may not be used")]
    Realm {
        /// The registry.
        registry: Host,
        /// Why.
        source: RedirectError,
    },
    /// The token endpoint cannot be reached.
    #[error("the token endpoint {endpoint} does not answer")]
    Endpoint {
        /// Its host.
        endpoint: String,
        /// Why.
        source: TransportError,
    },
    /// The token endpoint gives no token.
    #[error(
        "{registry} gives no access to {scopes}: its token endpoint {endpoint} answered {status} to {login}"
    )]
    Refused {
        /// The registry.
        registry: Host,
        /// The endpoint's host.
        endpoint: String,
        /// Its answer.
        status: StatusCode,
        /// What kind of login was used, and where it came from.
        login: String,
        /// What was asked for.
        scopes: String,
    },
    /// The token endpoint's answer holds no token.
    #[error("the token endpoint {endpoint} of {registry} gave an answer without a usable token")]
    Malformed {
        /// The registry.
        registry: Host,
        /// The endpoint's host.
        endpoint: String,
    },
    /// A registry that does not say what login it wants.
    #[error("{registry} answered {status} to {request}, where it should say which login it wants")]
    NoScheme {
        /// The registry.
        registry: Host,
        /// What it was asked by: method and path.
        request: String,
        /// Its answer.
        status: StatusCode,
    },
    /// A redirect leads where it may not.
    #[error("the redirect is not followed")]
    Redirect(#[from] RedirectError),
    /// The registry redirects without end.
    #[error("{registry} redirects more than {limit} times")]
    RedirectLoop {
        /// The registry.
        registry: Host,
        /// How many redirects are followed.
        limit: usize,
    },
    /// Another request's fetch of the same token failed.
    #[error(transparent)]
    Shared(Arc<CallError>),
}

impl CallError {
    /// Returns the error itself where this one is of another request that it was shared with.
    pub fn root(&self) -> &Self {
        match self {
            Self::Shared(inner) => inner.root(),
            other => other,
        }
    }
}

impl MayBeTransportError for CallError {
    fn transport_error(&self) -> Option<&TransportError> {
        match self {
            Self::Transport(fault) => Some(fault),
            _ => None,
        }
    }
}
