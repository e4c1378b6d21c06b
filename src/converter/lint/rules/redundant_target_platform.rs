//! `FROM --platform` with the platform that FROM takes anyway.
//!
//! Made of [`NoticeKind::RedundantTargetPlatform`]. BuildKit: `RuleRedundantTargetPlatform`
//! (`frontend/dockerfile/linter/ruleset.go`), reported by `reportRedundantTargetPlatform`
//! (`frontend/dockerfile/dockerfile2llb/validations.go`).
//!
//! [`NoticeKind::RedundantTargetPlatform`]: crate::converter::plan::NoticeKind::RedundantTargetPlatform

use super::{Check, Finding, Rule};

pub(super) static RULE: Rule = Rule {
    name: "RedundantTargetPlatform",
    summary: "FROM does not say --platform=$TARGETPLATFORM.",
    reason: "It is the platform that FROM takes anyway.",
    bad: "FROM --platform=$TARGETPLATFORM alpine",
    good: "FROM alpine",
    experimental: false,
    url: Some("https://docs.docker.com/go/dockerfile/rule/redundant-target-platform/"),
    check: Check::Noticed,
};

/// The finding that FROM names `platform`, an expression.
pub(super) fn finding(platform: &str) -> Finding {
    RULE.finding(format!("--platform={platform} is what FROM does anyway"))
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::converter::lint::examples::Examples;

    #[test]
    fn only_the_bad_example_is_found() {
        Examples::default().hold(&RULE, "--platform=$TARGETPLATFORM is what FROM does anyway");
    }
}
