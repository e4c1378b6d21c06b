//! The lines of a Dockerfile that a failure is about, in few bytes.

use std::fmt::Write as _;

use super::failing_line::word_at;
use crate::diag::{Location, redact_in_columns, shorten, visible};

/// How many lines are shown whole; of more the middle is left out.
const WHOLE: usize = 10;
/// How many lines are looked at.
const MOST_LINES: usize = 100_000;
/// How many carets stand below a line, at most.
const CARETS: usize = 60;

/// The lines of a place, as they may be shown.
pub(super) struct Excerpt {
    name: String,
    first: u32,
    /// Each with its number, without what is left out.
    lines: Vec<(u32, String)>,
}

impl Excerpt {
    pub(super) fn of(location: &Location) -> Option<Self> {
        let first = location.spans.first()?.first();
        let numbers = location.spans.iter().flat_map(|span| span.lines()).take(MOST_LINES);
        let lines = numbers.filter_map(|number| {
            let bytes = location.source.line(number)?;
            let text = String::from_utf8_lossy(bytes).replace('\t', "    ");
            let text = visible(&redact_in_columns(&text)).into_owned();
            Some((number, text.trim_start_matches('\u{feff}').to_owned()))
        });
        let name = visible(location.source.name()).into_owned();
        Some(Self { name, first, lines: lines.collect() })
    }

    pub(super) fn lines(&self) -> &[(u32, String)] {
        &self.lines
    }

    /// Writes place and lines, with carets below the line `marked`, else below the first one. `subject` is a word that
    /// stays where a line is shortened.
    pub(super) fn write(&self, out: &mut String, marked: Option<u32>, subject: Option<&str>) {
        let gutter = self.lines.iter().map(|(number, _)| *number).max().unwrap_or(1).to_string().len();
        let name = shorten::in_middle(&self.name, 200);
        let _ = writeln!(out, "{:gutter$}--> {name}:{}", "", marked.unwrap_or(self.first));
        if self.lines.is_empty() {
            return;
        }
        let _ = writeln!(out, "{:gutter$}  |", "");
        let shown = self.shown(marked);
        let limit = match shown.len() {
            0..=2 => 320,
            3..=6 => 140,
            _ => 84,
        };
        let mut before: Option<usize> = None;
        for at in shown {
            let skipped = at - before.map_or(0, |before| before + 1);
            if skipped > 0 {
                let _ = writeln!(out, "{:gutter$} ... ({skipped} lines)", "");
            }
            before = Some(at);
            let (number, line) = &self.lines[at];
            let word = subject.and_then(|subject| word_at(line, subject));
            let text = match word {
                Some(at) => shorten::around(line, at, limit),
                None => shorten::in_middle(line, limit),
            };
            let _ = writeln!(out, "{}", format!(" {number:gutter$} | {text}").trim_end());
            let is_marked = marked == Some(*number);
            if is_marked || (marked.is_none() && *number == self.first) {
                carets(out, &text, gutter, is_marked.then_some(subject.unwrap_or_default()));
            }
        }
        let left = before.map_or(0, |before| self.lines.len() - before - 1);
        if left > 0 {
            let _ = writeln!(out, "{:gutter$} ... ({left} lines)", "");
        }
    }

    /// The positions of the lines that are shown.
    fn shown(&self, marked: Option<u32>) -> Vec<usize> {
        let count = self.lines.len();
        if count <= WHOLE {
            return (0..count).collect();
        }
        let marked = marked.and_then(|number| self.lines.iter().position(|(line, _)| *line == number));
        let mut shown: Vec<usize> = match marked {
            Some(at) => (at.saturating_sub(2)..=(at + 2).min(count - 1)).chain([0, count - 1]).collect(),
            None => (0..5).chain(count - 3..count).collect(),
        };
        shown.sort_unstable();
        shown.dedup();
        shown
    }
}

/// Writes carets below the first word of a line, or, in the line that failed, below its subject or all of it.
fn carets(out: &mut String, text: &str, gutter: usize, failed: Option<&str>) {
    let start = text.len() - text.trim_start().len();
    let (at, length) = match failed {
        None => (start, text[start..].chars().take_while(|c| !c.is_whitespace()).count()),
        Some(subject) => match word_at(text, subject).filter(|_| !subject.is_empty()) {
            Some(at) => (at, subject.chars().count()),
            None => (start, text.trim().trim_end_matches('\\').trim_end().chars().count()),
        },
    };
    if length == 0 {
        return;
    }
    let (indent, length) = (text[..at].chars().count(), length.min(CARETS));
    let note = if failed.is_some() { " this failed" } else { "" };
    let _ = writeln!(out, " {:gutter$} | {:indent$}{:^<length$}{note}", "", "", "");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::{Diagnostic, Source, Span};

    fn shown(text: &str, span: Span, marked: Option<u32>, subject: Option<&str>) -> String {
        let source = Source::new("Dockerfile", text);
        let location = Diagnostic::error("m").at(&source, [span]).location.unwrap();
        let mut out = String::new();
        Excerpt::of(&location).unwrap().write(&mut out, marked, subject);
        out
    }

    #[test]
    fn a_short_instruction_is_whole() {
        assert_eq!(
            shown("FROM a\nRUN x \\\n  y\n", Span::new(2, 3), None, None),
            " --> Dockerfile:2\n   |\n 2 | RUN x \\\n   | ^^^\n 3 |   y\n"
        );
        assert_eq!(
            shown("FROM a\nRUN x && \\\n  y z\n", Span::new(2, 3), Some(3), Some("y")),
            " --> Dockerfile:3\n   |\n 2 | RUN x && \\\n 3 |   y z\n   |   ^ this failed\n"
        );
    }

    #[test]
    fn a_long_here_document_is_its_ends_and_the_line_that_failed() {
        let text = format!("FROM a\nRUN <<EOF\n{}EOF\n", "echo a line of the script\n".repeat(300));
        let out = shown(&text, Span::new(2, 303), None, None);
        assert!(out.contains("  2 | RUN <<EOF\n") && out.contains(" ... (294 lines)\n 301 | "), "{out}");
        let out = shown(&text, Span::new(2, 303), Some(200), None);
        assert!(out.contains("--> Dockerfile:200\n") && out.contains("(195 lines)\n 198 | "), "{out}");
        assert!(out.contains("^ this failed\n 201 | ") && out.contains(" 303 | EOF\n"), "{out}");
        assert!(out.len() < 1000, "{}", out.len());
    }

    #[test]
    fn a_long_line_shows_where_it_failed() {
        let text = format!("RUN {}nope && {}true\n", "true && ".repeat(100), "echo x && ".repeat(100));
        let out = shown(&text, Span::line(1), None, Some("nope"));
        assert!(out.contains("nope") && out.len() < 500, "{out}");
    }
}
