//! Sources of COPY and ADD that `.dockerignore` leaves out.
//!
//! Made of [`NoticeKind::CopyIgnoredFile`]. BuildKit: `RuleCopyIgnoredFile`
//! (`frontend/dockerfile/linter/ruleset.go`), reported by `validateCopySourcePath`
//! (`frontend/dockerfile/dockerfile2llb/validations.go`).
//!
//! [`NoticeKind::CopyIgnoredFile`]: crate::converter::plan::NoticeKind::CopyIgnoredFile

use super::{Check, Finding, Rule};

pub(super) static RULE: Rule = Rule {
    name: "CopyIgnoredFile",
    summary: "COPY and ADD take no file that .dockerignore leaves out.",
    reason: "The file is not sent to the builder, so the copy finds nothing.",
    bad: "# .dockerignore has the line: secret\nCOPY secret /",
    good: "# .dockerignore does not have it\nCOPY secret /",
    experimental: false,
    url: Some("https://docs.docker.com/go/dockerfile/rule/copy-ignored-file/"),
    check: Check::Noticed,
};

/// The finding that `instruction` takes `path` from the context.
pub(super) fn finding(instruction: &str, path: &str) -> Finding {
    RULE.finding(format!("{} takes {path:?}, which .dockerignore leaves out", instruction.to_uppercase()))
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::converter::lint::examples::{Examples, Inputs};

    #[test]
    fn only_the_bad_example_is_found() {
        let bad = Inputs { ignore: "secret", ..Inputs::default() };
        Examples { bad, ..Examples::default() }
            .hold(&RULE, "COPY takes \"secret\", which .dockerignore leaves out");
    }
}
