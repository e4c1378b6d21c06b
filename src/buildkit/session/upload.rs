//! Uploads: the daemon fetches a stream of bytes of the client as if it lay at a web address.
//!
//! The address is `http://buildkit-session/ID`; a source with it pulls the stream through the session. Source:
//! `session/upload` and `source/http/transport.go` in BuildKit.

use std::fmt;
use std::io::Read;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::metadata::MetadataMap;
use tonic::{Request, Response, Status, Streaming};
use tonic_prost::ProstCodec;

use super::Service;
use super::raw::{Handler, StreamService};
use super::wire::Chunk;
use crate::buildkit::solve::random_id;

/// The metadata key of the path whose last component is the id.
const URL_PATH: &str = "urlpath";
/// The most that one message holds, in bytes.
const CHUNK_BYTES: usize = 256 << 10;
/// Messages that are read ahead of the daemon.
const CHUNKS_AHEAD: usize = 4;

pub(super) const SERVICE: Service = Service {
    methods: &[Uploads::PATH],
    add: |routes, parts| {
        let uploads = Uploads(std::mem::take(&mut parts.options.uploads));
        routes.add_service(StreamService::new(uploads, parts.refusals.clone()))
    },
};

/// A stream of bytes that the daemon may fetch, once. Clones share it.
#[derive(Clone)]
pub struct Upload {
    id: String,
    body: Arc<Mutex<Option<Box<dyn Read + Send>>>>,
}

impl fmt::Debug for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upload").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Upload {
    /// Returns the upload of what `body` gives, under an address of its own.
    pub fn new(body: impl Read + Send + 'static) -> Self {
        Self { id: random_id(), body: Arc::new(Mutex::new(Some(Box::new(body)))) }
    }

    /// Returns the address of the stream in graphs.
    pub fn url(&self) -> String {
        format!("http://buildkit-session/{}", self.id)
    }

    fn take(&self) -> Option<Box<dyn Read + Send>> {
        self.body.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Serves uploads by their ids.
#[derive(Debug)]
pub(crate) struct Uploads(Vec<Upload>);

impl Uploads {
    fn find(&self, metadata: &MetadataMap) -> Result<Box<dyn Read + Send>, Status> {
        let path = metadata.get(URL_PATH).and_then(|path| path.to_str().ok()).unwrap_or_default();
        let id = path.rsplit('/').next().unwrap_or_default();
        let upload = self.0.iter().find(|upload| upload.id == id);
        let upload = upload.ok_or_else(|| Status::not_found(format!("there is no upload {id:?}")))?;
        upload.take().ok_or_else(|| Status::already_exists("standard input was read already"))
    }
}

impl Handler for Uploads {
    const SERVICE: &'static str = "moby.upload.v1.Upload";
    const PATH: &'static str = "/moby.upload.v1.Upload/Pull";
    type Codec = ProstCodec<Chunk, Chunk>;
    type Replies = ReceiverStream<Result<Chunk, Status>>;

    async fn handle(
        self: Arc<Self>,
        request: Request<Streaming<Chunk>>,
    ) -> Result<Response<Self::Replies>, Status> {
        let body = self.find(request.metadata())?;
        let (sender, receiver) = mpsc::channel(CHUNKS_AHEAD);
        tokio::task::spawn_blocking(move || send(body, &sender));
        Ok(Response::new(ReceiverStream::new(receiver)))
    }
}

/// Sends everything that `body` gives. Ends where nobody listens any more.
fn send(mut body: Box<dyn Read + Send>, sender: &mpsc::Sender<Result<Chunk, Status>>) {
    loop {
        let mut data = Vec::with_capacity(CHUNK_BYTES);
        let read = body.by_ref().take(CHUNK_BYTES as u64).read_to_end(&mut data);
        let message = match read {
            Ok(0) => return,
            Ok(_) => Ok(Chunk { data: Bytes::from(data) }),
            Err(error) => Err(Status::unknown(format!("cannot read the upload: {error}"))),
        };
        let is_last = message.is_err();
        if sender.blocking_send(message).is_err() || is_last {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata(path: &str) -> MetadataMap {
        let mut metadata = MetadataMap::new();
        metadata.insert(URL_PATH, path.parse().unwrap());
        metadata
    }

    #[test]
    fn an_upload_is_found_by_the_path_of_its_url_and_given_once() {
        let upload = Upload::new(&b"text"[..]);
        let path = upload.url().strip_prefix("http://buildkit-session").unwrap().to_owned();
        let uploads = Uploads(vec![upload]);
        let mut text = String::new();
        uploads.find(&metadata(&path)).unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "text");
        assert_eq!(uploads.find(&metadata(&path)).err().unwrap().code(), tonic::Code::AlreadyExists);
        assert_eq!(uploads.find(&metadata("/other")).err().unwrap().code(), tonic::Code::NotFound);
        assert_eq!(uploads.find(&MetadataMap::new()).err().unwrap().code(), tonic::Code::NotFound);
    }

    #[tokio::test]
    async fn a_long_stream_comes_in_pieces_and_a_failure_as_one() {
        struct Failing;
        impl Read for Failing {
            fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
                Err(std::io::Error::other("broken"))
            }
        }
        let body = std::io::repeat(7).take(CHUNK_BYTES as u64 + 1).chain(Failing);
        let (sender, mut receiver) = mpsc::channel(1);
        tokio::task::spawn_blocking(move || send(Box::new(body), &sender));
        let mut sizes = Vec::new();
        let failure = loop {
            match receiver.recv().await.unwrap() {
                Ok(chunk) => sizes.push(chunk.data.len()),
                Err(status) => break status,
            }
        };
        assert_eq!(sizes, [CHUNK_BYTES]);
        assert_eq!(failure.message(), "cannot read the upload: broken");
        assert!(receiver.recv().await.is_none());
    }
}
