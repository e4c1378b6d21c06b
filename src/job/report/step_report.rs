//! The report of a step that failed: what went wrong in one line, what to do, where it is, and what it logged last.

use std::fmt::Write as _;

use super::excerpt::Excerpt;
use super::reason::{self, Evidence, Reason, cause_of};
use super::{failing_line, log_excerpt};
use crate::diag::{Diagnostic, LogTail, redact, shorten};
use crate::job::error::StepFailure;

/// The most bytes of a report: what the reader of `bob.log` takes, without the words that stand before it.
pub(super) const REPORT_LIMIT: usize = 4_040;
/// The most bytes of the line that says what went wrong.
const FIRST_LINE: usize = 270;
/// The most bytes of what to do.
const ADVICE: usize = 600;
/// The most bytes of a message that is shown as buildkitd says it.
const MESSAGE: usize = 1_000;

/// A failed step, and what is known of it.
pub(super) struct StepReport<'a> {
    failure: &'a StepFailure,
    reason: Option<Reason>,
    excerpt: Option<Excerpt>,
    marked: Option<u32>,
}

impl<'a> StepReport<'a> {
    pub(super) fn of(failure: &'a StepFailure) -> Self {
        let evidence = evidence(failure);
        let reason = reason::find(&evidence);
        let excerpt = failure.diagnostic.location.as_ref().and_then(Excerpt::of);
        let subject = reason.as_ref().and_then(|reason| reason.subject.as_deref());
        let telling = reason.as_ref().and_then(|reason| reason.words.as_deref());
        let marked = excerpt
            .as_ref()
            .filter(|_| failure.exit_code.is_some())
            .and_then(|excerpt| failing_line::find(excerpt.lines(), &evidence.log, subject, telling));
        Self { failure, reason, excerpt, marked }
    }

    /// Returns the line that says what went wrong.
    fn first_line(&self) -> String {
        match &self.reason {
            Some(reason) => {
                let platform = platform_of_name(&self.failure.step);
                first_line(reason, self.failure.exit_code, platform)
            }
            None => shorten::in_middle(redact(self.failure.diagnostic.message.trim()).as_ref(), MESSAGE),
        }
    }

    /// Returns the line of the Dockerfile that failed, where it is known.
    pub(super) const fn marked(&self) -> Option<u32> {
        self.marked
    }

    pub(super) fn text(&self) -> String {
        let mut out = self.first_line();
        out.push('\n');
        let own = self.failure.diagnostic.help.as_deref();
        if let Some(advice) = own.or_else(|| self.reason.as_ref().and_then(|reason| reason.advice.as_deref()))
        {
            write_advice(&mut out, advice);
        }
        if let Some(excerpt) = &self.excerpt {
            let subject = self.reason.as_ref().and_then(|reason| reason.subject.as_deref());
            excerpt.write(&mut out, self.marked, subject);
            if let Some(trigger) = self.trigger(excerpt) {
                let _ = writeln!(out, "an ONBUILD of the base image failed: {trigger}");
            }
        }
        for other in &self.failure.others {
            let other = other.split_whitespace().collect::<Vec<_>>().join(" ");
            let _ = writeln!(out, "failed as well: {}", shorten::in_middle(redact(&other).as_ref(), 200));
        }
        if self.reason.is_some() && self.failure.exit_code.is_none() {
            write_words_of_buildkitd(&mut out, &self.failure.diagnostic.message);
        }
        self.write_log(&mut out);
        out.trim_end().to_owned()
    }

    /// Returns the instruction of the base image that failed in place of the FROM whose line is shown.
    fn trigger(&self, excerpt: &Excerpt) -> Option<String> {
        let (_, line) = excerpt.lines().first()?;
        let is_from = line.split_whitespace().next()?.eq_ignore_ascii_case("from");
        let (_, instruction) = self.failure.step.split_once("] ").filter(|_| is_from)?;
        let instruction = instruction.strip_prefix("ONBUILD ").unwrap_or(instruction);
        (!instruction.starts_with("FROM ")).then(|| shorten::in_middle(redact(instruction).as_ref(), 300))
    }

    fn write_log(&self, out: &mut String) {
        let step = step_title(&self.failure.step, self.excerpt.is_some());
        let title = format!("last lines of {step}:");
        log_excerpt::write(out, &title, &self.failure.log, REPORT_LIMIT.saturating_sub(out.len()));
    }
}

/// Returns the report of a rejected Dockerfile.
pub(super) fn of_rejection(diagnostic: &Diagnostic) -> String {
    let message: Vec<&str> = diagnostic.message.lines().collect();
    let mut out = shorten::in_middle(redact(&message.join("\n")).as_ref(), MESSAGE);
    out.push('\n');
    if let Some(help) = &diagnostic.help {
        write_advice(&mut out, help);
    }
    if let Some(excerpt) = diagnostic.location.as_ref().and_then(Excerpt::of) {
        excerpt.write(&mut out, None, None);
    }
    out.trim_end().to_owned()
}

/// Returns why buildkitd failed outside of any step.
pub(super) fn of_daemon(message: &str) -> String {
    let evidence = Evidence { cause: message.trim(), ..Evidence::default() };
    let Some(reason) = reason::find(&evidence) else { return message.trim().to_owned() };
    let mut out = first_line(&reason, None, None);
    out.push('\n');
    if let Some(advice) = &reason.advice {
        write_advice(&mut out, advice);
    }
    write_words_of_buildkitd(&mut out, message);
    out.trim_end().to_owned()
}

/// Returns `text` in at most [`REPORT_LIMIT`] bytes.
pub(super) fn bounded(text: &str) -> String {
    if text.len() <= REPORT_LIMIT {
        return text.to_owned();
    }
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    let first = shorten::in_middle(first, MESSAGE);
    let rest = shorten::in_middle(rest, REPORT_LIMIT - first.len() - 1);
    format!("{first}\n{rest}").trim_end().to_owned()
}

/// Writes what to do.
pub(super) fn write_advice(out: &mut String, advice: &str) {
    let _ = writeln!(out, "what to do: {}", shorten::in_middle(redact(advice).as_ref(), ADVICE));
}

/// Writes what buildkitd says, where `out` puts it in other words: it is what others who had this failure wrote down.
fn write_words_of_buildkitd(out: &mut String, message: &str) {
    let words = redact(message.trim());
    let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
    if !out.contains(&words) {
        let _ = writeln!(out, "buildkitd says: {}", shorten::in_middle(&words, MESSAGE));
    }
}

fn evidence(failure: &StepFailure) -> Evidence<'_> {
    let log: &LogTail = &failure.log;
    // `linux/amd64->arm64` runs on the first and builds for the second.
    let of_name =
        platform_of_name(&failure.step).map(|name| name.split("->").next().unwrap_or(name).to_owned());
    let platform = of_name
        .or_else(|| from_platform(&failure.diagnostic))
        .or_else(|| failure.platforms.first().filter(|_| failure.platforms.len() == 1).cloned());
    // A program that does not run on the machine's own platform is for another one.
    let architecture = |platform: &str| platform.split('/').nth(1).map(str::to_owned);
    let platform = platform.filter(|platform| architecture(platform) != architecture(&failure.own_platform));
    Evidence {
        cause: cause_of(&failure.diagnostic.message),
        exit_code: failure.exit_code,
        log: log.earlier().chain(log.last()).map(|line| line.text.as_str()).collect(),
        platform,
        script: script_of(&failure.diagnostic),
        memory_limit: failure.memory_limit,
        ..Evidence::default()
    }
}

/// The platform with which a step's name begins in a build for several: `linux/arm64`, `linux/amd64->arm64`.
fn platform_of_name(step: &str) -> Option<&str> {
    let word = step.strip_prefix('[')?.split([' ', ']']).next()?;
    (word.contains('/') && word.contains(char::is_alphabetic)).then_some(word)
}

/// The first line of a here-document that names its interpreter.
fn script_of(diagnostic: &Diagnostic) -> Option<String> {
    let location = diagnostic.location.as_ref()?;
    let first = location.spans.first()?.first();
    let line = |number: u32| Some(String::from_utf8_lossy(location.source.line(number)?).into_owned());
    let script = line(first + 1)?;
    (line(first)?.contains("<<") && script.trim_start().starts_with("#!")).then(|| script.trim().to_owned())
}

/// The platform that the stage's FROM names itself.
fn from_platform(diagnostic: &Diagnostic) -> Option<String> {
    let location = diagnostic.location.as_ref()?;
    let at = location.spans.first()?.first();
    let from = (1..=at).rev().find_map(|number| {
        let line = String::from_utf8_lossy(location.source.line(number)?).into_owned();
        let word = line.split_whitespace().next()?;
        word.eq_ignore_ascii_case("from").then_some(line)
    })?;
    let platform = from.split_whitespace().find_map(|word| word.strip_prefix("--platform="))?;
    (!platform.contains('$')).then(|| platform.to_owned())
}

fn first_line(reason: &Reason, exit_code: Option<u32>, platform: Option<&str>) -> String {
    let mut line = redact(&reason.what).into_owned();
    if let Some(code) = exit_code {
        let _ = write!(line, " (exit code: {code})");
    }
    if let Some(platform) = platform.filter(|platform| !line.contains(*platform)) {
        let _ = write!(line, " for {}", shorten::in_middle(&platform.replace("->", " → "), 60));
    }
    let mut line = shorten::in_middle(&line, FIRST_LINE);
    if let Some(words) = reason.words.as_deref().map(redact).filter(|words| !words.is_empty()) {
        let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
        let room = FIRST_LINE.saturating_sub(line.len() + 2);
        if room > 40 {
            let _ = write!(line, ": {}", shorten::in_middle(&words, room));
        }
    }
    line
}

/// The step's place among the others, such as `[build 2/3]`; its name where its lines are not shown.
fn step_title(step: &str, lines_are_shown: bool) -> String {
    if step.is_empty() {
        return "the step".to_owned();
    }
    match step.find(']') {
        Some(end) if lines_are_shown && step.starts_with('[') => step[..=end].to_owned(),
        _ => shorten::in_middle(step, 200),
    }
}
