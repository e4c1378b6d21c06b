//! Content stores: the daemon reads the blobs of an OCI layout on this machine, or writes them there.
//!
//! Source: `session/content` in BuildKit and `api/services/content/v1` of containerd. A store is chosen by its id in
//! the metadata.

mod write;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fs::File;
use std::future::{Future, ready};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::codegen::http;
use tonic::metadata::MetadataMap;
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;

use self::write::{WriteRequest, WriteResponse};
use super::Service;
use crate::beneath::Root;
use crate::buildkit::MAX_MESSAGE_BYTES;
use crate::image::digest;

/// The metadata key of the store's id.
const STORE_ID: &str = "buildkit-attachable-store-id";
/// The most that one message holds, in bytes.
const CHUNK_BYTES: u64 = 256 << 10;
/// Messages that are read ahead of the daemon.
const CHUNKS_AHEAD: usize = 4;

const INFO: &str = "/containerd.services.content.v1.Content/Info";
pub(in crate::buildkit) const READ: &str = "/containerd.services.content.v1.Content/Read";
const WRITE: &str = "/containerd.services.content.v1.Content/Write";

pub(super) const SERVICE: Service = Service {
    methods: &[INFO, READ, WRITE],
    add: |routes, parts| {
        let stores = ContentStores {
            readable: Arc::new(std::mem::take(&mut parts.options.content_stores)),
            writable: Arc::new(std::mem::take(&mut parts.options.writable_stores)),
        };
        routes.add_service(ContentService { stores, places: write::places() })
    },
};

#[derive(Clone, PartialEq, prost::Message)]
struct InfoRequest {
    #[prost(string, tag = "1")]
    digest: String,
}

#[derive(Clone, PartialEq, prost::Message)]
struct InfoResponse {
    #[prost(message, optional, tag = "1")]
    info: Option<Info>,
}

/// `Info` without times and labels.
#[derive(Clone, PartialEq, prost::Message)]
struct Info {
    #[prost(string, tag = "1")]
    digest: String,
    #[prost(int64, tag = "2")]
    size: i64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::buildkit) struct ReadRequest {
    #[prost(string, tag = "1")]
    pub(in crate::buildkit) digest: String,
    #[prost(int64, tag = "2")]
    pub(in crate::buildkit) offset: i64,
    /// Zero: to the end.
    #[prost(int64, tag = "3")]
    pub(in crate::buildkit) size: i64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::buildkit) struct ReadResponse {
    #[prost(int64, tag = "1")]
    pub(in crate::buildkit) offset: i64,
    #[prost(bytes = "bytes", tag = "2")]
    pub(in crate::buildkit) data: bytes::Bytes,
}

/// The folders of OCI layouts by the ids of their stores.
#[derive(Clone, Debug)]
struct ContentStores {
    readable: Arc<BTreeMap<String, PathBuf>>,
    /// Those that may also be written to.
    writable: Arc<BTreeMap<String, PathBuf>>,
}

/// The answers to a call of a method with several.
type Answers<T> = ReceiverStream<Result<T, Status>>;

/// A blob that is open, and its length.
type Blob = (File, u64);

impl ContentStores {
    fn open(&self, metadata: &MetadataMap, digest: &str) -> Result<Blob, Status> {
        let id = store_id(metadata)?;
        let folder = self.readable.get(id).or_else(|| self.writable.get(id));
        open_blob(folder.ok_or_else(|| unknown_store(id))?, digest)
    }

    /// The folder of a store that may be written to.
    fn writable(&self, metadata: &MetadataMap) -> Result<&Path, Status> {
        let id = store_id(metadata)?;
        match self.writable.get(id) {
            Some(folder) => Ok(folder),
            None if self.readable.contains_key(id) => {
                Err(Status::permission_denied(format!("the store {id} is only read")))
            }
            None => Err(unknown_store(id)),
        }
    }
}

fn store_id(metadata: &MetadataMap) -> Result<&str, Status> {
    let id = metadata.get(STORE_ID).and_then(|id| id.to_str().ok());
    id.ok_or_else(|| Status::invalid_argument(format!("the request lacks {STORE_ID}")))
}

fn unknown_store(id: &str) -> Status {
    Status::not_found(format!("unknown store {id}"))
}

fn open_blob(folder: &Path, digest: &str) -> Result<Blob, Status> {
    if !digest::is_registered(digest) {
        return Err(Status::invalid_argument(format!("{digest:?} is not a digest")));
    }
    let (algorithm, encoded) = digest.split_once(':').unwrap_or_default();
    let path = Path::new("blobs").join(algorithm).join(encoded);
    let missing = |error: &dyn std::fmt::Display| {
        Status::not_found(format!("the OCI layout {} has no content {digest}: {error}", folder.display()))
    };
    let root = Root::open(folder).map_err(|error| missing(&error))?;
    let file = root.file(&path).map_err(|error| missing(&error))?.into_file();
    let length = file.metadata().map_err(|error| missing(&error))?.len();
    Ok((file, length))
}

/// Answers the method `Info`.
async fn info(
    stores: ContentStores,
    request: Request<InfoRequest>,
) -> Result<Response<InfoResponse>, Status> {
    let (metadata, _, InfoRequest { digest }) = request.into_parts();
    blocking(move || {
        let (_, length) = stores.open(&metadata, &digest)?;
        let size = i64::try_from(length).unwrap_or(i64::MAX);
        Ok(Response::new(InfoResponse { info: Some(Info { digest, size }) }))
    })
    .await
}

/// Answers the method `Read`.
fn read(stores: ContentStores, request: Request<ReadRequest>) -> Response<Answers<ReadResponse>> {
    let (metadata, _, wanted) = request.into_parts();
    let (sender, receiver) = mpsc::channel(CHUNKS_AHEAD);
    tokio::task::spawn_blocking(move || {
        let sent = stores.open(&metadata, &wanted.digest).and_then(|blob| send(&blob, &wanted, &sender));
        if let Err(status) = sent {
            let _ = sender.blocking_send(Err(status));
        }
    });
    Response::new(ReceiverStream::new(receiver))
}

/// Runs what works on the disk.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Status> + Send + 'static,
) -> Result<T, Status> {
    let ended = tokio::task::spawn_blocking(work).await;
    ended.unwrap_or_else(|error| Err(Status::internal(error.to_string())))
}

/// Sends the part of a blob that is wanted; one that goes on after the end of the blob ends there
/// (containerd: `plugins/services/content/contentserver`).
fn send(
    (file, length): &Blob,
    wanted: &ReadRequest,
    sender: &mpsc::Sender<Result<ReadResponse, Status>>,
) -> Result<(), Status> {
    let mut offset = u64::try_from(wanted.offset).unwrap_or(0);
    let Some(left) = length.checked_sub(offset) else {
        return Err(Status::out_of_range(format!("the content ends after {length} bytes")));
    };
    let mut left = match u64::try_from(wanted.size) {
        Ok(size) if size > 0 => size.min(left),
        _ => left,
    };
    while left > 0 {
        let mut data = vec![0; usize::try_from(left.min(CHUNK_BYTES)).unwrap_or(usize::MAX)];
        file.read_exact_at(&mut data, offset)
            .map_err(|error| Status::unknown(format!("cannot read {}: {error}", wanted.digest)))?;
        let read = data.len() as u64;
        let message = ReadResponse { offset: i64::try_from(offset).unwrap_or(i64::MAX), data: data.into() };
        if sender.blocking_send(Ok(message)).is_err() {
            return Ok(());
        }
        (offset, left) = (offset + read, left - read);
    }
    Ok(())
}

/// The service `Content`, as far as BuildKit calls it.
#[derive(Clone, Debug)]
struct ContentService {
    stores: ContentStores,
    /// Places for writes.
    places: Arc<tokio::sync::Semaphore>,
}

impl tonic::server::NamedService for ContentService {
    const NAME: &'static str = "containerd.services.content.v1.Content";
}

impl tower::Service<http::Request<tonic::body::Body>> for ContentService {
    type Response = http::Response<tonic::body::Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<tonic::body::Body>) -> Self::Future {
        let Self { stores, places } = self.clone();
        Box::pin(async move {
            match request.uri().path() {
                INFO => {
                    let codec = ProstCodec::<InfoResponse, InfoRequest>::default();
                    let method = tower::service_fn(move |request| info(stores.clone(), request));
                    Ok(tonic::server::Grpc::new(codec).unary(method, request).await)
                }
                READ => {
                    let codec = ProstCodec::<ReadResponse, ReadRequest>::default();
                    let method = tower::service_fn(move |request| ready(Ok(read(stores.clone(), request))));
                    Ok(tonic::server::Grpc::new(codec).server_streaming(method, request).await)
                }
                WRITE => {
                    let codec = ProstCodec::<WriteResponse, WriteRequest>::default();
                    let mut grpc = tonic::server::Grpc::new(codec)
                        .max_decoding_message_size(MAX_MESSAGE_BYTES)
                        .max_encoding_message_size(MAX_MESSAGE_BYTES);
                    let method =
                        tower::service_fn(move |request| ready(write::answer(&stores, &places, request)));
                    Ok(grpc.streaming(method, request).await)
                }
                _ => Ok(Status::unimplemented("content is only read and written").into_http()),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use tonic::Code;

    use super::*;

    fn digest(digit: char) -> String {
        format!("sha256:{}", digit.to_string().repeat(64))
    }

    /// A layout with one blob, and with a link that leads out in place of another.
    fn layout() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let blobs = dir.path().join("layout/blobs/sha256");
        std::fs::create_dir_all(&blobs).unwrap();
        std::fs::write(blobs.join("a".repeat(64)), vec![7; 300_000]).unwrap();
        std::fs::write(dir.path().join("secret"), "secret").unwrap();
        symlink("../../../secret", blobs.join("b".repeat(64))).unwrap();
        dir
    }

    #[test]
    fn a_blob_of_a_layout_is_opened_by_its_digest_and_nothing_else_is() {
        let dir = layout();
        let folder = dir.path().join("layout");
        let readable = Arc::new(BTreeMap::from([("oci:x".to_owned(), folder)]));
        let stores = ContentStores { readable, writable: Arc::default() };
        let code = |id: &'static str, digest: &str| {
            let mut metadata = MetadataMap::new();
            metadata.insert(STORE_ID, id.parse().unwrap());
            stores.open(&metadata, digest).map(|(_, length)| length).map_err(|status| status.code())
        };
        assert_eq!(code("oci:x", &digest('a')), Ok(300_000));
        for (id, digest) in [("oci:x", digest('b')), ("oci:x", digest('c')), ("oci:y", digest('a'))] {
            assert_eq!(code(id, &digest), Err(Code::NotFound), "{id} {digest}");
        }
        for digest in ["", "sha256:../../../secret", "sha256:a", "../../secret:a", "sha1:aa"] {
            assert_eq!(code("oci:x", digest), Err(Code::InvalidArgument), "{digest}");
        }
        let status = stores.open(&MetadataMap::new(), &digest('a')).unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument);
    }

    #[tokio::test]
    async fn a_part_of_a_blob_ends_with_the_blob() {
        let dir = layout();
        let blob = || open_blob(&dir.path().join("layout"), &digest('a')).unwrap();
        let read = async |offset, size| {
            let (sender, mut receiver) = mpsc::channel(1);
            let (blob, wanted) = (blob(), ReadRequest { digest: digest('a'), offset, size });
            let sending = tokio::task::spawn_blocking(move || send(&blob, &wanted, &sender));
            let mut pieces = Vec::new();
            while let Some(piece) = receiver.recv().await {
                let piece = piece.unwrap();
                pieces.push((piece.offset, piece.data.len()));
            }
            sending.await.unwrap().map(|()| pieces).map_err(|status| status.code())
        };
        assert_eq!(read(0, 0).await, Ok(vec![(0, 262_144), (262_144, 37_856)]));
        assert_eq!(read(10, 5).await, Ok(vec![(10, 5)]));
        assert_eq!(read(299_990, 100).await, Ok(vec![(299_990, 10)]));
        assert_eq!(read(300_000, 100).await, Ok(vec![]));
        assert_eq!(read(300_001, 1).await, Err(Code::OutOfRange));
    }
}
