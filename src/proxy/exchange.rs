//! What the layers hand to each other: one request on its way in, and what is known of it.

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU16, AtomicU64, Ordering};

use http::request::Parts;
use http::{Method, Response};

use crate::registry::Body;

use super::error::ProxyError;

/// A layer: it does one thing to a request or its response, and leaves the rest to the layer inside it.
/// Each layer's input type is what the layer outside it has established.
pub(super) trait Layer<In>: Send + Sync {
    /// The response to `input`.
    fn call(&self, input: In) -> impl Future<Output = Result<Response<Body>, ProxyError>> + Send;
}

/// One request as a client sent it.
#[derive(Debug)]
pub(super) struct Inbound {
    pub(super) head: Parts,
    pub(super) body: Body,
    pub(super) facts: Arc<Facts>,
}

/// What is worth telling of a request once it is over. Nothing here is secret: no header, no query.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) method: Method,
    pub(super) received: AtomicU64,
    pub(super) sent: AtomicU64,
    alias: OnceLock<String>,
    resource: OnceLock<&'static str>,
    upstream: AtomicU16,
}

impl Facts {
    pub(super) fn new(method: Method) -> Self {
        Self {
            method,
            received: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            alias: OnceLock::new(),
            resource: OnceLock::new(),
            upstream: AtomicU16::new(0),
        }
    }

    /// Notes what the request is for: an alias or a mirrored host, and the kind of resource.
    pub(super) fn note_route(&self, alias: &str, resource: &'static str) {
        let _ = self.alias.set(alias.to_owned());
        let _ = self.resource.set(resource);
    }

    pub(super) fn note_upstream(&self, status: http::StatusCode) {
        self.upstream.store(status.as_u16(), Ordering::Relaxed);
    }

    pub(super) fn alias(&self) -> Option<&str> {
        self.alias.get().map(String::as_str)
    }

    pub(super) fn resource(&self) -> Option<&'static str> {
        self.resource.get().copied()
    }

    /// The last status that the registry answered with, if it was asked.
    pub(super) fn upstream(&self) -> Option<u16> {
        Some(self.upstream.load(Ordering::Relaxed)).filter(|status| *status != 0)
    }
}
