//! The `bob` binary: runtime, one error report, exit code.

use std::io::Write as _;
use std::process::ExitCode;

use bob::cli::Cli;
use clap::Parser as _;

#[tokio::main]
async fn main() -> ExitCode {
    match Cli::parse().run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let _ = writeln!(std::io::stderr(), "{}", failure.render());
            ExitCode::from(failure.exit_code())
        }
    }
}
