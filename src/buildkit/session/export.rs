//! Exports to the client: one stream of bytes (`tar`, `oci`, `docker`) or a folder (`local`).
//!
//! Both arrive on one method, with different messages; the exporter's index in the metadata tells which.
//! Source: `session/filesync/filesync.go` in BuildKit.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt as _};
use prost::Message as _;
use tokio::io::{AsyncWrite, AsyncWriteExt as _};
use tokio::sync::Semaphore;
use tonic::metadata::MetadataMap;
use tonic::{Request, Response, Status, Streaming};

use super::raw::{Handler, RawCodec, StreamService};
use super::wire::Chunk;
use super::{Service, receive};
use crate::buildkit::request::ExportTarget;

const EXPORTER_ID: &str = "buildkit-attachable-exporter-id";

/// Folders that are written to at once: BuildKit sends the results for several platforms side by side.
const MAX_FOLDERS: usize = 64;

pub(super) const SERVICE: Service = Service {
    methods: &[FileSend::PATH],
    add: |routes, parts| {
        let files = FileSend::new(std::mem::take(&mut parts.exports));
        routes.add_service(StreamService::new(files, parts.refusals.clone()))
    },
};

/// Receives what exporters send.
#[derive(Debug)]
pub(crate) struct FileSend {
    targets: Mutex<Vec<ExportTarget>>,
    /// Places for transfers into folders, each of which has a thread.
    places: Arc<Semaphore>,
}

type Writer = Box<dyn AsyncWrite + Send + Unpin>;

impl FileSend {
    /// Takes the targets in the order of the exporters.
    pub(crate) fn new(targets: Vec<ExportTarget>) -> Self {
        Self { targets: Mutex::new(targets), places: Arc::new(Semaphore::new(MAX_FOLDERS)) }
    }

    /// A writer is taken once; a folder may receive several times.
    fn take(&self, id: usize) -> Result<ExportTarget, Status> {
        let mut targets = self.targets.lock().unwrap_or_else(PoisonError::into_inner);
        match targets.get_mut(id) {
            Some(ExportTarget::Folder(folder)) => Ok(ExportTarget::Folder(folder.clone())),
            Some(target @ ExportTarget::Writer(_)) => Ok(std::mem::take(target)),
            Some(ExportTarget::Daemon) => {
                Err(Status::already_exists(format!("exporter {id} was written already")))
            }
            None => Err(Status::not_found(format!("exporter {id} not found"))),
        }
    }
}

/// The exporter's index; the first one where the metadata names none.
fn exporter_id(metadata: &MetadataMap) -> Result<usize, Status> {
    let Some(id) = metadata.get(EXPORTER_ID) else { return Ok(0) };
    let id = id.to_str().ok().and_then(|id| id.parse().ok());
    id.ok_or_else(|| Status::invalid_argument(format!("{EXPORTER_ID} is not a number")))
}

impl Handler for FileSend {
    const SERVICE: &'static str = "moby.filesync.v1.FileSend";
    const PATH: &'static str = "/moby.filesync.v1.FileSend/DiffCopy";
    type Codec = RawCodec;
    type Replies = BoxStream<'static, Result<Bytes, Status>>;

    async fn handle(
        self: Arc<Self>,
        request: Request<Streaming<Bytes>>,
    ) -> Result<Response<Self::Replies>, Status> {
        let id = exporter_id(request.metadata())?;
        let target = self.take(id)?;
        let messages = request.into_inner();
        Ok(Response::new(match target {
            ExportTarget::Folder(folder) => {
                let place = Arc::clone(&self.places).try_acquire_owned();
                let place = place.map_err(|_| {
                    Status::resource_exhausted(format!("more than {MAX_FOLDERS} exports come at once"))
                })?;
                receive::start(folder, messages, place).boxed()
            }
            ExportTarget::Writer(writer) => {
                // No reply but the end of the stream, once everything is written.
                let written = async move { write_all(messages, writer).await.err().map(Err) };
                stream::once(written).filter_map(std::future::ready).boxed()
            }
            ExportTarget::Daemon => {
                return Err(Status::internal("an exporter without a target sends nothing"));
            }
        }))
    }
}

async fn write_all(mut messages: Streaming<Bytes>, mut writer: Writer) -> Result<(), Status> {
    let failed = |e: std::io::Error| Status::unknown(format!("cannot write the export: {e}"));
    while let Some(message) = messages.message().await? {
        let chunk = Chunk::decode(message).map_err(|e| Status::invalid_argument(e.to_string()))?;
        writer.write_all(&chunk.data).await.map_err(failed)?;
    }
    // Standard output loses what it could not write where it is only shut down.
    writer.flush().await.map_err(failed)?;
    writer.shutdown().await.map_err(failed)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use hyper_util::rt::TokioIo;
    use tokio_util::task::AbortOnDropHandle;
    use tonic::codegen::http::uri::PathAndQuery;

    use super::super::Refusals;
    use super::super::filesync::mode;
    use super::super::wire::{Packet, Stat};
    use super::*;
    use crate::buildkit::session::{ExportFolder, SpecialFiles};

    #[test]
    fn the_exporter_is_the_first_one_unless_the_metadata_names_another() {
        let mut metadata = MetadataMap::new();
        assert_eq!(exporter_id(&metadata).unwrap(), 0);
        metadata.insert(EXPORTER_ID, "2".parse().unwrap());
        assert_eq!(exporter_id(&metadata).unwrap(), 2);
        metadata.insert(EXPORTER_ID, "-1".parse().unwrap());
        assert_eq!(exporter_id(&metadata).unwrap_err().code(), tonic::Code::InvalidArgument);
    }

    #[test]
    fn a_writer_is_given_once_and_a_folder_often() {
        let send = FileSend::new(vec![
            ExportTarget::Writer(Box::new(Vec::new())),
            ExportTarget::Folder(PathBuf::from("/x").into()),
        ]);
        assert!(matches!(send.take(0), Ok(ExportTarget::Writer(_))));
        assert_eq!(send.take(0).unwrap_err().code(), tonic::Code::AlreadyExists);
        for _ in 0..2 {
            assert!(matches!(send.take(1), Ok(ExportTarget::Folder(_))));
        }
        assert_eq!(send.take(2).unwrap_err().code(), tonic::Code::NotFound);
    }

    /// A daemon's end of a real connection to [`FileSend`] with one folder, sending `packets` as they are.
    async fn send_to(folder: ExportFolder, packets: Vec<Packet>) -> (Vec<Packet>, Option<Status>) {
        let (ours, theirs) = tokio::io::duplex(64 << 10);
        let service =
            StreamService::new(FileSend::new(vec![ExportTarget::Folder(folder)]), Refusals::default());
        let connections =
            stream::once(std::future::ready(Ok::<_, std::io::Error>(theirs))).chain(stream::pending());
        let server = tonic::transport::Server::builder().add_service(service);
        let server = AbortOnDropHandle::new(tokio::spawn(server.serve_with_incoming(connections)));
        let mut ours = Some(TokioIo::new(ours));
        let connector = tower::service_fn(move |_| {
            std::future::ready(ours.take().ok_or(std::io::Error::from(std::io::ErrorKind::NotConnected)))
        });
        let endpoint = tonic::transport::Endpoint::from_static("http://session");
        let mut client = tonic::client::Grpc::new(endpoint.connect_with_connector(connector).await.unwrap());
        client.ready().await.unwrap();
        let messages: Vec<Bytes> = packets.iter().map(|packet| packet.encode_to_vec().into()).collect();
        let path = PathAndQuery::from_static(FileSend::PATH);
        let request = Request::new(stream::iter(messages).chain(stream::pending()));
        let mut replies = client.streaming(request, path, RawCodec).await.unwrap().into_inner();
        let mut answers = Vec::new();
        let ended = loop {
            match replies.message().await {
                Ok(Some(message)) => answers.push(Packet::decode(message).unwrap()),
                Ok(None) => break None,
                Err(status) => break Some(status),
            }
        };
        drop(server);
        (answers, ended)
    }

    #[tokio::test]
    async fn a_daemon_that_lists_a_file_again_as_a_device_writes_to_neither() {
        let dir = tempfile::tempdir().unwrap();
        let stat =
            |mode| Stat { path: "null".into(), mode, size: 5, devmajor: 1, devminor: 3, ..Stat::default() };
        let device = mode::DEVICE | mode::CHAR_DEVICE | 0o666;
        for (special_files, again) in [
            (SpecialFiles::LeaveOut, device),
            (SpecialFiles::Keep, device),
            (SpecialFiles::Keep, mode::NAMED_PIPE),
        ] {
            let folder = ExportFolder { special_files, ..dir.path().to_owned().into() };
            let (answers, status) = send_to(
                folder,
                vec![
                    Packet::stat(Some(stat(0o644))),
                    Packet::stat(Some(stat(again))),
                    Packet::stat(None),
                    Packet::data(0, Bytes::from_static(b"evil!")),
                    Packet::data(0, Bytes::new()),
                ],
            )
            .await;
            let text = "the export lists \"null\" after \"null\": each name comes once, in ascending order";
            assert_eq!(answers, [Packet::request(0), Packet::error(text)]);
            assert_eq!(status.unwrap().message(), text);
            assert_eq!(std::fs::read(dir.path().join("null")).unwrap(), b"", "a file, and empty");
        }
    }

    #[tokio::test]
    async fn a_packet_that_is_too_large_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let stat = Stat { path: "f".into(), size: 8 << 20, ..Stat::default() };
        let packets = vec![Packet::stat(Some(stat)), Packet::data(0, Bytes::from(vec![0; 2 << 20]))];
        let (_, status) = send_to(dir.path().to_owned().into(), packets).await;
        assert!(status.unwrap().message().contains("a packet of 2097"), "it says how large");
        assert_eq!(std::fs::metadata(dir.path().join("f")).unwrap().len(), 0);
    }
}
