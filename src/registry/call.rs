//! One request to a registry, in a form that can be sent again.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Uri};

use super::auth::scope::Scopes;
use super::counters::RequestCounters;
use super::host::Host;
use super::transport::address::AddressPolicy;
use crate::http::body::{Body, empty_body, full_body};

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
    pub fn try_clone(&self) -> Option<Self> {
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
    pub address_policy: AddressPolicy,
    /// The credentials to send; none where the request goes to another host than they are for.
    pub access: Option<Access>,
    /// Where retries and tokens are counted, if anywhere.
    pub counters: Option<Arc<RequestCounters>>,
}

impl Call {
    /// The same call once more; none if its payload is a stream.
    pub fn try_clone(&self) -> Option<Self> {
        Some(Self {
            method: self.method.clone(),
            uri: self.uri.clone(),
            headers: self.headers.clone(),
            payload: self.payload.try_clone()?,
            address_policy: self.address_policy,
            access: self.access.clone(),
            counters: self.counters.clone(),
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
