//! Uses of MAINTAINER.
//!
//! Made of [`ParserNoteKind::Maintainer`]. BuildKit: `RuleMaintainerDeprecated`
//! (`frontend/dockerfile/linter/ruleset.go`), reported by `ParseInstructionWithLinter`
//! (`frontend/dockerfile/instructions/parse.go`).
//!
//! [`ParserNoteKind::Maintainer`]: crate::converter::dockerfile::ParserNoteKind::Maintainer

use super::{Check, Finding, Rule};

pub(super) static RULE: Rule = Rule {
    name: "MaintainerDeprecated",
    summary: "MAINTAINER is not used.",
    reason: "A label does the same, and tools read it.",
    bad: "MAINTAINER me@example.com",
    good: "LABEL org.opencontainers.image.authors=\"me@example.com\"",
    experimental: false,
    url: Some("https://docs.docker.com/go/dockerfile/rule/maintainer-deprecated/"),
    check: Check::Noticed,
};

/// The finding that MAINTAINER is used.
pub(super) fn finding() -> Finding {
    RULE.finding("MAINTAINER is deprecated: use LABEL org.opencontainers.image.authors")
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::converter::lint::examples::Examples;

    #[test]
    fn only_the_bad_example_is_found() {
        Examples::default()
            .hold(&RULE, "MAINTAINER is deprecated: use LABEL org.opencontainers.image.authors");
    }
}
