//! CMD and ENTRYPOINT in shell form.
//!
//! Made of [`NoticeKind::JsonArgsRecommended`]. BuildKit: `RuleJSONArgsRecommended`
//! (`frontend/dockerfile/linter/ruleset.go`), reported by `dispatchCmd` and `dispatchEntrypoint`
//! (`frontend/dockerfile/dockerfile2llb/convert.go`).
//!
//! [`NoticeKind::JsonArgsRecommended`]: crate::converter::plan::NoticeKind::JsonArgsRecommended

use super::{Check, Finding, Rule};

pub(super) static RULE: Rule = Rule {
    name: "JSONArgsRecommended",
    summary: "CMD and ENTRYPOINT are JSON arrays.",
    reason: "In shell form the program is a child of a shell, which does not pass signals on to it. After \
             SHELL the shell is a choice, and the rule is silent.",
    bad: "CMD my-server --port 80",
    good: "CMD [\"my-server\", \"--port\", \"80\"]",
    experimental: false,
    url: Some("https://docs.docker.com/go/dockerfile/rule/json-args-recommended/"),
    check: Check::Noticed,
};

/// The finding that `instruction` is in shell form.
pub(super) fn finding(instruction: &str) -> Finding {
    RULE.finding(format!("{instruction} runs in a shell, which does not pass signals on: write a JSON array"))
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::converter::lint::examples::Examples;

    #[test]
    fn only_the_bad_example_is_found() {
        Examples::default()
            .hold(&RULE, "CMD runs in a shell, which does not pass signals on: write a JSON array");
    }
}
