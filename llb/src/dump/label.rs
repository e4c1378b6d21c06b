//! What ops are called, and what there is to say about them.

use std::borrow::Cow;
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
        return shorten(name);
    }
    match &op.kind {
        Some(OpKind::Exec(exec)) => {
            let args = exec.meta.as_ref().map_or(&[][..], |meta| &meta.args);
            shorten(&args.join(" "))
        }
        Some(OpKind::Source(source)) => one_line(&source.identifier),
        Some(OpKind::File(file)) => {
            let mut verbs: Vec<_> = file.actions.iter().map(verb).collect();
            verbs.dedup();
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
        os: platform.os.into(),
        architecture: platform.architecture.into(),
        variant: platform.variant.into(),
        os_version: platform.os_version.into(),
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
        Some(OpKind::Source(_) | OpKind::Merge(_) | OpKind::Build(_)) | None => 0,
    };
    let last = op.inputs.len().checked_sub(1)?;
    let wanted = usize::try_from(wanted).ok();
    Some(wanted.filter(|index| *index <= last).unwrap_or(last))
}

/// Returns for each input of an op what it is used for: mount targets, copied paths.
pub(super) fn uses(op: &Op) -> Vec<Vec<String>> {
    let mut uses = vec![Vec::new(); op.inputs.len()];
    let mut add = |input: i64, text: &str| {
        let input = usize::try_from(input).ok();
        if let Some(uses) = input.and_then(|input| uses.get_mut(input)) {
            uses.push(one_line(text));
        }
    };
    match &op.kind {
        Some(OpKind::Exec(exec)) => {
            for mount in &exec.mounts {
                add(mount.input, &mount.dest);
            }
        }
        Some(OpKind::File(file)) => {
            for action in &file.actions {
                if let Some(pb::file_action::Action::Copy(copy)) = &action.action {
                    add(action.secondary_input, &copy.src);
                }
            }
        }
        Some(OpKind::Diff(diff)) => {
            add(diff.lower.map_or(-1, |lower| lower.input), "lower");
            add(diff.upper.map_or(-1, |upper| upper.input), "upper");
        }
        Some(OpKind::Source(_) | OpKind::Build(_) | OpKind::Merge(_) | OpKind::Passthrough(_)) | None => {}
    }
    uses
}

/// Returns the beginning of a text, with a space for any white space.
fn shorten(text: &str) -> String {
    let words: Vec<_> = text.split_whitespace().collect();
    let line = one_line(&words.join(" "));
    match line.char_indices().nth(100) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// Returns a text without line breaks and other control characters, and without passwords in URLs.
pub(super) fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in without_passwords(text).chars() {
        if c.is_control() {
            line.extend(c.escape_default());
        } else {
            line.push(c);
        }
    }
    line
}

/// Returns a text with `***` for the password of each URL in it, for trees end up in logs.
pub(super) fn without_passwords(text: &str) -> Cow<'_, str> {
    let mut parts = text.split("://");
    let first = parts.next().unwrap_or_default();
    let mut clean = Cow::Borrowed(first);
    for part in parts {
        let clean = clean.to_mut();
        clean.push_str("://");
        let authority = part.split(['/', '?', '#', '"', '\'']).next().unwrap_or_default();
        let authority = authority.split_whitespace().next().unwrap_or_default();
        match authority.rsplit_once('@').and_then(|(user, _)| user.split_once(':')) {
            Some((user, password)) => {
                let host = &part[user.len() + 1 + password.len()..];
                clean.extend([user, ":***", host]);
            }
            None => clean.push_str(part),
        }
    }
    clean
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_of_urls_are_not_shown() {
        for (text, shown) in [
            ("https://user:pw@host/a", "https://user:***@host/a"),
            ("curl http://u:p@q@h:80 https://a:b@c", "curl http://u:***@h:80 https://a:***@c"),
            ("https://host:80/a@b", "https://host:80/a@b"),
            ("ssh://git@host/a:b", "ssh://git@host/a:b"),
            (":// ://x", ":// ://x"),
            (" a:b@c", " a:b@c"),
        ] {
            assert_eq!(without_passwords(text), shown);
        }
    }

    #[test]
    fn titles_are_one_short_line() {
        assert_eq!(shorten("RUN a \\\n\t b\u{1}"), "RUN a \\ b\\u{1}");
        assert_eq!(shorten(&"é".repeat(101)), "é".repeat(100) + "…");
    }
}
