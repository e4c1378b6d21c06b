//! Sends requests to the registry, with its credentials.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, Version, header};
use tokio::sync::Semaphore;

use crate::http::body::Body;
use crate::registry::{Access, Call, Payload, RedirectTarget, Scopes};

use super::Layer;
use crate::proxy::error::ProxyError;
use crate::proxy::request::access_record::AccessRecord;
use crate::proxy::request::action::UpstreamRepository;
use crate::proxy::request::headers::{clean_response_headers, request_headers};

/// The most requests without a body that wait for a registry's response at once; further ones wait for these. Each takes
/// memory while it waits, and a few hundred clients may ask at once.
const MAX_WAITING: usize = 128;
/// As many more for requests with the push token, so that clients who only read do not delay them.
const MAX_WAITING_TO_PUSH: usize = 64;

/// The innermost layer: it sends requests to registries and returns their responses.
#[derive(Debug)]
pub(crate) struct Forward {
    waiting: Semaphore,
    waiting_to_push: Semaphore,
}

impl Forward {
    pub(crate) fn new() -> Self {
        Self { waiting: Semaphore::new(MAX_WAITING), waiting_to_push: Semaphore::new(MAX_WAITING_TO_PUSH) }
    }
}

/// A request with its address at a registry.
#[derive(Debug)]
pub(crate) struct UpstreamRequest {
    pub(crate) method: Method,
    /// The headers that the client sent.
    pub(crate) headers: HeaderMap,
    pub(crate) payload: Payload,
    pub(crate) target: RedirectTarget,
    pub(crate) upstream: UpstreamRepository,
    pub(crate) scopes: Scopes,
    /// Whether redirects are followed.
    pub(crate) follow_redirects: bool,
    pub(crate) record: Arc<AccessRecord>,
}

impl Layer<UpstreamRequest> for Forward {
    async fn call(&self, request: UpstreamRequest) -> Result<Response<Body>, ProxyError> {
        let UpstreamRepository { host, repository, auth, .. } = &request.upstream;
        let mut headers = request_headers(&request.headers);
        if matches!(request.payload, Payload::Empty)
            && request.method != Method::GET
            && request.method != Method::HEAD
        {
            // Some load balancers refuse a write without its length.
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        // Only their own host gets the credentials. An upload may lead to another one.
        let access = Access { host: host.clone(), scopes: request.scopes.clone() };
        let call = Call {
            method: request.method,
            uri: request.target.uri,
            headers,
            payload: request.payload,
            address_policy: request.target.address_policy,
            access: Some(access).filter(|_| request.target.host == *host),
            counters: request.record.registry_counters(),
        };
        let permit = match call.payload {
            Payload::Empty if request.record.has_push_token() => self.waiting_to_push.acquire().await.ok(),
            Payload::Empty => self.waiting.acquire().await.ok(),
            Payload::Bytes(_) | Payload::Stream(_) => None,
        };
        // On the heap once it is its turn: a request that waits does not hold the memory of one that is sent.
        let response = if request.follow_redirects {
            Box::pin(auth.read(call)).await
        } else {
            Box::pin(auth.send(call)).await
        };
        drop(permit);
        let mut response = response?;
        let status = response.status();
        request.record.note_registry_status(status);
        if status.is_informational() {
            return Err(ProxyError::UnusableResponse {
                host: host.clone(),
                what: "an unexpected status",
                source: None,
            });
        }
        if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            let login = auth.describe_login(host).await;
            let (status, scopes) = (status.as_u16(), request.scopes);
            tracing::warn!(status, registry = %host, repository, login, %scopes, "the registry refuses");
        }
        let location = response.headers().get(header::LOCATION).cloned();
        clean_response_headers(response.headers_mut());
        // `UploadLocations` replaces it.
        response.headers_mut().extend(location.map(|location| (header::LOCATION, location)));
        *response.version_mut() = Version::HTTP_11;
        Ok(response)
    }
}
