//! Which buildkitd is used: the flags that `bob build` and `bob llb` share, named as buildctl names them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::cli::values::syntax::duration;
use crate::job::{self, Address, DaemonChoice, OwnDaemon, StateFolder, TlsOptions, usual_addresses};
use crate::workspace::nonempty_process_variable;
use crate::workspace::variables::{self, Variable};

/// Flags that choose a buildkitd.
#[derive(Debug, Default, Clone, clap::Args)]
// A group of these arguments would be a further name among those that `Args::is_workspace_mode` looks at.
#[group(skip)]
pub struct DaemonArgs {
    /// Address of buildkitd: `unix://PATH`, `tcp://HOST:PORT`, `docker-container://NAME`, `podman-container://NAME`,
    /// `nerdctl-container://NAME`, `kube-pod://POD`, `ssh://HOST`; may be repeated, or a list
    #[arg(long, value_name = "ADDRESS", env = variables::BUILDKIT_HOST.name, help_heading = "Daemon")]
    pub addr: Vec<String>,
    /// Folder with the three files for TLS: ca.pem, cert.pem, key.pem, or ca.crt, tls.crt, tls.key
    #[arg(
        long,
        value_name = "FOLDER",
        conflicts_with_all = ["tlscacert", "tlscert", "tlskey"],
        help_heading = "Daemon"
    )]
    pub tlsdir: Option<PathBuf>,
    /// Certificate authority of buildkitd
    #[arg(long, value_name = "FILE", help_heading = "Daemon")]
    pub tlscacert: Option<PathBuf>,
    /// Certificate of the client
    #[arg(long, value_name = "FILE", help_heading = "Daemon")]
    pub tlscert: Option<PathBuf>,
    /// Key of the client
    #[arg(long, value_name = "FILE", help_heading = "Daemon")]
    pub tlskey: Option<PathBuf>,
    /// Name that buildkitd's certificate must carry
    #[arg(long, value_name = "NAME", help_heading = "Daemon")]
    pub tlsservername: Option<String>,
    /// The buildkitd to start where none runs [default: the one on PATH]
    #[arg(long, value_name = "FILE", help_heading = "Daemon")]
    pub buildkitd: Option<PathBuf>,
    /// How long a started buildkitd may take to be ready, such as 30s
    #[arg(long, value_name = "TIME", value_parser = duration::argument, help_heading = "Daemon")]
    pub buildkitd_timeout: Option<Duration>,
    /// Where a started buildkitd keeps its state
    #[arg(long, value_name = "FOLDER", help_heading = "Daemon")]
    pub state_dir: Option<PathBuf>,
}

impl DaemonArgs {
    /// The daemon that these flags choose.
    ///
    /// # Errors
    /// [`job::Error::Address`].
    pub fn choice(&self) -> Result<DaemonChoice, job::Error> {
        let addresses = Address::parse_list(&self.addr.join(","))?;
        let runtime_dir = nonempty_process_variable(variables::XDG_RUNTIME_DIR.name).map(PathBuf::from);
        Ok(DaemonChoice {
            addresses,
            tls: self.tls()?,
            candidates: usual_addresses(runtime_dir.as_deref()),
            own: OwnDaemon {
                program: self.buildkitd.clone(),
                search_path: nonempty_process_variable(variables::SEARCH_PATH.name),
                state: state_folder(self.state_dir.as_deref()),
                socket: None,
                runtime_dir,
                ready_timeout: self.buildkitd_timeout,
            },
        })
    }

    fn tls(&self) -> Result<TlsOptions, job::Error> {
        let server_name = self.tlsservername.clone();
        if let Some(folder) = &self.tlsdir {
            return Ok(TlsOptions::of_folder(folder, server_name)?);
        }
        Ok(TlsOptions {
            ca: self.tlscacert.clone(),
            cert: self.tlscert.clone(),
            key: self.tlskey.clone(),
            server_name,
        })
    }
}

/// Where records of builds are kept: below the user's state folder, or root's; `None` for a user who has none.
pub(in crate::cli) fn record_folder() -> Option<PathBuf> {
    let given = state_home(variables::XDG_STATE_HOME);
    let folder = match given {
        Some(folder) => folder,
        None if rustix::process::geteuid().is_root() => PathBuf::from("/var/lib"),
        None => state_home(variables::HOME)?.join(".local/state"),
    };
    Some(folder.join("bob/builds"))
}

/// Returns the folder that a variable names. A relative one would lead into the current folder, which may be a repository.
fn state_home(variable: Variable) -> Option<PathBuf> {
    let folder = nonempty_process_variable(variable.name).map(PathBuf::from);
    folder.filter(|folder| folder.is_absolute())
}

/// Where buildkitd keeps its state: in `given`, else for root in a system folder, for others in one of the user's, and
/// in a temporary one for a user who has none.
pub(in crate::cli) fn state_folder(given: Option<&Path>) -> StateFolder {
    let absolute = |path: PathBuf| StateFolder::Kept(std::path::absolute(&path).unwrap_or(path));
    if let Some(path) = given {
        return absolute(path.to_owned());
    }
    if rustix::process::geteuid().is_root() {
        return StateFolder::Kept(PathBuf::from("/var/lib/bob/buildkit"));
    }
    let state = state_home(variables::XDG_STATE_HOME)
        .or_else(|| state_home(variables::HOME).map(|home| home.join(".local/state")));
    state.map_or(StateFolder::Temporary, |folder| absolute(folder.join("bob/buildkit")))
}
