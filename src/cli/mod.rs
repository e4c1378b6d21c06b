//! Command-line arguments, one file a subcommand, and the one error report.

pub mod build;
pub mod check;
pub mod convert_args;
pub mod daemon;
pub mod daemon_args;
pub mod failure;
pub mod llb;
pub mod logging;
mod process;
pub mod proxy;
mod values;

pub use failure::Failure;

/// Builds and pushes container images from Dockerfiles.
#[derive(Debug, clap::Parser)]
#[command(name = "bob", version, propagate_version = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Build an image; without arguments, the workspace image that BOB_* describe
    Build(Box<build::Args>),
    /// Lint a Dockerfile with BuildKit's build checks
    Check(check::Args),
    /// Start buildkitd with a warm image cache and run until SIGINT or SIGTERM
    Daemon(daemon::Args),
    /// Print the LLB graph of a Dockerfile without building it
    Llb(Box<llb::Args>),
    /// Serve the authenticating registry proxy on localhost
    Proxy(proxy::Args),
}

impl Cli {
    /// Runs the chosen subcommand to its end.
    ///
    /// # Errors
    /// A [`Failure`] that `main` prints and turns into the exit code.
    pub async fn run(self) -> Result<(), Failure> {
        match self.command {
            Command::Build(args) => build::run(*args).await,
            Command::Check(args) => check::run(args).await,
            Command::Daemon(args) => daemon::run(args).await,
            Command::Llb(args) => llb::run(*args).await,
            Command::Proxy(args) => proxy::run(args).await,
        }
    }
}
