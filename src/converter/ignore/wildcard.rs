//! Patterns of characters and wildcards only, matched without regular expressions.

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

/// Goes through `path` with every place among the units that its start can lead to: never back, so that it
/// takes no longer than their number times the path's length.
fn walk(units: &[Unit], path: &str) -> bool {
    let mut places = Places(Vec::with_capacity(units.len() + 1));
    places.enter(units, 0);
    let mut next = Places(Vec::with_capacity(units.len() + 1));
    for c in path.chars() {
        for &at in &places.0 {
            match units.get(at) {
                Some(Unit::Char(wanted)) if c == *wanted => next.enter(units, at + 1),
                Some(Unit::One) if c != '/' => next.enter(units, at + 1),
                Some(Unit::Run) if c != '/' => next.enter(units, at),
                Some(Unit::Rest) if c != '\n' => next.enter(units, at),
                Some(Unit::Dirs) if c != '\n' => {
                    next.stay(at);
                    if c == '/' {
                        next.enter(units, at + 1);
                    }
                }
                _ => {}
            }
        }
        (places, next) = (next, places);
        next.0.clear();
        if places.0.is_empty() {
            return false;
        }
    }
    places.0.last() == Some(&units.len())
}

/// Places before units, in ascending order.
struct Places(Vec<usize>);

impl Places {
    /// Adds the place before unit `at`, and those behind units that may stand for nothing.
    ///
    /// Whoever is asked goes through places in ascending order, so that a place below the last one is there,
    /// and so is what it leads to.
    fn enter(&mut self, units: &[Unit], mut at: usize) {
        while self.stay(at) && matches!(units.get(at), Some(Unit::Run | Unit::Dirs | Unit::Rest)) {
            at += 1;
        }
    }

    /// Adds the place before unit `at` and tells whether it is new.
    fn stay(&mut self, at: usize) -> bool {
        let new = self.0.last().is_none_or(|last| *last < at);
        if new {
            self.0.push(at);
        }
        new
    }
}
