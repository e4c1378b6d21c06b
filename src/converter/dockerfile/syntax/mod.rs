//! Lines → nodes (BuildKit's parser/parser.go): directives, comments, continued lines,
//! here-documents, and for each instruction its keyword, flags and words.

mod flags;
pub(super) mod heredoc;
mod json;
mod lines;
mod node;
mod words;

pub(super) use node::Node;

use std::borrow::Cow;

use super::directives;
use super::error::{Error, ErrorKind};
use super::text::{BOM, MAX_LINE};
use crate::diag::Span;
use crate::gotext::{lossy, trim, trim_start};
use heredoc::Heredoc;
use lines::Lines;

/// Reads the nodes of a text one by one.
#[derive(Debug)]
pub(super) struct Parser<'a> {
    lines: Lines<'a>,
    directives: directives::Parser,
    escape: char,
    /// The comments above the next instruction, without the `#`.
    comments: Vec<&'a [u8]>,
    empty_continuations: Vec<u32>,
    /// Whether there was an instruction.
    any: bool,
}

/// What is known of a text when all its nodes are read.
#[derive(Debug)]
pub(super) struct End {
    pub(super) escape: char,
    /// The last line of each instruction that has an empty line between its continued lines.
    pub(super) empty_continuations: Vec<u32>,
}

impl<'a> Parser<'a> {
    /// Returns a parser at the start of `text`.
    pub(super) fn new(text: &'a [u8]) -> Self {
        Self {
            lines: Lines::new(text),
            directives: directives::Parser::new("#"),
            escape: '\\',
            comments: Vec::new(),
            empty_continuations: Vec::new(),
            any: false,
        }
    }

    /// Returns the next node, `None` at the end of the text.
    ///
    /// # Errors
    /// An error of the syntax.
    pub(super) fn next(&mut self) -> Result<Option<Box<Node<'a>>>, Error> {
        while let Some(line) = self.lines.next() {
            if let Some(node) = self.node(line)? {
                self.any = true;
                return Ok(Some(node));
            }
        }
        Ok(None)
    }

    /// Ends the text.
    ///
    /// # Errors
    /// A text without instructions, or with a line that is too long.
    pub(super) fn end(self) -> Result<End, Error> {
        let at = Span::line(self.lines.number());
        if !self.any {
            return Err(ErrorKind::NoInstructions.at(at));
        }
        if self.lines.too_long() {
            return Err(ErrorKind::LineTooLong { max: MAX_LINE - 1 }.at(at));
        }
        Ok(End { escape: self.escape, empty_continuations: self.empty_continuations })
    }

    /// Takes in what begins on `line`: a comment, a directive, nothing, or an instruction with all its
    /// lines.
    fn node(&mut self, line: &'a [u8]) -> Result<Option<Box<Node<'a>>>, Error> {
        let first = self.lines.number();
        let line = if first == 1 { line.strip_prefix(BOM).unwrap_or(line) } else { line };
        let start = trim_start(trim_line_end(line));
        let is_comment = start.first() == Some(&b'#');
        if is_comment {
            self.comment(line);
        }
        // BuildKit counts the line only after it has looked at directives.
        self.directive(start).map_err(|kind| kind.at(Span::line(first - 1)))?;
        if is_comment {
            return Ok(None);
        }
        let Some(text) = self.joined(start) else {
            return Ok(None);
        };
        let span = Span::new(first, self.lines.number());
        let mut node = Node::parse(text, span, self.escape, &self.comments).map_err(|kind| kind.at(span))?;
        self.comments.clear();
        if node.may_have_heredocs && has_heredoc_sign(&node.original) {
            node.heredocs = self.heredocs(&lossy(&node.original), span)?;
            node.span = Span::new(first, self.lines.number());
        }
        Ok(Some(Box::new(node)))
    }

    /// Returns an instruction's text: `line` and those that continue it. `None` for an empty line.
    fn joined(&mut self, line: &'a [u8]) -> Option<Cow<'a, [u8]>> {
        let (text, mut open) = self.part(line);
        if !open {
            return (!text.is_empty()).then_some(Cow::Borrowed(text));
        }
        let mut joined = Vec::with_capacity(4 * text.len());
        joined.extend_from_slice(text);
        let mut has_empty = false;
        while open {
            let Some(raw) = self.lines.next() else { break };
            let line = trim_line_end(raw);
            match trim_start(line).first() {
                Some(b'#') => {}
                None => has_empty = true,
                Some(_) => {
                    let (text, still_open) = self.part(line);
                    joined.extend_from_slice(text);
                    open = still_open;
                }
            }
        }
        if has_empty {
            self.empty_continuations.push(self.lines.number());
        }
        Some(Cow::Owned(joined))
    }

    /// Remembers a comment line for the instruction below; `#` alone forgets those above it.
    ///
    /// BuildKit drops the first byte, be it the sign or a blank before it.
    fn comment(&mut self, line: &'a [u8]) {
        let text = trim(&line[1..]);
        if text.is_empty() {
            self.comments.clear();
        } else {
            self.comments.push(text);
        }
    }

    fn directive(&mut self, line: &[u8]) -> Result<(), ErrorKind> {
        let Some(directive) = self.directives.line(line)? else {
            return Ok(());
        };
        if directive.name == directives::Name::Escape {
            self.escape = match directive.value.as_str() {
                "\\" => '\\',
                "`" => '`',
                _ => return Err(ErrorKind::InvalidEscape { value: directive.value }),
            };
        }
        self.comments.pop();
        Ok(())
    }

    /// Returns `line` without the escape character at its end, and whether it had one: whether the
    /// next line continues it. An escaped escape character does not count.
    fn part(&self, line: &'a [u8]) -> (&'a [u8], bool) {
        let blanks = line.iter().rev().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        let text = &line[..line.len() - blanks];
        let escape = u8::try_from(self.escape).unwrap_or(b'\\');
        match text.strip_suffix(&[escape]) {
            Some(before) if before.last() != Some(&escape) => (before, true),
            _ => (line, false),
        }
    }

    /// Reads the contents of the here-documents that `text` opens.
    fn heredocs(&mut self, text: &str, span: Span) -> Result<Vec<Heredoc>, Error> {
        let mut heredocs = heredoc::of_line(text).map_err(|kind| kind.at(span))?;
        for heredoc in &mut heredocs {
            loop {
                let Some(line) = self.lines.next() else {
                    let name = std::mem::take(&mut heredoc.name);
                    let at = Span::new(span.first(), self.lines.number());
                    return Err(ErrorKind::UnterminatedHeredoc { name }.at(at));
                };
                let mut end = trim_line_end(line);
                if heredoc.chomp {
                    let tabs = end.iter().take_while(|byte| **byte == b'\t').count();
                    end = &end[tabs..];
                }
                if end == heredoc.name.as_bytes() {
                    break;
                }
                heredoc.content.extend_from_slice(line);
            }
        }
        Ok(heredocs)
    }
}

fn has_heredoc_sign(text: &[u8]) -> bool {
    text.contains(&b'<') && text.windows(2).any(|pair| pair == b"<<")
}

/// Returns `line` without carriage returns and line feeds at its end.
fn trim_line_end(line: &[u8]) -> &[u8] {
    let ends = line.iter().rev().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
    &line[..line.len() - ends]
}
