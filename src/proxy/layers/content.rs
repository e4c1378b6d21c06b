//! Reads what a request carries: small bodies into memory, so that they can be sent again, large ones as a
//! stream. Manifests are looked at.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt as _, stream};
use http::{HeaderMap, Method, Response};
use http_body::{Body as _, Frame};
use http_body_util::{BodyExt as _, BodyStream, StreamBody};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use crate::http::body::{Body, BoxError};
use crate::registry::{MANIFEST_LIMIT, Payload, Stalled};

use super::authorise::{Action, Permitted, Upstream};
use super::exchange::{Facts, Layer};
use super::manifest;
use crate::proxy::error::ProxyError;

/// Bodies up to this size are kept, in bytes.
const KEEP_LIMIT: usize = 4 * 1024 * 1024;
/// For how long room is held for bytes that have not come yet.
const GRACE: Duration = Duration::from_secs(1);
/// A body that has brought less than this, in bytes, when its time is over is given up; any other is slow but moves.
const TRICKLE: usize = 64 * 1024;

/// Turns a request's body into a [`Payload`].
#[derive(Debug)]
pub(crate) struct Content<S> {
    pub(crate) room: Room,
    /// How long a body waits for room, and how long it may then take to be kept.
    pub(crate) patience: Duration,
    pub(crate) inner: S,
}

/// Memory for the bodies that are kept, one permit a byte.
#[derive(Debug)]
pub(crate) struct Room {
    free: Arc<Semaphore>,
    size: usize,
}

impl Room {
    pub(crate) fn new(size: usize) -> Self {
        Self { free: Arc::new(Semaphore::new(size)), size }
    }
}

/// A body as far as it has come, and the room that it holds.
struct Kept {
    bytes: BytesMut,
    room: OwnedSemaphorePermit,
}

impl Kept {
    /// Gives back the room for what has not come.
    fn shrink(&mut self) {
        drop(self.room.split(self.room.num_permits().saturating_sub(self.bytes.len())));
    }

    fn into_payload(mut self) -> (Payload, Option<OwnedSemaphorePermit>) {
        self.shrink();
        (Payload::Bytes(self.bytes.freeze()), Some(self.room))
    }

    /// The same body as a stream: what has come, `next`, and the rest.
    fn into_stream(mut self, next: Option<Bytes>, rest: Body) -> (Payload, Option<OwnedSemaphorePermit>) {
        self.shrink();
        let first = [Some(self.bytes.freeze()), next].into_iter().flatten();
        (Payload::Stream(rejoined(first, rest)), Some(self.room))
    }
}

/// A permitted request with its content.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) method: Method,
    pub(crate) headers: HeaderMap,
    pub(crate) payload: Payload,
    pub(crate) name: String,
    pub(crate) upstream: Upstream,
    pub(crate) action: Action,
    pub(crate) facts: Arc<Facts>,
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
    /// The body as a payload, and the room that it takes. A body of known length waits until there is room for the whole
    /// of it. What has not come a moment later is reserved no more, and nothing is for a body of unknown length before it
    /// comes, so that a few slow bodies do not hold all of it.
    async fn read(
        &self,
        mut body: Body,
        is_manifest: bool,
    ) -> Result<(Payload, Option<OwnedSemaphorePermit>), ProxyError> {
        if body.is_end_stream() {
            return Ok((Payload::Empty, None));
        }
        let length = body.size_hint().exact();
        let expected = usize::try_from(length.unwrap_or(0)).ok().filter(|size| *size <= KEEP_LIMIT);
        let Some(expected) = expected else {
            return Ok((Payload::Stream(body), None));
        };
        let Some(room) = self.room(expected).await else {
            return if is_manifest { Err(ProxyError::Crowded) } else { Ok((Payload::Stream(body), None)) };
        };
        // One copy, so that what is held is what the permit counts, and not the buffers of the connection.
        let mut kept = Kept { bytes: BytesMut::with_capacity(expected), room };
        let begun = Instant::now();
        let (grace, deadline) = (sleep_until(begun + GRACE), begun + self.patience);
        tokio::pin!(grace);
        let mut is_slow = false;
        loop {
            let next = tokio::select! {
                next = timeout_at(deadline, body.frame()) => next,
                () = &mut grace, if !is_slow => {
                    is_slow = true;
                    kept.shrink();
                    continue;
                }
            };
            let data = match next {
                Ok(None) => return Ok(kept.into_payload()),
                Ok(Some(frame)) => {
                    frame.map_err(|fault| client_fault(&fault))?.into_data().unwrap_or_default()
                }
                Err(_) if is_manifest || kept.bytes.len() < TRICKLE => {
                    return Err(ProxyError::ClientTrickles { seconds: self.patience.as_secs() });
                }
                Err(_) => return Ok(kept.into_stream(None, body)),
            };
            let is_small = kept.bytes.len() + data.len() <= KEEP_LIMIT;
            // Anything but a manifest can be streamed, and bodies that wait for each other do so for a moment only.
            let until = if is_manifest { deadline } else { deadline.min(Instant::now() + GRACE) };
            let has_room = is_small && self.grow(&mut kept, data.len(), until).await;
            if is_manifest && is_small && !has_room {
                return Err(ProxyError::Crowded);
            }
            if !has_room {
                return Ok(kept.into_stream(Some(data), body));
            }
            kept.bytes.extend_from_slice(&data);
        }
    }

    /// Room for a body of `expected` bytes, as soon as there is enough; none if that takes too long.
    async fn room(&self, expected: usize) -> Option<OwnedSemaphorePermit> {
        let permits = u32::try_from(expected.min(self.room.size)).ok()?;
        timeout(self.patience, self.room.free.clone().acquire_many_owned(permits)).await.ok()?.ok()
    }

    /// Makes sure that there is room for `more` bytes of a body, which is waited for until then.
    async fn grow(&self, kept: &mut Kept, more: usize, until: Instant) -> bool {
        let missing = (kept.bytes.len() + more).saturating_sub(kept.room.num_permits());
        let Ok(permits) = u32::try_from(missing) else { return false };
        let free = self.room.free.clone();
        let grown = timeout_at(until, free.acquire_many_owned(permits)).await.ok().and_then(Result::ok);
        let is_grown = grown.is_some();
        if let Some(grown) = grown {
            kept.room.merge(grown);
        }
        is_grown
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
    use crate::http::body::full_body;

    fn content(budget: usize) -> Content<()> {
        Content { room: Room::new(budget), patience: Duration::from_millis(1500), inner: () }
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

    #[tokio::test(start_paused = true)]
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

    #[tokio::test(start_paused = true)]
    async fn a_body_waits_for_room_and_is_streamed_only_if_there_is_none_for_long() {
        let content = Arc::new(content(5));
        let (first, permit) = content.read(full_body("12345"), false).await.unwrap();
        assert!(!first.is_stream());
        let waiting = content.clone();
        let second = tokio::spawn(async move { waiting.read(full_body("1"), false).await });
        tokio::task::yield_now().await;
        assert!(!second.is_finished());
        drop(permit);
        let (second, _permit) = second.await.unwrap().unwrap();
        assert!(!second.is_stream());
        // It keeps its one byte, so that there is never enough for this one.
        assert!(content.read(full_body("12345"), false).await.unwrap().0.is_stream());
        assert!(matches!(content.read(full_body("12345"), true).await, Err(ProxyError::Crowded)));
    }

    /// A body that brings `first` and then a piece of one byte each `pause`, for ever.
    fn trickling(first: Vec<u8>, pause: Duration) -> Body {
        let rest = stream::unfold((), move |()| async move {
            tokio::time::sleep(pause).await;
            Some((Ok(Frame::data(Bytes::from_static(b"x"))), ()))
        });
        let rest = StreamBody::new(Box::pin(rest)).boxed_unsync();
        rejoined([Bytes::from(first)], rest)
    }

    #[tokio::test(start_paused = true)]
    async fn bodies_that_trickle_hold_no_room_for_what_does_not_come_and_are_given_up() {
        let content = Arc::new(content(KEEP_LIMIT));
        let reading = content.clone();
        let trickles =
            tokio::spawn(
                async move { reading.read(trickling(vec![1], Duration::from_millis(100)), false).await },
            );
        while content.room.free.available_permits() == KEEP_LIMIT {
            tokio::task::yield_now().await;
        }
        // All the room but for a few bytes is free long before the trickling one ends.
        let room = content.room(KEEP_LIMIT - 1000).await;
        assert!(room.is_some() && !trickles.is_finished());
        assert!(matches!(trickles.await.unwrap(), Err(ProxyError::ClientTrickles { .. })));
        drop(room);
        assert_eq!(content.room.free.available_permits(), KEEP_LIMIT);
        // One that moves goes on as a stream, and holds what has come of it.
        let body = trickling(vec![1; TRICKLE], Duration::from_millis(100));
        let (payload, permit) = content.read(body, false).await.unwrap();
        assert!(payload.is_stream());
        let held = permit.unwrap().num_permits();
        assert!((TRICKLE..TRICKLE + 100).contains(&held), "{held}");
        let body = trickling(vec![1; TRICKLE], Duration::from_millis(100));
        assert!(matches!(content.read(body, true).await, Err(ProxyError::ClientTrickles { .. })));
    }

    #[tokio::test(start_paused = true)]
    async fn bodies_of_unknown_length_hold_room_only_for_what_has_come() {
        let content = Arc::new(content(KEEP_LIMIT));
        let all: Vec<_> = (0..100)
            .map(|_| {
                let content = content.clone();
                let body = trickling(vec![1], Duration::from_mins(1));
                tokio::spawn(async move { content.read(body, false).await })
            })
            .collect();
        while KEEP_LIMIT - content.room.free.available_permits() < all.len() {
            tokio::task::yield_now().await;
        }
        assert_eq!(content.room.free.available_permits(), KEEP_LIMIT - all.len());
        all.iter().for_each(tokio::task::JoinHandle::abort);
    }
}
