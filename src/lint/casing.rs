//! Checks that need nothing but the Dockerfile as written.

use std::collections::HashSet;

use crate::diag::Span;
use crate::dockerfile::{Dockerfile, Head, to_lower, to_upper};

type Found = (&'static str, String, Span);

/// Stage names that are reserved or used twice (`validateStageNames`).
pub(super) fn stage_names(dockerfile: &Dockerfile) -> Vec<Found> {
    let mut found = Vec::new();
    let mut seen = HashSet::new();
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
    let heads = || {
        dockerfile.stages.iter().flat_map(|stage| {
            std::iter::once(&stage.head).chain(stage.instructions.iter().map(|instruction| &instruction.head))
        })
    };
    let is_lower = |head: &&Head| head.keyword == to_lower(&head.keyword);
    let is_upper = |head: &&Head| head.keyword == to_upper(&head.keyword);
    let lower = heads().filter(is_lower).count();
    let upper = heads().filter(|head| is_upper(head) && !is_lower(head)).count();
    let (right, name): (&dyn Fn(&&Head) -> bool, _) =
        if lower > upper { (&is_lower, "lower") } else { (&is_upper, "upper") };
    heads()
        .filter(|head| !right(head))
        .map(|head| {
            let message = format!("{:?} is not in {name} case like most instructions here", head.keyword);
            ("ConsistentInstructionCasing", message, head.span)
        })
        .collect()
}
