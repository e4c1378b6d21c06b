//! Variables that are not set.
//!
//! Made of [`NoticeKind::UndefinedVar`]. BuildKit: `RuleUndefinedVar`
//! (`frontend/dockerfile/linter/ruleset.go`), reported by `reportUnmatchedVariables`
//! (`frontend/dockerfile/dockerfile2llb/validations.go`).
//!
//! [`NoticeKind::UndefinedVar`]: crate::converter::plan::NoticeKind::UndefinedVar

use super::{Check, Finding, Rule};
use crate::diag::did_you_mean;

pub(super) static RULE: Rule = Rule {
    name: "UndefinedVar",
    summary: "Instructions use variables that are set.",
    reason: "A variable that is not set is empty, which is usually a slip of the pen.",
    bad: "COPY $SRC .",
    good: "ARG SRC=app\nCOPY $SRC .",
    experimental: false,
    url: Some("https://docs.docker.com/go/dockerfile/rule/undefined-var/"),
    check: Check::Noticed,
};

/// The finding that the variable `name` is used, which may be `suggestion` misspelt.
pub(super) fn finding(name: &str, suggestion: Option<&str>) -> Finding {
    RULE.finding(format!("the variable ${name} is not set{}", did_you_mean(suggestion)))
}

#[cfg(test)]
mod tests {
    use super::{RULE, finding};
    use crate::converter::lint::examples::Examples;

    #[test]
    fn only_the_bad_example_is_found() {
        Examples::default().hold(&RULE, "the variable $SRC is not set");
    }

    #[test]
    fn a_similar_name_is_suggested() {
        assert_eq!(
            finding("LNAG", Some("LANG")).message,
            "the variable $LNAG is not set (did you mean LANG?)"
        );
    }
}
