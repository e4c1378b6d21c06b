//! Base names that are no reference without build arguments.
//!
//! Made of [`NoticeKind::InvalidDefaultArgInFrom`]. BuildKit: `RuleInvalidDefaultArgInFrom`
//! (`frontend/dockerfile/linter/ruleset.go`), reported by `validateBaseImagesWithDefaultArgs`
//! (`frontend/dockerfile/dockerfile2llb/validations.go`).
//!
//! [`NoticeKind::InvalidDefaultArgInFrom`]: crate::converter::plan::NoticeKind::InvalidDefaultArgInFrom

use super::{Check, Finding, Rule};

pub(super) static RULE: Rule = Rule {
    name: "InvalidDefaultArgInFrom",
    summary: "FROM works without build arguments.",
    reason: "An argument without a default leaves a reference that is empty or malformed.",
    bad: "ARG TAG\nFROM alpine:$TAG",
    good: "ARG TAG=3.20\nFROM alpine:$TAG",
    experimental: false,
    url: Some("https://docs.docker.com/go/dockerfile/rule/invalid-default-arg-in-from/"),
    check: Check::Noticed,
};

/// The finding that `base`, as FROM has it, needs build arguments.
pub(super) fn finding(base: &str) -> Finding {
    RULE.finding(format!("without build arguments, {base} is no image"))
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::converter::lint::examples::{Examples, Inputs};

    #[test]
    fn only_the_bad_example_is_found() {
        let bad = Inputs { build_args: &[("TAG", "3.20")], ..Inputs::default() };
        Examples { bad, ..Examples::default() }
            .hold(&RULE, "without build arguments, alpine:$TAG is no image");
    }
}
