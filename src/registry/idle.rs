//! Bodies that notice when nothing moves any more. Slow but moving is never an error.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::time::{Instant, Sleep};

use super::transport::{Body, BoxError};

/// A body that brought no byte for the time allowed.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("nothing arrived for {} s", .0.as_secs())]
pub struct Stalled(pub Duration);

/// A body that fails with [`Stalled`] when its source brings nothing for `limit` while it is waited for.
pub struct IdleBody {
    inner: Body,
    limit: Duration,
    timer: Pin<Box<Sleep>>,
    armed: bool,
}

impl std::fmt::Debug for IdleBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IdleBody").field("limit", &self.limit).finish_non_exhaustive()
    }
}

impl IdleBody {
    /// `inner`, failing once it brings nothing for `limit`.
    pub fn new(inner: Body, limit: Duration) -> Self {
        Self { inner, limit, timer: Box::pin(tokio::time::sleep(limit)), armed: false }
    }
}

impl http_body::Body for IdleBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.inner).poll_frame(cx) {
            self.armed = false;
            return Poll::Ready(frame);
        }
        if !self.armed {
            self.armed = true;
            let due = Instant::now() + self.limit;
            self.timer.as_mut().reset(due);
        }
        ready!(self.timer.as_mut().poll(cx));
        Poll::Ready(Some(Err(Box::new(Stalled(self.limit)))))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// When a request last made progress that was the registry's to make.
#[derive(Debug)]
pub(super) struct Activity(Mutex<State>);

#[derive(Clone, Copy, Debug, PartialEq)]
struct State {
    last: Instant,
    /// Whether the next move is that of the body's source, not the registry's.
    waiting_for_source: bool,
}

impl Activity {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(State { last: Instant::now(), waiting_for_source: false })))
    }

    fn note(&self, waiting_for_source: bool) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *state = State { last: Instant::now(), waiting_for_source };
    }

    /// Completes once the registry has let `limit` pass without taking or sending anything.
    pub(super) async fn silence(&self, limit: Duration) {
        loop {
            let before = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let from = if before.waiting_for_source { Instant::now() } else { before.last };
            tokio::time::sleep_until(from + limit).await;
            let after = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if after == before && !after.waiting_for_source {
                return;
            }
        }
    }
}

/// A request body that notes in an [`Activity`] when the registry takes from it.
pub(super) struct WatchedBody {
    pub(super) inner: Body,
    pub(super) activity: Arc<Activity>,
}

impl http_body::Body for WatchedBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let polled = Pin::new(&mut self.inner).poll_frame(cx);
        self.activity.note(polled.is_pending());
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
