//! Stage names that are used twice.
//!
//! BuildKit: `RuleDuplicateStageName` (`frontend/dockerfile/linter/ruleset.go`), reported by `validateStageNames`
//! (`frontend/dockerfile/dockerfile2llb/validations.go`).

use std::collections::BTreeSet;

use super::{Check, LocatedMessage, Rule};
use crate::converter::dockerfile::Dockerfile;

pub(super) static RULE: Rule = Rule {
    name: "DuplicateStageName",
    summary: "Stages have different names.",
    reason: "A name that is used twice means the later stage; the earlier one cannot be named any more.",
    bad: "FROM debian AS build\nFROM golang AS build",
    good: "FROM debian AS tools\nFROM golang AS build",
    experimental: false,
    url: Some("https://docs.docker.com/go/dockerfile/rule/duplicate-stage-name/"),
    check: Check::Stages(check),
};

fn check(dockerfile: &Dockerfile) -> Vec<LocatedMessage> {
    let mut names = BTreeSet::new();
    let named = dockerfile.stages.iter().filter(|stage| !stage.name.is_empty());
    named
        .filter(|stage| !names.insert(&stage.name))
        .map(|stage| {
            let message =
                format!("stage name {:?} is used twice: the later stage hides the earlier", stage.name);
            (message, stage.head.span)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::converter::lint::examples::Examples;

    #[test]
    fn only_the_bad_example_is_found() {
        Examples::default()
            .hold(&RULE, "stage name \"build\" is used twice: the later stage hides the earlier");
    }
}
