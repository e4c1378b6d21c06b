//! FROM and AS in different cases.
//!
//! Made of [`ParserNoteKind::FromAsCasing`]. BuildKit: `RuleFromAsCasing` (`frontend/dockerfile/linter/ruleset.go`),
//! reported by `ParseInstructionWithLinter` (`frontend/dockerfile/instructions/parse.go`).
//!
//! [`ParserNoteKind::FromAsCasing`]: crate::converter::dockerfile::ParserNoteKind::FromAsCasing

use super::{Check, Finding, Rule};

pub(super) static RULE: Rule = Rule {
    name: "FromAsCasing",
    summary: "AS is in the case of FROM.",
    reason: "They are two words of one instruction.",
    bad: "FROM alpine as base",
    good: "FROM alpine AS base",
    experimental: false,
    url: Some("https://docs.docker.com/go/dockerfile/rule/from-as-casing/"),
    check: Check::Noticed,
};

/// The finding that FROM is written `from` and AS `as_word`.
pub(super) fn finding(from: &str, as_word: &str) -> Finding {
    RULE.finding(format!("{as_word:?} is not in the same case as {from:?}"))
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::converter::lint::examples::Examples;

    #[test]
    fn only_the_bad_example_is_found() {
        Examples::default().hold(&RULE, "\"as\" is not in the same case as \"FROM\"");
    }
}
