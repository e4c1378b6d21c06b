//! Command-line arguments, one file a subcommand, and the one error report.

pub mod build;
pub mod check;
pub mod convert_args;
pub mod daemon;
pub mod daemon_args;
pub mod failure;
mod image_lock;
pub mod llb;
pub mod logging;
mod process;
pub mod proxy;
mod report;
mod values;

pub use failure::Failure;

/// Builds and pushes container images from Dockerfiles.
#[derive(Debug, clap::Parser)]
#[command(name = "bob", version, propagate_version = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// Makes the list of subcommands, and what runs each. A module has `Args`, whose `about` is the sentence in the help,
/// and `run`.
macro_rules! subcommands {
    ($($name:ident = $module:ident,)*) => {
        #[derive(Debug, clap::Subcommand)]
        enum Command {
            $($name(Box<$module::Args>),)*
        }

        impl Command {
            async fn run(self) -> Result<(), Failure> {
                match self {
                    $(Self::$name(args) => $module::run(*args).await,)*
                }
            }
        }
    };
}

subcommands! {
    Build = build,
    Check = check,
    Daemon = daemon,
    Llb = llb,
    Proxy = proxy,
}

impl Cli {
    /// Runs the chosen subcommand to its end.
    ///
    /// # Errors
    /// A [`Failure`] that `main` prints and turns into the exit code.
    pub async fn run(self) -> Result<(), Failure> {
        self.command.run().await
    }
}
