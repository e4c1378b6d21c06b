//! The log of long-running subcommands: one line an event on standard error.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

/// The variable that sets what is logged: a level (`debug`), or filters in the syntax of
/// `tracing_subscriber` (`bob::proxy=debug,hyper=info`).
const LOG_LEVEL: &str = "LOG_LEVEL";
/// Set to `true` to log at `debug` where `LOG_LEVEL` says nothing.
const DEBUG_ENABLE: &str = "SUPERVISOR_DEBUG_ENABLE";

/// Starts logging to standard error as `LOG_LEVEL` or `SUPERVISOR_DEBUG_ENABLE` say, or at the level
/// `default`. A second call changes nothing.
pub fn init(default: &str) {
    let level = std::env::var(LOG_LEVEL).ok().filter(|level| !level.trim().is_empty());
    let debug = std::env::var(DEBUG_ENABLE).is_ok_and(|value| value == "true");
    let wanted = level.unwrap_or_else(|| if debug { "debug" } else { default }.to_owned());
    let filter =
        EnvFilter::try_new(directives(wanted.trim())).unwrap_or_else(|_| EnvFilter::new(directives(default)));
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .try_init();
}

/// A bare level is Bob's own: the HTTP libraries below would log every frame.
fn directives(wanted: &str) -> String {
    if wanted.contains(['=', ',']) || matches!(wanted, "off" | "error" | "warn") {
        wanted.to_owned()
    } else {
        format!("warn,bob={wanted}")
    }
}

#[cfg(test)]
mod tests {
    use super::directives;

    #[test]
    fn a_bare_level_is_bobs_own() {
        assert_eq!(directives("debug"), "warn,bob=debug");
        assert_eq!(directives("error"), "error");
        assert_eq!(directives("hyper=info"), "hyper=info");
    }
}
