//! Texts with wildcards, matched without regular expressions.
//!
//! They mean what the regular expressions of BuildKit's shell mean (`convertShellPatternToRegex` in
//! `frontend/dockerfile/shell/lex.go`), which is not what `filepath.Match` means
//! ([`gotext::filepath`](crate::gotext::filepath)): there are no classes, a slash is like any other character, and where
//! a match ends counts too.

use std::iter;
use std::mem::take;
use std::ops::Range;

/// Whether stars take as little or as much as they can.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Match {
    Shortest,
    Longest,
}

/// A text with stars, which stand for anything without a line feed, between its chunks.
///
/// If it matches, it does so with every chunk as far left as it can be, since stars lose nothing by it; so
/// no search goes back. The leftmost last chunk ends the shortest match, the rightmost one on its line the
/// longest: what lazy and greedy stars of a regular expression find.
///
/// This takes time by the lengths of the text and the value, but for chunks with `?` and with line feeds:
/// they are tried where they may start, at most by the product of both.
#[derive(Debug)]
pub(super) struct Wildcards {
    first: Chunk,
    /// Each behind a star.
    rest: Vec<Chunk>,
}

/// What stands between stars.
#[derive(Debug)]
enum Chunk {
    Text(String),
    /// `None` stands for any character but a line feed.
    Chars(Vec<Option<char>>),
}

impl Wildcards {
    /// Returns the empty text.
    pub(super) fn new() -> Self {
        Self { first: Chunk::empty(), rest: Vec::new() }
    }

    /// Appends an ordinary character, or with `None` one that stands for any character but a line feed.
    pub(super) fn push(&mut self, c: Option<char>) {
        self.rest.last_mut().unwrap_or(&mut self.first).push(c);
    }

    /// Appends a star.
    pub(super) fn push_star(&mut self) {
        if self.rest.last().is_none_or(|last| !last.is_empty()) {
            self.rest.push(Chunk::empty());
        }
    }

    /// Returns the end of the match at the start of `value`.
    pub(super) fn prefix_end(&self, value: &str, stars: Match) -> Option<usize> {
        self.end(value, self.first.end_at(value, 0)?, stars)
    }

    /// Returns the longest of the leftmost matches in `value` that start at `from` or behind it.
    pub(super) fn find(&self, value: &str, mut from: usize) -> Option<Range<usize>> {
        loop {
            let first = self.first.find(value, from)?;
            if let Some(end) = self.end(value, first.end, Match::Longest) {
                return Some(first.start..end);
            }
            // What is missing on this line is missing further right on it too.
            from = line_end(value, first.start) + 1;
            if from > value.len() {
                return None;
            }
        }
    }

    /// Returns the longest of the leftmost matches in `value`, again and again. None is empty where the one
    /// before it ends.
    pub(super) fn matches<'a>(&'a self, value: &'a str) -> impl Iterator<Item = Range<usize>> + 'a {
        let mut last_end = None;
        iter::from_fn(move || {
            let mut found = self.find(value, last_end.unwrap_or_default())?;
            if found.is_empty() && last_end == Some(found.end) {
                let skipped = value[found.end..].chars().next()?;
                found = self.find(value, found.end + skipped.len_utf8())?;
            }
            last_end = Some(found.end);
            Some(found)
        })
    }

    /// Returns the end of the match whose first chunk ends at `at`.
    fn end(&self, value: &str, mut at: usize, stars: Match) -> Option<usize> {
        let Some((last, middle)) = self.rest.split_last() else {
            return Some(at);
        };
        let mut line = line_end(value, at);
        for chunk in middle {
            at = chunk.find_on_line(value, at..line, Match::Shortest)?;
            if at > line {
                line = line_end(value, at);
            }
        }
        last.find_on_line(value, at..line, stars)
    }
}

impl Chunk {
    fn empty() -> Self {
        Self::Text(String::new())
    }

    fn is_empty(&self) -> bool {
        matches!(self, Self::Text(text) if text.is_empty())
    }

    fn push(&mut self, c: Option<char>) {
        match (&mut *self, c) {
            (Self::Text(text), Some(c)) => text.push(c),
            (Self::Text(text), None) => {
                *self = Self::Chars(take(text).chars().map(Some).chain([None]).collect());
            }
            (Self::Chars(chars), c) => chars.push(c),
        }
    }

    /// Returns the end of the chunk that starts at `start`.
    fn end_at(&self, value: &str, start: usize) -> Option<usize> {
        let value = value.get(start..)?;
        match self {
            Self::Text(text) => value.starts_with(text).then_some(start + text.len()),
            Self::Chars(chars) if chars.len() > value.len() => None,
            Self::Chars(chars) => {
                let mut left = value.chars();
                let same = |wanted: &Option<char>, c| wanted.map_or(c != '\n', |wanted| wanted == c);
                chars
                    .iter()
                    .all(|wanted| left.next().is_some_and(|c| same(wanted, c)))
                    .then(|| start + value.len() - left.as_str().len())
            }
        }
    }

    /// Returns the leftmost place that starts at `from` or behind it.
    fn find(&self, value: &str, from: usize) -> Option<Range<usize>> {
        let start = match self {
            Self::Text(text) => from + value[from..].find(text.as_str())?,
            Self::Chars(_) => {
                starts(value, from..value.len()).find(|start| self.end_at(value, *start).is_some())?
            }
        };
        Some(start..self.end_at(value, start)?)
    }

    /// Returns the end of the leftmost or rightmost place that starts in the rest of a line or where it ends.
    fn find_on_line(&self, value: &str, line: Range<usize>, stars: Match) -> Option<usize> {
        let Self::Text(text) = self else {
            let mut ends = starts(value, line).filter_map(|start| self.end_at(value, start));
            return match stars {
                Match::Shortest => ends.next(),
                Match::Longest => ends.next_back(),
            };
        };
        if let Some(before) = text.bytes().take(line.len() + 1).position(|byte| byte == b'\n') {
            return self.end_at(value, line.end - before);
        }
        if text.len() > line.len() {
            return None;
        }
        let rest = &value[line.clone()];
        let found = match stars {
            Match::Shortest => rest.find(text.as_str()),
            Match::Longest => rest.rfind(text.as_str()),
        };
        found.map(|found| line.start + found + text.len())
    }
}

/// Returns where the characters in `range` of `value` start, and the range's end.
fn starts(value: &str, range: Range<usize>) -> impl DoubleEndedIterator<Item = usize> + '_ {
    let Range { start, end } = range;
    value[start..end].char_indices().map(move |(at, _)| start + at).chain([end])
}

/// Returns the end of the line that `at` is on.
fn line_end(value: &str, at: usize) -> usize {
    value[at..].find('\n').map_or(value.len(), |found| at + found)
}
