//! Stage names that have a meaning of their own.
//!
//! BuildKit: `RuleReservedStageName` (`frontend/dockerfile/linter/ruleset.go`), reported by `validateStageNames`
//! (`frontend/dockerfile/dockerfile2llb/validations.go`).

use super::{Check, LocatedMessage, Rule};
use crate::converter::dockerfile::Dockerfile;

pub(super) static RULE: Rule = Rule {
    name: "ReservedStageName",
    summary: "No stage is called scratch or context.",
    reason: "Both names mean something else, and such a stage takes their place in surprising ways.",
    bad: "FROM alpine AS scratch",
    good: "FROM alpine AS base",
    experimental: false,
    url: Some("https://docs.docker.com/go/dockerfile/rule/reserved-stage-name/"),
    check: Check::Stages(check),
};

fn check(dockerfile: &Dockerfile) -> Vec<LocatedMessage> {
    let reserved = dockerfile.stages.iter().filter(|stage| matches!(&*stage.name, "context" | "scratch"));
    reserved
        .map(|stage| {
            let message = format!("stage name {:?} means something else already", stage.name);
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
        Examples::default().hold(&RULE, "stage name \"scratch\" means something else already");
    }
}
