//! What is logged and counted of a request.

use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use http::{Method, StatusCode};

use crate::proxy::operator::metrics::{AliasCounters, Metrics};
use crate::registry::RequestCounters;

/// What the log and the metrics tell of one request. Nothing in it is secret: no header, no query.
#[derive(Debug)]
pub(crate) struct AccessRecord {
    pub(crate) method: Method,
    /// Bytes of the body from the client.
    pub(crate) received: AtomicU64,
    /// Bytes of the body to the client.
    pub(crate) sent: AtomicU64,
    has_push_token: AtomicBool,
    alias: OnceLock<String>,
    resource: OnceLock<&'static str>,
    /// The last status of the registry; 0 while there is none.
    registry_status: AtomicU16,
    metrics: Arc<Metrics>,
    counters: OnceLock<Arc<AliasCounters>>,
}

impl AccessRecord {
    pub(crate) fn new(method: Method, metrics: Arc<Metrics>) -> Self {
        Self {
            method,
            received: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            has_push_token: AtomicBool::new(false),
            alias: OnceLock::new(),
            resource: OnceLock::new(),
            registry_status: AtomicU16::new(0),
            metrics,
            counters: OnceLock::new(),
        }
    }

    /// Notes the alias and the kind of resource that the request is about.
    pub(crate) fn note_route(&self, alias: &str, resource: &'static str) {
        self.note(alias, resource, self.metrics.alias(alias));
    }

    /// Notes that the request is about a resource of this kind at a mirrored host.
    pub(crate) fn note_mirror(&self, host: &str, resource: &'static str) {
        self.note(host, resource, self.metrics.mirror());
    }

    fn note(&self, alias: &str, resource: &'static str, counters: Arc<AliasCounters>) {
        let _ = self.alias.set(alias.to_owned());
        let _ = self.resource.set(resource);
        if resource == "uploads" {
            counters.note_upload_start();
        }
        let _ = self.counters.set(counters);
    }

    /// The counters of requests to the registry; none before the route is known.
    pub(crate) fn registry_counters(&self) -> Option<Arc<RequestCounters>> {
        Some(self.counters.get()?.registry.clone())
    }

    /// Notes that so many further bytes came from the client.
    pub(crate) fn note_received(&self, bytes: u64) {
        self.received.fetch_add(bytes, Ordering::Relaxed);
        if let Some(counters) = self.counters.get() {
            counters.received.fetch_add(bytes, Ordering::Relaxed);
        }
    }

    /// Notes that so many further bytes went to the client.
    pub(crate) fn note_sent(&self, bytes: u64) {
        self.sent.fetch_add(bytes, Ordering::Relaxed);
        if let Some(counters) = self.counters.get() {
            counters.sent.fetch_add(bytes, Ordering::Relaxed);
        }
    }

    /// Notes that the request is over, with the status of its answer; none if the client left before there was one.
    /// To be called once.
    pub(crate) fn note_end(&self, status: Option<u16>) {
        let counters = self.counters.get().cloned().unwrap_or_else(|| self.metrics.none());
        counters.note_request_end(&self.method, status);
        if self.resource() == Some("uploads") {
            counters.note_upload_end();
        }
    }

    /// Notes that the request carries the push token.
    pub(crate) fn note_push_token(&self) {
        self.has_push_token.store(true, Ordering::Relaxed);
    }

    /// Whether the request carries the push token.
    pub(crate) fn has_push_token(&self) -> bool {
        self.has_push_token.load(Ordering::Relaxed)
    }

    /// Notes a status that the registry answered with.
    pub(crate) fn note_registry_status(&self, status: StatusCode) {
        self.registry_status.store(status.as_u16(), Ordering::Relaxed);
    }

    /// The alias, or the mirrored host; none before the route is known.
    pub(crate) fn alias(&self) -> Option<&str> {
        self.alias.get().map(String::as_str)
    }

    /// The kind of resource; none before the route is known.
    pub(crate) fn resource(&self) -> Option<&'static str> {
        self.resource.get().copied()
    }

    /// The last status that the registry answered with; none if it was not asked.
    pub(crate) fn registry_status(&self) -> Option<u16> {
        Some(self.registry_status.load(Ordering::Relaxed)).filter(|status| *status != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines of the metrics that begin with `name`, without what they all begin with.
    fn lines(metrics: &Metrics, name: &str) -> Vec<String> {
        let text = metrics.text();
        text.lines()
            .filter_map(|line| line.strip_prefix(&format!("bob_proxy_{name}")))
            .map(Into::into)
            .collect()
    }

    #[test]
    fn what_a_request_does_is_told_and_counted_for_its_alias() {
        let metrics = Arc::new(Metrics::new(["base"].into_iter()));
        let record = AccessRecord::new(Method::PATCH, metrics.clone());
        assert_eq!((record.alias(), record.resource(), record.registry_status()), (None, None, None));
        assert!(record.registry_counters().is_none() && !record.has_push_token());

        record.note_route("base", "uploads");
        record.note_push_token();
        record.note_received(2);
        record.note_received(3);
        record.note_sent(7);
        record.note_registry_status(StatusCode::ACCEPTED);
        assert_eq!((record.alias(), record.resource()), (Some("base"), Some("uploads")));
        assert_eq!(record.registry_status(), Some(202));
        assert!(record.has_push_token() && record.registry_counters().is_some());
        assert_eq!((record.received.load(Ordering::Relaxed), record.sent.load(Ordering::Relaxed)), (5, 7));
        assert_eq!(lines(&metrics, "received_bytes_total{alias=\"base\"}"), [" 5"]);
        assert_eq!(lines(&metrics, "sent_bytes_total{alias=\"base\"}"), [" 7"]);
        assert_eq!(lines(&metrics, "active_uploads{alias=\"base\"}"), [" 1"]);
        record.note_end(Some(202));
        assert_eq!(lines(&metrics, "active_uploads{alias=\"base\"}"), [" 0"]);
        assert_eq!(lines(&metrics, "requests_total{"), ["alias=\"base\",method=\"PATCH\",status=\"202\"} 1"]);
    }

    #[test]
    fn mirrored_requests_and_those_without_a_route_are_counted_apart() {
        let metrics = Arc::new(Metrics::new(["base"].into_iter()));
        let mirrored = AccessRecord::new(Method::GET, metrics.clone());
        mirrored.note_mirror("ghcr.io", "blobs");
        assert_eq!((mirrored.alias(), mirrored.resource()), (Some("ghcr.io"), Some("blobs")));
        mirrored.note_end(Some(200));
        AccessRecord::new(Method::GET, metrics.clone()).note_end(None);
        assert_eq!(
            lines(&metrics, "requests_total{"),
            [
                "alias=\"mirror\",method=\"GET\",status=\"200\"} 1",
                "alias=\"\",method=\"GET\",status=\"0\"} 1",
            ]
        );
        assert_eq!(lines(&metrics, "active_uploads{alias=\"mirror\"}"), [" 0"]);
    }
}
