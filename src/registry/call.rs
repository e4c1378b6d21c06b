//! One request to a registry, in a form that can be sent again.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Uri};

use super::address::Reach;
use super::host::Host;
use super::tally::Tally;
use super::transport::{Body, empty_body, full_body};

/// What a request carries, and so whether it can be sent again.
#[derive(Debug)]
pub enum Payload {
    /// Nothing.
    Empty,
    /// Bytes in memory.
    Bytes(Bytes),
    /// A stream that is read once.
    Stream(Body),
}

impl Payload {
    /// The same payload once more; none for a stream.
    pub fn again(&self) -> Option<Self> {
        match self {
            Self::Empty => Some(Self::Empty),
            Self::Bytes(bytes) => Some(Self::Bytes(bytes.clone())),
            Self::Stream(_) => None,
        }
    }

    /// Whether this is a stream, which is read once.
    pub const fn is_stream(&self) -> bool {
        matches!(self, Self::Stream(_))
    }

    fn into_body(self) -> Body {
        match self {
            Self::Empty => empty_body(),
            Self::Bytes(bytes) => full_body(bytes),
            Self::Stream(body) => body,
        }
    }
}

/// What a token must allow: `repository:NAME:ACTIONS`.
/// (<https://distribution.github.io/distribution/spec/auth/scope/>)
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Scopes(BTreeSet<String>);

impl Scopes {
    /// Reading `repository`.
    pub fn pull(repository: &str) -> Self {
        Self([format!("repository:{repository}:pull")].into())
    }

    /// Reading and writing `repository`.
    pub fn push(repository: &str) -> Self {
        Self([format!("repository:{repository}:pull,push")].into())
    }

    /// These and `others`.
    #[must_use]
    pub fn and(mut self, others: Self) -> Self {
        self.0.extend(others.0);
        self
    }

    /// Also what a challenge asks for, as far as that is reading or writing a repository.
    #[must_use]
    pub(super) fn and_asked(mut self, scope: &str) -> Self {
        let repository = |scope: &&str| {
            let parts: Vec<&str> = scope.split(':').collect();
            parts.len() >= 3
                && parts[0] == "repository"
                && parts[parts.len() - 1].split(',').all(|action| matches!(action, "pull" | "push"))
        };
        self.0.extend(scope.split(' ').filter(repository).map(ToOwned::to_owned));
        self
    }

    /// The scopes, in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl std::fmt::Display for Scopes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let scopes: Vec<&str> = self.iter().collect();
        f.write_str(&scopes.join(" "))
    }
}

/// Whose credentials a request carries, and for what.
#[derive(Clone, Debug)]
pub struct Access {
    /// The registry; the request goes there and nowhere else.
    pub host: Host,
    /// What the request needs.
    pub scopes: Scopes,
}

/// One request to a registry.
#[derive(Debug)]
pub struct Call {
    /// The method.
    pub method: Method,
    /// The absolute URI.
    pub uri: Uri,
    /// The headers, without any of `Authorization` and `Host`.
    pub headers: HeaderMap,
    /// The content.
    pub payload: Payload,
    /// The addresses that may be connected to.
    pub reach: Reach,
    /// The credentials to send; none where the request goes to another host than they are for.
    pub access: Option<Access>,
    /// Where retries and tokens are counted, if anywhere.
    pub tally: Option<Arc<Tally>>,
}

impl Call {
    /// The same call once more; none if its payload is a stream.
    pub fn again(&self) -> Option<Self> {
        Some(Self {
            method: self.method.clone(),
            uri: self.uri.clone(),
            headers: self.headers.clone(),
            payload: self.payload.again()?,
            reach: self.reach,
            access: self.access.clone(),
            tally: self.tally.clone(),
        })
    }

    pub(super) fn into_request(self) -> Request<Body> {
        let mut request = Request::new(self.payload.into_body());
        *request.method_mut() = self.method;
        *request.uri_mut() = self.uri;
        *request.headers_mut() = self.headers;
        request
    }
}

#[cfg(test)]
mod tests {
    use super::Scopes;

    #[test]
    fn a_challenge_adds_repository_scopes_and_nothing_stronger() {
        let scopes = Scopes::push("a").and(Scopes::pull("b"));
        let asked =
            scopes.clone().and_asked("repository:virtual/a:pull,push registry:catalog:* repository:c:delete");
        assert_eq!(scopes.to_string(), "repository:a:pull,push repository:b:pull");
        assert_eq!(
            asked.to_string(),
            "repository:a:pull,push repository:b:pull repository:virtual/a:pull,push"
        );
    }
}
