//! A file that is not there.

use super::{Evidence, Reason};

pub(super) fn find(evidence: &Evidence<'_>) -> Option<Reason> {
    if evidence.exit_code.is_none() {
        let copied = copied(evidence.cause).or_else(|| no_folder(evidence.cause));
        return copied.or_else(|| secret(evidence.cause)).or_else(|| user(evidence.cause));
    }
    if let Some(reason) = user_of_program(evidence) {
        return Some(reason);
    }
    let words = evidence.saying(&["no such file or directory", "can't cd to", "enoent"])?;
    let file = file(words);
    if let Some(secret) = file.and_then(|file| file.strip_prefix("/run/secrets/")) {
        return Some(no_secret(secret).words(words));
    }
    let what = match file {
        Some(file) => format!("there is no file or folder {file}"),
        None => "a file or folder is missing".to_owned(),
    };
    let advice = "a step sees the image and what COPY brought into it, not the build context: check the path, the WORKDIR, and that a COPY before this step brings it";
    Some(Reason::new(what).words(words).advice(advice).about(file))
}

/// Returns the path that `message` says was not found.
/// (BuildKit: `Checksum` in cache/contenthash, whose error begins with the path)
pub(in crate::job::report) fn absent_path(message: &str) -> Option<&str> {
    let (before, _) = message.rsplit_once("\": not found")?;
    Some(before.rsplit_once('"')?.1)
}

/// What COPY, ADD or a mount takes.
fn copied(cause: &str) -> Option<Reason> {
    // BuildKit looks files up before it copies them, or, where it need not, as it copies them.
    let looked_up = || absent_path(cause).filter(|_| cause.contains("calculate checksum"));
    let taken = || cause.strip_prefix("lstat ")?.strip_suffix(": no such file or directory");
    let path = looked_up().or_else(taken)?;
    Some(
        Reason::new(format!("{path} does not exist in what this step copies from"))
            .advice("check its spelling (upper and lower case differ), that it lies below the build context (or in the stage or image that --from names), and that no .dockerignore leaves it out")
            .about(Some(path.trim_start_matches('/')))
    )
}

fn secret(cause: &str) -> Option<Reason> {
    let id = cause.rsplit_once("secret ")?.1.strip_suffix(": not found")?;
    Some(no_secret(id))
}

fn no_secret(id: &str) -> Reason {
    Reason::new(format!("the step needs the secret {id}, which this build was not given"))
        .advice(format!(
            "see that the RUN has --mount=type=secret,id={id}, and give it with --secret id={id},src=FILE or --secret id={id},env=VARIABLE"
        ))
        .about(Some(id))
}

/// A file that stands where a folder is needed: `mkdir /etc/passwd: not a directory`.
fn no_folder(cause: &str) -> Option<Reason> {
    let (_, path) = cause.strip_suffix(": not a directory")?.rsplit_once("mkdir ")?;
    let advice = "it, or a folder on the way to it, is a file in the image: choose another destination, or remove the file in an earlier step";
    Some(Reason::new(format!("{path} cannot be made a folder")).advice(advice).about(Some(path)))
}

/// A user or group of USER or --chown.
fn user(cause: &str) -> Option<Reason> {
    let (_, after) = cause.split_once("unable to find ")?;
    let (who, _) = after.split_once(": no matching entries in ")?;
    let (kind, name) = who.split_once(' ')?;
    Some(no_user(kind, name))
}

fn no_user(kind: &str, name: &str) -> Reason {
    Reason::new(format!("the image has no {kind} {name}"))
        .advice(format!(
            "make the {kind} in an earlier step (useradd, adduser, groupadd), or name it by its number"
        ))
        .about(Some(name))
}

/// The user or group that chown, su and others do not find.
fn user_of_program(evidence: &Evidence<'_>) -> Option<Reason> {
    const FORMS: [(&str, &str); 5] = [
        ("chown: unknown user ", "user"),
        ("invalid user: ", "user"),
        ("chgrp: unknown group ", "group"),
        ("chown: unknown group ", "group"),
        ("invalid group: ", "group"),
    ];
    evidence.lines().rev().find_map(|line| {
        let (name, kind) =
            FORMS.iter().find_map(|(before, kind)| Some((line.split_once(before)?.1, *kind)))?;
        let name = name.trim().trim_matches(['\'', '‘', '’', '"']);
        let name = name.split(':').find(|part| !part.is_empty())?;
        Some(no_user(kind, name).words(line))
    })
}

/// The file in `cat: x: No such file or directory` and `cat: can't open 'x': No such file or directory`.
fn file(words: &str) -> Option<&str> {
    let lower = words.to_lowercase();
    let end = lower.find(": no such file or directory").filter(|end| words.is_char_boundary(*end))?;
    let part = words[..end].rsplit(": ").next()?.trim();
    let quotes = ['\'', '"', '‘', '’', '`'];
    let word = part.rsplit(' ').next().filter(|_| part.ends_with(quotes)).unwrap_or(part);
    let word = word.trim_matches(quotes);
    (!word.is_empty()).then_some(word)
}
