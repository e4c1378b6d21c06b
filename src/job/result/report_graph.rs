//! What a graph tells of its steps, for reports.

use llb::Definition;
use prost::Message as _;

use crate::buildkit::proto::pb;
use crate::progress::report::{GraphStep, LineSpan, StepKind};

/// Returns the steps of a graph that buildkitd is given.
pub(super) fn graph_steps(definition: &Definition) -> Vec<GraphStep> {
    let steps = definition.ops.iter().map(|op| {
        let decoded = pb::Op::decode(&*op.bytes).unwrap_or_default();
        let location = op.locations.first();
        let source =
            location.and_then(|location| definition.sources.get(usize::try_from(location.source).ok()?));
        let spans = location.into_iter().flat_map(|location| location.ranges.iter()).filter_map(|range| {
            let line = |line: i32| u32::try_from(line).ok();
            Some(LineSpan { first: line(range.start.line)?, last: line(range.end.line)? })
        });
        GraphStep {
            digest: op.digest.to_string(),
            file: source.map(|source| source.filename.clone()).unwrap_or_default(),
            lines: spans.collect(),
            kind: kind(&decoded),
        }
    });
    steps.collect()
}

fn kind(op: &pb::Op) -> StepKind {
    let input = |index: i64| {
        let index = usize::try_from(index).ok()?;
        op.inputs.get(index).map(|input| input.digest.clone())
    };
    match &op.op {
        Some(pb::op::Op::Exec(exec)) => {
            let (root, others): (Vec<_>, Vec<_>) = exec.mounts.iter().partition(|mount| mount.dest == "/");
            StepKind::Run {
                base: root.first().and_then(|mount| input(mount.input)),
                arguments: exec.meta.as_ref().map(|meta| meta.args.clone()).unwrap_or_default(),
                has_mounts: others.iter().any(|mount| mount.input >= 0),
            }
        }
        Some(pb::op::Op::File(file)) => {
            let base = file.actions.first().and_then(|action| input(action.input));
            let (mut sources, mut targets) = (Vec::new(), Vec::new());
            for action in &file.actions {
                match &action.action {
                    Some(pb::file_action::Action::Copy(copy)) => {
                        sources.extend(input(action.secondary_input));
                        targets.push(copy.dest.clone());
                    }
                    Some(pb::file_action::Action::Mkdir(made)) => targets.push(made.path.clone()),
                    Some(pb::file_action::Action::Mkfile(made)) => targets.push(made.path.clone()),
                    _ => return StepKind::Other,
                }
            }
            StepKind::Copy { base, sources, targets }
        }
        Some(pb::op::Op::Source(source)) if source.identifier.starts_with("local://") => StepKind::Context,
        _ => StepKind::Other,
    }
}
