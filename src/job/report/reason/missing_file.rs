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
    let words = evidence.ending_with(&[
        "no such file or directory",
        "can't cd to",
        "enoent: ",
        "directory nonexistent",
        "nonexistent directory",
    ])?;
    let file = file(words);
    if let Some(folder) = file.filter(|_| is_made(words)).and_then(folder_of) {
        let advice = "a file or folder is to be made in it: make it before, mkdir -p, or check the path and the WORKDIR";
        let reason = Reason::new(format!("there is no folder {folder}")).words(words).advice(advice);
        return Some(reason.about(file));
    }
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

/// A file that stands where a folder is needed: `mkdir /etc/passwd: not a directory`, `lstat /etc/passwd/x: not a directory`,
/// `cannot copy to non-directory: …/buildkit123/etc/passwd`.
fn no_folder(cause: &str) -> Option<Reason> {
    // What stands before is a folder of buildkitd's in which it put the image together.
    if let Some((_, path)) = cause.split_once("cannot copy to non-directory: ") {
        let path = path.match_indices("/buildkit").find_map(|(at, mark)| {
            let rest = path[at + mark.len()..].trim_start_matches(|c: char| c.is_ascii_digit());
            (rest.starts_with('/') && !path[at + mark.len()..].starts_with('/')).then_some(rest)
        });
        let path = path.unwrap_or("the destination");
        let advice = "what is copied is a folder, or several files, and there is a file in its place: choose another destination, or remove the file in an earlier step";
        return Some(Reason::new(format!("{path} is a file, not a folder")).advice(advice).about(Some(path)));
    }
    let named = cause.strip_suffix(": not a directory")?;
    let (_, path) = named.rsplit_once("mkdir ").or_else(|| named.rsplit_once("stat "))?;
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
    evidence.lines().iter().copied().rev().find_map(|line| {
        let (name, kind) =
            FORMS.iter().find_map(|(before, kind)| Some((line.split_once(before)?.1, *kind)))?;
        let name = name.trim().trim_matches(['\'', '‘', '’', '"']);
        let name = name.split(':').find(|part| !part.is_empty())?;
        Some(no_user(kind, name).words(line))
    })
}

/// Whether a program wanted to make what it names, so that the folder is missing in which it is to lie.
fn is_made(words: &str) -> bool {
    let lower = words.to_lowercase();
    ["touch", "mkdir", "create", "tee: ", "cannot create", "can't create"]
        .iter()
        .any(|word| lower.contains(word))
}

/// The folder in which a file is to lie.
fn folder_of(path: &str) -> Option<&str> {
    path.trim_end_matches('/').rsplit_once('/').map(|(folder, _)| folder).filter(|folder| !folder.is_empty())
}

/// The file in `cat: x: No such file or directory`, `cat: can't open 'x': No such file or directory`, Go's `open x: no such …`,
/// `tar: x: Cannot open: No such …`, Python's `[Errno 2] No such file or directory: 'x'` and Node's `ENOENT: no such file or
/// directory, open 'x'`.
fn file(words: &str) -> Option<&str> {
    const QUOTES: [char; 7] = ['\'', '"', '‘', '’', '`', '(', ')'];
    const ENDS: [&str; 7] = [
        ": [errno 2] no such file",
        ": cannot open: no such file",
        ": no such file",
        ": directory nonexistent",
        ": nonexistent directory",
        "no such file or directory, ",
        "no such file or directory: ",
    ];
    let lower = words.to_ascii_lowercase();
    let behind =
        |mark: &str| lower.rsplit_once(mark).map(|(before, _)| words[before.len() + mark.len()..].trim());
    // Node and Python name the file behind the words.
    if let Some(after) = behind(ENDS[5]).or_else(|| behind(ENDS[6])) {
        let quoted =
            after.split(['\'', '"']).nth(1).unwrap_or_else(|| after.rsplit(' ').next().unwrap_or_default());
        return Some(quoted).filter(|file| !file.is_empty());
    }
    let end = ENDS[..5].iter().find_map(|end| lower.find(end));
    // dash says no more than this.
    let Some(end) = end else { return lower.find("can't cd to ").map(|at| words[at + 12..].trim()) };
    let part = words[..end].rsplit(": ").next()?.trim();
    let word = part.rsplit(' ').next()?;
    // More than one word is a name only if nothing says that it is a sentence.
    let is_sentence = part.ends_with(QUOTES)
        || [
            "can't ",
            "cannot ",
            "could not ",
            "couldn't ",
            "failed to ",
            "unable to ",
            "open ",
            "stat ",
            "lstat ",
            "read ",
        ]
        .iter()
        .any(|begin| part.to_ascii_lowercase().starts_with(begin));
    let word = if is_sentence { word } else { part }.trim_matches(QUOTES);
    // A function of C is no file.
    let is_function =
        ["fopen", "open", "stat", "execvp", "enoent", "error"].contains(&word.to_ascii_lowercase().as_str());
    (!word.is_empty() && !is_function).then_some(word)
}
