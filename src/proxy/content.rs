//! Reads what a request carries: small bodies into memory, so that they can be sent again, large ones as a
//! stream. Manifests are looked at.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt as _, stream};
use http::{HeaderMap, Method, Response};
use http_body::{Body as _, Frame};
use http_body_util::{BodyExt as _, BodyStream, StreamBody};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::registry::{Body, BoxError, MANIFEST_LIMIT, Payload, Stalled};

use super::authorise::{Action, Permitted, Upstream};
use super::error::ProxyError;
use super::exchange::{Facts, Layer};
use super::manifest;

/// Bodies up to this size are kept, in bytes.
const KEEP_LIMIT: usize = 4 * 1024 * 1024;

/// Turns a request's body into a [`Payload`].
#[derive(Debug)]
pub(super) struct Content<S> {
    /// One permit a byte that is kept in memory.
    pub(super) budget: Arc<Semaphore>,
    pub(super) inner: S,
}

/// A permitted request with its content.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) method: Method,
    pub(super) headers: HeaderMap,
    pub(super) payload: Payload,
    pub(super) name: String,
    pub(super) upstream: Upstream,
    pub(super) action: Action,
    pub(super) facts: Arc<Facts>,
}

impl<S: Layer<Prepared>> Layer<Permitted> for Content<S> {
    async fn call(&self, permitted: Permitted) -> Result<Response<Body>, ProxyError> {
        let Permitted { inbound, name, upstream, action } = permitted;
        let method = inbound.head.method;
        let takes_body = matches!(method, Method::PUT | Method::POST | Method::PATCH);
        if !takes_body && !inbound.body.is_end_stream() {
            return Err(ProxyError::UnwantedBody(method));
        }
        let is_manifest = matches!(action, Action::WriteManifest { .. });
        // Held until the registry has answered: that long the bytes are in memory.
        let (payload, _permit) = self.read(inbound.body, is_manifest).await?;
        if is_manifest {
            check_manifest(&payload)?;
        }
        let (headers, facts) = (inbound.head.headers, inbound.facts);
        self.inner.call(Prepared { method, headers, payload, name, upstream, action, facts }).await
    }
}

impl<S> Content<S> {
    /// The body as a payload. A manifest waits until there is room for it; anything else is streamed when
    /// there is none.
    async fn read(
        &self,
        mut body: Body,
        is_manifest: bool,
    ) -> Result<(Payload, Option<OwnedSemaphorePermit>), ProxyError> {
        if body.is_end_stream() {
            return Ok((Payload::Empty, None));
        }
        let length = body.size_hint().exact();
        let Some(expected) =
            usize::try_from(length.unwrap_or(KEEP_LIMIT as u64)).ok().filter(|size| *size <= KEEP_LIMIT)
        else {
            return Ok((Payload::Stream(body), None));
        };
        let permits = u32::try_from(expected).unwrap_or(u32::MAX);
        let permit = if is_manifest {
            self.budget.clone().acquire_many_owned(permits).await.ok()
        } else {
            self.budget.clone().try_acquire_many_owned(permits).ok()
        };
        let Some(permit) = permit else { return Ok((Payload::Stream(body), None)) };
        // One copy, so that what is held is what the permit counts, and not the buffers of the connection.
        let mut bytes = BytesMut::with_capacity(length.map_or(0, |_| expected));
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame.map_err(|fault| client_fault(&fault))?.into_data() else { continue };
            if bytes.len() + data.len() > KEEP_LIMIT {
                let first = [bytes.freeze(), data];
                return Ok((Payload::Stream(rejoined(first, body)), Some(permit)));
            }
            bytes.extend_from_slice(&data);
        }
        Ok((Payload::Bytes(bytes.freeze()), Some(permit)))
    }
}

fn check_manifest(payload: &Payload) -> Result<(), ProxyError> {
    let bytes: &[u8] = match payload {
        Payload::Bytes(bytes) if bytes.len() <= MANIFEST_LIMIT => bytes,
        Payload::Empty => &[],
        _ => return Err(ProxyError::ManifestTooLarge { limit: MANIFEST_LIMIT }),
    };
    match manifest::has_subject(bytes) {
        Some(false) => Ok(()),
        Some(true) => Err(ProxyError::Denied("writing referrers (a manifest with a subject)")),
        None => Err(ProxyError::ManifestInvalid),
    }
}

fn client_fault(fault: &BoxError) -> ProxyError {
    match fault.downcast_ref::<Stalled>() {
        Some(Stalled(limit)) => ProxyError::ClientStalled { seconds: limit.as_secs() },
        None => ProxyError::ClientBody,
    }
}

/// The whole of a body whose first pieces were read already.
fn rejoined(first: impl IntoIterator<Item = Bytes, IntoIter: Send + 'static>, rest: Body) -> Body {
    let first = stream::iter(first).map(|piece| Ok(Frame::data(piece)));
    StreamBody::new(first.chain(BodyStream::new(rest))).boxed_unsync()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::full_body;

    fn content(budget: usize) -> Content<()> {
        Content { budget: Arc::new(Semaphore::new(budget)), inner: () }
    }

    /// A body of `pieces` pieces of 1 MiB whose length is not known beforehand.
    fn chunks(pieces: usize) -> Body {
        let rest = http_body_util::Empty::new().map_err(|never| match never {}).boxed_unsync();
        rejoined((0..pieces).map(|_| vec![7; 1024 * 1024].into()), rest)
    }

    async fn length(payload: Payload) -> usize {
        match payload {
            Payload::Empty => 0,
            Payload::Bytes(bytes) => bytes.len(),
            Payload::Stream(body) => body.collect().await.unwrap().to_bytes().len(),
        }
    }

    #[tokio::test]
    async fn bodies_up_to_4_mib_are_kept_and_larger_ones_streamed_whole() {
        let content = content(KEEP_LIMIT);
        for (body, kept, size) in [
            (full_body(""), false, 0),
            (full_body(vec![1; 10]), true, 10),
            (full_body(vec![1; KEEP_LIMIT]), true, KEEP_LIMIT),
            (full_body(vec![1; KEEP_LIMIT + 1]), false, KEEP_LIMIT + 1),
            (chunks(4), true, KEEP_LIMIT),
            (chunks(6), false, 6 * 1024 * 1024),
        ] {
            let (payload, _permit) = content.read(body, false).await.unwrap();
            assert_eq!(matches!(payload, Payload::Bytes(_)), kept, "{size}");
            assert_eq!(length(payload).await, size);
        }
    }

    #[tokio::test]
    async fn without_room_a_body_is_streamed() {
        let content = content(5);
        let (first, permit) = content.read(full_body("12345"), false).await.unwrap();
        assert!(!first.is_stream());
        let (second, _) = content.read(full_body("1"), false).await.unwrap();
        assert!(second.is_stream());
        drop(permit);
        assert!(!content.read(full_body("1"), false).await.unwrap().0.is_stream());
    }
}
