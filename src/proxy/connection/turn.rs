//! Whose turn it is on a connection: the client's, or that of the answer to what it asked.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::Poll;

use http::{HeaderValue, Response, Version, header};
use http_body::Body as _;

use crate::http::body::Body;
use crate::http::body::inspect_body;

/// The client may ask.
const FREE: u8 = 0;
/// The client asked, and its answer is not complete.
const OWED: u8 = 1;
/// The answer is complete, and perhaps not written yet.
const ANSWERED: u8 = 2;
/// The answer broke off, and only a reset can tell the client so.
const BROKEN: u8 = 3;

/// The turn on one connection. What a client sends ahead of its turn is left where it is, so that it costs nothing
/// here.
#[derive(Clone, Debug, Default)]
pub(crate) struct Turn(Arc<AtomicU8>);

impl Turn {
    /// Notes that the client has asked.
    pub(crate) fn owe(&self) {
        self.0.store(OWED, Ordering::Release);
    }

    /// Notes that all that was to be written has been; `true` if that ends an answer.
    pub(crate) fn flushed(&self) -> bool {
        self.0.compare_exchange(ANSWERED, FREE, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// Whether the client may ask.
    pub(crate) fn is_free(&self) -> bool {
        self.0.load(Ordering::Acquire) == FREE
    }

    /// Whether the answer broke off so that only a reset tells it.
    pub(crate) fn is_broken(&self) -> bool {
        self.0.load(Ordering::Acquire) == BROKEN
    }

    /// `response`, whose end is noted here. `version` is the client's.
    pub(crate) fn answer(self, version: Version, mut response: Response<Body>) -> Response<Body> {
        // To a client of HTTP/1.0 the end of the connection is the end of a body without a length.
        let ends_with_connection =
            version == Version::HTTP_10 && response.body().size_hint().exact().is_none();
        if ends_with_connection {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        let end = End(self);
        response.map(|body| {
            inspect_body(body, move |_, polled| {
                if ends_with_connection && matches!(polled, Poll::Ready(Some(Err(_)))) {
                    end.0.0.store(BROKEN, Ordering::Release);
                }
                polled
            })
        })
    }
}

/// Notes the end of an answer when it is dropped with the answer's body.
struct End(Turn);

impl Drop for End {
    fn drop(&mut self) {
        let Turn(state) = &self.0;
        let _ = state.compare_exchange(OWED, ANSWERED, Ordering::AcqRel, Ordering::Acquire);
    }
}
