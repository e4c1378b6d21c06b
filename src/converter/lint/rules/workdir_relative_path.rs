//! Relative paths of the first WORKDIR.
//!
//! Made of [`NoticeKind::WorkdirRelativePath`]. BuildKit: `RuleWorkdirRelativePath`
//! (`frontend/dockerfile/linter/ruleset.go`), reported by `dispatchWorkdir`
//! (`frontend/dockerfile/dockerfile2llb/convert.go`).
//!
//! [`NoticeKind::WorkdirRelativePath`]: crate::converter::plan::NoticeKind::WorkdirRelativePath

use super::{Check, Finding, Rule};

pub(super) static RULE: Rule = Rule {
    name: "WorkdirRelativePath",
    summary: "The first WORKDIR of a stage is absolute.",
    reason: "A relative one depends on the base image, which may change.",
    bad: "FROM nginx\nWORKDIR html",
    good: "FROM nginx\nWORKDIR /usr/share/nginx/html",
    experimental: false,
    url: Some("https://docs.docker.com/go/dockerfile/rule/workdir-relative-path/"),
    check: Check::Noticed,
};

/// The finding that WORKDIR has the relative path `path`.
pub(super) fn finding(path: &str) -> Finding {
    RULE.finding(format!(
        "WORKDIR {path:?} is relative to whatever the base image says; make the first one absolute"
    ))
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::converter::lint::examples::Examples;

    #[test]
    fn only_the_bad_example_is_found() {
        Examples::default().hold(
            &RULE,
            "WORKDIR \"html\" is relative to whatever the base image says; make the first one absolute",
        );
    }
}
