//! Command-line arguments, one file a subcommand, and the one error report.

pub mod args;
pub mod commands;
pub mod failure;
mod github;
pub mod logging;
mod pflag;
mod process;
mod report;
mod subrequests;
mod table;
mod usage;
mod values;

use std::ffi::OsString;

pub use failure::Failure;
pub use github::{Place, Workflow};

/// Builds and pushes container images from Dockerfiles.
#[derive(Debug, clap::Parser)]
#[command(name = "bob", version, propagate_version = true)]
pub struct Cli {
    #[command(subcommand)]
    command: commands::Command,
}

impl Cli {
    /// Parses arguments, the name of the program first.
    ///
    /// # Errors
    /// What is wrong with them; also the help and the version, where they are asked for.
    pub fn of(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        pflag::parse(arguments)
    }

    /// Runs the chosen subcommand to its end.
    ///
    /// # Errors
    /// A [`Failure`] that `main` prints and turns into the exit code.
    pub async fn run(self) -> Result<(), Failure> {
        self.command.run().await
    }
}
