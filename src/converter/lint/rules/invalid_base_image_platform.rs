//! Base images for another platform than the one that is built for.
//!
//! Made of [`NoticeKind::InvalidBaseImagePlatform`]. BuildKit: `RuleInvalidBaseImagePlatform`
//! (`frontend/dockerfile/linter/ruleset.go`), reported by `validateBaseImagePlatform`
//! (`frontend/dockerfile/dockerfile2llb/validations.go`).
//!
//! [`NoticeKind::InvalidBaseImagePlatform`]: crate::converter::plan::NoticeKind::InvalidBaseImagePlatform

use super::{Check, Finding, Rule};

pub(super) static RULE: Rule = Rule {
    name: "InvalidBaseImagePlatform",
    summary: "A base image is for the platform that is built for.",
    reason: "An image for another platform runs emulated, or not at all.",
    bad: "# built for linux/arm64\nFROM an-image-for-amd64-only",
    good: "# built for linux/arm64\nFROM an-image-for-both",
    experimental: false,
    url: None,
    check: Check::Noticed,
};

/// The finding that `image` is for the platform `actual` where `expected` is built for.
pub(super) fn finding(image: &str, expected: &str, actual: &str) -> Finding {
    RULE.finding(format!("base image {image} is for {actual}, not for {expected}"))
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::converter::lint::examples::{Examples, Inputs};

    #[test]
    fn only_the_bad_example_is_found() {
        let world =
            |image_architecture| Inputs { architecture: "arm64", image_architecture, ..Inputs::default() };
        let (bad, good) = (world("amd64"), world("arm64"));
        Examples { bad, good, ..Examples::default() }
            .hold(&RULE, "base image an-image-for-amd64-only is for linux/amd64, not for linux/arm64");
    }
}
