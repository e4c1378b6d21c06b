//! The session: what the daemon may ask of the client while a build runs.
//!
//! The client serves gRPC over HTTP/2 *inside* one bidirectional call of its own connection. Services:
//! file sync, file receive (exports), registry credentials, secrets, SSH agents and health.

mod auth;
pub(in crate::buildkit) mod content;
mod export;
mod filesync;
mod health;
mod raw;
mod receive;
mod refusals;
mod secrets;
mod ssh;
mod tunnel;
mod upload;
mod wire;

use std::collections::BTreeMap;
use std::fmt;
use std::os::unix::fs::FileTypeExt as _;
use std::path::PathBuf;
use std::sync::Arc;

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::service::TowerToHyperService;
use tokio_util::task::AbortOnDropHandle;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::metadata::MetadataMap;
use tonic::service::Routes;
use tonic::transport::Channel;
use tonic_prost::ProstCodec;

pub use self::filesync::{FileFacts, ListedFile, SentFiles, SentFolder};
pub use auth::{BearerToken, CredentialProvider, CredentialRefusal, Credentials};
pub use receive::{ExportFolder, LeftOut, SpecialFiles};
pub use secrets::MAX_SECRET_BYTES;
pub use ssh::{DEFAULT_AGENT, SshAgent, SshKey, SshKeyError};
pub use upload::Upload;

pub(crate) use self::filesync::mode as file_mode;
pub(crate) use self::refusals::Refusals;
use self::tunnel::Tunnel;
use self::wire::Chunk;
use super::client::ready_grpc;
use super::error::Error;
use super::request::ExportTarget;
use super::{CONNECTION_WINDOW_BYTES, HEADER_LIST_BYTES, STREAM_WINDOW_BYTES};
use crate::secret::SecretBytes;

/// Calls at one time: Go's, see `session/grpc.go` in BuildKit.
const STREAMS: u32 = 250;

/// The services of a session.
const SERVICES: [Service; 8] = [
    health::SERVICE,
    secrets::SERVICE,
    auth::SERVICE,
    export::SERVICE,
    filesync::SERVICE,
    ssh::SERVICE,
    upload::SERVICE,
    content::SERVICE,
];

/// A service that the daemon may call.
struct Service {
    /// The paths of its methods. The daemon is told them when the session begins, and calls file sync and file send only
    /// then.
    methods: &'static [&'static str],
    /// Adds the service to those that are served, and takes what it needs out of the parts.
    add: fn(Routes, &mut Parts) -> Routes,
}

/// What services are made of.
struct Parts {
    options: SessionOptions,
    exports: Vec<ExportTarget>,
    /// Notes what a service refuses, for the report of a failed build.
    refusals: Refusals,
}

/// Everything that a session serves.
#[derive(Clone, Default)]
pub struct SessionOptions {
    /// Names the snapshots of local folders that later sessions may reuse; may be empty.
    pub shared_key: String,
    /// Local folders by the name of their local source, such as `context` and `dockerfile`.
    pub local_dirs: BTreeMap<String, PathBuf>,
    /// The folder in which all of `local_dirs` must lie once links are resolved, whenever they are opened.
    pub local_dirs_within: Option<PathBuf>,
    /// Folders that are left out of every local folder, whatever ignore files say: the state of a daemon. They
    /// are known by device and inode, so that no other spelling of their path leads into them.
    pub withheld_dirs: Vec<PathBuf>,
    /// Files that are left out in the same way. They are known by their names in their folders, since another file may take
    /// their place at any time.
    pub withheld_files: Vec<PathBuf>,
    /// Where it is noted what of the local folders is sent; without it nothing is.
    pub sent_files: Option<SentFiles>,
    /// Who knows the registries' credentials; without it everything is anonymous.
    pub credentials: Option<Arc<dyn CredentialProvider>>,
    /// Build secrets by id, at most 500 KiB each.
    pub secrets: BTreeMap<String, SecretBytes>,
    /// SSH agents by id.
    pub ssh_agents: BTreeMap<String, SshAgent>,
    /// Streams that the daemon may fetch, each once.
    pub uploads: Vec<Upload>,
    /// Folders of OCI layouts by the ids of their content stores, such as `oci:NAME`.
    pub content_stores: BTreeMap<String, PathBuf>,
    /// Folders of content stores that the daemon may also write to, such as `export`. They are made where missing.
    pub writable_stores: BTreeMap<String, PathBuf>,
}

impl fmt::Debug for SessionOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionOptions")
            .field("shared_key", &self.shared_key)
            .field("local_dirs", &self.local_dirs)
            .field("local_dirs_within", &self.local_dirs_within)
            .field("withheld_dirs", &self.withheld_dirs)
            .field("withheld_files", &self.withheld_files)
            .field("sent_files", &self.sent_files.is_some())
            .field("credentials", &self.credentials.is_some())
            .field("secrets", &self.secrets)
            .field("ssh_agents", &self.ssh_agents)
            .field("uploads", &self.uploads)
            .field("content_stores", &self.content_stores)
            .field("writable_stores", &self.writable_stores)
            .finish()
    }
}

/// Why a session cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The shared key cannot travel as a header.
    #[error("the shared key of the session holds characters beyond ASCII")]
    SharedKey,
    /// A secret is too large.
    #[error("the secret {id:?} is {bytes} bytes long; at most {MAX_SECRET_BYTES} are allowed")]
    SecretTooLarge {
        /// The secret's id.
        id: String,
        /// Its length.
        bytes: usize,
    },
    /// A local folder cannot be served.
    #[error("cannot read the folder {path} for the local source {name:?}")]
    LocalDir {
        /// The name of the local source.
        name: String,
        /// The folder.
        path: String,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// An SSH agent was asked for that is not there.
    #[error(
        "the SSH agent {id:?} at {path} is not a socket; start an agent with ssh-agent and add the key with ssh-add"
    )]
    NotAnAgent {
        /// The agent's id.
        id: String,
        /// Its socket's path as given.
        path: String,
    },
}

impl SessionOptions {
    /// Checks what can be checked before the daemon is told anything.
    fn check(&self) -> Result<(), SessionError> {
        for (id, secret) in &self.secrets {
            let bytes = secret.expose().len();
            if bytes > MAX_SECRET_BYTES {
                return Err(SessionError::SecretTooLarge { id: id.clone(), bytes });
            }
        }
        for (name, path) in &self.local_dirs {
            std::fs::read_dir(path).map_err(|source| SessionError::LocalDir {
                name: name.clone(),
                path: path.display().to_string(),
                source,
            })?;
        }
        for (id, agent) in &self.ssh_agents {
            let SshAgent::Socket { path, .. } = agent else { continue };
            let is_socket = std::fs::metadata(path).is_ok_and(|m| m.file_type().is_socket());
            if !is_socket {
                return Err(SessionError::NotAnAgent { id: id.clone(), path: path.display().to_string() });
            }
        }
        Ok(())
    }
}

/// An open session. Dropping it ends the session at once.
#[derive(Debug)]
pub(crate) struct Session {
    _task: AbortOnDropHandle<()>,
}

impl Session {
    /// Opens the session `id` and serves it in the background. What it refuses is noted in `refusals`.
    ///
    /// # Errors
    ///
    /// [`Error::Session`] if it cannot be served, [`Error::Failed`] or [`Error::Disconnected`] from the daemon.
    pub(crate) async fn open(
        channel: Channel,
        id: &str,
        options: SessionOptions,
        exports: Vec<ExportTarget>,
        refusals: Refusals,
    ) -> Result<Self, Error> {
        options.check()?;
        let (writer, chunks) = tunnel::pipe();
        let mut request = tonic::Request::new(chunks);
        announce(request.metadata_mut(), id, &options.shared_key)?;

        let failed = |status| Error::from_status("Session", status);
        let mut grpc = ready_grpc(channel).await.map_err(failed)?;
        let path = PathAndQuery::from_static("/moby.buildkit.v1.Control/Session");
        let codec = ProstCodec::<Chunk, Chunk>::default();
        let reply = grpc.streaming(request, path, codec).await.map_err(failed)?;

        let tunnel = Tunnel::new(reply.into_inner(), writer);
        let services = TowerToHyperService::new(services(Parts { options, exports, refusals }));
        let connection = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
            .initial_stream_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
            .max_header_list_size(HEADER_LIST_BYTES)
            .max_concurrent_streams(STREAMS)
            .serve_connection(TokioIo::new(tunnel), services);
        let task = tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::info!(error = &error as &dyn std::error::Error, "the session with buildkitd broke");
            }
        });
        Ok(Self { _task: AbortOnDropHandle::new(task) })
    }
}

/// All services of a session.
fn services(mut parts: Parts) -> Routes {
    SERVICES.iter().fold(Routes::default(), |routes, service| (service.add)(routes, &mut parts))
}

fn announce(metadata: &mut MetadataMap, id: &str, shared_key: &str) -> Result<(), SessionError> {
    metadata.insert("x-docker-expose-session-uuid", id.parse().expect("an id is letters and digits"));
    let shared_key = shared_key.parse().map_err(|_| SessionError::SharedKey)?;
    metadata.insert("x-docker-expose-session-sharedkey", shared_key);
    for method in SERVICES.iter().flat_map(|service| service.methods) {
        metadata.append("x-docker-expose-session-grpc-method", method.parse().expect("a path is ASCII"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_daemon_is_told_every_method_once() {
        let mut metadata = MetadataMap::new();
        announce(&mut metadata, "id", "key").unwrap();
        let methods: Vec<_> = metadata.get_all("x-docker-expose-session-grpc-method").iter().collect();
        assert_eq!(
            methods,
            [
                "/grpc.health.v1.Health/Check",
                "/moby.buildkit.secrets.v1.Secrets/GetSecret",
                "/moby.filesync.v1.Auth/Credentials",
                "/moby.filesync.v1.Auth/FetchToken",
                "/moby.filesync.v1.Auth/GetTokenAuthority",
                "/moby.filesync.v1.Auth/VerifyTokenAuthority",
                "/moby.filesync.v1.FileSend/DiffCopy",
                "/moby.filesync.v1.FileSync/DiffCopy",
                "/moby.sshforward.v1.SSH/CheckAgent",
                "/moby.sshforward.v1.SSH/ForwardAgent",
                "/moby.upload.v1.Upload/Pull",
                "/containerd.services.content.v1.Content/Info",
                "/containerd.services.content.v1.Content/Read",
                "/containerd.services.content.v1.Content/Write",
            ]
        );
    }
}
