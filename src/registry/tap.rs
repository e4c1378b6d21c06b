//! Bodies that are watched as they pass.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt as _;

use super::transport::{Body, BoxError};

/// What polling a body brought.
pub(super) type Polled = Poll<Option<Result<Frame<Bytes>, BoxError>>>;

/// `inner` with the same length and end. `watch` sees what each poll of it brings, and returns what is
/// passed on.
pub fn tap(
    inner: Body,
    watch: impl FnMut(&mut Context<'_>, Polled) -> Polled + Send + Unpin + 'static,
) -> Body {
    Tap { inner, watch }.boxed_unsync()
}

struct Tap<W> {
    inner: Body,
    watch: W,
}

impl<W: FnMut(&mut Context<'_>, Polled) -> Polled + Unpin> http_body::Body for Tap<W> {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Polled {
        let polled = Pin::new(&mut self.inner).poll_frame(cx);
        (self.watch)(cx, polled)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
