//! `bob build`: arguments and environment → a build in plain or in workspace mode.

mod args;
mod plain;
mod workspace;

use std::ffi::OsString;
use std::path::PathBuf;

pub use args::Args;

use super::{Failure, logging};
use crate::build::{self, Address, DaemonChoice, Interrupts, OwnDaemon, TlsOptions, usual_addresses};

/// Runs `bob build`: in workspace mode where neither a context nor an option of plain mode is given.
///
/// # Errors
/// Whatever makes it fail.
pub async fn run(args: Args) -> Result<(), Failure> {
    if args.is_workspace_mode() {
        // The log is all that is left of a workspace.
        logging::init(&log_filter("info"));
        workspace::run(args).await
    } else {
        logging::init(&log_filter("warn"));
        plain::run(args).await
    }
}

/// What is logged by itself: Bob's own steps at `level`. What the client and the proxy in this process
/// meet is in the failure report, if it matters.
fn log_filter(level: &str) -> String {
    const BOB: &str = env!("CARGO_CRATE_NAME");
    let quiet = ["buildkit", "proxy", "registry"];
    quiet.iter().fold(format!("warn,{BOB}={level}"), |text, module| text + &format!(",{BOB}::{module}=off"))
}

/// What the user is told of a failed build.
pub(super) fn failure(error: &build::Error) -> Failure {
    let report = error.report();
    if error.is_usage() { Failure::Usage(report) } else { Failure::Rendered(format!("error: {report}")) }
}

pub(super) fn listen() -> Result<Interrupts, Failure> {
    Interrupts::listen().map_err(|source| failure(&build::Error::Signals(source)))
}

pub(super) fn environment(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

/// The daemon that a plain build uses.
fn daemon_choice(args: &Args) -> Result<DaemonChoice, build::Error> {
    let address = args.addr.as_deref().filter(|text| !text.is_empty()).map(Address::parse).transpose();
    let address = address.map_err(|error| build::Error::Usage(error.to_string()))?;
    let runtime_dir = environment("XDG_RUNTIME_DIR").map(PathBuf::from);
    let root = args.state_dir.clone().unwrap_or_else(default_state_dir);
    let root = std::path::absolute(&root).unwrap_or(root);
    let socket = socket_below(&root, runtime_dir.as_deref());
    Ok(DaemonChoice {
        address,
        tls: TlsOptions {
            ca: args.tlscacert.clone(),
            cert: args.tlscert.clone(),
            key: args.tlskey.clone(),
            server_name: args.tlsservername.clone(),
        },
        candidates: usual_addresses(runtime_dir.as_deref()),
        own: OwnDaemon {
            program: args.buildkitd.clone(),
            search_path: environment("PATH"),
            root,
            socket,
            ready_timeout: args.buildkitd_timeout,
            is_locked: true,
        },
    })
}

/// Where buildkitd keeps its state outside of a workspace: for root a system folder, else one of the user's.
pub(super) fn default_state_dir() -> PathBuf {
    if rustix::process::geteuid().is_root() {
        return PathBuf::from("/var/lib/bob/buildkit");
    }
    let home = || environment("HOME").map(|home| PathBuf::from(home).join(".local/state"));
    let state = environment("XDG_STATE_HOME").map(PathBuf::from).or_else(home);
    state.unwrap_or_else(std::env::temp_dir).join("bob/buildkit")
}

/// The socket of a buildkitd with its state in `root`. The paths of sockets are limited to 107 bytes.
fn socket_below(root: &std::path::Path, runtime_dir: Option<&std::path::Path>) -> PathBuf {
    const LONGEST: usize = 100;
    let socket = root.join("buildkitd.sock");
    if socket.as_os_str().len() <= LONGEST {
        return socket;
    }
    let folder = runtime_dir.map_or_else(std::env::temp_dir, std::path::Path::to_owned);
    folder.join(format!("bob-{}", std::process::id())).join("buildkitd.sock")
}
