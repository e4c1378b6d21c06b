//! A real buildkitd.

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
        let command = [&[&program, "--oci-worker-net=host", &root, &addr, &traces], more].concat();
        let process = Guarded::start(folder.clone(), &command, &[]);
        process.wait_for("buildkitd", |p| UnixStream::connect(p.path().join("sock")).ok());
        Self { process }
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
