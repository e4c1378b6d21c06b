//! Instructions that a later one replaces.
//!
//! Made of [`NoticeKind::MultipleInstructionsDisallowed`]. BuildKit: `RuleMultipleInstructionsDisallowed`
//! (`frontend/dockerfile/linter/ruleset.go`), reported by `validateUsedOnce`
//! (`frontend/dockerfile/dockerfile2llb/validations.go`).
//!
//! [`NoticeKind::MultipleInstructionsDisallowed`]: crate::converter::plan::NoticeKind::MultipleInstructionsDisallowed

use super::{Check, Finding, Rule};

pub(super) static RULE: Rule = Rule {
    name: "MultipleInstructionsDisallowed",
    summary: "A stage has one CMD, one ENTRYPOINT and one HEALTHCHECK.",
    reason: "Only the last one counts.",
    bad: "FROM alpine\nCMD [\"a\"]\nCMD [\"b\"]",
    good: "FROM alpine\nCMD [\"b\"]",
    experimental: false,
    url: Some("https://docs.docker.com/go/dockerfile/rule/multiple-instructions-disallowed/"),
    check: Check::Noticed,
};

/// The finding that a later `instruction` replaces this one.
pub(super) fn finding(instruction: &str) -> Finding {
    RULE.finding(format!("this {instruction} is void: a later one takes its place"))
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::converter::lint::examples::Examples;

    #[test]
    fn only_the_bad_example_is_found() {
        Examples::default().hold(&RULE, "this CMD is void: a later one takes its place");
    }
}
