//! Places in a source text, the errors and warnings that point at them, and words of others made harmless.

mod causes;
mod columns;
mod located;
mod log_tail;
mod redact;
mod render;
pub mod shorten;
mod suggest;
mod terminal;
#[cfg(any(feature = "buildkit", feature = "registry"))]
mod tls;
mod workflow_command;

use std::fmt;
use std::sync::{Arc, OnceLock};

pub use causes::{cause_text, causes, with_causes};
pub use columns::{columns, fitted};
pub use located::Located;
pub use log_tail::{FoldedLine, LogTail, tells_of_fault};
pub use redact::{redact, redact_in_columns, redact_reference};
pub use suggest::{did_you_mean, nearest};
pub use terminal::{
    Colours, is_forbidden, log_event, log_line, printable_line, visible, visible_lines, visible_path,
};
#[cfg(any(feature = "buildkit", feature = "registry"))]
pub use tls::tls_words;
pub use workflow_command::{command_message, command_property, json_without_commands, without_commands};

/// A named text, shared cheaply: cloning it copies a pointer.
///
/// The text is bytes, as BuildKit reads it; it need not be UTF-8.
#[derive(Clone, PartialEq, Eq)]
pub struct Source(Arc<SourceText>);

struct SourceText {
    name: String,
    text: Vec<u8>,
    /// Byte offset of the start of every line, once a line is asked for.
    line_starts: OnceLock<Vec<usize>>,
}

impl PartialEq for SourceText {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.text == other.text
    }
}

impl Eq for SourceText {}

impl SourceText {
    fn line_starts(&self) -> &[usize] {
        self.line_starts.get_or_init(|| {
            let ends = self.text.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
            std::iter::once(0).chain(ends.map(|(at, _)| at + 1)).collect()
        })
    }
}

impl Source {
    /// Returns a source that messages call `name`, usually the path as the user wrote it.
    pub fn new(name: impl Into<String>, text: impl Into<Vec<u8>>) -> Self {
        let (name, text) = (name.into(), text.into());
        Self(Arc::new(SourceText { name, text, line_starts: OnceLock::new() }))
    }

    /// Returns the name that messages use.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Returns the whole text.
    pub fn bytes(&self) -> &[u8] {
        &self.0.text
    }

    /// Returns line `number` (from 1) without its line ending, `None` if the text has no such line.
    pub fn line(&self, number: u32) -> Option<&[u8]> {
        let index = usize::try_from(number).ok()?.checked_sub(1)?;
        let starts = self.0.line_starts();
        let start = *starts.get(index)?;
        let end = starts.get(index + 1).map_or(self.0.text.len(), |next| next - 1);
        let line = &self.0.text[start..end];
        Some(line.strip_suffix(b"\r").unwrap_or(line))
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Source({:?}, {} bytes)", self.0.name, self.0.text.len())
    }
}

/// The lines `first..=last` of a source, counted from 1.
///
/// BuildKit names an instruction by one range for each of its lines (`toRanges` in
/// frontend/dockerfile/parser/errors.go); [`Span::lines`] lists them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    first: u32,
    last: u32,
}

impl Span {
    /// Returns the lines `first..=last`; a `last` before `first` counts as `first`.
    pub fn new(first: u32, last: u32) -> Self {
        Self { first, last: last.max(first) }
    }

    /// Returns the one line `number`.
    pub fn line(number: u32) -> Self {
        Self::new(number, number)
    }

    /// Returns the first line, from 1.
    pub fn first(self) -> u32 {
        self.first
    }

    /// Returns the last line, from 1; never before the first.
    pub fn last(self) -> u32 {
        self.last
    }

    /// Returns every line of the span in order, each as BuildKit's ranges have it.
    pub fn lines(self) -> impl DoubleEndedIterator<Item = u32> {
        self.first..=self.last
    }
}

/// How serious a [`Diagnostic`] is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Level {
    /// The input is rejected.
    Error,
    /// A build check found something; holds the rule's name, as in BuildKit's linter.
    Warning(String),
}

/// Lines of one source that a [`Diagnostic`] points at; the first span is the place it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// The text that the spans are lines of.
    pub source: Source,
    /// What is shown, in this order. BuildKit names the first line of the first span.
    pub spans: Vec<Span>,
}

/// An error or warning as the user sees it, with the lines it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Error, or warning of a rule.
    pub level: Level,
    /// What is wrong, in one line.
    pub message: String,
    /// Where; absent where BuildKit names no line either.
    pub location: Option<Location>,
    /// What to do about it, if known.
    pub help: Option<String>,
}

impl Diagnostic {
    /// Returns an error without a place.
    pub fn error(message: impl Into<String>) -> Self {
        Self { level: Level::Error, message: message.into(), location: None, help: None }
    }

    /// Returns a warning of `rule` without a place.
    pub fn warning(rule: impl Into<String>, message: impl Into<String>) -> Self {
        Self { level: Level::Warning(rule.into()), message: message.into(), location: None, help: None }
    }

    /// Returns the diagnostic pointing at `spans` of `source`; without a span it stays without a place.
    #[must_use]
    pub fn at(mut self, source: &Source, spans: impl IntoIterator<Item = Span>) -> Self {
        let spans: Vec<Span> = spans.into_iter().collect();
        self.location = (!spans.is_empty()).then(|| Location { source: source.clone(), spans });
        self
    }

    /// Returns the diagnostic with a sentence on what to do.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Returns the plain text that is shown: the message, the place and an excerpt of its lines.
    ///
    /// Ends with a line feed. Whatever the source holds, the text has no control characters but
    /// line feeds, no user part of a URL, and source lines of bounded length.
    pub fn render(&self) -> String {
        render::render(self)
    }
}

#[cfg(test)]
mod tests;
