//! Time limits for bodies that stand still. A slow body that moves is never an error.

use std::future::Future as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::http::body::inspect_body;
use crate::http::body::{Body, BoxError};

/// The error of a body of which nothing arrived for this long.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("nothing arrived for {} s", .0.as_secs())]
pub struct Stalled(pub Duration);

/// Returns `inner`, failing with [`Stalled`] once nothing of it arrives for `limit` while it is waited for.
pub fn idle_limited(inner: Body, limit: Duration) -> Body {
    let mut timer = Box::pin(tokio::time::sleep(limit));
    let mut armed = false;
    inspect_body(inner, move |cx, polled| {
        if polled.is_ready() {
            armed = false;
            return polled;
        }
        if !armed {
            armed = true;
            timer.as_mut().reset(Instant::now() + limit);
        }
        timer.as_mut().poll(cx).map(|()| Some(Err(Box::new(Stalled(limit)) as BoxError)))
    })
}

/// When a request last made progress that depends on the registry.
#[derive(Debug)]
pub(crate) struct Activity(Mutex<State>);

#[derive(Clone, Copy, Debug, PartialEq)]
struct State {
    last: Instant,
    /// Whether the request waits for the source of its body, not for the registry.
    waiting_for_source: bool,
}

impl Activity {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(State { last: Instant::now(), waiting_for_source: false })))
    }

    fn note(&self, waiting_for_source: bool) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *state = State { last: Instant::now(), waiting_for_source };
    }

    /// Completes once the registry has let `limit` pass without taking or sending anything.
    pub(crate) async fn silence(&self, limit: Duration) {
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

/// Returns the request body `inner`, which notes in `activity` when the registry takes from it.
pub(crate) fn with_activity(inner: Body, activity: Arc<Activity>) -> Body {
    inspect_body(inner, move |_, polled| {
        activity.note(polled.is_pending());
        polled
    })
}
