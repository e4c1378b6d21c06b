//! Outermost: one line for each request when its last byte has gone, and the counts in it.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt as _;

use crate::registry::{Body, BoxError};

use super::error::ProxyError;
use super::exchange::{Facts, Inbound, Layer};
use super::metrics::Metrics;

/// Logs method, alias, resource, statuses, bytes and time. Never a header, path or query.
#[derive(Debug)]
pub(super) struct AccessLog<S> {
    pub(super) metrics: Arc<Metrics>,
    pub(super) inner: S,
}

impl<S: Layer<Inbound>> Layer<Request<Body>> for AccessLog<S> {
    async fn call(&self, request: Request<Body>) -> Result<Response<Body>, ProxyError> {
        let (head, body) = request.into_parts();
        let facts = Arc::new(Facts::new(head.method.clone(), self.metrics.clone()));
        let mut entry = Entry { facts: facts.clone(), begun: Instant::now(), status: None };
        let received =
            Counted { inner: body, count: Facts::note_received, facts: facts.clone(), _entry: None };
        let response =
            self.inner.call(Inbound { head, body: received.boxed_unsync(), facts: facts.clone() }).await?;
        entry.status = Some(response.status().as_u16());
        Ok(response.map(|inner| {
            let sent = Counted { inner, count: Facts::note_sent, facts, _entry: Some(entry) };
            sent.boxed_unsync()
        }))
    }
}

/// Writes the log line when it is dropped: after the response's last byte, or when the client is gone.
struct Entry {
    facts: Arc<Facts>,
    begun: Instant,
    status: Option<u16>,
}

impl Drop for Entry {
    fn drop(&mut self) {
        let facts = &self.facts;
        facts.note_end(self.status);
        tracing::info!(
            method = %facts.method,
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

/// A body that counts its bytes, and keeps the log entry of its request until it is over.
struct Counted {
    inner: Body,
    count: fn(&Facts, u64),
    facts: Arc<Facts>,
    _entry: Option<Entry>,
}

impl http_body::Body for Counted {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(cx));
        if let Some(Ok(frame)) = &frame
            && let Some(data) = frame.data_ref()
        {
            (self.count)(&self.facts, data.len() as u64);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
