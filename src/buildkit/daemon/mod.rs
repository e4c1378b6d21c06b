//! A buildkitd of Bob's own: found, started, awaited, supervised, ended.

mod ready;
mod watchdog;

use std::ffi::{OsStr, OsString};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal};
use tokio::process::{Child, Command};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

use self::ready::SocketWatch;
use self::watchdog::{Watchdog, WatchedDaemon};

use super::address::Address;
use super::recent_lines::RecentLines;
use crate::search_path;

/// The log of a step that the daemon keeps, in bytes.
const STEP_LOG_MAX_BYTES: &str = "4194304";
/// How long the rest of a daemon's log may take once it has ended.
const LOG_TIMEOUT: Duration = Duration::from_millis(300);

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
    /// A folder that was made for the socket alone, removed after the daemon has ended.
    pub socket_folder: Option<PathBuf>,
    /// A folder that was made for temporary files alone, removed with what is in it after the daemon has ended. It is used
    /// where [`DaemonOptions::has_room_for_temporary_files`] says that the state has no room for them.
    pub temporary_folder: Option<PathBuf>,
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
            socket_folder: None,
            temporary_folder: None,
            extra_args: Vec::new(),
            ready_timeout: Duration::from_mins(1),
            stop_grace: Duration::from_secs(10),
        }
    }

    /// Whether temporary files may lie in the state: its path is short enough for the sockets that the daemon makes there.
    pub fn has_room_for_temporary_files(&self) -> bool {
        is_short_enough_for_sockets(&temporary_folder_of(&self.root))
    }

    /// Returns where the daemon's temporary files lie, so that what it forgets there can be cleared up; `None` where it has
    /// no folder of its own for them.
    fn temporary_files(&self) -> Option<PathBuf> {
        let in_state = self.has_room_for_temporary_files().then(|| temporary_folder_of(&self.root));
        in_state.or_else(|| self.temporary_folder.clone())
    }
}

/// Why there is no daemon.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// No program of that name.
    #[error(
        "buildkitd was not found {place}; install it (https://github.com/moby/buildkit/releases), or give its path with --buildkitd"
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
    #[error(
        "a daemon already listens on {socket}; build on it with bob build --addr unix://{socket}, or end it"
    )]
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
    pid: u32,
    log: RecentLines,
    exit: watch::Receiver<Option<ExitStatus>>,
    /// Dropped to ask for the end.
    stop: oneshot::Sender<()>,
    supervisor: JoinHandle<()>,
}

/// Returns the path of buildkitd: `explicit` if given, else the first one in `search_path`.
///
/// # Errors
///
/// [`DaemonError::NotFound`].
pub fn find_program(explicit: Option<&Path>, search_path: Option<&OsStr>) -> Result<PathBuf, DaemonError> {
    let (found, place) = match explicit {
        Some(path) => {
            (search_path::is_program(path).then(|| path.to_owned()), format!("at {}", path.display()))
        }
        None => (search_path::find_program("buildkitd", search_path), "on PATH".to_owned()),
    };
    found.ok_or(DaemonError::NotFound { place })
}

impl Daemon {
    /// Starts a daemon and returns once it answers.
    ///
    /// It gets a process group of its own, so that Ctrl-C in a terminal does not reach it first, and an
    /// environment without anything that Bob was not told to pass on. If Bob is killed, it ends too.
    ///
    /// # Errors
    ///
    /// Every variant of [`DaemonError`] but `NotFound`.
    pub async fn start(options: DaemonOptions) -> Result<Self, DaemonError> {
        prepare(&options).await?;
        let socket_failed = |source| prepare_failed(&options.socket, source);
        let watch = SocketWatch::new(&options.socket).map_err(socket_failed)?;
        let mut daemon = Self::spawn(&options)?;
        let first = tokio::select! {
            answered = watch.answered() => First::Answered(answered),
            _ = daemon.exit.wait_for(Option::is_some) => First::Exited,
            () = tokio::time::sleep(options.ready_timeout) => First::Late,
        };
        let error = match first {
            First::Answered(Ok(())) => return Ok(daemon),
            First::Answered(Err(source)) => prepare_failed(&options.socket, source),
            First::Exited => {
                let exit = daemon.exited().await;
                DaemonError::Exited { status: exit.status.to_string(), log_tail: exit.log_tail }
            }
            First::Late => {
                let seconds = options.ready_timeout.as_secs();
                DaemonError::NotReady { seconds, log_tail: daemon.log_tail() }
            }
        };
        daemon.stop().await;
        Err(error)
    }

    fn spawn(options: &DaemonOptions) -> Result<Self, DaemonError> {
        let address = Address::Unix(options.socket.clone());
        let failed = |source| DaemonError::Spawn { program: options.program.display().to_string(), source };
        let mut root_argument = OsString::from("--root=");
        root_argument.push(&options.root);
        // Every daemon makes this socket, by default all of them the same one.
        let trace_socket = options.socket.with_extension("otel.sock");
        let mut trace_argument = OsString::from("--otel-socket-path=");
        trace_argument.push(&trace_socket);
        let mut address_argument = OsString::from("--addr=unix://");
        address_argument.push(&options.socket);
        let mut child = Command::new(&options.program)
            .arg("--oci-worker-net=host")
            .args([root_argument, address_argument, trace_argument])
            .args(&options.extra_args)
            .env_clear()
            .envs(passed_environment())
            .envs(options.temporary_files().map(|folder| ("TMPDIR", folder)))
            .env("BUILDKIT_STEP_LOG_MAX_SIZE", STEP_LOG_MAX_BYTES)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .map_err(failed)?;
        let pid = child.id().expect("a child that was not awaited has an id");
        let watched = WatchedDaemon {
            pid,
            grace: options.stop_grace,
            root: &options.root,
            sockets: [&options.socket, &trace_socket],
            remove_root: options.remove_root,
            socket_folder: options.socket_folder.as_deref(),
            temporary_folder: options.temporary_folder.as_deref(),
        };
        let watchdog = Watchdog::start(&watched).inspect_err(|error| {
            tracing::warn!(%error, "buildkitd would outlive a bob that is killed: there is no shell to watch it");
        });

        let log = RecentLines::default();
        let readers = [
            child.stdout.take().map(|stream| tokio::spawn(log.clone().fill(stream))),
            child.stderr.take().map(|stream| tokio::spawn(log.clone().fill(stream))),
        ];
        let (exit_sender, exit) = watch::channel(None);
        let (stop, stopped) = oneshot::channel();
        let supervision = Supervision { child, pid, grace: options.stop_grace, watchdog: watchdog.ok() };
        let supervisor = tokio::spawn(async move {
            let (status, watchdog) = supervision.until_end(stopped).await;
            for reader in readers.into_iter().flatten() {
                // A process that the daemon left behind may hold the stream open.
                let _ = tokio::time::timeout(LOG_TIMEOUT, reader).await;
            }
            exit_sender.send_replace(Some(status));
            if let Some(watchdog) = watchdog {
                watchdog.clear_up().await;
            }
        });
        Ok(Self { address, pid, log, exit, stop, supervisor })
    }

    /// Returns where the daemon listens.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Returns the daemon's process id.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Returns how the daemon ended, as soon as it has. May be awaited any number of times and beside a build.
    pub async fn exited(&self) -> DaemonExit {
        let mut exit = self.exit.clone();
        let status = exit.wait_for(Option::is_some).await.ok().and_then(|status| *status);
        DaemonExit { status: status.unwrap_or_default(), log_tail: self.log.lines() }
    }

    /// Returns the daemon's last log lines, oldest first.
    pub fn log_tail(&self) -> Vec<String> {
        self.log.lines()
    }

    /// Ends the daemon: SIGTERM, SIGKILL to it and all it started after the grace period; then its socket,
    /// and its state if so asked, are removed.
    pub async fn stop(self) {
        drop(self.stop);
        let _ = self.supervisor.await;
    }
}

/// What happens first to a daemon that was started.
enum First {
    Answered(std::io::Result<()>),
    Exited,
    Late,
}

/// The process and what watches it.
struct Supervision {
    child: Child,
    pid: u32,
    grace: Duration,
    watchdog: Option<Watchdog>,
}

impl Supervision {
    /// Waits until the daemon ends, or ends it when `stopped` says so.
    async fn until_end(mut self, stopped: oneshot::Receiver<()>) -> (ExitStatus, Option<Watchdog>) {
        let ended = tokio::select! {
            ended = self.child.wait() => Some(ended),
            _ = stopped => None,
        };
        let ended = match ended {
            Some(ended) => ended,
            None => self.end().await,
        };
        let status = ended.unwrap_or_else(|error| {
            tracing::warn!(%error, "cannot wait for buildkitd");
            ExitStatus::default()
        });
        (status, self.watchdog)
    }

    async fn end(&mut self) -> std::io::Result<ExitStatus> {
        let pid = i32::try_from(self.pid).ok().and_then(Pid::from_raw);
        if let Some(pid) = pid {
            let _ = rustix::process::kill_process(pid, Signal::TERM);
        }
        if let Ok(ended) = tokio::time::timeout(self.grace, self.child.wait()).await {
            return ended;
        }
        tracing::warn!("buildkitd did not end within {} s and is killed", self.grace.as_secs());
        if let Some(pid) = pid {
            let _ = rustix::process::kill_process_group(pid, Signal::KILL);
        }
        self.child.wait().await
    }
}

/// The variables that a daemon gets of Bob's environment: what it needs to find programs, certificates and
/// the way to the network. Nothing that could hold a registry credential.
fn passed_environment() -> impl Iterator<Item = (OsString, OsString)> {
    const PASSED: [&str; 16] = [
        "PATH",
        "HOME",
        "TMPDIR",
        "LANG",
        "TZ",
        "XDG_RUNTIME_DIR",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "NO_PROXY",
        "ALL_PROXY",
        "http_proxy",
        "https_proxy",
        "no_proxy",
        "all_proxy",
    ];
    let value = |name: &str| {
        let value = std::env::var_os(name)?;
        // The daemon looks for runc there; the current folder may be a repository.
        if name == "PATH" { search_path::absolute(&value) } else { Some(value) }
    };
    PASSED.into_iter().filter_map(move |name| Some((name.into(), value(name)?)))
}

/// The folder for temporary files in the state.
fn temporary_folder_of(root: &Path) -> PathBuf {
    root.join("tmp")
}

/// Whether the daemon can make its sockets for SSH mounts in a folder for temporary files.
pub fn is_short_enough_for_sockets(folder: &Path) -> bool {
    const SOCKET_PATH_BYTES: usize = 107;
    const LONGEST_NAME: &str = "/.buildkit-ssh-sock4294967295/ssh_auth_sock";
    folder.as_os_str().len() + LONGEST_NAME.len() <= SOCKET_PATH_BYTES
}

fn prepare_failed(path: &Path, source: std::io::Error) -> DaemonError {
    DaemonError::Prepare { path: path.display().to_string(), source }
}

/// Makes the folders and removes a socket that nobody listens on any more.
async fn prepare(options: &DaemonOptions) -> Result<(), DaemonError> {
    let socket = &options.socket;
    let dir = socket.parent().unwrap_or(Path::new("/"));
    let temporary = options.temporary_files();
    for folder in [Some(options.root.as_path()), Some(dir), temporary.as_deref()].into_iter().flatten() {
        let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
        made.map_err(|e| prepare_failed(folder, e))?;
    }
    if !socket.exists() {
        return Ok(());
    }
    match tokio::net::UnixStream::connect(socket).await {
        Ok(_) => Err(DaemonError::InUse { socket: socket.display().to_string() }),
        Err(_) => std::fs::remove_file(socket).map_err(|e| prepare_failed(socket, e)),
    }
}

#[cfg(test)]
mod tests;
