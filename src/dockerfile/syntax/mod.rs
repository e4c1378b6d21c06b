//! Lines → nodes (BuildKit's parser/parser.go): directives, comments, continued lines,
//! here-documents, and for each instruction its keyword, flags and words.

mod flags;
pub(super) mod heredoc;
mod json;
mod lines;
mod node;
mod words;

pub(super) use lines::MAX_LINE;
pub(super) use node::Node;

use std::borrow::Cow;

use super::directives::{self, BOM};
use super::error::{Error, ErrorKind};
use super::text::{lossy, trim, trim_start};
use crate::diag::Span;
use heredoc::Heredoc;
use lines::Lines;

/// The nodes of a Dockerfile, at least one.
#[derive(Debug)]
pub(super) struct Parsed {
    pub(super) nodes: Vec<Node>,
    pub(super) escape: char,
    /// The last line of each instruction that has an empty line between its continued lines.
    pub(super) empty_continuations: Vec<u32>,
}

/// Returns the nodes of `text`.
///
/// # Errors
/// The first error of the syntax.
pub(super) fn parse(text: &[u8]) -> Result<Parsed, Error> {
    let mut parser = Parser {
        lines: Lines::new(text),
        directives: directives::Parser::new("#"),
        escape: '\\',
        comments: Vec::new(),
        nodes: Vec::new(),
        empty_continuations: Vec::new(),
    };
    while let Some(line) = parser.lines.next() {
        parser.instruction(line)?;
    }
    let at = Span::line(parser.lines.number());
    if parser.nodes.is_empty() {
        return Err(ErrorKind::NoInstructions.at(at));
    }
    if parser.lines.too_long() {
        return Err(ErrorKind::LineTooLong { max: MAX_LINE - 1 }.at(at));
    }
    Ok(Parsed { nodes: parser.nodes, escape: parser.escape, empty_continuations: parser.empty_continuations })
}

struct Parser<'a> {
    lines: Lines<'a>,
    directives: directives::Parser,
    escape: char,
    comments: Vec<String>,
    nodes: Vec<Node>,
    empty_continuations: Vec<u32>,
}

impl<'a> Parser<'a> {
    /// Takes in what begins on `line`: a comment, a directive, nothing, or an instruction with all its
    /// lines.
    fn instruction(&mut self, line: &'a [u8]) -> Result<(), Error> {
        let first = self.lines.number();
        let line = if first == 1 { line.strip_prefix(BOM).unwrap_or(line) } else { line };
        if is_comment(line) {
            self.comment(line);
        }
        let line = trim_start(trim_line_end(line));
        // BuildKit counts the line only after it has looked at directives.
        self.directive(line).map_err(|kind| kind.at(Span::line(first - 1)))?;
        if is_comment(line) {
            return Ok(());
        }
        let (mut text, mut open) = self.join(line);
        if text.is_empty() && !open {
            return Ok(());
        }
        let mut has_empty = false;
        while open {
            let Some(raw) = self.lines.next() else { break };
            let line = trim_line_end(raw);
            if is_comment(line) {
                continue;
            }
            if trim_start(line).is_empty() {
                has_empty = true;
                continue;
            }
            let (more, still_open) = self.join(line);
            text.to_mut().extend_from_slice(&more);
            open = still_open;
        }
        let last = self.lines.number();
        if has_empty {
            self.empty_continuations.push(last);
        }
        let comments = std::mem::take(&mut self.comments);
        let span = Span::new(first, last);
        let mut node = node::parse(text, span, self.escape, comments).map_err(|kind| kind.at(span))?;
        if node.may_have_heredocs && node.original.windows(2).any(|pair| pair == b"<<") {
            node.heredocs = self.heredocs(&lossy(&node.original), span)?;
            node.span = Span::new(first, self.lines.number());
        }
        self.nodes.push(node);
        Ok(())
    }

    /// Remembers a comment line for the instruction below; `#` alone forgets those above it.
    fn comment(&mut self, line: &[u8]) {
        let text = trim(&line[1..]);
        if text.is_empty() {
            self.comments.clear();
        } else {
            self.comments.push(lossy(text).into_owned());
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
    fn join(&self, line: &'a [u8]) -> (Cow<'a, [u8]>, bool) {
        let blanks = line.iter().rev().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        let text = &line[..line.len() - blanks];
        let escape = u8::try_from(self.escape).unwrap_or(b'\\');
        match text.strip_suffix(&[escape]) {
            Some(before) if before.last() != Some(&escape) => (before.into(), true),
            _ => (line.into(), false),
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

fn is_comment(line: &[u8]) -> bool {
    trim_start(line).first() == Some(&b'#')
}

/// Returns `line` without carriage returns and line feeds at its end.
fn trim_line_end(line: &[u8]) -> &[u8] {
    let ends = line.iter().rev().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
    &line[..line.len() - ends]
}
