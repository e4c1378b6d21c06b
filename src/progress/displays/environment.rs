//! What the environment says of the terminal: habits of terminals and of BuildKit, not settings of Bob.

#![allow(clippy::disallowed_methods, reason = "the environment of the terminal enters here")]

use std::io::{self, IsTerminal as _};

/// The value of a variable; `None` where it is absent, empty or not UTF-8.
pub(super) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Whether the user wants no colours (<https://no-color.org>).
pub(super) fn has_no_colour() -> bool {
    std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
}

/// Whether the process is a step of a GitHub workflow.
pub(super) fn is_workflow() -> bool {
    variable("GITHUB_ACTIONS").is_some_and(|value| value == "true")
}

/// Why standard error cannot show a live view; `None` where it can.
pub(in crate::progress) fn why_no_live_view() -> Option<&'static str> {
    reason(io::stderr().is_terminal(), variable("TERM").as_deref())
}

fn reason(is_terminal: bool, term: Option<&str>) -> Option<&'static str> {
    match (is_terminal, term) {
        (false, _) => Some("standard error is no terminal"),
        (true, None) => Some("the variable TERM does not say which terminal this is"),
        (true, Some("dumb")) => Some("TERM is dumb: this terminal cannot move its cursor"),
        (true, Some(_)) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_live_view_needs_a_terminal_that_moves_its_cursor() {
        assert_eq!(reason(true, Some("xterm-256color")), None);
        assert!(reason(true, Some("dumb")).unwrap().starts_with("TERM is dumb"));
        assert!(reason(true, None).unwrap().contains("TERM"));
        assert!(reason(false, Some("xterm")).unwrap().contains("no terminal"));
    }
}
