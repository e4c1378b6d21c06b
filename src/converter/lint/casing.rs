//! Checks that need nothing but the Dockerfile as written.

use std::collections::BTreeSet;

use crate::converter::dockerfile::{Dockerfile, Head, Stage};
use crate::diag::Span;
use crate::gotext::{is_lower, is_upper};

type Found = (&'static str, String, Span);

/// Stage names that are reserved or used twice (`validateStageNames`).
pub(super) fn stage_names(dockerfile: &Dockerfile) -> Vec<Found> {
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    for stage in dockerfile.stages.iter().filter(|stage| !stage.name.is_empty()) {
        let (name, span) = (stage.name.as_str(), stage.head.span);
        if matches!(name, "context" | "scratch") {
            found.push((
                "ReservedStageName",
                format!("stage name {name:?} means something else already"),
                span,
            ));
        }
        if !seen.insert(name) {
            found.push((
                "DuplicateStageName",
                format!("stage name {name:?} is used twice: the later stage hides the earlier"),
                span,
            ));
        }
    }
    found
}

/// Instructions in another case than most (`validateCommandCasing`).
pub(super) fn instructions(dockerfile: &Dockerfile) -> Vec<Found> {
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
    let (right, name): (fn(&str) -> bool, _) =
        if lower > upper { (is_lower, "lower") } else { (is_upper, "upper") };
    keywords()
        .filter(|(keyword, _)| !right(keyword))
        .map(|(keyword, span)| {
            let message = format!("{keyword:?} is not in {name} case like most instructions here");
            ("ConsistentInstructionCasing", message, span)
        })
        .collect()
}

fn heads(stage: &Stage) -> impl Iterator<Item = &Head> {
    std::iter::once(&stage.head).chain(stage.instructions.iter().map(|instruction| &instruction.head))
}
