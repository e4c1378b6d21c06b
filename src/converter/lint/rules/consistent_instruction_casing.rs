//! Instructions in another case than most.
//!
//! BuildKit: `RuleConsistentInstructionCasing` (`frontend/dockerfile/linter/ruleset.go`), reported by
//! `validateCommandCasing` (`frontend/dockerfile/dockerfile2llb/validations.go`).

use super::{Check, LocatedMessage, Rule};
use crate::converter::dockerfile::{Dockerfile, Head, Stage};
use crate::gotext::{is_lower, is_upper};

pub(super) static RULE: Rule = Rule {
    name: "ConsistentInstructionCasing",
    summary: "All instructions of a Dockerfile are in one case.",
    reason: "Mixed case is legal, but makes a file harder to read and to search.",
    bad: "FROM alpine\nrun echo hi",
    good: "FROM alpine\nRUN echo hi",
    experimental: false,
    url: Some("https://docs.docker.com/go/dockerfile/rule/consistent-instruction-casing/"),
    check: Check::Instructions(check),
};

fn check(dockerfile: &Dockerfile) -> Vec<LocatedMessage> {
    let keywords = || dockerfile.stages.iter().flat_map(heads).map(|head| (head.keyword(), head.span));
    let (mut all, mut lower, mut upper) = (0, 0, 0);
    for (keyword, _) in keywords() {
        all += 1;
        if is_lower(keyword) {
            lower += 1;
        } else if is_upper(keyword) {
            upper += 1;
        }
    }
    if all == lower.max(upper) {
        return Vec::new();
    }
    let (is_consistent, case): (fn(&str) -> bool, _) =
        if lower > upper { (is_lower, "lower") } else { (is_upper, "upper") };
    keywords()
        .filter(|(keyword, _)| !is_consistent(keyword))
        .map(|(keyword, span)| {
            (format!("{keyword:?} is not in {case} case like most instructions here"), span)
        })
        .collect()
}

fn heads(stage: &Stage) -> impl Iterator<Item = &Head> {
    std::iter::once(&stage.head).chain(stage.instructions.iter().map(|instruction| &instruction.head))
}

#[cfg(test)]
mod tests {
    use super::{RULE, check};
    use crate::converter::dockerfile;
    use crate::converter::lint::examples::Examples;
    use crate::diag::Source;

    #[test]
    fn only_the_bad_example_is_found() {
        Examples::default().hold(&RULE, "\"run\" is not in upper case like most instructions here");
    }

    #[test]
    fn the_case_of_most_instructions_is_right_and_upper_case_where_as_many_have_each() {
        let upper = |word| format!("{word:?} is not in upper case like most instructions here");
        let lower = |word| format!("{word:?} is not in lower case like most instructions here");
        assert_eq!(found("FROM a\nrun b"), [(upper("run"), 2)]);
        assert_eq!(found("from a\nrun b\nRUN c\nRun d"), [(lower("RUN"), 3), (lower("Run"), 4)]);
        assert_eq!(found("from a\nrun b"), []);
    }

    fn found(text: &str) -> Vec<(String, u32)> {
        let dockerfile = dockerfile::parse(&Source::new("Dockerfile", text), &mut Vec::new()).unwrap();
        check(&dockerfile).into_iter().map(|(message, span)| (message, span.first())).collect()
    }
}
