//! Command-line arguments, one file a subcommand, and the one error report.

pub mod args;
pub mod commands;
pub mod failure;
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
pub use report::{print, unless_reader_is_gone};

/// Builds and pushes container images from Dockerfiles.
#[derive(Debug, clap::Parser)]
#[command(name = "bob", version, propagate_version = true)]
pub struct Cli {
    #[command(subcommand)]
    command: commands::Command,
}

impl Cli {
    /// Returns what `bob --version` prints, where `arguments`, the name of the program first, ask for that alone. It is
    /// known without the list of all flags, which takes longer than all else.
    pub fn version(arguments: &[OsString]) -> Option<&'static str> {
        let [_, flag] = arguments else { return None };
        (flag == "--version" || flag == "-V").then_some(concat!("bob ", env!("CARGO_PKG_VERSION")))
    }

    /// Whether the chosen subcommand does nothing that others could do beside it, and so needs no threads.
    pub const fn runs_alone(&self) -> bool {
        self.command.runs_alone()
    }

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_that_is_told_at_once_is_the_one_of_the_parser() {
        let asked = |flags: &[&str]| -> Vec<OsString> {
            std::iter::once("bob").chain(flags.iter().copied()).map(OsString::from).collect()
        };
        for flag in ["--version", "-V"] {
            let parsed = Cli::of(asked(&[flag])).unwrap_err().to_string();
            assert_eq!(Cli::version(&asked(&[flag])), Some(parsed.trim_end()));
        }
        for flags in [&[][..], &["build"], &["build", "--version"], &["--version", "x"], &["--help"]] {
            assert_eq!(Cli::version(&asked(flags)), None, "{flags:?}");
        }
    }
}
