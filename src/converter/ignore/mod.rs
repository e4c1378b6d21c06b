//! `.dockerignore` files and their patterns, with the semantics of moby/patternmatcher and the filter
//! of tonistiigi/fsutil that uses them.

mod filter;
mod form;
mod ignorefile;
mod path;
mod pattern;
mod regex;
mod wildcard;

pub use filter::{DirState, Filter, Verdict};
pub use ignorefile::{excluding_line, read_all};
pub use pattern::{MatchInfo, Pattern, Patterns};

/// What is wrong with ignore patterns.
///
/// Source: `New` and `Pattern.match` in `patternmatcher.go`, `ReadAll` in `ignorefile/ignorefile.go` of
/// `moby/patternmatcher`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say what the variants and their values mean")]
pub enum Error {
    #[error("the pattern \"!\" excludes nothing: a pattern must follow `!`")]
    EmptyExclusion,
    #[error("syntax error in pattern {}", excerpt(.pattern))]
    BadPattern { pattern: String },
    #[error("line {line} is longer than {max} bytes")]
    LineTooLong { line: usize, max: usize },
}

/// Characters of a pattern that are shown: patterns come from the repository, and end up in logs.
const MAX_SHOWN: usize = 80;

/// A pattern in quotes, cut where it is long, with its control characters escaped.
fn excerpt(pattern: &str) -> String {
    let mut escaped = pattern.escape_debug();
    let mut text: String = escaped.by_ref().take(MAX_SHOWN - 1).collect();
    if escaped.next().is_some() {
        text.push('…');
    }
    format!("\"{text}\"")
}

#[cfg(test)]
mod tests;
