//! What the layers hand to each other: one request on its way in, and what is known of it.

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU64, Ordering};

use http::request::Parts;
use http::{Method, Response};

use crate::http::body::Body;
use crate::registry::RequestCounters;

use crate::proxy::error::ProxyError;
use crate::proxy::operator::metrics::{Counts, Metrics};

/// A layer: it does one thing to a request or its response, and leaves the rest to the layer inside it.
/// Each layer's input type is what the layer outside it has established.
pub(crate) trait Layer<In>: Send + Sync {
    /// The response to `input`.
    fn call(&self, input: In) -> impl Future<Output = Result<Response<Body>, ProxyError>> + Send;
}

/// One request as a client sent it.
#[derive(Debug)]
pub(crate) struct Inbound {
    pub(crate) head: Parts,
    pub(crate) body: Body,
    pub(crate) facts: Arc<Facts>,
}

/// What is worth telling of a request once it is over. Nothing here is secret: no header, no query.
#[derive(Debug)]
pub(crate) struct Facts {
    pub(crate) method: Method,
    pub(crate) received: AtomicU64,
    pub(crate) sent: AtomicU64,
    shows_push_token: AtomicBool,
    alias: OnceLock<String>,
    resource: OnceLock<&'static str>,
    upstream: AtomicU16,
    metrics: Arc<Metrics>,
    counts: OnceLock<Arc<Counts>>,
}

impl Facts {
    pub(crate) fn new(method: Method, metrics: Arc<Metrics>) -> Self {
        Self {
            method,
            received: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            shows_push_token: AtomicBool::new(false),
            alias: OnceLock::new(),
            resource: OnceLock::new(),
            upstream: AtomicU16::new(0),
            metrics,
            counts: OnceLock::new(),
        }
    }

    /// Notes what the request is for: an alias, and the kind of resource.
    pub(crate) fn note_route(&self, alias: &str, resource: &'static str) {
        self.note(alias, resource, self.metrics.alias(alias));
    }

    /// Notes that the request is for a resource of this kind on a mirrored host.
    pub(crate) fn note_mirror(&self, host: &str, resource: &'static str) {
        self.note(host, resource, self.metrics.mirror());
    }

    fn note(&self, alias: &str, resource: &'static str, counts: Arc<Counts>) {
        let _ = self.alias.set(alias.to_owned());
        let _ = self.resource.set(resource);
        if resource == "uploads" {
            counts.upload_begins();
        }
        let _ = self.counts.set(counts);
    }

    /// Where what the request costs at the registry is counted; none before its route is known.
    pub(crate) fn tally(&self) -> Option<Arc<RequestCounters>> {
        Some(self.counts.get()?.tally.clone())
    }

    pub(crate) fn note_received(&self, bytes: u64) {
        self.received.fetch_add(bytes, Ordering::Relaxed);
        if let Some(counts) = self.counts.get() {
            counts.received.fetch_add(bytes, Ordering::Relaxed);
        }
    }

    pub(crate) fn note_sent(&self, bytes: u64) {
        self.sent.fetch_add(bytes, Ordering::Relaxed);
        if let Some(counts) = self.counts.get() {
            counts.sent.fetch_add(bytes, Ordering::Relaxed);
        }
    }

    /// Notes that the request is over. To be called once.
    pub(crate) fn note_end(&self, status: Option<u16>) {
        let counts = self.counts.get().cloned().unwrap_or_else(|| self.metrics.none());
        counts.request_ends(&self.method, status);
        if self.resource() == Some("uploads") {
            counts.upload_ends();
        }
    }

    /// Notes that the request shows the push token, where there is one.
    pub(crate) fn note_push_token(&self) {
        self.shows_push_token.store(true, Ordering::Relaxed);
    }

    pub(crate) fn shows_push_token(&self) -> bool {
        self.shows_push_token.load(Ordering::Relaxed)
    }

    pub(crate) fn note_upstream(&self, status: http::StatusCode) {
        self.upstream.store(status.as_u16(), Ordering::Relaxed);
    }

    pub(crate) fn alias(&self) -> Option<&str> {
        self.alias.get().map(String::as_str)
    }

    pub(crate) fn resource(&self) -> Option<&'static str> {
        self.resource.get().copied()
    }

    /// The last status that the registry answered with, if it was asked.
    pub(crate) fn upstream(&self) -> Option<u16> {
        Some(self.upstream.load(Ordering::Relaxed)).filter(|status| *status != 0)
    }
}
