//! Arguments in FROM that are not declared.
//!
//! Made of [`NoticeKind::UndefinedArgInFrom`]. BuildKit: `RuleUndefinedArgInFrom`
//! (`frontend/dockerfile/linter/ruleset.go`), reported by `reportUnusedFromArgs`
//! (`frontend/dockerfile/dockerfile2llb/validations.go`).
//!
//! [`NoticeKind::UndefinedArgInFrom`]: crate::converter::plan::NoticeKind::UndefinedArgInFrom

use super::{Check, Finding, Rule};
use crate::diag::did_you_mean;

pub(super) static RULE: Rule = Rule {
    name: "UndefinedArgInFrom",
    summary: "FROM uses arguments that are declared above it.",
    reason: "An argument that is not declared is empty.",
    bad: "FROM alpine:${TAG}",
    good: "ARG TAG=3.20\nFROM alpine:${TAG}",
    experimental: false,
    url: Some("https://docs.docker.com/go/dockerfile/rule/undefined-arg-in-from/"),
    check: Check::Noticed,
};

/// The finding that FROM uses `name`, which may be `suggestion` misspelt.
pub(super) fn finding(name: &str, suggestion: Option<&str>) -> Finding {
    RULE.finding(format!(
        "FROM uses the argument {name:?}, which is not declared{}",
        did_you_mean(suggestion)
    ))
}

#[cfg(test)]
mod tests {
    use super::{RULE, finding};
    use crate::converter::lint::examples::Examples;

    #[test]
    fn only_the_bad_example_is_found() {
        // The tag is empty whatever build arguments there are.
        Examples { also_broken: &["InvalidDefaultArgInFrom"], ..Examples::default() }
            .hold(&RULE, "FROM uses the argument \"TAG\", which is not declared");
    }

    #[test]
    fn a_similar_name_is_suggested() {
        assert_eq!(
            finding("TGA", Some("TAG")).message,
            "FROM uses the argument \"TGA\", which is not declared (did you mean TAG?)"
        );
    }
}
