//! The steps of a graph.

use std::collections::BTreeMap;

use llb::{Definition, pb};
use prost::Message as _;

use super::parts;
use super::record::{Kind, Record, Step};
use super::seal::Sealer;

/// What buildkitd shows as the name of a step.
const NAME: &str = "llb.customname";

/// Adds the ops of a graph to a record; those that are in it already, for another platform, are not added again.
pub fn add_steps(record: &mut Record, definition: &Definition) {
    let salt = record.salt.clone();
    let but_terminal = definition.ops.split_last().map_or(&[][..], |(_, ops)| ops);
    // An op that is none is left out, and so are the inputs that name it.
    let ops: Vec<_> =
        but_terminal.iter().filter_map(|op| Some((op, pb::Op::decode(&*op.bytes).ok()?))).collect();
    let variables = ops.iter().flat_map(|(_, op)| parts::variables(op));
    let sealer = Sealer::new(&salt, variables);
    let mut places: BTreeMap<String, usize> =
        record.steps.iter().enumerate().map(|(place, step)| (step.digest.clone(), place)).collect();
    for (entry, op) in &ops {
        let digest = entry.digest.to_string();
        if places.contains_key(&digest) {
            continue;
        }
        let inputs: Vec<Option<usize>> =
            op.inputs.iter().map(|input| places.get(&input.digest).copied()).collect();
        let contexts: Vec<Option<&str>> =
            inputs.iter().map(|place| context_of(&record.steps[(*place)?])).collect();
        let (kind, parts, reads) = parts::of(op, &contexts, &sealer);
        let whole = salt.seal(&parts::whole(op));
        let description = &entry.metadata.description;
        let full = description.iter().find(|(key, _)| AsRef::<str>::as_ref(*key) == NAME);
        let full = full.map_or("", |(_, name)| AsRef::<str>::as_ref(name));
        let (stage, name) = split_name(full);
        let ranges = entry.locations.iter().flat_map(|location| location.ranges.iter());
        let lines = ranges.map(|range| (range.start.line, range.end.line.max(range.start.line)));
        let lines = lines.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
        let step = Step {
            digest: digest.clone(),
            name: sealer.shown(name),
            stage: stage.to_owned(),
            lines,
            kind,
            inputs: inputs.iter().copied().flatten().collect(),
            parts,
            whole,
            reads,
            ignores_cache: entry.metadata.ignore_cache,
            ..Step::default()
        };
        // The files of here-documents are made for the instruction that they stand in.
        for place in inputs.into_iter().flatten() {
            let made = &mut record.steps[place];
            if made.kind == Kind::File && made.lines.is_none() {
                made.lines = step.lines;
            }
        }
        places.insert(digest, record.steps.len());
        record.steps.push(step);
    }
}

/// Returns the name of the context that a step sends, if it is such a step.
fn context_of(step: &Step) -> Option<&str> {
    if step.kind != Kind::Local {
        return None;
    }
    step.parts.first().map(|part| part.value.as_str())
}

/// Returns stage and instruction of `[linux/amd64 stage 2/5] RUN make`: the stage is what stands before the number.
fn split_name(full: &str) -> (&str, &str) {
    let Some((number, name)) = full.strip_prefix('[').and_then(|rest| rest.split_once("] ")) else {
        return ("", full);
    };
    let is_count = |word: &str| word.contains('/') && word.bytes().all(|b| b.is_ascii_digit() || b == b'/');
    let stage = match number.rsplit_once(' ') {
        Some((stage, last)) if is_count(last.trim()) => stage.trim_end(),
        _ if is_count(number.trim()) => "",
        _ => number,
    };
    (stage, name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_a_step_is_not_its_name() {
        for (full, stage, name) in [
            ("[2/5] RUN make", "", "RUN make"),
            ("[build 2/5] RUN make", "build", "RUN make"),
            ("[build  2/15] RUN make", "build", "RUN make"),
            ("[linux/amd64 build 2/5] RUN make", "linux/amd64 build", "RUN make"),
            ("[internal] load build context", "internal", "load build context"),
            ("docker-image://x", "", "docker-image://x"),
        ] {
            assert_eq!(split_name(full), (stage, name), "{full}");
        }
    }
}
