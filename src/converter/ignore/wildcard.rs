//! Patterns of characters and wildcards only, matched without regular expressions.
//!
//! They mean what the regular expressions of `moby/patternmatcher` mean (`Pattern.compile` in `patternmatcher.go`),
//! which is not what `filepath.Match` means ([`gotext::filepath`](crate::gotext::filepath)): `**` crosses slashes.

/// A part of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Char(char),
    /// `?`: any character but `/`.
    One,
    /// `*`: any characters but `/`.
    Run,
    /// `**` or `**/` before other units: nothing, or what ends with `/` and has no line feed.
    Dirs,
    /// `**` at the end: anything without a line feed.
    Rest,
}

/// Whether the units make up all of `path`.
pub(super) fn matches(mut units: &[Unit], path: &str) -> bool {
    let mut chars = path.chars();
    while let [Unit::Char(first), rest @ ..] = units {
        if chars.next() != Some(*first) {
            return false;
        }
        units = rest;
    }
    while let [rest @ .., Unit::Char(last)] = units {
        if chars.next_back() != Some(*last) {
            return false;
        }
        units = rest;
    }
    walk(units, chars.as_str())
}

/// Goes through `path` with every position among the units that its start can lead to: never back, so that it
/// takes no longer than their number times the path's length.
fn walk(units: &[Unit], path: &str) -> bool {
    let mut positions = Positions(Vec::with_capacity(units.len() + 1));
    positions.add_with_empty(units, 0);
    let mut next = Positions(Vec::with_capacity(units.len() + 1));
    for c in path.chars() {
        for &at in &positions.0 {
            match units.get(at) {
                Some(Unit::Char(wanted)) if c == *wanted => next.add_with_empty(units, at + 1),
                Some(Unit::One) if c != '/' => next.add_with_empty(units, at + 1),
                Some(Unit::Run) if c != '/' => next.add_with_empty(units, at),
                Some(Unit::Rest) if c != '\n' => next.add_with_empty(units, at),
                Some(Unit::Dirs) if c != '\n' => {
                    next.add(at);
                    if c == '/' {
                        next.add_with_empty(units, at + 1);
                    }
                }
                _ => {}
            }
        }
        (positions, next) = (next, positions);
        next.0.clear();
        if positions.0.is_empty() {
            return false;
        }
    }
    positions.0.last() == Some(&units.len())
}

/// Positions before units, in ascending order.
struct Positions(Vec<usize>);

impl Positions {
    /// Adds the position before unit `at`, and those behind units that may stand for nothing.
    ///
    /// Whoever is asked goes through positions in ascending order, so that a position below the last one is there,
    /// and so is what it leads to.
    fn add_with_empty(&mut self, units: &[Unit], mut at: usize) {
        while self.add(at) && matches!(units.get(at), Some(Unit::Run | Unit::Dirs | Unit::Rest)) {
            at += 1;
        }
    }

    /// Adds the position before unit `at` and tells whether it is new.
    fn add(&mut self, at: usize) -> bool {
        let new = self.0.last().is_none_or(|last| *last < at);
        if new {
            self.0.push(at);
        }
        new
    }
}
