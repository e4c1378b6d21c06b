//! Why a text is no sequence of words.

use std::collections::BTreeSet;

/// Why a text cannot be expanded.
///
/// Source: `shellWord.process` in `frontend/dockerfile/shell/lex.go` of BuildKit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot expand {}: {kind}", shown(text))]
pub struct Error {
    /// What is wrong.
    pub kind: ErrorKind,
    /// The text.
    pub text: String,
    /// The names of set variables met before the error.
    pub matched: BTreeSet<String>,
    /// The names of unset variables met before the error.
    pub unmatched: BTreeSet<String>,
}

/// What is wrong with a text.
///
/// Source: `shellWord.processDollar`, `processSingleQuote` and `processDoubleQuote` in
/// `frontend/dockerfile/shell/lex.go` of BuildKit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say what the variants and their values mean")]
pub enum ErrorKind {
    #[error("a single quote is not closed")]
    SingleQuote,
    #[error("a double quote is not closed")]
    DoubleQuote,
    #[error("`${{` is not closed: `}}` is missing")]
    MissingBrace,
    #[error("`/` is missing in `${{name/pattern/replacement}}`")]
    MissingSlash,
    #[error("`${{` must be followed by a variable's name")]
    BadSubstitution,
    #[error("unsupported modifier {modifier:?} in a substitution")]
    UnsupportedModifier { modifier: String },
    #[error(
        "invalid pattern {pattern:?} in a substitution: `\\` may stand before `*`, `?`, `\\`, `/` and `}}` only"
    )]
    InvalidPattern { pattern: String },
    #[error("{name}: {message}")]
    Demanded { name: String, message: String },
    #[error("the result is longer than {max} bytes")]
    TooLong { max: usize },
}

/// A long text is cut: it is shown to say where to look.
fn shown(text: &str) -> String {
    const MAX: usize = 120;
    if text.chars().nth(MAX).is_none() {
        return format!("{text:?}");
    }
    let head: String = text.chars().take(MAX).collect();
    format!("{head:?}…")
}
