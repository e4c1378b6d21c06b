//! Which buildkitd builds: one that runs, or one of Bob's own.

use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::future::join_all;
use rustix::fs::FlockOperation;
use tokio_util::sync::CancellationToken;

use super::platforms::DaemonPlatforms;
use super::rendezvous::{self, BuildSubject};
use super::state::{self, PreparedState, SocketPath, StateError, StateFolder};
use crate::buildkit::daemon::find_program;
use crate::buildkit::proto::pb;
use crate::buildkit::{self, Address, Client, Daemon, DaemonError, DaemonOptions, TlsOptions};
use crate::image::Platform;

/// How long a running daemon may take to answer.
const PROBE_TIMEOUT: Duration = Duration::from_secs(5);
/// The same through a program, which may log in somewhere first.
const HELPER_TIMEOUT: Duration = Duration::from_secs(20);
/// How often a state folder that another build uses is asked for again.
const LOCK_RETRY_INTERVAL: Duration = Duration::from_millis(200);
/// Where a system-wide buildkitd listens.
const USUAL_SOCKET: &str = "/run/buildkit/buildkitd.sock";

/// How to come to a buildkitd.
#[derive(Debug, Clone)]
pub struct DaemonChoice {
    /// The addresses one of which must be used, where any is given: the first that answers.
    pub addresses: Vec<Address>,
    /// Files and names for TLS to those of them that speak it.
    pub tls: TlsOptions,
    /// Addresses that are tried before a daemon is started.
    pub candidates: Vec<Address>,
    /// The daemon to start where none answers.
    pub own: OwnDaemon,
}

/// A daemon that Bob starts.
#[derive(Debug, Clone)]
pub struct OwnDaemon {
    /// The program; looked for in `search_path` where it is not given.
    pub program: Option<PathBuf>,
    /// `PATH`.
    pub search_path: Option<OsString>,
    /// Where it keeps its state.
    pub state: StateFolder,
    /// Where it listens; absent: in its state folder, or where that path is too long, in a fresh folder.
    pub socket: Option<PathBuf>,
    /// Where sockets of this user belong (`XDG_RUNTIME_DIR`).
    pub runtime_dir: Option<PathBuf>,
    /// How long it may take until it answers; the client's own limit where absent.
    pub ready_timeout: Option<Duration>,
}

/// Why there is no buildkitd to build with.
#[derive(Debug, thiserror::Error)]
pub enum NoBuilder {
    /// The one that was named does not answer.
    #[error(transparent)]
    Client(#[from] buildkit::Error),
    /// None can be started.
    #[error(transparent)]
    Daemon(#[from] DaemonError),
    /// None runs, and there is none to start.
    #[error("{0}, or name a running one with --addr")]
    NoneInstalled(DaemonError),
    /// Its state folder cannot be used.
    #[error(transparent)]
    State(#[from] StateError),
    /// The user interrupted.
    #[error("interrupted")]
    Interrupted,
}

/// A connection to a buildkitd, and that daemon itself where it is Bob's own.
#[derive(Debug)]
pub struct Builder {
    /// The connection.
    pub client: Client,
    own: Option<RunningDaemon>,
    /// State folders of daemons on this machine, which no build may read.
    state_folders: Vec<PathBuf>,
}

/// A daemon that Bob started, with all that is its.
#[derive(Debug)]
struct RunningDaemon {
    daemon: Daemon,
    _lock: Option<File>,
    _socket: SocketPath,
    _state: PreparedState,
}

impl DaemonChoice {
    /// Puts the address first at which `subject` is built.
    #[must_use]
    pub fn for_subject(mut self, subject: BuildSubject<'_>) -> Self {
        rendezvous::order(&mut self.addresses, subject);
        self
    }

    /// Puts `address` first.
    #[must_use]
    pub(crate) fn preferring(mut self, address: &Address) -> Self {
        self.addresses.sort_by_key(|other| other != address);
        self
    }

    /// Returns the choice among the addresses behind `address`; `None` where there is none.
    pub(crate) fn after(&self, address: &Address) -> Option<Self> {
        let position = self.addresses.iter().position(|other| other == address)?;
        let rest = self.addresses[position + 1..].to_vec();
        (!rest.is_empty()).then(|| Self { addresses: rest, ..self.clone() })
    }

    /// Returns the platforms of each daemon that answers, in the order of the addresses.
    ///
    /// # Errors
    /// [`NoBuilder`] where none answers.
    pub(crate) async fn platforms(
        &self,
        cancel: &CancellationToken,
    ) -> Result<Vec<(Address, DaemonPlatforms)>, NoBuilder> {
        let ask = async |address: &Address| Ok(self.probe(address).await?.platforms().await?);
        let asked = join_all(self.addresses.iter().map(ask));
        let answers: Vec<Result<_, NoBuilder>> =
            cancel.run_until_cancelled(asked).await.ok_or(NoBuilder::Interrupted)?;
        let (mut found, mut last) = (Vec::new(), None);
        for (address, answer) in self.addresses.iter().zip(answers) {
            match answer {
                Ok(platforms) => found.push((address.clone(), platforms)),
                Err(error) => {
                    warn_of_next(address, &error);
                    last = Some(error);
                }
            }
        }
        match last {
            Some(error) if found.is_empty() => Err(error),
            _ => Ok(found),
        }
    }

    /// Connects to the daemon that is to be used; starts one where none answers.
    ///
    /// # Errors
    /// [`NoBuilder`].
    pub async fn connect(&self, cancel: &CancellationToken) -> Result<Builder, NoBuilder> {
        cancel.run_until_cancelled(self.find_or_start()).await.unwrap_or(Err(NoBuilder::Interrupted))
    }

    /// Connects to a daemon that runs already; `None` where none answers.
    ///
    /// # Errors
    /// [`NoBuilder::Interrupted`].
    pub async fn connect_to_running(&self, cancel: &CancellationToken) -> Result<Option<Builder>, NoBuilder> {
        let addresses = if self.addresses.is_empty() { &self.candidates } else { &self.addresses };
        cancel.run_until_cancelled(self.find_running(addresses)).await.ok_or(NoBuilder::Interrupted)
    }

    /// The first daemon that answers.
    async fn find_running(&self, addresses: &[Address]) -> Option<Builder> {
        for address in addresses {
            match self.probe(address).await {
                Ok(builder) => return Some(builder),
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::debug!(%address, error, "no buildkitd there");
                }
            }
        }
        None
    }

    async fn find_or_start(&self) -> Result<Builder, NoBuilder> {
        if let [others @ .., last] = self.addresses.as_slice() {
            for address in others {
                match self.probe(address).await {
                    Ok(builder) => return Ok(builder),
                    Err(error) => warn_of_next(address, &error),
                }
            }
            return self.probe(last).await;
        }
        match self.find_running(&self.candidates).await {
            Some(builder) => Ok(builder),
            None => self.own.start().await.map_err(|error| match error {
                // A daemon that is started at a socket of its own has nothing to do with one that runs.
                NoBuilder::Daemon(missing @ DaemonError::NotFound { .. }) if self.own.socket.is_none() => {
                    NoBuilder::NoneInstalled(missing)
                }
                error => error,
            }),
        }
    }

    /// Connects to the daemon at `address`, which has to answer.
    async fn probe(&self, address: &Address) -> Result<Builder, NoBuilder> {
        let has_tls = self.addresses.iter().any(Address::can_speak_tls);
        let none = TlsOptions::default();
        // Among several addresses the options are for those that speak TLS.
        let tls = if has_tls && !address.can_speak_tls() { &none } else { &self.tls };
        let timeout = match address {
            Address::Helper(_) => HELPER_TIMEOUT,
            Address::Unix(_) | Address::Tcp { .. } => PROBE_TIMEOUT,
        };
        Ok(self.running(Client::probe(address, tls, timeout).await?))
    }

    /// The builder of a daemon that runs already. State may lie where Bob's own would, of this daemon or of a build before.
    fn running(&self, client: Client) -> Builder {
        tracing::debug!(address = %client.address(), "buildkitd answers");
        let state_folders = self.own.state.path().map(state::states_at).unwrap_or_default();
        Builder { client, own: None, state_folders }
    }
}

impl OwnDaemon {
    async fn start(&self) -> Result<Builder, NoBuilder> {
        let program = find_program(self.program.as_deref(), self.search_path.as_deref())?;
        let state = self.state.prepare()?;
        let root = state.root.clone();
        let lock = match &self.state {
            StateFolder::Kept(_) => Some(lock(&root).await?),
            StateFolder::Fresh(_) | StateFolder::Temporary => None,
        };
        let socket = SocketPath::choose(self.socket.as_deref(), &root, self.runtime_dir.as_deref())?;
        let mut options = DaemonOptions::new(program, root.clone(), socket.path.clone());
        options.remove_root = state.is_temporary;
        options.socket_folder = socket.own_folder().map(Path::to_owned);
        if let Some(limit) = self.ready_timeout {
            options.ready_timeout = limit;
        }
        tracing::info!(root = %root.display(), "starting buildkitd");
        let daemon = Daemon::start(options).await?;
        let client = Client::connect(daemon.address(), &TlsOptions::default(), PROBE_TIMEOUT).await?;
        let state_folders = std::iter::once(root).chain(state.others.iter().cloned()).collect();
        let own = RunningDaemon { daemon, _lock: lock, _socket: socket, _state: state };
        Ok(Builder { client, own: Some(own), state_folders })
    }
}

impl Builder {
    /// Whether buildkitd is on this machine, so that it reaches this process through loopback.
    pub fn shares_network(&self) -> bool {
        self.own.is_some() || matches!(self.client.address(), Address::Unix(_))
    }

    /// The platforms that the daemon lists.
    async fn platforms(&self) -> Result<DaemonPlatforms, buildkit::Error> {
        let workers = self.client.workers().await?;
        let listed: Vec<Platform> =
            workers.into_iter().flat_map(|worker| worker.platforms).map(normalized).collect();
        Ok(DaemonPlatforms { native: listed.first().cloned(), listed })
    }

    /// How Bob's own daemon ended, as soon as it has; never for another one.
    pub async fn exited(&self) -> DaemonError {
        match &self.own {
            Some(own) => {
                let exit = own.daemon.exited().await;
                DaemonError::Exited { status: exit.status.to_string(), log_tail: exit.log_tail }
            }
            None => std::future::pending().await,
        }
    }

    /// Ends the daemon if it is Bob's own.
    pub async fn stop(self) {
        let Self { client, own, .. } = self;
        drop(client);
        if let Some(RunningDaemon { daemon, _lock, _socket, _state }) = own {
            daemon.stop().await;
        }
    }

    /// State folders of daemons on this machine: they are never part of a build's context.
    pub fn state_folders(&self) -> &[PathBuf] {
        &self.state_folders
    }
}

/// Returns the platform that a daemon says that it builds for; this machine's where it names none.
pub(crate) fn default_platform(named: Option<pb::Platform>) -> Platform {
    named.map_or_else(Platform::host, normalized)
}

fn normalized(platform: pb::Platform) -> Platform {
    let named = Platform {
        os: platform.os.into(),
        architecture: platform.architecture.into(),
        variant: platform.variant.into(),
        os_version: platform.os_version.into(),
        os_features: (!platform.os_features.is_empty()).then_some(platform.os_features),
    };
    named.normalized()
}

/// Says that the daemon at `address` is passed over, and why.
fn warn_of_next(address: &Address, error: &NoBuilder) {
    let error = error as &dyn std::error::Error;
    tracing::warn!(%address, error, "this buildkitd is passed over");
}

/// Holds the lock of a state folder, waiting for other builds that hold it. The lock ends with the file.
async fn lock(root: &Path) -> Result<File, NoBuilder> {
    let failed = |source| NoBuilder::State(StateError::Io { path: root.to_owned(), source });
    let file = state::lock_file(root).map_err(failed)?;
    let mut has_warned = false;
    loop {
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(file),
            Err(rustix::io::Errno::WOULDBLOCK) => {
                if !std::mem::replace(&mut has_warned, true) {
                    tracing::warn!(root = %root.display(), "waiting for another build that uses this state folder");
                }
                tokio::time::sleep(LOCK_RETRY_INTERVAL).await;
            }
            Err(error) => return Err(failed(error.into())),
        }
    }
}

/// The sockets where a buildkitd of this machine or user usually listens, and nobody else can.
pub fn usual_addresses(runtime_dir: Option<&Path>) -> Vec<Address> {
    let rootless = runtime_dir.map(|dir| dir.join("buildkit/buildkitd.sock"));
    let sockets = std::iter::once(PathBuf::from(USUAL_SOCKET)).chain(rootless);
    sockets.filter(|socket| state::is_trusted_socket(socket)).map(Address::Unix).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_state_folder_is_used_by_one_build_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let held = lock(dir.path()).await.unwrap();
        let waiting = tokio::time::timeout(Duration::from_hours(1), lock(dir.path()));
        assert!(waiting.await.is_err());
        drop(held);
        lock(dir.path()).await.unwrap();
    }

    #[tokio::test]
    async fn only_where_a_running_daemon_would_do_is_its_flag_named() {
        let dir = tempfile::tempdir().unwrap();
        for socket in [None, Some(dir.path().join("sock"))] {
            let own = OwnDaemon {
                program: None,
                search_path: Some(dir.path().into()),
                state: StateFolder::Kept(dir.path().to_owned()),
                socket: socket.clone(),
                runtime_dir: None,
                ready_timeout: None,
            };
            let choice = DaemonChoice {
                addresses: Vec::new(),
                tls: TlsOptions::default(),
                candidates: Vec::new(),
                own,
            };
            let error = choice.connect(&CancellationToken::new()).await.unwrap_err().to_string();
            assert!(error.starts_with("buildkitd was not found on PATH; install it"), "{error}");
            assert_eq!(error.contains("--addr"), socket.is_none(), "{error}");
        }
    }

    #[tokio::test]
    async fn an_interrupt_ends_the_wait_for_a_daemon() {
        let dir = tempfile::tempdir().unwrap();
        let own = OwnDaemon {
            program: Some("/bin/true".into()),
            search_path: None,
            state: StateFolder::Kept(dir.path().to_owned()),
            socket: Some(dir.path().join("sock")),
            runtime_dir: None,
            ready_timeout: None,
        };
        let choice =
            DaemonChoice { addresses: Vec::new(), tls: TlsOptions::default(), candidates: Vec::new(), own };
        let _held = lock(dir.path()).await.unwrap();
        let cancel = CancellationToken::new();
        cancel.cancel();
        assert!(matches!(choice.connect(&cancel).await, Err(NoBuilder::Interrupted)));
    }
}
