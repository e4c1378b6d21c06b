//! Whether a connection waits for its client's next request, or still has a response to send.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::Poll;

use http::{HeaderValue, Response, Version, header};
use http_body::Body as _;

use crate::http::body::{Body, inspect_body};

/// No response is due: the next request may be read.
const IDLE: u8 = 0;
/// A request has been read, and its response is incomplete.
const PENDING: u8 = 1;
/// The response is complete, but perhaps not written yet.
const COMPLETE: u8 = 2;
/// The response broke off, and only a reset of the connection shows this to the client.
const TRUNCATED: u8 = 3;

/// The state of the response on one connection. While a response is due, requests that the client pipelines stay unread
/// in the socket, so that they take no memory here.
#[derive(Clone, Debug, Default)]
pub(crate) struct ResponseState(Arc<AtomicU8>);

impl ResponseState {
    /// Notes that a request has been read.
    pub(crate) fn note_request(&self) {
        self.0.store(PENDING, Ordering::Release);
    }

    /// Notes that all that was to be written has been; `true` if that ends a response.
    pub(crate) fn note_flushed(&self) -> bool {
        self.0.compare_exchange(COMPLETE, IDLE, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// Whether the next request may be read.
    pub(crate) fn is_idle(&self) -> bool {
        self.0.load(Ordering::Acquire) == IDLE
    }

    /// Whether the response broke off, so that the connection has to be reset.
    pub(crate) fn is_truncated(&self) -> bool {
        self.0.load(Ordering::Acquire) == TRUNCATED
    }

    /// `response` to a client of `version`, with a body that notes its end here.
    pub(crate) fn track(self, version: Version, mut response: Response<Body>) -> Response<Body> {
        // For a client of HTTP/1.0, a body without a length ends with the connection.
        let ends_with_connection =
            version == Version::HTTP_10 && response.body().size_hint().exact().is_none();
        if ends_with_connection {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        let end = ResponseEnd(self);
        response.map(|body| {
            inspect_body(body, move |_, polled| {
                if ends_with_connection && matches!(polled, Poll::Ready(Some(Err(_)))) {
                    end.0.0.store(TRUNCATED, Ordering::Release);
                }
                polled
            })
        })
    }
}

/// Notes the end of a response when it is dropped together with the response's body.
struct ResponseEnd(ResponseState);

impl Drop for ResponseEnd {
    fn drop(&mut self) {
        let ResponseState(state) = &self.0;
        let _ = state.compare_exchange(PENDING, COMPLETE, Ordering::AcqRel, Ordering::Acquire);
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;
    use crate::http::body::{BoxError, collect, full_body};

    fn broken_body() -> Body {
        let broken =
            futures_util::stream::once(async { Err::<http_body::Frame<_>, BoxError>("broken".into()) });
        http_body_util::StreamBody::new(Box::pin(broken)).boxed_unsync()
    }

    #[tokio::test]
    async fn the_next_request_is_read_once_the_response_is_complete_and_written() {
        let state = ResponseState::default();
        assert!(state.is_idle() && !state.note_flushed());
        state.note_request();
        let response = state.clone().track(Version::HTTP_11, Response::new(full_body("x")));
        assert!(!state.note_flushed() && !state.is_idle(), "the response is not complete yet");
        assert_eq!(collect(response.into_body(), 1).await.unwrap(), "x");
        assert!(!state.is_idle());
        assert!(state.note_flushed() && state.is_idle() && !state.note_flushed());
    }

    #[tokio::test]
    async fn only_a_response_without_a_length_to_a_client_of_http_1_0_ends_with_the_connection() {
        for (version, body, closes, is_truncated) in [
            (Version::HTTP_10, broken_body(), true, true),
            (Version::HTTP_10, full_body("x"), false, false),
            (Version::HTTP_11, broken_body(), false, false),
        ] {
            let state = ResponseState::default();
            state.note_request();
            let response = state.clone().track(version, Response::new(body));
            assert_eq!(response.headers().contains_key(header::CONNECTION), closes, "{version:?}");
            let _ = collect(response.into_body(), 1).await;
            assert_eq!(state.is_truncated(), is_truncated, "{version:?}");
        }
    }
}
