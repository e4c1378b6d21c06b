//! Time limits for bodies that stand still. A slow body that moves is never an error.

use std::future::Future as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::http::body::{Body, BoxError, inspect_body};

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

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::pin::Pin;
    use std::task::{Context, Poll, ready};

    use bytes::Bytes;
    use http_body::Frame;
    use http_body_util::BodyExt as _;
    use tokio::time::Sleep;

    use super::*;
    use crate::http::body::collect;

    const LIMIT: Duration = Duration::from_secs(10);

    /// A body with one byte after each of these pauses, in seconds.
    struct PacedBody {
        pauses: VecDeque<u64>,
        timer: Option<Pin<Box<Sleep>>>,
    }

    impl http_body::Body for PacedBody {
        type Data = Bytes;
        type Error = BoxError;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
            let Some(pause) = self.pauses.front().copied() else { return Poll::Ready(None) };
            let start = || Box::pin(tokio::time::sleep(Duration::from_secs(pause)));
            ready!(self.timer.get_or_insert_with(start).as_mut().poll(cx));
            self.timer = None;
            self.pauses.pop_front();
            Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"x")))))
        }
    }

    fn paced<const N: usize>(pauses: [u64; N]) -> Body {
        PacedBody { pauses: pauses.into(), timer: None }.boxed_unsync()
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_fails_once_nothing_arrives_for_the_limit_and_never_for_being_slow() {
        let slow = idle_limited(paced([9, 9, 9]), LIMIT);
        assert_eq!(collect(slow, 100).await.unwrap(), "xxx");
        let start = Instant::now();
        let failure = collect(idle_limited(paced([9, 9, 11]), LIMIT), 100).await.unwrap_err();
        assert_eq!(failure.downcast_ref::<Stalled>().map(|stalled| stalled.0), Some(LIMIT));
        assert_eq!(start.elapsed(), Duration::from_secs(9 + 9 + 10));
    }

    #[tokio::test(start_paused = true)]
    async fn the_time_in_which_nobody_waits_for_a_body_is_not_counted() {
        let mut body = idle_limited(paced([1, 9]), LIMIT);
        for _ in 0..2 {
            assert!(body.frame().await.unwrap().is_ok());
            tokio::time::sleep(3 * LIMIT).await;
        }
        assert!(body.frame().await.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn silence_is_counted_from_the_last_progress_and_not_while_the_source_is_waited_for() {
        let start = Instant::now();
        Activity::new().silence(LIMIT).await;
        assert_eq!(start.elapsed(), LIMIT);

        let (start, activity) = (Instant::now(), Activity::new());
        let sent = tokio::spawn(collect(with_activity(paced([4, 21]), activity.clone()), 100));
        tokio::task::yield_now().await;
        activity.silence(LIMIT).await;
        assert_eq!(start.elapsed(), Duration::from_secs(4 + 21) + LIMIT);
        assert_eq!(sent.await.unwrap().unwrap(), "xx");
    }
}
