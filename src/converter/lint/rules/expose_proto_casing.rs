//! Protocols in EXPOSE that are not in lower case.
//!
//! Made of [`NoticeKind::ExposeProtoCasing`]. BuildKit: `RuleExposeProtoCasing`
//! (`frontend/dockerfile/linter/ruleset.go`), reported by `portSpecs.parsePort`
//! (`frontend/dockerfile/dockerfile2llb/convert_expose.go`).
//!
//! [`NoticeKind::ExposeProtoCasing`]: crate::converter::plan::NoticeKind::ExposeProtoCasing

use super::{Check, Finding, Rule};

pub(super) static RULE: Rule = Rule {
    name: "ExposeProtoCasing",
    summary: "Protocols in EXPOSE are in lower case.",
    reason: "The image's configuration has them in lower case whatever is written.",
    bad: "EXPOSE 80/TCP",
    good: "EXPOSE 80/tcp",
    experimental: false,
    url: Some("https://docs.docker.com/go/dockerfile/rule/expose-proto-casing/"),
    check: Check::Noticed,
};

/// The finding that EXPOSE has `port`.
pub(super) fn finding(port: &str) -> Finding {
    RULE.finding(format!("the protocol in EXPOSE {port:?} is not in lower case"))
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::converter::lint::examples::Examples;

    #[test]
    fn only_the_bad_example_is_found() {
        Examples::default().hold(&RULE, "the protocol in EXPOSE \"80/TCP\" is not in lower case");
    }
}
