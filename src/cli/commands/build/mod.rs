//! `bob build`: arguments and environment → a build in plain or in workspace mode.

mod args;
mod environment;
mod outputs;
mod places;
mod plain;
mod without_effect;
mod workspace;

pub use args::Args;

use std::path::PathBuf;

use crate::cli::usage::UsageError;
use crate::cli::values::call::{Call, Method};
use crate::cli::{Failure, logging, process};
use crate::job::Error;

/// Runs `bob build`: in workspace mode where neither a context nor an option of plain mode is given.
///
/// # Errors
/// Whatever makes it fail.
pub async fn run(mut args: Args) -> Result<(), Failure> {
    process::hide_memory();
    args.leave_out_empty_values();
    if args.is_workspace_mode() {
        if !workspace::is_asked_for(&args) {
            return Err(UsageError::NoContext.into());
        }
        // The log is all that is left of a workspace.
        logging::init(&log_filter(if args.debug { "debug" } else { "info" }));
        return workspace::run(args).await;
    }
    logging::init(&log_filter(if args.debug { "debug" } else { "warn" }));
    let call = Call::parse(args.method())?;
    match call.method {
        Method::Build => plain::run(args).await,
        _ => plain::answer(args, &call).await,
    }
}

/// What is logged by itself: Bob's own steps at `level`. What the client and the proxy in this process
/// meet is in the failure report, if it matters.
fn log_filter(level: &str) -> String {
    const BOB: &str = env!("CARGO_CRATE_NAME");
    let quiet = ["buildkit", "proxy", "registry"];
    quiet.iter().fold(format!("warn,{BOB}={level}"), |text, module| text + &format!(",{BOB}::{module}=off"))
}

/// The current folder.
fn current_dir() -> Result<PathBuf, Error> {
    std::env::current_dir().map_err(|source| Error::Read {
        what: "the current folder",
        path: ".".into(),
        source,
    })
}
