//! Innermost: asks the registry, with its credentials, and hands back what it says.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, Version, header};
use tokio::sync::Semaphore;

use crate::http::body::Body;
use crate::registry::{Access, Call, Payload, RedirectTarget, Scopes};

use super::authorise::Upstream;
use super::exchange::{Facts, Layer};
use super::headers;
use crate::proxy::error::ProxyError;

/// Requests without a body that wait for a registry's answer at once; further ones wait for these. Each takes memory
/// for as long as it waits, and a few hundred clients may ask at once.
const ASKING: usize = 128;
/// As many more for requests with the push token, so that clients who only read do not keep them waiting.
const ASKING_TO_PUSH: usize = 64;

/// Sends requests to registries.
#[derive(Debug)]
pub(crate) struct Forward {
    asking: Semaphore,
    asking_to_push: Semaphore,
}

impl Forward {
    pub(crate) fn new() -> Self {
        Self { asking: Semaphore::new(ASKING), asking_to_push: Semaphore::new(ASKING_TO_PUSH) }
    }
}

/// A request with its address at the registry.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) method: Method,
    /// As the client sent them.
    pub(crate) headers: HeaderMap,
    pub(crate) payload: Payload,
    pub(crate) at: RedirectTarget,
    pub(crate) upstream: Upstream,
    pub(crate) scopes: Scopes,
    /// Whether redirects are followed here.
    pub(crate) follow: bool,
    pub(crate) facts: Arc<Facts>,
}

impl Layer<Outgoing> for Forward {
    async fn call(&self, outgoing: Outgoing) -> Result<Response<Body>, ProxyError> {
        let Upstream { host, repository, auth, .. } = &outgoing.upstream;
        let mut headers = headers::of_request(&outgoing.headers);
        if matches!(outgoing.payload, Payload::Empty)
            && outgoing.method != Method::GET
            && outgoing.method != Method::HEAD
        {
            // Some load balancers refuse a write that does not say its length.
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        // Credentials go to the host that they are for. An upload may lead to another.
        let access = Access { host: host.clone(), scopes: outgoing.scopes.clone() };
        let call = Call {
            method: outgoing.method,
            uri: outgoing.at.uri,
            headers,
            payload: outgoing.payload,
            address_policy: outgoing.at.address_policy,
            access: Some(access).filter(|_| outgoing.at.host == *host),
            counters: outgoing.facts.tally(),
        };
        let asking = match call.payload {
            Payload::Empty if outgoing.facts.shows_push_token() => self.asking_to_push.acquire().await.ok(),
            Payload::Empty => self.asking.acquire().await.ok(),
            Payload::Bytes(_) | Payload::Stream(_) => None,
        };
        let response = if outgoing.follow { auth.read(call).await } else { auth.send(call).await };
        drop(asking);
        let mut response = response?;
        let status = response.status();
        outgoing.facts.note_upstream(status);
        if status.is_informational() {
            return Err(ProxyError::Answer {
                host: host.clone(),
                what: "an unexpected status",
                source: None,
            });
        }
        if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            let login = auth.describe_login(host).await;
            let (status, scopes) = (status.as_u16(), outgoing.scopes);
            tracing::warn!(status, registry = %host, repository, login, %scopes, "the registry refuses");
        }
        let location = response.headers().get(header::LOCATION).cloned();
        headers::clean_response(response.headers_mut());
        // The layer outside replaces it.
        response.headers_mut().extend(location.map(|location| (header::LOCATION, location)));
        *response.version_mut() = Version::HTTP_11;
        Ok(response)
    }
}
