//! Logs and counts each request when the last byte of its response has been sent.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Instant;

use http::{Request, Response};

use crate::http::body::{Body, inspect_body};

use super::Layer;
use crate::proxy::connection::slots::ConnectionSlot;
use crate::proxy::error::{ProxyError, shown};
use crate::proxy::operator::metrics::Metrics;
use crate::proxy::request::ClientRequest;
use crate::proxy::request::access_record::AccessRecord;

/// The layer that logs method, alias, resource, statuses, bytes and time. It never logs a header, path or query.
#[derive(Debug)]
pub(crate) struct AccessLog<S> {
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) inner: S,
}

impl<S: Layer<ClientRequest>> Layer<Request<Body>> for AccessLog<S> {
    async fn call(&self, request: Request<Body>) -> Result<Response<Body>, ProxyError> {
        let (head, body) = request.into_parts();
        let record = Arc::new(AccessRecord::new(head.method.clone(), self.metrics.clone()));
        let slot = head.extensions.get::<Arc<ConnectionSlot>>().cloned();
        let mut line = LogLine { record: record.clone(), start: Instant::now(), status: None, slot };
        let received = record.clone();
        let body = counted(body, move |bytes| received.note_received(bytes));
        let response = self.inner.call(ClientRequest { head, body, record }).await?;
        line.status = Some(response.status().as_u16());
        // The response's body owns the line, which is written at its end.
        Ok(response.map(|body| counted(body, move |bytes| line.record.note_sent(bytes))))
    }
}

/// The log line of a request, written when this is dropped: after the response's last byte, or when the client left.
struct LogLine {
    record: Arc<AccessRecord>,
    start: Instant,
    status: Option<u16>,
    slot: Option<Arc<ConnectionSlot>>,
}

impl Drop for LogLine {
    fn drop(&mut self) {
        let record = &self.record;
        record.note_end(self.status);
        // One line is enough for a connection that is not admitted.
        if self.slot.as_ref().is_some_and(|slot| slot.refusals() > 1) {
            return;
        }
        tracing::info!(
            method = shown(record.method.as_str()),
            alias = record.alias(),
            resource = record.resource(),
            // None where the client left before there was a response.
            status = self.status,
            upstream = record.registry_status(),
            received = record.received.load(Ordering::Relaxed),
            sent = record.sent.load(Ordering::Relaxed),
            ms = u64::try_from(self.start.elapsed().as_millis()).ok(),
            "request"
        );
    }
}

/// `body`, with `note` called for each piece of it with its length in bytes.
fn counted(body: Body, mut note: impl FnMut(u64) + Send + Unpin + 'static) -> Body {
    inspect_body(body, move |_, polled| {
        if let Poll::Ready(Some(Ok(frame))) = &polled
            && let Some(data) = frame.data_ref()
        {
            note(data.len() as u64);
        }
        polled
    })
}
