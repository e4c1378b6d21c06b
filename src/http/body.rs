//! Streamed bodies of requests and responses.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt as _;
use http_body_util::combinators::UnsyncBoxBody;

/// The error of a body's source.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A streamed body, of a request or a response.
pub type Body = UnsyncBoxBody<Bytes, BoxError>;

/// Returns a body without content.
pub fn empty_body() -> Body {
    http_body_util::Empty::new().map_err(|never| match never {}).boxed_unsync()
}

/// Returns a body of these bytes.
pub fn full_body(bytes: impl Into<Bytes>) -> Body {
    http_body_util::Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

/// The error of a body with more bytes than its reader accepts.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("it has more than {0} bytes")]
pub(crate) struct TooLong(usize);

/// Returns the whole of a body of at most `limit` bytes.
///
/// # Errors
/// [`TooLong`] beyond `limit`, else what the body's source fails with.
pub(crate) async fn collect(mut body: Body, limit: usize) -> Result<Bytes, BoxError> {
    let mut bytes = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        if bytes.len() + data.len() > limit {
            return Err(Box::new(TooLong(limit)));
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes.freeze())
}

/// The result of polling a body.
type Polled = Poll<Option<Result<Frame<Bytes>, BoxError>>>;

/// Returns `inner` with the same length and end. `watch` gets the result of each poll of it, and returns the one that is
/// passed on.
pub fn inspect_body(
    inner: Body,
    watch: impl FnMut(&mut Context<'_>, Polled) -> Polled + Send + Unpin + 'static,
) -> Body {
    InspectedBody { inner, watch }.boxed_unsync()
}

struct InspectedBody<W> {
    inner: Body,
    watch: W,
}

impl<W: FnMut(&mut Context<'_>, Polled) -> Polled + Unpin> http_body::Body for InspectedBody<W> {
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

#[cfg(test)]
mod tests {
    use http_body::Body as _;

    use super::*;

    #[tokio::test]
    async fn a_body_is_collected_up_to_its_limit() {
        assert_eq!(collect(empty_body(), 0).await.unwrap(), "");
        assert_eq!(collect(full_body("four"), 4).await.unwrap(), "four");
        let error = collect(full_body("four"), 3).await.unwrap_err();
        assert_eq!(error.to_string(), "it has more than 3 bytes");
    }

    #[tokio::test]
    async fn an_inspected_body_keeps_its_length_and_its_end() {
        for body in [empty_body, || full_body("four")] {
            let inspected = inspect_body(body(), |_, polled| polled);
            assert_eq!(inspected.size_hint().exact(), body().size_hint().exact());
            assert_eq!(inspected.is_end_stream(), body().is_end_stream());
            assert_eq!(collect(inspected, 4).await.unwrap(), collect(body(), 4).await.unwrap());
        }
        // What the watcher returns is what is passed on.
        let replaced = inspect_body(full_body("four"), |_, polled| {
            polled.map(|frame| frame.map(|_| Ok(Frame::data(Bytes::from_static(b"five!")))))
        });
        assert_eq!(collect(replaced, 5).await.unwrap(), "five!");
    }
}
