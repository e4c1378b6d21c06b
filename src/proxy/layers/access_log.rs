//! Outermost: one line for each request when its last byte has gone, and the counts in it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Instant;

use http::{Request, Response};

use crate::http::body::Body;
use crate::http::body::inspect_body;

use super::exchange::{Facts, Inbound, Layer};
use crate::proxy::connection::places::Place;
use crate::proxy::error::{ProxyError, shown};
use crate::proxy::operator::metrics::Metrics;

/// Logs method, alias, resource, statuses, bytes and time. Never a header, path or query.
#[derive(Debug)]
pub(crate) struct AccessLog<S> {
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) inner: S,
}

impl<S: Layer<Inbound>> Layer<Request<Body>> for AccessLog<S> {
    async fn call(&self, request: Request<Body>) -> Result<Response<Body>, ProxyError> {
        let (head, body) = request.into_parts();
        let facts = Arc::new(Facts::new(head.method.clone(), self.metrics.clone()));
        let place = head.extensions.get::<Arc<Place>>().cloned();
        let mut entry = Entry { facts: facts.clone(), begun: Instant::now(), status: None, place };
        let received = facts.clone();
        let body = counted(body, move |bytes| received.note_received(bytes));
        let response = self.inner.call(Inbound { head, body, facts }).await?;
        entry.status = Some(response.status().as_u16());
        // The body keeps the entry until it is over.
        Ok(response.map(|body| counted(body, move |bytes| entry.facts.note_sent(bytes))))
    }
}

/// Writes the log line when it is dropped: after the response's last byte, or when the client is gone.
struct Entry {
    facts: Arc<Facts>,
    begun: Instant,
    status: Option<u16>,
    place: Option<Arc<Place>>,
}

impl Drop for Entry {
    fn drop(&mut self) {
        let facts = &self.facts;
        facts.note_end(self.status);
        // One line tells of a connection that is not let in.
        if self.place.as_ref().is_some_and(|place| place.refusals() > 1) {
            return;
        }
        tracing::info!(
            method = shown(facts.method.as_str()),
            alias = facts.alias(),
            resource = facts.resource(),
            // None where the client went away before there was an answer.
            status = self.status,
            upstream = facts.upstream(),
            received = facts.received.load(Ordering::Relaxed),
            sent = facts.sent.load(Ordering::Relaxed),
            ms = u64::try_from(self.begun.elapsed().as_millis()).ok(),
            "request"
        );
    }
}

/// `body`, whose bytes `note` is told of.
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
