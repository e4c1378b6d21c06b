//! `bob completion`: completions for shells.

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::cli::report::print;
use crate::cli::{Cli, Failure};

/// Arguments of `bob completion`.
#[derive(Debug, clap::Args)]
#[command(about = "Write the completions for a shell to standard output")]
pub struct Args {
    /// The shell
    shell: Shell,
}

/// Runs `bob completion`.
///
/// # Errors
/// Standard output that cannot be written.
#[allow(clippy::unused_async, reason = "all subcommands are called alike")]
pub async fn run(args: Args) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "bob", &mut script);
    print(&script)
}
