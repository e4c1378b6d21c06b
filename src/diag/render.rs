//! The text form of a diagnostic.

use std::borrow::Cow;
use std::fmt::Write as _;

use super::{Diagnostic, Level, Location, Span, redact, redact_in_columns, visible};

/// Characters of a source line that are shown; the rest becomes an ellipsis.
const MAX_COLUMNS: usize = 240;
/// Lines that are shown of one span; the middle of a longer one is left out.
const MAX_LINES: u32 = 400;
/// What a tab becomes, so that the carets below stand right.
const TAB: &str = "    ";

pub(super) fn render(diagnostic: &Diagnostic) -> String {
    let mut out = match &diagnostic.level {
        Level::Error => "error".to_owned(),
        Level::Warning(rule) => format!("warning[{rule}]"),
    };
    out.push_str(": ");
    out.push_str(&shown_lines(&diagnostic.message));
    out.push('\n');
    let gutter = diagnostic.location.as_ref().map_or(1, gutter_width);
    if let Some(location) = &diagnostic.location {
        excerpt(&mut out, location, gutter);
    }
    if let Some(help) = &diagnostic.help {
        let _ = writeln!(out, "{:gutter$}  = help: {}", "", shown_lines(help));
    }
    out
}

fn gutter_width(location: &Location) -> usize {
    let widest = location.spans.iter().map(|span| span.last()).max();
    widest.unwrap_or(1).to_string().len()
}

fn excerpt(out: &mut String, location: &Location, gutter: usize) {
    let Some(named) = location.spans.first() else {
        return;
    };
    let name = shown_words(location.source.name());
    let _ = writeln!(out, "{:gutter$}--> {name}:{}", "", named.first());
    if location.source.line(named.first()).is_none() {
        return;
    }
    let _ = writeln!(out, "{:gutter$}  |", "");
    let mut shown: Option<Span> = None;
    for span in &location.spans {
        if shown.is_some_and(|before| span.first() != before.last() + 1) {
            let _ = writeln!(out, "{:gutter$} ...", "");
        }
        for number in span.lines() {
            let skipped = number - span.first() >= MAX_LINES / 2 && span.last() - number >= MAX_LINES / 2;
            if skipped {
                if number - span.first() == MAX_LINES / 2 {
                    let _ = writeln!(out, "{:gutter$} ...", "");
                }
                continue;
            }
            show_line(out, location, *span, number, gutter);
        }
        shown = Some(*span);
    }
}

/// Writes one source line, and carets under its first word where it begins a span.
fn show_line(out: &mut String, location: &Location, span: Span, number: u32, gutter: usize) {
    let Some(line) = location.source.line(number) else {
        return;
    };
    let text = shown_text(line);
    let _ = writeln!(out, "{}", format!(" {number:gutter$} | {text}").trim_end());
    if number != span.first() {
        return;
    }
    let indent = text.chars().take_while(|c| c.is_whitespace()).count();
    let word = text.chars().skip(indent).take_while(|c| !c.is_whitespace());
    let carets = word.count();
    if carets > 0 {
        let _ = writeln!(out, " {:gutter$} | {:indent$}{:^<carets$}", "", "", "");
    }
}

fn shown_text(line: &[u8]) -> String {
    // A character is at most four bytes: cutting first bounds the work on a very long line. A user part that the cut
    // would part from its `@` is hidden before.
    let line = match memchr::memrchr(b'@', line) {
        Some(_) => Cow::Owned(redact_in_columns(&String::from_utf8_lossy(line)).into_owned().into_bytes()),
        None => Cow::Borrowed(line),
    };
    let cut = &line[..line.len().min(4 * MAX_COLUMNS + 4)];
    let text = visible(&String::from_utf8_lossy(cut).replace('\t', TAB)).into_owned();
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    if text.chars().count() > MAX_COLUMNS {
        text.chars().take(MAX_COLUMNS).chain(['…']).collect()
    } else {
        text.to_owned()
    }
}

/// The lines of a message, as they are shown.
fn shown_lines(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(shown_words).collect();
    lines.join("\n")
}

/// Words on one line, as they are shown.
fn shown_words(text: &str) -> String {
    visible(&redact(&text.replace('\t', TAB))).into_owned()
}
