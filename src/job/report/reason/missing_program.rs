//! A program that the image does not have.

use super::{Evidence, Reason};

/// Commands that bash has in itself, and which the shell of RUN often is not.
const OF_BASH: [&str; 10] =
    ["source", "[[", "((", "pushd", "popd", "shopt", "declare", "typeset", "function", "mapfile"];
/// How far from the end of a log a shell's complaint still is why the step ended.
const NEAR_END: usize = 5;

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
    if let Some(reason) = interpreter(evidence).or_else(|| started_directly(evidence)) {
        return Some(reason);
    }
    if !evidence.ended_with(&[127]) {
        return called_by_another(evidence);
    }
    // bash gives this code for a variable too.
    if evidence.lines().last().is_some_and(|line| line.contains("unbound variable")) {
        return None;
    }
    let line = evidence
        .lines()
        .iter()
        .copied()
        .rev()
        .find(|line| line.contains("not found") || line.contains("o such file"));
    if let Some(script) =
        evidence.script.as_deref().filter(|_| line.is_some_and(|line| line.contains("/dev/pipes/")))
    {
        let what = format!("the image does not have what the here-document's first line names: {script}");
        let advice = "install the interpreter in an earlier step, or correct its path; #!/usr/bin/env NAME needs /usr/bin/env too";
        return Some(Reason::new(what).words(line?).advice(advice));
    }
    match line.and_then(|line| Some((line, named(line)?))) {
        Some((line, program)) => Some(missing(&program).words(line)),
        None => Some(Reason::new("most likely a program was not found").advice(
            "a shell gives this exit code where it does not find a program: install it in an earlier step, correct its name, or add its folder to PATH; set -x as the first command shows which one",
        )),
    }
}

fn missing(program: &str) -> Reason {
    let (what, advice) = if program.contains('/') {
        (
            format!("{program} cannot be started: it is not there, or what has to start it is not"),
            format!(
                "see that {program} is there when this step runs; if it is, the interpreter of its #! line is missing (bash, say) or written with \\r at its end, or it is made for another C library (glibc, musl)"
            ),
        )
    } else if OF_BASH.contains(&program) {
        (
            format!("the shell of this step has no command {program}, which is bash's"),
            "give the step bash, if the image has it: SHELL [\"/bin/bash\", \"-c\"]; or write it for any shell (. in place of source, [ in place of [[)".to_owned(),
        )
    } else {
        (format!("the image has no program {program}"), advice(program))
    };
    Reason::new(what).advice(advice).about(Some(program))
}

fn advice(program: &str) -> String {
    match program {
        "sudo" => "leave sudo out: a step runs as root, or as the USER before it".to_owned(),
        _ => format!("install {program} in an earlier step, correct its name, or add its folder to PATH"),
    }
}

/// The interpreter in bash's `/s.sh: /usr/bin/perl: bad interpreter: No such file or directory`.
fn interpreter(evidence: &Evidence<'_>) -> Option<Reason> {
    let line = evidence.lines().iter().copied().rev().find(|line| line.contains(": bad interpreter: "))?;
    let (before, _) = line.split_once(": bad interpreter: ")?;
    let mut parts = before.rsplit(": ");
    let (interpreter, script) = (parts.next()?, parts.next()?);
    let what = format!("the image has no {interpreter}, which {script} names in its first line");
    Some(Reason::new(what).words(line).advice(advice(interpreter)).about(Some(script)))
}

/// The program that runc was to start, and its interpreter or loader: `exec /x: no such file or directory`.
fn started_directly(evidence: &Evidence<'_>) -> Option<Reason> {
    let program = |line: &'_ str| {
        let program = line.strip_prefix("exec ")?.strip_suffix(": no such file or directory")?;
        Some(program.trim_matches('"').to_owned())
    };
    evidence.lines().iter().copied().rev().find_map(|line| Some(missing(&program(line)?).words(line)))
}

/// A program that a program of the step called: make, npm, a compiler.
fn called_by_another(evidence: &Evidence<'_>) -> Option<Reason> {
    evidence.exit_code?;
    if let Some(line) =
        evidence.lines().iter().copied().rev().find(|line| line.contains("linker `cc` not found"))
    {
        return Some(missing("cc").words(line));
    }
    let lines = evidence.lines();
    // tar runs the program that unpacks: `tar (child): xz: Cannot exec: No such file or directory`.
    let unpacks = |line: &&&str| line.contains(": Cannot exec: No such file");
    if let Some(line) = lines.iter().rev().find(unpacks) {
        let program = line.split(": ").nth(1)?;
        return Some(missing(program).words(line));
    }
    let mut last = lines.iter().rev().take(NEAR_END);
    // make runs a command without a shell where it can: `make: gcc: No such file or directory`, then `Error 127`.
    let is_makes = |line: &str| {
        line.starts_with("make")
            && line.contains("o such file")
            && lines.iter().any(|end| end.contains("Error 127"))
    };
    let line =
        last.find(|line| (is_shells(line) && line.trim_end().ends_with("not found")) || is_makes(line))?;
    Some(missing(&named(line)?).words(line))
}

/// Returns whether a shell wrote a line.
fn is_shells(line: &str) -> bool {
    let first = line.split(": ").next().unwrap_or_default();
    matches!(first.rsplit('/').next(), Some("sh" | "bash" | "dash" | "ash" | "zsh"))
}

/// The text between the first two quotation marks.
fn quoted(text: &str) -> Option<String> {
    text.split('"').nth(1).map(str::to_owned)
}

/// The program in `/bin/sh: 1: nope: not found`, `bash: line 3: nope: command not found`, `env: 'nope': No such file or
/// directory`.
fn named(line: &str) -> Option<String> {
    const QUOTES: [char; 5] = ['\'', '"', '‘', '’', '`'];
    let parts: Vec<&str> = line.split(": ").collect();
    let end = parts.iter().rposition(|part| part.contains("not found") || part.contains("o such file"))?;
    // zsh names the program behind the words.
    let zsh = parts[end].starts_with("command not found").then(|| parts.get(end + 1)).flatten();
    let name = zsh.or(parts.get(end.checked_sub(1)?))?.trim();
    // busybox and GNU say more: `can't execute 'x'`, `failed to run command 'x'`, `exec x failed`.
    let word = match name {
        _ if name.starts_with(QUOTES) => name,
        _ if name.ends_with(QUOTES) => &name[name.trim_end_matches(QUOTES).rfind(QUOTES)?..],
        _ if name.starts_with("cannot run ") => name.rsplit(' ').next()?,
        _ => name,
    };
    Some(word.trim_matches(QUOTES).to_owned())
}
