//! `bob daemon`: arguments and environment → a buildkitd that keeps running.

use std::path::PathBuf;

use crate::cli::args::daemon::state_folder;
use crate::cli::report::listen;
use crate::cli::usage::UsageError;
use crate::cli::{Failure, logging, process};
use crate::job::{self, DaemonChoice, DockerLogins, OwnDaemon, TlsOptions, WarmCache};
use crate::workspace::{Environment, cache_images, nonempty_process_variable, variables};

/// Arguments of `bob daemon`.
#[derive(Debug, clap::Args)]
#[command(about = "Start buildkitd with a warm image cache and run until SIGINT or SIGTERM")]
pub struct Args {
    /// Socket that buildkitd listens on: PATH or `unix://PATH`
    socket: String,
    /// The buildkitd to start [default: the one on PATH]
    #[arg(long, value_name = "FILE")]
    buildkitd: Option<PathBuf>,
    /// Where it keeps its state
    #[arg(long, value_name = "FOLDER")]
    state_dir: Option<PathBuf>,
}

/// Runs `bob daemon` until SIGINT or SIGTERM.
///
/// # Errors
/// Whatever makes it fail.
pub async fn run(args: Args) -> Result<(), Failure> {
    process::hide_memory();
    logging::init("warn,bob=info");
    let images = cache_images(&Environment::of_process()).map_err(job::Error::from)?;
    let path = args.socket.strip_prefix("unix://").unwrap_or(&args.socket);
    if path.is_empty() || path.contains("://") {
        return Err(UsageError::Socket { given: args.socket }.into());
    }
    let service = WarmCache {
        daemon: DaemonChoice {
            addresses: Vec::new(),
            tls: TlsOptions::default(),
            candidates: Vec::new(),
            own: OwnDaemon {
                program: args.buildkitd,
                search_path: nonempty_process_variable(variables::SEARCH_PATH.name),
                state: state_folder(args.state_dir.as_deref()),
                socket: Some(std::path::absolute(path).unwrap_or_else(|_| path.into())),
                runtime_dir: None,
                ready_timeout: None,
            },
        },
        images,
        logins: DockerLogins::of(nonempty_process_variable),
    };
    let interrupts = listen()?;
    Ok(job::serve(&service, &interrupts).await?)
}
