//! Explanations in words.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt::Write as _;

use super::compare::{Change, Explanation, Reason, Shown, StepExplanation};
use super::files::{FileChange, How, ignore_candidate};
use super::record::{Kind, Record, Step};
use super::seal::HIDDEN;
use crate::diag::{fitted, visible};

/// Files that are named; the rest is counted.
const NAMED_FILES: usize = 10;
/// Columns of a value that is shown.
const VALUE_COLUMNS: usize = 100;

/// What is said of a build that cannot be compared, because there are more steps than `MAX_STEPS` or `MAX_RECORD_BYTES` let
/// into a record.
pub(super) const TOO_MANY_STEPS: &str = "Why steps ran again is not known: this build or the one before it has more steps \
                                         than the record of a build holds (5000, or 8 MiB of them).";

/// Why some steps ran: the same for all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The steps, by their places in the new record.
    pub steps: Vec<usize>,
    /// The reasons in words, lines of text.
    pub lines: Vec<String>,
}

/// Returns what there is to say where no step has a reason; `None` where one has.
pub fn note(explanation: &Explanation) -> Option<&'static str> {
    match explanation {
        Explanation::FirstBuild => Some(
            "There is no record of a build before this one with the same folder, Dockerfile, target and \
             platform: nothing to compare with.",
        ),
        Explanation::TooManySteps => Some(TOO_MANY_STEPS),
        Explanation::Steps(steps) if steps.is_empty() => {
            Some("No step ran again: all results were in the cache.")
        }
        Explanation::Steps(_) => None,
    }
}

/// Returns an explanation in words. A chain is told once, with all steps that have it in common. `new` is the record that
/// it is of.
pub fn told(explanation: &Explanation, new: &Record) -> Vec<Told> {
    let Explanation::Steps(steps) = explanation else { return Vec::new() };
    let mut told: Vec<Told> = Vec::new();
    // Where each chain is told.
    let mut chains: HashMap<&[Reason], usize> = HashMap::new();
    for StepExplanation { step, reasons } in steps {
        if matches!(reasons[..], [Reason::Earlier(_)]) {
            match chains.entry(reasons) {
                Entry::Occupied(place) => {
                    told[*place.get()].steps.push(*step);
                    continue;
                }
                Entry::Vacant(place) => _ = place.insert(told.len()),
            }
        }
        let lines = reasons.iter().flat_map(|reason| reason_lines(reason, new)).collect();
        told.push(Told { steps: vec![*step], lines });
    }
    told
}

/// Returns an explanation as lines of text. `new` is the record that it is of.
pub fn explanation_text(explanation: &Explanation, new: &Record) -> String {
    if let Some(note) = note(explanation) {
        return format!("{note}\n");
    }
    let mut text = "Why steps ran again:\n".to_owned();
    for Told { steps, lines } in told(explanation, new) {
        for step in steps {
            let _ = writeln!(text, "  {}", title(&new.steps[step], &new.dockerfile));
        }
        for line in lines {
            let _ = writeln!(text, "    {line}");
        }
    }
    text
}

/// Returns the difference of two graphs as lines of text.
pub fn diff_text((changed, gone): &(Vec<StepExplanation>, Vec<usize>), old: &Record, new: &Record) -> String {
    if changed.is_empty() && gone.is_empty() {
        return "The graphs have the same steps.\n".to_owned();
    }
    let mut text = String::new();
    for StepExplanation { step, reasons } in changed {
        let _ = writeln!(text, "{}", title(&new.steps[*step], &new.dockerfile));
        add_reasons(&mut text, reasons, new);
    }
    for step in gone {
        let _ = writeln!(text, "{}\n    is not there any more", title(&old.steps[*step], &old.dockerfile));
    }
    text
}

fn add_reasons(text: &mut String, reasons: &[Reason], record: &Record) {
    for reason in reasons {
        for line in reason_lines(reason, record) {
            let _ = writeln!(text, "    {line}");
        }
    }
}

/// Returns place and name of a step, and its platform where there are several.
fn title(step: &Step, dockerfile: &str) -> String {
    let context = || {
        let name = step.stage.strip_prefix("context ").filter(|_| step.kind == Kind::Local)?;
        Some(format!("the named context {name}"))
    };
    let context = context();
    let name = match step.kind {
        Kind::Image => without_digest(&step.name),
        _ => context.as_deref().unwrap_or(&step.name),
    };
    let name = fitted(&visible(name), VALUE_COLUMNS);
    // No stage has a slash in its name.
    let platform = step.stage.split(' ').next().filter(|word| word.contains('/'));
    let platform = platform.map(|platform| format!("[{}] ", visible(platform))).unwrap_or_default();
    match step.lines {
        Some((first, _)) => format!("{platform}{}:{first} {name}", visible(dockerfile)),
        None => format!("{platform}{name}"),
    }
}

/// Returns the name of a step without the digest of an image, which says nothing to people.
fn without_digest(name: &str) -> &str {
    name.split("@sha256:").next().unwrap_or(name)
}

fn reason_lines(reason: &Reason, record: &Record) -> Vec<String> {
    let one = match reason {
        Reason::New => "it was not there in the last build".to_owned(),
        Reason::Removed(names) => {
            let names: Vec<String> = names.iter().map(|name| quoted(name)).collect();
            format!("removed before it: {}", names.join(", "))
        }
        Reason::OtherInput(was, is) => {
            let short = |name: &str| quoted(without_digest(name));
            let name = |name: &Option<String>| name.as_deref().map_or_else(|| "nothing".to_owned(), short);
            format!("it stands on another step: on {} before, on {} now", name(was), name(is))
        }
        Reason::Instruction(old, new) => match changed_words(old, new) {
            Some(words) => format!("the instruction changed: {words}"),
            None => "the instruction changed in a part that is not shown".to_owned(),
        },
        Reason::Content(_) => "the content of its here-document changed".to_owned(),
        Reason::Variable(name, change) => {
            format!("ENV or ARG {} {}", visible(name), changed(change))
        }
        Reason::Option(name, change) => format!("{} {}", visible(name), changed(change)),
        Reason::Platform(change) => format!("the platform {}", changed(change)),
        Reason::OtherBase(was, is) => format!("the base image is another: {} → {}", quoted(was), quoted(is)),
        // Without a tag it is named by its digest alone.
        Reason::Base(name, change) if !name.rsplit('/').next().is_some_and(|last| last.contains(':')) => {
            format!("FROM names another digest of {}: {}", visible(name), arrow(change))
        }
        Reason::Base(name, change) => format!("the base image {} moved: {}", visible(name), arrow(change)),
        Reason::Files(changes) => return file_lines(changes),
        Reason::FilesUnknown => {
            "it reads files of the context; which of them changed is not known, because one of the builds has no list of them"
                .to_owned()
        }
        Reason::Ignored => {
            "the ignore file changed as well: what was added or removed may be in the folder as before".to_owned()
        }
        Reason::Unnamed => "it changed in something that has no name here".to_owned(),
        Reason::Earlier(roots) => return earlier_lines(roots, record),
        Reason::Requested => "asked for with --no-cache or --no-cache-filter".to_owned(),
        Reason::Unfinished => "nothing changed: it did not end well in the last build".to_owned(),
        Reason::NotReached => {
            "nothing changed: the last build did not come to it, because it ended before or had the result of a later step"
                .to_owned()
        }
        Reason::OtherDaemon => {
            "nothing changed: this buildkitd does not have its result; the last build was on another one".to_owned()
        }
        Reason::Remote => {
            "nothing changed here; whether what it fetches changed at its URL is not known".to_owned()
        }
        Reason::Gone => "nothing changed: buildkitd and the imported caches no longer have its result (pruned, or never exported)"
            .to_owned(),
    };
    vec![one]
}

fn earlier_lines(roots: &[(usize, Vec<Reason>)], record: &Record) -> Vec<String> {
    let mut lines = Vec::new();
    for (place, reasons) in roots {
        let step = &record.steps[*place];
        let title = title(step, &record.dockerfile);
        if reasons.is_empty() {
            let line = format!("a step before it ran again: {title}");
            // Several here-documents of one instruction are one step to people.
            if !lines.contains(&line) {
                lines.push(line);
            }
            continue;
        }
        if step.kind != Kind::Image || reasons.contains(&Reason::New) {
            let verb = if reasons.iter().any(Reason::is_sure) { "changed" } else { "may have changed" };
            lines.push(format!("a step before it {verb}: {title}"));
        }
        lines.extend(reasons.iter().flat_map(|reason| reason_lines(reason, record)));
    }
    lines
}

fn file_lines(changes: &[FileChange]) -> Vec<String> {
    let count = changes.len();
    let noun = if count == 1 { "file that it reads" } else { "files that it reads" };
    let is_sure = changes.iter().any(|change| change.how != How::Rewritten);
    let verb = if is_sure { "changed" } else { "may have changed" };
    let mut lines = vec![format!("{count} {noun} {verb}:")];
    for FileChange { path, how } in changes.iter().take(NAMED_FILES) {
        let how = match how {
            How::Added => "added".to_owned(),
            How::Removed => "removed".to_owned(),
            How::Content => "content".to_owned(),
            How::Target => "leads elsewhere".to_owned(),
            How::Rewritten => "written again; whether its content changed is not known".to_owned(),
            How::Mode(old, new) => format!("mode {:04o} → {:04o}", unix(*old), unix(*new)),
            How::Kind => "became something else".to_owned(),
            How::Touched => "touched only".to_owned(),
        };
        lines.push(format!("  {} ({how})", fitted(&visible(path), VALUE_COLUMNS)));
    }
    if count > NAMED_FILES {
        lines.push(format!("  and {} more", count - NAMED_FILES));
    }
    let mut candidates: Vec<String> =
        changes.iter().filter_map(|change| ignore_candidate(&change.path)).collect();
    candidates.sort();
    candidates.dedup();
    if !candidates.is_empty() {
        candidates.truncate(NAMED_FILES);
        let candidates: Vec<_> = candidates.iter().map(|path| visible(path).into_owned()).collect();
        lines.push(format!("  if no step needs them, name them in .dockerignore: {}", candidates.join(" ")));
    }
    lines
}

/// Returns permissions as `chmod` takes them.
fn unix(mode: u32) -> u32 {
    let bit = |go: u32, unix: u32| if mode & go != 0 { unix } else { 0 };
    (mode & 0o777) | bit(1 << 23, 0o4000) | bit(1 << 22, 0o2000) | bit(1 << 20, 0o1000)
}

fn changed(change: &Change) -> String {
    match change {
        (None, Some(Shown(value))) if value == "set" => "was added".to_owned(),
        (Some(Shown(value)), None) if value == "set" => "was removed".to_owned(),
        (None, Some(value)) => format!("was added: {}", shown(value)),
        (Some(value), None) => format!("was removed; it was {}", shown(value)),
        _ => format!("changed: {}", arrow(change)),
    }
}

fn arrow(change: &Change) -> String {
    match change {
        (Some(old), Some(new)) if old == new && old.0 == HIDDEN => "its value is not shown".to_owned(),
        (Some(old), Some(new)) if old == new => {
            format!("{} in both, and different in a part that is not shown", shown(old))
        }
        (Some(old), Some(new)) => format!("{} → {}", shown(old), shown(new)),
        (None, Some(one)) | (Some(one), None) => shown(one),
        (None, None) => String::new(),
    }
}

fn shown(Shown(value): &Shown) -> String {
    if value.is_empty() { "empty".to_owned() } else { fitted(&visible(value), VALUE_COLUMNS) }
}

fn quoted(text: &str) -> String {
    format!("`{}`", fitted(&visible(text), VALUE_COLUMNS))
}

/// Returns the words in which two texts differ, what they begin and end with in common left out; `None` where they do not
/// differ.
fn changed_words(old: &str, new: &str) -> Option<String> {
    if old == new {
        return None;
    }
    let words = |text| str::split_whitespace(text).collect::<Vec<_>>();
    let (old_words, new_words) = (words(old), words(new));
    let begin = old_words.iter().zip(&new_words).take_while(|(a, b)| a == b).count();
    let (old_rest, new_rest) = (&old_words[begin..], &new_words[begin..]);
    let end = old_rest.iter().rev().zip(new_rest.iter().rev()).take_while(|(a, b)| a == b).count();
    let middle = |rest: &[&str]| rest[..rest.len() - end].join(" ");
    let (was, is) = (middle(old_rest), middle(new_rest));
    Some(match (was.is_empty(), is.is_empty()) {
        (true, true) => "in its white space only".to_owned(),
        (true, false) => format!("{} was added", quoted(&is)),
        (false, true) => format!("{} was removed", quoted(&was)),
        (false, false) => format!("{} → {}", quoted(&was), quoted(&is)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_changed_words_are_shown() {
        for (old, new, words) in [
            ("RUN make -j2 all", "RUN make -j4 all", Some("`-j2` → `-j4`")),
            ("RUN make", "RUN make all", Some("`all` was added")),
            ("RUN make all", "RUN make", Some("`all` was removed")),
            ("RUN a a", "RUN a a a", Some("`a` was added")),
            ("RUN  a", "RUN a", Some("in its white space only")),
            ("RUN a", "RUN a", None),
        ] {
            assert_eq!(changed_words(old, new).as_deref(), words, "{old} / {new}");
        }
    }
}
