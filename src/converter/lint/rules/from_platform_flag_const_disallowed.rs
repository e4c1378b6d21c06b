//! Fixed platforms of FROM.
//!
//! Made of [`NoticeKind::FromPlatformFlagConstDisallowed`]. BuildKit: `RuleFromPlatformFlagConstDisallowed`
//! (`frontend/dockerfile/linter/ruleset.go`), reported by `reportConstPlatformDisallowed`
//! (`frontend/dockerfile/dockerfile2llb/validations.go`).
//!
//! [`NoticeKind::FromPlatformFlagConstDisallowed`]: crate::converter::plan::NoticeKind::FromPlatformFlagConstDisallowed

use super::{Check, Finding, Rule};

pub(super) static RULE: Rule = Rule {
    name: "FromPlatformFlagConstDisallowed",
    summary: "FROM --platform is not a fixed platform.",
    reason: "A fixed platform makes the image the same for every platform that it is built for. A stage \
             whose name has the platform in it says that this is meant.",
    bad: "FROM --platform=linux/amd64 alpine",
    good: "FROM --platform=$BUILDPLATFORM alpine",
    experimental: false,
    url: Some("https://docs.docker.com/go/dockerfile/rule/from-platform-flag-const-disallowed/"),
    check: Check::Noticed,
};

/// The finding that FROM is fixed to `platform`.
pub(super) fn finding(platform: &str) -> Finding {
    RULE.finding(format!("FROM --platform is always {platform:?}"))
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::converter::lint::examples::Examples;

    #[test]
    fn only_the_bad_example_is_found() {
        Examples::default().hold(&RULE, "FROM --platform is always \"linux/amd64\"");
    }
}
