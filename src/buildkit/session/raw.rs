//! gRPC services whose wire type is chosen by hand: one path, raw messages or any one prost type.
//!
//! `FileSend/DiffCopy` carries two incompatible message types on one path, told apart by metadata, so no
//! generated server can serve it.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Buf as _, BufMut as _, Bytes};
use futures_util::StreamExt as _;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::codegen::http;
use tonic::{Request, Response, Status, Streaming};

use super::refusals::Refusals;
use crate::buildkit::MAX_MESSAGE_BYTES;

/// A codec that leaves messages as they are on the wire.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct RawCodec;

impl Codec for RawCodec {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for RawCodec {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, dst: &mut EncodeBuf<'_>) -> Result<(), Status> {
        dst.put(item);
        Ok(())
    }
}

impl Decoder for RawCodec {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, src: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(src.copy_to_bytes(src.remaining())))
    }
}

/// What answers the calls of one bidirectional method.
pub(crate) trait Handler: Send + Sync + 'static {
    /// The full name of the service, without slashes.
    const SERVICE: &'static str;
    /// The path of the one method.
    const PATH: &'static str;
    /// The codec of both directions.
    type Codec: Codec<Encode: Send + 'static, Decode: Send + 'static> + Default + Send + 'static;
    /// The answers.
    type Replies: futures_util::Stream<Item = Result<<Self::Codec as Codec>::Encode, Status>> + Send + 'static;

    /// Returns the answers to one call.
    fn handle(
        self: Arc<Self>,
        request: Request<Streaming<<Self::Codec as Codec>::Decode>>,
    ) -> impl Future<Output = Result<Response<Self::Replies>, Status>> + Send + 'static;

    /// Returns why the daemon gets no more, if `reply` tells it so; such a reply is not a status.
    fn refusal(_reply: &<Self::Codec as Codec>::Encode) -> Option<String> {
        None
    }
}

/// A gRPC service with a single bidirectional method.
#[derive(Debug)]
pub(crate) struct StreamService<H> {
    handler: Arc<H>,
    refusals: Refusals,
}

impl<H> StreamService<H> {
    /// Returns the service that `handler` answers. What it refuses is noted in `refusals`.
    pub(crate) fn new(handler: H, refusals: Refusals) -> Self {
        Self { handler: Arc::new(handler), refusals }
    }
}

impl<H> Clone for StreamService<H> {
    fn clone(&self) -> Self {
        Self { handler: Arc::clone(&self.handler), refusals: self.refusals.clone() }
    }
}

/// The answers to one call, with what they refuse noted.
async fn answer<H: Handler>(
    handler: Arc<H>,
    refusals: Refusals,
    request: Request<Streaming<<H::Codec as Codec>::Decode>>,
) -> Result<Response<impl futures_util::Stream<Item = Result<<H::Codec as Codec>::Encode, Status>>>, Status> {
    let replies = handler.handle(request).await.map_err(|status| refusals.refuse(status))?;
    Ok(replies.map(|stream| {
        stream.inspect(move |reply| match reply {
            Ok(reply) => {
                if let Some(reason) = H::refusal(reply) {
                    refusals.note(&reason);
                }
            }
            Err(status) => refusals.note(status.message()),
        })
    }))
}

impl<H: Handler> tonic::server::NamedService for StreamService<H> {
    const NAME: &'static str = H::SERVICE;
}

impl<H: Handler> tower::Service<http::Request<tonic::body::Body>> for StreamService<H> {
    type Response = http::Response<tonic::body::Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<tonic::body::Body>) -> Self::Future {
        let Self { handler, refusals } = self.clone();
        Box::pin(async move {
            if !request.uri().path().eq_ignore_ascii_case(H::PATH) {
                return Ok(Status::unimplemented("no such method").into_http());
            }
            let method =
                tower::service_fn(move |request| answer(Arc::clone(&handler), refusals.clone(), request));
            let mut grpc = tonic::server::Grpc::new(H::Codec::default())
                .max_decoding_message_size(MAX_MESSAGE_BYTES)
                .max_encoding_message_size(MAX_MESSAGE_BYTES);
            Ok(grpc.streaming(method, request).await)
        })
    }
}
