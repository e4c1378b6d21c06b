//! Stage names that are not in lower case.
//!
//! Made of [`ParserNoteKind::StageNameCasing`]. BuildKit: `RuleStageNameCasing`
//! (`frontend/dockerfile/linter/ruleset.go`), reported by `ParseInstructionWithLinter`
//! (`frontend/dockerfile/instructions/parse.go`).
//!
//! [`ParserNoteKind::StageNameCasing`]: crate::converter::dockerfile::ParserNoteKind::StageNameCasing

use super::{Check, Finding, Rule};

pub(super) static RULE: Rule = Rule {
    name: "StageNameCasing",
    summary: "Stage names are in lower case.",
    reason: "They are turned into lower case, and FROM then finds them in lower case only.",
    bad: "FROM alpine AS Base",
    good: "FROM alpine AS base",
    experimental: false,
    url: Some("https://docs.docker.com/go/dockerfile/rule/stage-name-casing/"),
    check: Check::Noticed,
};

/// The finding that a stage is called `name`.
pub(super) fn finding(name: &str) -> Finding {
    RULE.finding(format!("stage name {name:?} is not in lower case"))
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::converter::lint::examples::Examples;

    #[test]
    fn only_the_bad_example_is_found() {
        Examples::default().hold(&RULE, "stage name \"Base\" is not in lower case");
    }
}
