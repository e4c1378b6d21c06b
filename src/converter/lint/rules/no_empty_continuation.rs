//! Empty lines in continued instructions.
//!
//! Made of [`ParserNoteKind::EmptyContinuation`]. BuildKit: `RuleNoEmptyContinuation`
//! (`frontend/dockerfile/linter/ruleset.go`), reported by `toDispatchState`
//! (`frontend/dockerfile/dockerfile2llb/convert.go`).
//!
//! [`ParserNoteKind::EmptyContinuation`]: crate::converter::dockerfile::ParserNoteKind::EmptyContinuation

use super::{Check, Finding, Rule};

pub(super) static RULE: Rule = Rule {
    name: "NoEmptyContinuation",
    summary: "No empty line stands in a continued instruction.",
    reason: "It is skipped today, and is to become an error.",
    bad: "RUN a && \\\n\n    b",
    good: "RUN a && \\\n    b",
    experimental: false,
    url: Some("https://docs.docker.com/go/dockerfile/rule/no-empty-continuation/"),
    check: Check::Noticed,
};

/// The finding that an empty line continues an instruction.
pub(super) fn finding() -> Finding {
    RULE.finding("an empty line continues an instruction; later versions will refuse it")
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::converter::lint::examples::Examples;

    #[test]
    fn only_the_bad_example_is_found() {
        Examples::default()
            .hold(&RULE, "an empty line continues an instruction; later versions will refuse it");
    }
}
