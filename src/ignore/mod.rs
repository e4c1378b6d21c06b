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
pub use ignorefile::read_all;
pub use pattern::{MatchInfo, Pattern, Patterns};

/// What is wrong with ignore patterns.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say what the variants and their values mean")]
pub enum Error {
    #[error("the pattern \"!\" excludes nothing: a pattern must follow `!`")]
    EmptyExclusion,
    #[error("syntax error in pattern {pattern:?}")]
    BadPattern { pattern: String },
    #[error("line {line} is longer than {max} bytes")]
    LineTooLong { line: usize, max: usize },
}

#[cfg(test)]
mod tests;
