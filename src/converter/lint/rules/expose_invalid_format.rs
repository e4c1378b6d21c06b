//! Addresses and host ports in EXPOSE.
//!
//! Made of [`NoticeKind::ExposeInvalidFormat`]. BuildKit: `RuleExposeInvalidFormat`
//! (`frontend/dockerfile/linter/ruleset.go`), reported by `portSpecs.parsePort`
//! (`frontend/dockerfile/dockerfile2llb/convert_expose.go`).
//!
//! [`NoticeKind::ExposeInvalidFormat`]: crate::converter::plan::NoticeKind::ExposeInvalidFormat

use super::{Check, Finding, Rule};

pub(super) static RULE: Rule = Rule {
    name: "ExposeInvalidFormat",
    summary: "EXPOSE names ports of the container only.",
    reason: "Addresses and ports of the host are chosen when a container is started; here they have no effect.",
    bad: "EXPOSE 127.0.0.1:8080:80",
    good: "EXPOSE 80",
    experimental: false,
    url: Some("https://docs.docker.com/go/dockerfile/rule/expose-invalid-format/"),
    check: Check::Noticed,
};

/// The finding that EXPOSE has `port`.
pub(super) fn finding(port: &str) -> Finding {
    RULE.finding(format!("EXPOSE names an address or a port of the host: {port:?}"))
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::converter::lint::examples::Examples;

    #[test]
    fn only_the_bad_example_is_found() {
        Examples::default()
            .hold(&RULE, "EXPOSE names an address or a port of the host: \"127.0.0.1:8080:80\"");
    }
}
