//! What the parser sees and a linter reports.

use smol_str::SmolStr;

use crate::diag::Span;

/// Something of interest to a linter that the typed Dockerfile cannot show, because BuildKit reports
/// it while parsing, also of a Dockerfile that is rejected further down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParserNote {
    /// What was seen.
    pub kind: ParserNoteKind,
    /// The lines that BuildKit names for it.
    pub span: Span,
    /// What the comments above the instruction say to the linter (`skip=…`).
    pub check: Option<SmolStr>,
}

/// What the parser saw.
///
/// Source: `frontend/dockerfile/linter/ruleset.go` of BuildKit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ParserNoteKind {
    /// An empty line between continued lines (rule `NoEmptyContinuation`). Reported for the whole file
    /// before any other note, never configured by comments.
    EmptyContinuation,
    /// A stage name that is not in lower case (rule `StageNameCasing`).
    StageNameCasing {
        /// The name as written.
        name: String,
    },
    /// `AS` in another case than `FROM` (rule `FromAsCasing`).
    FromAsCasing {
        /// FROM as written.
        from: String,
        /// The second word as written.
        as_word: String,
    },
    /// MAINTAINER is used (rule `MaintainerDeprecated`).
    Maintainer,
    /// The comment above FROM or ARG does not begin with a name that it defines (rule
    /// `InvalidDefinitionDescription`, experimental).
    InvalidDescription {
        /// `FROM` or `ARG`.
        instruction: &'static str,
        /// The name it could begin with, or `<arg_key>` where there are several.
        example: String,
    },
}
