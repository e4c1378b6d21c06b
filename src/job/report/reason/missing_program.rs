//! A program that the image does not have.

use super::{Evidence, Reason};

pub(super) fn find(evidence: &Evidence<'_>) -> Option<Reason> {
    if let Some(words) = evidence.saying(&["executable file not found in $path"]) {
        let program = quoted(words)?;
        let what = format!("the image has no program {program} in its PATH");
        return Some(Reason::new(what).advice(advice(&program)).about(Some(program)));
    }
    let start = evidence.saying(&["unable to start container process: exec: \""]);
    if let Some(words) = start.filter(|words| words.contains("no such file or directory")) {
        let program = quoted(words)?;
        return Some(if program.ends_with("sh") {
            Reason::new(format!("the image has no shell {program}"))
                .advice("RUN runs its command in a shell, which an image from scratch or a distroless one does not have: run the step in another stage and copy the result, or write RUN [\"program\", \"argument\"]")
        } else {
            Reason::new(format!("the image has no program {program}"))
                .advice(advice(&program))
                .about(Some(program))
        });
    }
    if !evidence.ended_with(&[127]) {
        return None;
    }
    let line = evidence.lines().rev().find(|line| line.contains("not found") || line.contains("o such file"));
    let Some(line) = line else {
        return Some(Reason::new("a program was not found").advice(advice("it")));
    };
    let program = named(line)?;
    let what = format!("the image has no program {program}");
    let reason = Reason::new(what).words(line).about(Some(program.clone()));
    Some(if program.contains('/') {
        reason.advice(format!("see that {program} is there when this step runs, and so is the interpreter or loader that its first bytes name (#! line, musl in place of glibc, \\r at the end of the #! line)"))
    } else {
        reason.advice(advice(&program))
    })
}

fn advice(program: &str) -> String {
    format!("install {program} in an earlier step, correct its name, or add its folder to PATH")
}

/// The text between the first two quotation marks.
fn quoted(text: &str) -> Option<String> {
    text.split('"').nth(1).map(str::to_owned)
}

/// The program in `/bin/sh: 1: nope: not found`, `bash: line 3: nope: command not found`, `env: 'nope': No such file or
/// directory`.
fn named(line: &str) -> Option<String> {
    let parts: Vec<&str> = line.split(": ").collect();
    let end = parts.iter().rposition(|part| part.contains("not found") || part.contains("o such file"))?;
    let name = parts.get(end.checked_sub(1)?)?.trim();
    Some(name.trim_matches(['\'', '"', '‘', '’', '`']).to_owned())
}
