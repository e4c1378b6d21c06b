//! Names of secrets in ARG and ENV.
//!
//! Made of [`NoticeKind::SecretsUsedInArgOrEnv`]. BuildKit: `RuleSecretsUsedInArgOrEnv`
//! (`frontend/dockerfile/linter/ruleset.go`), reported by `validateNoSecretKey`
//! (`frontend/dockerfile/dockerfile2llb/validations.go`).
//!
//! [`NoticeKind::SecretsUsedInArgOrEnv`]: crate::converter::plan::NoticeKind::SecretsUsedInArgOrEnv

use super::{Check, Finding, Rule};

pub(super) static RULE: Rule = Rule {
    name: "SecretsUsedInArgOrEnv",
    summary: "ARG and ENV hold no secrets.",
    reason: "Their values stay in the image's configuration and history for all to read.",
    bad: "ARG API_TOKEN\nRUN fetch --token $API_TOKEN",
    good: "RUN --mount=type=secret,id=token fetch --token-file /run/secrets/token",
    experimental: false,
    url: Some("https://docs.docker.com/go/dockerfile/rule/secrets-used-in-arg-or-env/"),
    check: Check::Noticed,
};

/// The finding that `instruction` sets `name`.
pub(super) fn finding(instruction: &str, name: &str) -> Finding {
    RULE.finding(format!("{instruction} {name:?} looks like a secret, which the image would keep"))
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::converter::lint::examples::Examples;

    #[test]
    fn only_the_bad_example_is_found() {
        Examples::default().hold(&RULE, "ARG \"API_TOKEN\" looks like a secret, which the image would keep");
    }
}
