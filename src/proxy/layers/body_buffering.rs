//! Reads the body of a request: a small one into memory, so that it can be sent again, a large one as a stream.

use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt as _, stream};
use http::{HeaderMap, Method, Response};
use http_body::{Body as _, Frame};
use http_body_util::{BodyExt as _, BodyStream, StreamBody};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use crate::http::body::{Body, BoxError, inspect_body};
use crate::registry::{Payload, Stalled};

use super::Layer;
use super::repository_authorization::AuthorizedRequest;
use crate::proxy::config::UploadObserver;
use crate::proxy::error::ProxyError;
use crate::proxy::request::access_record::AccessRecord;
use crate::proxy::request::action::{Action, UpstreamRepository};

/// The largest body that is read into memory, in bytes.
const MAX_BUFFERED_BODY: usize = 4 * 1024 * 1024;
/// How long memory stays reserved for bytes that have not come yet.
const RESERVATION_TIME: Duration = Duration::from_secs(1);
/// The least that has to come of a body within [`BodyBuffering::timeout`], in bytes. With less the request fails; with more
/// it goes on as a stream.
const MIN_PROGRESS: usize = 64 * 1024;

/// The layer that reads a request's body as a [`Payload`].
#[derive(Debug)]
pub(crate) struct BodyBuffering<S> {
    pub(crate) memory: BodyMemory,
    /// How long a body waits for memory, and how long it may then take to be read.
    pub(crate) timeout: Duration,
    /// Is told how far uploads are.
    pub(crate) uploads: Option<Arc<dyn UploadObserver>>,
    pub(crate) inner: S,
}

/// The memory for all bodies that are held, one permit a byte.
#[derive(Debug)]
pub(crate) struct BodyMemory {
    free: Arc<Semaphore>,
    size: usize,
}

impl BodyMemory {
    pub(crate) fn new(size: usize) -> Self {
        Self { free: Arc::new(Semaphore::new(size)), size }
    }
}

/// The part of a body that has come, and the memory that is reserved for it.
struct BufferedBody {
    bytes: BytesMut,
    reserved: OwnedSemaphorePermit,
}

impl BufferedBody {
    /// Gives back the memory for bytes that have not come.
    fn release_unused(&mut self) {
        drop(self.reserved.split(self.reserved.num_permits().saturating_sub(self.bytes.len())));
    }

    /// The whole body, and the memory that it takes.
    fn into_payload(mut self) -> (Payload, Option<OwnedSemaphorePermit>) {
        self.release_unused();
        (Payload::Bytes(self.bytes.freeze()), Some(self.reserved))
    }

    /// The body as a stream of what has come, `next` and the rest; and the memory that the first of these takes.
    fn into_stream(mut self, next: Option<Bytes>, rest: Body) -> (Payload, Option<OwnedSemaphorePermit>) {
        self.release_unused();
        let first = [Some(self.bytes.freeze()), next].into_iter().flatten();
        (Payload::Stream(concatenated(first, rest)), Some(self.reserved))
    }
}

/// An authorized request with its body.
#[derive(Debug)]
pub(crate) struct BufferedRequest {
    pub(crate) method: Method,
    pub(crate) headers: HeaderMap,
    pub(crate) payload: Payload,
    pub(crate) name: String,
    pub(crate) upstream: UpstreamRepository,
    pub(crate) action: Action,
    pub(crate) record: Arc<AccessRecord>,
}

impl<S: Layer<BufferedRequest>> Layer<AuthorizedRequest> for BodyBuffering<S> {
    async fn call(&self, authorized: AuthorizedRequest) -> Result<Response<Body>, ProxyError> {
        let AuthorizedRequest { request, name, upstream, action } = authorized;
        let method = request.head.method;
        let takes_body = matches!(method, Method::PUT | Method::POST | Method::PATCH);
        if !takes_body && !request.body.is_end_stream() {
            return Err(ProxyError::UnwantedBody(method));
        }
        let is_manifest = matches!(action, Action::WriteManifest { .. });
        // Held until the registry has answered: the bytes are in memory for that long.
        let body = self.observed(request.body, &action);
        let (payload, _permit) = self.read(body, is_manifest).await?;
        let (headers, record) = (request.head.headers, request.record);
        self.inner.call(BufferedRequest { method, headers, payload, name, upstream, action, record }).await
    }
}

impl<S> BodyBuffering<S> {
    /// The body, with its bytes told to who observes uploads where it is a whole blob.
    fn observed(&self, body: Body, action: &Action) -> Body {
        let (Action::StartUpload { digest: Some(digest), .. } | Action::Upload { digest: Some(digest), .. }) =
            action
        else {
            return body;
        };
        let Some(observer) = self.uploads.clone().filter(|_| !body.is_end_stream()) else { return body };
        let (digest, total, mut bytes) = (digest.to_string(), body.size_hint().exact(), 0);
        inspect_body(body, move |_, polled| {
            if let Poll::Ready(Some(Ok(frame))) = &polled
                && let Some(data) = frame.data_ref()
            {
                bytes += data.len() as u64;
                observer.uploaded(&digest, bytes, total);
            }
            polled
        })
    }

    /// The body as a payload, and the memory that it takes.
    ///
    /// A body of known length waits until there is memory for the whole of it. After [`RESERVATION_TIME`] only the bytes
    /// that have come stay reserved, and for a body of unknown length nothing is reserved beforehand, so that a few slow
    /// bodies do not hold all of the memory.
    async fn read(
        &self,
        mut body: Body,
        is_manifest: bool,
    ) -> Result<(Payload, Option<OwnedSemaphorePermit>), ProxyError> {
        if body.is_end_stream() {
            return Ok((Payload::Empty, None));
        }
        let length = body.size_hint().exact();
        let expected = usize::try_from(length.unwrap_or(0)).ok().filter(|size| *size <= MAX_BUFFERED_BODY);
        let Some(expected) = expected else {
            return Ok((Payload::Stream(body), None));
        };
        let Some(reserved) = self.reserve(expected).await else {
            return if is_manifest { Err(ProxyError::Crowded) } else { Ok((Payload::Stream(body), None)) };
        };
        // One copy, so that what is held is what the permit counts, and not the buffers of the connection.
        let mut buffered = BufferedBody { bytes: BytesMut::with_capacity(expected), reserved };
        let start = Instant::now();
        let (reservation_end, deadline) = (sleep_until(start + RESERVATION_TIME), start + self.timeout);
        tokio::pin!(reservation_end);
        let mut is_slow = false;
        loop {
            let next = tokio::select! {
                next = timeout_at(deadline, body.frame()) => next,
                () = &mut reservation_end, if !is_slow => {
                    is_slow = true;
                    buffered.release_unused();
                    continue;
                }
            };
            let data = match next {
                Ok(None) => return Ok(buffered.into_payload()),
                Ok(Some(frame)) => {
                    frame.map_err(|fault| client_fault(&fault))?.into_data().unwrap_or_default()
                }
                Err(_) if is_manifest || buffered.bytes.len() < MIN_PROGRESS => {
                    return Err(ProxyError::ClientTrickles { seconds: self.timeout.as_secs() });
                }
                Err(_) => return Ok(buffered.into_stream(None, body)),
            };
            let is_small = buffered.bytes.len() + data.len() <= MAX_BUFFERED_BODY;
            // Anything but a manifest can be streamed, and bodies that wait for each other do so for a short time only.
            let until = if is_manifest { deadline } else { deadline.min(Instant::now() + RESERVATION_TIME) };
            let has_memory = is_small && self.reserve_more(&mut buffered, data.len(), until).await;
            if is_manifest && is_small && !has_memory {
                return Err(ProxyError::Crowded);
            }
            if !has_memory {
                return Ok(buffered.into_stream(Some(data), body));
            }
            buffered.bytes.extend_from_slice(&data);
        }
    }

    /// Memory for a body of `expected` bytes, as soon as there is enough; none if that takes too long.
    async fn reserve(&self, expected: usize) -> Option<OwnedSemaphorePermit> {
        let permits = u32::try_from(expected.min(self.memory.size)).ok()?;
        timeout(self.timeout, self.memory.free.clone().acquire_many_owned(permits)).await.ok()?.ok()
    }

    /// Reserves memory for `more` further bytes of a body; `false` if there is not enough before `until`.
    async fn reserve_more(&self, buffered: &mut BufferedBody, more: usize, until: Instant) -> bool {
        let missing = (buffered.bytes.len() + more).saturating_sub(buffered.reserved.num_permits());
        let Ok(permits) = u32::try_from(missing) else { return false };
        let free = self.memory.free.clone();
        let Ok(Ok(further)) = timeout_at(until, free.acquire_many_owned(permits)).await else { return false };
        buffered.reserved.merge(further);
        true
    }
}

/// The error for a body that broke off on the client's side.
fn client_fault(fault: &BoxError) -> ProxyError {
    match fault.downcast_ref::<Stalled>() {
        Some(Stalled(limit)) => ProxyError::ClientStalled { seconds: limit.as_secs() },
        None => ProxyError::ClientBody,
    }
}

/// The pieces `first` and then `rest`, as one body.
fn concatenated(first: impl IntoIterator<Item = Bytes, IntoIter: Send + 'static>, rest: Body) -> Body {
    let first = stream::iter(first).map(|piece| Ok(Frame::data(piece)));
    StreamBody::new(first.chain(BodyStream::new(rest))).boxed_unsync()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::body::full_body;

    fn layer(budget: usize) -> BodyBuffering<()> {
        BodyBuffering {
            memory: BodyMemory::new(budget),
            timeout: Duration::from_millis(1500),
            uploads: None,
            inner: (),
        }
    }

    /// A body of `pieces` pieces of 1 MiB whose length is not known beforehand.
    fn chunks(pieces: usize) -> Body {
        let rest = http_body_util::Empty::new().map_err(|never| match never {}).boxed_unsync();
        concatenated((0..pieces).map(|_| vec![7; 1024 * 1024].into()), rest)
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
        let layer = layer(MAX_BUFFERED_BODY);
        for (body, kept, size) in [
            (full_body(""), false, 0),
            (full_body(vec![1; 10]), true, 10),
            (full_body(vec![1; MAX_BUFFERED_BODY]), true, MAX_BUFFERED_BODY),
            (full_body(vec![1; MAX_BUFFERED_BODY + 1]), false, MAX_BUFFERED_BODY + 1),
            (chunks(4), true, MAX_BUFFERED_BODY),
            (chunks(6), false, 6 * 1024 * 1024),
        ] {
            let (payload, _permit) = layer.read(body, false).await.unwrap();
            assert_eq!(matches!(payload, Payload::Bytes(_)), kept, "{size}");
            assert_eq!(length(payload).await, size);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_waits_for_memory_and_is_streamed_only_if_none_is_free_in_time() {
        let layer = Arc::new(layer(5));
        let (first, permit) = layer.read(full_body("12345"), false).await.unwrap();
        assert!(!first.is_stream());
        let waiting = layer.clone();
        let second = tokio::spawn(async move { waiting.read(full_body("1"), false).await });
        tokio::task::yield_now().await;
        assert!(!second.is_finished());
        drop(permit);
        let (second, _permit) = second.await.unwrap().unwrap();
        assert!(!second.is_stream());
        // It keeps its one byte, so that there is never enough for this one.
        assert!(layer.read(full_body("12345"), false).await.unwrap().0.is_stream());
        assert!(matches!(layer.read(full_body("12345"), true).await, Err(ProxyError::Crowded)));
    }

    /// A body that brings `first` and then a piece of one byte each `pause`, for ever.
    fn trickling(first: Vec<u8>, pause: Duration) -> Body {
        let rest = stream::unfold((), move |()| async move {
            tokio::time::sleep(pause).await;
            Some((Ok(Frame::data(Bytes::from_static(b"x"))), ()))
        });
        let rest = StreamBody::new(Box::pin(rest)).boxed_unsync();
        concatenated([Bytes::from(first)], rest)
    }

    #[tokio::test(start_paused = true)]
    async fn bodies_that_trickle_reserve_no_memory_for_what_does_not_come_and_are_given_up() {
        let layer = Arc::new(layer(MAX_BUFFERED_BODY));
        let reading = layer.clone();
        let trickles =
            tokio::spawn(
                async move { reading.read(trickling(vec![1], Duration::from_millis(100)), false).await },
            );
        while layer.memory.free.available_permits() == MAX_BUFFERED_BODY {
            tokio::task::yield_now().await;
        }
        // All the room but for a few bytes is free long before the trickling one ends.
        let room = layer.reserve(MAX_BUFFERED_BODY - 1000).await;
        assert!(room.is_some() && !trickles.is_finished());
        assert!(matches!(trickles.await.unwrap(), Err(ProxyError::ClientTrickles { .. })));
        drop(room);
        assert_eq!(layer.memory.free.available_permits(), MAX_BUFFERED_BODY);
        // One that moves goes on as a stream, and holds what has come of it.
        let body = trickling(vec![1; MIN_PROGRESS], Duration::from_millis(100));
        let (payload, permit) = layer.read(body, false).await.unwrap();
        assert!(payload.is_stream());
        let held = permit.unwrap().num_permits();
        assert!((MIN_PROGRESS..MIN_PROGRESS + 100).contains(&held), "{held}");
        let body = trickling(vec![1; MIN_PROGRESS], Duration::from_millis(100));
        assert!(matches!(layer.read(body, true).await, Err(ProxyError::ClientTrickles { .. })));
    }

    #[tokio::test(start_paused = true)]
    async fn bodies_of_unknown_length_reserve_memory_only_for_what_has_come() {
        let layer = Arc::new(layer(MAX_BUFFERED_BODY));
        let all: Vec<_> = (0..100)
            .map(|_| {
                let layer = layer.clone();
                let body = trickling(vec![1], Duration::from_mins(1));
                tokio::spawn(async move { layer.read(body, false).await })
            })
            .collect();
        while MAX_BUFFERED_BODY - layer.memory.free.available_permits() < all.len() {
            tokio::task::yield_now().await;
        }
        assert_eq!(layer.memory.free.available_permits(), MAX_BUFFERED_BODY - all.len());
        all.iter().for_each(tokio::task::JoinHandle::abort);
    }
}
