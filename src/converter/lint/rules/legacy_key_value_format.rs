//! ENV and LABEL without an equals sign.
//!
//! Made of [`NoticeKind::LegacyKeyValueFormat`]. BuildKit: `RuleLegacyKeyValueFormat`
//! (`frontend/dockerfile/linter/ruleset.go`), reported by `dispatchEnv` and `dispatchLabel`
//! (`frontend/dockerfile/dockerfile2llb/convert.go`).
//!
//! [`NoticeKind::LegacyKeyValueFormat`]: crate::converter::plan::NoticeKind::LegacyKeyValueFormat

use super::{Check, Finding, Rule};

pub(super) static RULE: Rule = Rule {
    name: "LegacyKeyValueFormat",
    summary: "ENV and LABEL have an equals sign.",
    reason: "The form without one takes a single pair, and everything after the name is its value.",
    bad: "ENV MODE fast",
    good: "ENV MODE=fast",
    experimental: false,
    url: Some("https://docs.docker.com/go/dockerfile/rule/legacy-key-value-format/"),
    check: Check::Noticed,
};

/// The finding that `instruction` has the old form.
pub(super) fn finding(instruction: &str) -> Finding {
    RULE.finding(format!("write `{instruction} name=value` instead of `{instruction} name value`"))
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::converter::lint::examples::Examples;

    #[test]
    fn only_the_bad_example_is_found() {
        Examples::default().hold(&RULE, "write `ENV name=value` instead of `ENV name value`");
    }
}
