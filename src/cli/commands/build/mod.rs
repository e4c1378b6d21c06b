//! `bob build`: arguments and environment → a build in plain or in workspace mode.

mod args;
mod outputs;
mod plain;
mod workspace;

pub use args::Args;

use super::check::{self, Format};
use crate::cli::usage::UsageError;
use crate::cli::{Failure, logging, process};

/// Runs `bob build`: in workspace mode where neither a context nor an option of plain mode is given.
///
/// # Errors
/// Whatever makes it fail.
pub async fn run(mut args: Args) -> Result<(), Failure> {
    process::hide_memory();
    args.leave_out_empty_values();
    if args.is_workspace_mode() {
        // The log is all that is left of a workspace.
        logging::init(&log_filter(if args.debug { "debug" } else { "info" }));
        return workspace::run(args).await;
    }
    logging::init(&log_filter(if args.debug { "debug" } else { "warn" }));
    match args.method() {
        "build" => plain::run(args).await,
        "check" => check(args, Format::Text).await,
        "check,format=json" => check(args, Format::Json).await,
        other => Err(UsageError::UnsupportedCall { method: other.to_owned() }.into()),
    }
}

/// The build checks alone; nothing is looked up at a registry.
async fn check(args: Args, format: Format) -> Result<(), Failure> {
    let Some(context) = args.context else { return Err(plain::no_context()) };
    check::run(check::Args::new(args.convert, args.image_lock, context, format)).await
}

/// What is logged by itself: Bob's own steps at `level`. What the client and the proxy in this process
/// meet is in the failure report, if it matters.
fn log_filter(level: &str) -> String {
    const BOB: &str = env!("CARGO_CRATE_NAME");
    let quiet = ["buildkit", "proxy", "registry"];
    quiet.iter().fold(format!("warn,{BOB}={level}"), |text, module| text + &format!(",{BOB}::{module}=off"))
}
