//! A real buildkitd.

use std::fs;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::OnceLock;

use super::guarded::{Guarded, tool};

/// A buildkitd on a socket of its own.
#[derive(Debug)]
pub struct Buildkitd {
    process: Guarded,
}

impl Buildkitd {
    /// Starts one and waits until it accepts connections.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts one with more arguments and waits until it accepts connections.
    pub fn start_with(more: &[&str]) -> Self {
        let folder = Guarded::folder("buildkitd");
        let at = |name: &str| folder.join(name).display().to_string();
        let addr = format!("--addr=unix://{}", at("sock"));
        let root = format!("--root={}", at("root"));
        // Two daemons would otherwise want one socket for traces.
        let traces = format!("--otel-socket-path={}", at("otel.sock"));
        let program = tool("buildkitd");
        Self::run(&folder, &[&[&program, "--oci-worker-net=host", &root, &addr, &traces], more].concat())
    }

    fn run(folder: &Path, command: &[&str]) -> Self {
        // It forgets folders where it keeps temporary files.
        let temporary = folder.join("tmp");
        fs::create_dir(&temporary).expect("a folder");
        let temporary = temporary.display().to_string();
        let process = Guarded::start(folder.to_owned(), command, &[("TMPDIR", &temporary)]);
        process.wait_for("buildkitd", |p| UnixStream::connect(p.path().join("sock")).ok());
        Self { process }
    }

    /// Starts one whose state has a disk of its own, of `size` as mount takes it.
    pub fn with_disk(size: &str) -> Self {
        let folder = Guarded::folder("buildkitd");
        let at = |name: &str| folder.join(name).display().to_string();
        fs::create_dir(at("root")).expect("a folder");
        // The disk is one of the daemon's own mounts, and ends with it.
        let script = r#"mount -t tmpfs -o "size=$1" tmpfs "$2" && shift && root=$1 && shift && exec "$@" --root="$root""#;
        let (program, root) = (tool("buildkitd"), at("root"));
        let (addr, traces) =
            (format!("--addr=unix://{}", at("sock")), format!("--otel-socket-path={}", at("otel.sock")));
        let command: [&str; 13] = [
            "unshare",
            "--mount",
            "sh",
            "-c",
            script,
            "disk",
            size,
            &root,
            &program,
            "--oci-worker-net=host",
            // The size of the state does not depend on what the machine's disks can.
            "--oci-worker-snapshotter=native",
            &addr,
            &traces,
        ];
        Self::run(&folder, &command)
    }

    /// One that the tests of this process share.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Buildkitd> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// The folder with its socket `sock` and its state `root`.
    pub fn folder(&self) -> &Path {
        self.process.path()
    }

    /// Its address, as `--addr` takes it.
    pub fn addr(&self) -> String {
        format!("unix://{}", self.process.path().join("sock").display())
    }

    /// Its log so far.
    pub fn log(&self) -> String {
        self.process.log()
    }
}
