//! What a conversion sees that a build check reports.

use smol_str::SmolStr;

use crate::diag::Span;

/// Something that a build check reports. Which checks run, and in which words, is the linter's business.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// What was seen.
    pub kind: NoticeKind,
    /// The lines that BuildKit names for it, `None` where it names none.
    pub span: Option<Span>,
    /// What the comments above the instruction say to the linter (`skip=…`).
    pub check: Option<SmolStr>,
}

/// What was seen; each variant belongs to the build check of the same name.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are the values in the check's message")]
pub enum NoticeKind {
    CopyIgnoredFile { instruction: &'static str, path: String },
    ExposeInvalidFormat { port: String },
    ExposeProtoCasing { port: String },
    FromPlatformFlagConstDisallowed { platform: String },
    InvalidBaseImagePlatform { image: String, expected: String, actual: String },
    InvalidDefaultArgInFrom { base: String },
    JsonArgsRecommended { instruction: String },
    LegacyKeyValueFormat { instruction: String },
    MultipleInstructionsDisallowed { instruction: String },
    RedundantTargetPlatform { platform: String },
    SecretsUsedInArgOrEnv { instruction: &'static str, name: String },
    UndefinedArgInFrom { name: String, suggestion: Option<String> },
    UndefinedVar { name: String, suggestion: Option<String> },
    WorkdirRelativePath { path: String },
}
