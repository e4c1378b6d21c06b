//! One real buildkitd for the whole binary, and small graphs to build with it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use super::parts;
use bob::buildkit::proto::control::StatusResponse;
use bob::buildkit::proto::pb;
use bob::buildkit::{
    Address, BuildError, BuildOutcome, BuildRequest, BuildResult, Client, Daemon, DaemonOptions, Error,
    Export, ExportFolder, ExportTarget, Gateway, SessionOptions, SolveOptions, SpecialFiles, TlsOptions,
};
use prost::Message as _;
use sha2::{Digest as _, Sha256};
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

struct Shared {
    daemon: Daemon,
    _runtime: Runtime,
}

/// The buildkitd of the tests.
pub(crate) fn program() -> PathBuf {
    parts::tool("buildkitd").into()
}

pub(crate) fn options(folder: &Path) -> DaemonOptions {
    let mut options = DaemonOptions::new(program(), folder.join("root"), folder.join("b.sock"));
    options.remove_root = true;
    options
}

/// The daemon's address. The daemon ends with this process, by its guard.
pub(crate) fn address() -> Address {
    static SHARED: OnceLock<Shared> = OnceLock::new();
    let start = || {
        let runtime = Runtime::new().unwrap();
        let folder = tempfile::tempdir().unwrap().keep();
        let mut options = options(&folder);
        // The whole folder is removed with the state.
        options.root = folder;
        let daemon = runtime.block_on(Daemon::start(options)).unwrap();
        Shared { daemon, _runtime: runtime }
    };
    let shared = SHARED.get_or_init(|| std::thread::spawn(start).join().unwrap());
    shared.daemon.address().clone()
}

pub(crate) async fn client() -> Client {
    client_of(&tokio::task::spawn_blocking(address).await.unwrap()).await
}

pub(crate) async fn client_of(address: &Address) -> Client {
    Client::connect(address, &TlsOptions::default(), Duration::from_secs(5)).await.unwrap()
}

/// A graph under construction.
#[derive(Default)]
pub(crate) struct Graph {
    def: Vec<Vec<u8>>,
    pub(crate) metadata: BTreeMap<String, pb::OpMetadata>,
    pub(crate) source: Option<pb::Source>,
}

pub(crate) type Vertex = (String, i64);

impl Graph {
    /// Adds an op, encoded as Go does: the oneof last.
    pub(crate) fn add(&mut self, mut op: pb::Op) -> Vertex {
        let kind = op.op.take();
        let mut bytes = op.encode_to_vec();
        bytes.extend(pb::Op { op: kind, ..Default::default() }.encode_to_vec());
        let hex: Vec<_> = Sha256::digest(&bytes).iter().map(|b| format!("{b:02x}")).collect();
        let digest = format!("sha256:{}", hex.concat());
        self.metadata.insert(digest.clone(), pb::OpMetadata::default());
        self.def.push(bytes);
        (digest, 0)
    }

    pub(crate) fn local(&mut self, gateway: &Gateway, name: &str, attrs: &[(&str, &str)]) -> Vertex {
        let mut attrs: BTreeMap<_, _> =
            attrs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        attrs.insert("local.session".to_owned(), gateway.session_id().to_owned());
        let source = pb::SourceOp { identifier: format!("local://{name}"), attrs };
        self.add(pb::Op {
            op: Some(pb::op::Op::Source(source)),
            constraints: Some(pb::WorkerConstraints::default()),
            ..Default::default()
        })
    }

    /// Runs a busybox shell in `rootfs`, with more mounts.
    pub(crate) fn run(&mut self, rootfs: &Vertex, script: &str, mounts: Vec<pb::Mount>) -> Vertex {
        let root = pb::Mount { input: 0, dest: "/".into(), output: 0, ..Default::default() };
        let exec = pb::ExecOp {
            meta: Some(pb::Meta {
                args: ["/bin/busybox", "sh", "-c", script].map(String::from).to_vec(),
                cwd: "/".into(),
                env: vec!["PATH=/bin".into()],
                ..Default::default()
            }),
            mounts: std::iter::once(root).chain(mounts).collect(),
            ..Default::default()
        };
        self.add(pb::Op {
            inputs: vec![pb::Input { digest: rootfs.0.clone(), index: rootfs.1 }],
            op: Some(pb::op::Op::Exec(exec)),
            platform: Some(pb::Platform {
                architecture: "amd64".into(),
                os: "linux".into(),
                ..Default::default()
            }),
            constraints: Some(pb::WorkerConstraints::default()),
        })
    }

    pub(crate) fn definition(mut self, result: &Vertex) -> Vec<u8> {
        self.add(pb::Op {
            inputs: vec![pb::Input { digest: result.0.clone(), index: result.1 }],
            ..Default::default()
        });
        pb::Definition { def: self.def, metadata: self.metadata, source: self.source }.encode_to_vec()
    }
}

/// A folder with a busybox in it.
pub(crate) fn rootfs() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join("bin")).unwrap();
    std::fs::copy("/bin/busybox", dir.path().join("bin/busybox")).expect("a static busybox");
    dir
}

pub(crate) fn dirs(list: &[(&str, &Path)]) -> SessionOptions {
    let local_dirs = list.iter().map(|(name, path)| ((*name).to_owned(), (*path).to_owned())).collect();
    SessionOptions { local_dirs, ..SessionOptions::default() }
}

pub(crate) fn export(kind: &str, target: ExportTarget) -> BuildRequest {
    let export = Export { kind: kind.into(), attrs: BTreeMap::new(), target };
    BuildRequest { exports: vec![export], ..BuildRequest::default() }
}

/// Solves what `graph` makes and returns it as the result.
pub(crate) async fn single(
    gateway: &Gateway,
    graph: Graph,
    result: &Vertex,
) -> Result<(BuildResult, ()), Error> {
    let reference = gateway.solve(graph.definition(result), SolveOptions::default()).await?;
    Ok((BuildResult::Single { reference, metadata: BTreeMap::new() }, ()))
}

/// Runs a build and returns its end with all its status messages.
pub(crate) async fn build<F, Fut>(
    request: BuildRequest,
    session: SessionOptions,
    function: F,
) -> (Result<BuildOutcome<()>, BuildError<Error>>, Vec<StatusResponse>)
where
    F: FnOnce(Gateway) -> Fut,
    Fut: Future<Output = Result<(BuildResult, ()), Error>>,
{
    build_on(&client().await, request, session, function).await
}

/// Runs a build on the daemon of `client`.
pub(crate) async fn build_on<F, Fut>(
    client: &Client,
    request: BuildRequest,
    session: SessionOptions,
    function: F,
) -> (Result<BuildOutcome<()>, BuildError<Error>>, Vec<StatusResponse>)
where
    F: FnOnce(Gateway) -> Fut,
    Fut: Future<Output = Result<(BuildResult, ()), Error>>,
{
    let (sender, mut receiver) = mpsc::channel(64);
    let collecting = tokio::spawn(async move {
        let mut all = Vec::new();
        while let Some(message) = receiver.recv().await {
            all.push(message);
        }
        all
    });
    let ended = client.build(request, session, sender, &CancellationToken::new(), function).await;
    (ended, collecting.await.unwrap())
}

/// Copies the local folder `context` through the daemon to another folder, devices and set-id bits included.
pub(crate) async fn round_trip(
    context: &Path,
    attrs: &[(&str, &str)],
) -> Result<tempfile::TempDir, BuildError<Error>> {
    let out = tempfile::tempdir().unwrap();
    let folder = ExportFolder { special_files: SpecialFiles::Keep, ..out.path().to_owned().into() };
    let request = export("local", ExportTarget::Folder(folder));
    let (ended, _) = build(request, dirs(&[("context", context)]), async |gateway: Gateway| {
        let mut graph = Graph::default();
        let vertex = graph.local(&gateway, "context", attrs);
        single(&gateway, graph, &vertex).await
    })
    .await;
    ended.map(|_| out)
}
