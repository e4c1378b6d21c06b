//! The log of long-running subcommands: one line an event on standard error.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

/// The variable that sets what is logged: a level (`debug`) or filters (`bob::proxy=debug,hyper=warn`).
pub const LOG_LEVEL: &str = "LOG_LEVEL";

/// Starts logging to standard error at the level of `LOG_LEVEL`, or `default`. A second call changes
/// nothing.
pub fn init(default: &str) {
    let wanted = std::env::var(LOG_LEVEL).unwrap_or_default();
    let filter = EnvFilter::builder()
        .parse(if wanted.trim().is_empty() { default } else { wanted.trim() })
        .unwrap_or_else(|_| EnvFilter::new(default));
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .try_init();
}
