//! A buildkitd of Bob's own: found, started, awaited, supervised, ended.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use super::address::Address;

/// How a daemon is started.
#[derive(Clone, Debug)]
pub struct DaemonOptions {
    /// The program; see [`find_program`].
    pub program: PathBuf,
    /// Where it keeps its state. Created where missing.
    pub root: PathBuf,
    /// Removes `root` after the daemon has ended.
    pub remove_root: bool,
    /// The Unix socket it listens on. Its folder is created where missing.
    pub socket: PathBuf,
    /// More arguments, after Bob's own.
    pub extra_args: Vec<OsString>,
    /// How long it may take until it answers.
    pub ready_timeout: Duration,
    /// How long it may take to end after SIGTERM before it is killed.
    pub stop_grace: Duration,
}

impl DaemonOptions {
    /// Returns the usual options for a daemon with its state in `root`, listening on `socket`.
    pub fn new(program: PathBuf, root: PathBuf, socket: PathBuf) -> Self {
        Self {
            program,
            root,
            remove_root: false,
            socket,
            extra_args: Vec::new(),
            ready_timeout: Duration::from_secs(60),
            stop_grace: Duration::from_secs(10),
        }
    }
}

/// Why there is no daemon.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// No program of that name.
    #[error(
        "buildkitd was not found {place}; install it (https://github.com/moby/buildkit/releases), give its path with --buildkitd, or name a running one with --addr"
    )]
    NotFound {
        /// Where it was looked for.
        place: String,
    },
    /// The program cannot be started.
    #[error("cannot start {program}")]
    Spawn {
        /// The program.
        program: String,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// A folder or socket of the daemon cannot be used.
    #[error("cannot prepare {path} for buildkitd")]
    Prepare {
        /// The path.
        path: String,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// Another daemon listens on the socket.
    #[error("a daemon already listens on {socket}; use it with --addr unix://{socket}, or end it")]
    InUse {
        /// The socket.
        socket: String,
    },
    /// It ended before it answered, or while it was needed.
    #[error("buildkitd ended unexpectedly ({status}){}", tail_text(.log_tail))]
    Exited {
        /// How it ended.
        status: String,
        /// Its last log lines.
        log_tail: Vec<String>,
    },
    /// It runs but never answered.
    #[error("buildkitd did not become ready within {seconds} s{}", tail_text(.log_tail))]
    NotReady {
        /// The time allowed, in seconds.
        seconds: u64,
        /// Its last log lines.
        log_tail: Vec<String>,
    },
}

fn tail_text(lines: &[String]) -> String {
    if lines.is_empty() {
        return String::new();
    }
    format!("; its last log lines:\n  {}", lines.join("\n  "))
}

/// How a daemon ended.
#[derive(Clone, Debug)]
pub struct DaemonExit {
    /// Its exit status.
    pub status: ExitStatus,
    /// Its last log lines.
    pub log_tail: Vec<String>,
}

/// A running daemon. Dropping it ends the daemon in the background; [`Daemon::stop`] waits for the end.
#[derive(Debug)]
pub struct Daemon {
    address: Address,
}

/// Returns the path of buildkitd: `explicit` if given, else the first one in `search_path`.
///
/// # Errors
///
/// [`DaemonError::NotFound`].
pub fn find_program(explicit: Option<&Path>, search_path: Option<&OsStr>) -> Result<PathBuf, DaemonError> {
    let _ = (explicit, search_path);
    Err(DaemonError::NotFound { place: "on PATH".to_owned() })
}

impl Daemon {
    /// Starts a daemon and returns once it answers.
    ///
    /// # Errors
    ///
    /// Every variant of [`DaemonError`] but `NotFound`.
    #[expect(clippy::unused_async, reason = "being written")]
    pub async fn start(options: DaemonOptions) -> Result<Self, DaemonError> {
        Ok(Self { address: Address::Unix(options.socket) })
    }

    /// Returns where the daemon listens.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Returns how the daemon ended, as soon as it has. May be awaited any number of times and beside a build.
    pub async fn exited(&self) -> DaemonExit {
        std::future::pending().await
    }

    /// Returns the daemon's last log lines, oldest first.
    pub fn log_tail(&self) -> Vec<String> {
        Vec::new()
    }

    /// Ends the daemon: SIGTERM, SIGKILL to it and all it started after the grace period; then its socket,
    /// and its state if so asked, are removed.
    #[expect(clippy::unused_async, reason = "being written")]
    pub async fn stop(self) {}
}
