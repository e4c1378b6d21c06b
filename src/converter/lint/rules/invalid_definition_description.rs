//! Comments above FROM and ARG that begin with another word than a name.
//!
//! Made of [`ParserNoteKind::InvalidDescription`]. BuildKit: `RuleInvalidDefinitionDescription`
//! (`frontend/dockerfile/linter/ruleset.go`), reported by `validateDefinitionDescription`
//! (`frontend/dockerfile/instructions/parse.go`).
//!
//! [`ParserNoteKind::InvalidDescription`]: crate::converter::dockerfile::ParserNoteKind::InvalidDescription

use super::{Check, Finding, Rule};

pub(super) static RULE: Rule = Rule {
    name: "InvalidDefinitionDescription",
    summary: "A comment above a stage or an argument begins with its name.",
    reason: "Such comments are shown as descriptions; an empty line parts other comments from them.",
    bad: "# the compiler\nFROM golang AS build",
    good: "# build the compiler\nFROM golang AS build",
    experimental: true,
    url: Some("https://docs.docker.com/go/dockerfile/rule/invalid-definition-description/"),
    check: Check::Noticed,
};

/// The finding that the comment above `instruction` does not begin with a name, such as `example`.
pub(super) fn finding(instruction: &str, example: &str) -> Finding {
    RULE.finding(format!(
        "the comment above {instruction} does not begin with what it describes: write `# {example} …`"
    ))
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::converter::lint::examples::Examples;

    #[test]
    fn only_the_bad_example_is_found() {
        Examples::default()
            .hold(&RULE, "the comment above FROM does not begin with what it describes: write `# build …`");
    }
}
