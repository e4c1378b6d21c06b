//! What ops are called, and what there is to say about them.

use std::collections::HashMap;
use std::fmt::Write;

use bollard_buildkit_proto::pb;

use crate::definition::{Definition, DefinitionOp};
use crate::message::{Op, OpKind};

/// The ops of a definition by number. Ops count from 1 in the order of the definition, so that an op
/// comes after all that it needs.
pub(super) struct Numbers<'a>(HashMap<&'a str, usize>);

impl<'a> Numbers<'a> {
    pub(super) fn new(definition: &'a Definition) -> Self {
        let digests = definition.ops.iter().map(|op| op.digest.as_str());
        Self(digests.zip(1..).collect())
    }

    /// Returns the number of an input's op, if the definition has it.
    pub(super) fn of(&self, input: &pb::Input) -> Option<usize> {
        self.0.get(&*input.digest).copied()
    }

    /// Returns how an input is referred to: `#3`, or `#3.1` if it is not the first output of its op.
    pub(super) fn name(&self, input: &pb::Input) -> String {
        let mut name = match self.of(input) {
            Some(number) => format!("#{number}"),
            None => format!("missing {}", input.digest),
        };
        if input.index != 0 {
            let _ = write!(name, ".{}", input.index);
        }
        name
    }
}

/// Returns the family of an op.
pub(super) fn family(op: &Op) -> &'static str {
    match op.kind {
        None => "result",
        Some(OpKind::Exec(_)) => "exec",
        Some(OpKind::Source(_)) => "source",
        Some(OpKind::File(_)) => "file",
        Some(OpKind::Build(_)) => "build",
        Some(OpKind::Merge(_)) => "merge",
        Some(OpKind::Diff(_)) => "diff",
        Some(OpKind::Passthrough(_)) => "passthrough",
    }
}

/// Returns the name of the step, or what the op itself calls for.
pub(super) fn title(entry: &DefinitionOp, op: &Op) -> String {
    if let Some(name) = entry.metadata.custom_name() {
        return one_line(name);
    }
    match &op.kind {
        Some(OpKind::Exec(exec)) => {
            let args = exec.meta.as_ref().map_or(&[][..], |meta| &meta.args);
            one_line(&args.join(" "))
        }
        Some(OpKind::Source(source)) => one_line(&source.identifier),
        Some(OpKind::File(file)) => {
            let verbs: Vec<_> = file.actions.iter().map(verb).collect();
            verbs.join(", ")
        }
        Some(OpKind::Passthrough(passthrough)) => one_line(&passthrough.id),
        Some(OpKind::Build(_) | OpKind::Merge(_) | OpKind::Diff(_)) | None => String::new(),
    }
}

/// Returns a platform as `os/architecture[/variant]`.
pub(super) fn platform(op: &Op) -> Option<String> {
    let platform = op.platform.clone()?;
    let platform = crate::platform::Platform {
        os: platform.os,
        architecture: platform.architecture,
        variant: platform.variant,
        os_version: platform.os_version,
        os_features: platform.os_features,
    };
    Some(platform.to_string())
}

/// Returns the input that an op goes on from: a command's root, what files are changed in.
pub(super) fn trunk(op: &Op) -> Option<usize> {
    let wanted = match &op.kind {
        Some(OpKind::Exec(exec)) => {
            let root = exec.mounts.iter().find(|mount| mount.dest == "/");
            root.map_or(-1, |mount| mount.input)
        }
        Some(OpKind::File(file)) => file.actions.first().map_or(-1, |action| action.input),
        Some(OpKind::Diff(diff)) => diff.upper.map_or(-1, |upper| upper.input),
        Some(OpKind::Passthrough(op)) => op.outputs.first().copied().unwrap_or(-1),
        _ => 0,
    };
    let last = op.inputs.len().checked_sub(1)?;
    let wanted = usize::try_from(wanted).ok();
    Some(wanted.filter(|index| *index <= last).unwrap_or(last))
}

/// Returns what an op uses each of its inputs for, besides going on from it.
pub(super) fn uses(op: &Op, input: usize) -> Vec<String> {
    let is_input = |index: i64| usize::try_from(index) == Ok(input);
    match &op.kind {
        Some(OpKind::Exec(exec)) => {
            let mounts = exec.mounts.iter().filter(|mount| is_input(mount.input));
            mounts.map(|mount| one_line(&mount.dest)).collect()
        }
        Some(OpKind::File(file)) => {
            let copies = file
                .actions
                .iter()
                .filter_map(|action| match &action.action {
                    Some(pb::file_action::Action::Copy(copy))
                        if is_input(action.secondary_input) =>
                    {
                        Some(one_line(&copy.src))
                    }
                    _ => None,
                });
            copies.collect()
        }
        Some(OpKind::Diff(diff)) => {
            let lower = diff.lower.is_some_and(|lower| is_input(lower.input));
            vec![if lower { "lower" } else { "upper" }.to_owned()]
        }
        _ => Vec::new(),
    }
}

/// Returns a text without line breaks and other control characters.
pub(super) fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() {
            line.extend(c.escape_default());
        } else {
            line.push(c);
        }
    }
    line
}

pub(super) fn verb(action: &pb::FileAction) -> &'static str {
    use pb::file_action::Action;

    match action.action {
        None => "nothing",
        Some(Action::Copy(_)) => "copy",
        Some(Action::Mkfile(_)) => "mkfile",
        Some(Action::Mkdir(_)) => "mkdir",
        Some(Action::Rm(_)) => "rm",
        Some(Action::Symlink(_)) => "symlink",
    }
}
