//! Why a Dockerfile cannot be planned.

use std::fmt;
use std::sync::Arc;

use super::context::git::GitRefError;
use super::need::FactFailure;
use crate::converter::{dockerfile, shell};
use crate::diag::{Located, Span, did_you_mean, with_causes};
use crate::image::digest::DigestError;
use crate::image::{ConfigError, PlatformError, ReferenceError};

/// Why a Dockerfile cannot be planned, and the lines that BuildKit names for it.
#[derive(Debug, Clone)]
pub struct Error {
    /// What is wrong.
    pub kind: Box<ErrorKind>,
    /// The lines; none where BuildKit names none.
    pub spans: Vec<Span>,
}

impl Error {
    /// This error at `span`, unless it has a place already.
    #[must_use]
    pub(super) fn or_at(mut self, span: Option<Span>) -> Self {
        if self.spans.is_empty() {
            self.spans.extend(span);
        }
        self
    }

    /// This error at `span`, whatever place it had.
    #[must_use]
    pub(super) fn moved_to(mut self, span: Option<Span>) -> Self {
        self.spans = span.into_iter().collect();
        self
    }
}

impl Located for Error {
    fn spans(&self) -> &[Span] {
        &self.spans
    }

    fn help(&self) -> Option<&str> {
        self.kind.help()
    }
}

impl<K: Into<ErrorKind>> From<K> for Error {
    fn from(kind: K) -> Self {
        Self { kind: Box::new(kind.into()), spans: Vec::new() }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&with_causes(&*self.kind))
    }
}

impl std::error::Error for Error {}

/// What is wrong.
#[derive(Debug, Clone, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say what the variants and their values mean")]
pub enum ErrorKind {
    #[error(transparent)]
    Shell(#[from] shell::Error),
    #[error("base name ({expression}) should not be blank")]
    BlankBase { expression: String },
    #[error("empty platform value from expression {expression}{}", did_you_mean(suggestion.as_deref()))]
    EmptyPlatform { expression: String, suggestion: Option<String> },
    #[error("failed to parse platform {expression}{}", did_you_mean(suggestion.as_deref()))]
    Platform { expression: String, suggestion: Option<String>, source: PlatformError },
    #[error("invalid context name {name}")]
    ContextName { name: String, source: ReferenceError },
    #[error("target stage {name:?} could not be found{}", did_you_mean(suggestion.as_deref()))]
    UnknownTarget { name: String, suggestion: Option<String> },
    #[error(
        "variable expansion is not supported for --from, define a new stage with FROM using ARG from global scope as a workaround"
    )]
    FromVariable,
    #[error("invalid stage index {index}")]
    StageIndex { index: i64 },
    #[error("circular dependency detected on stage: {stage}")]
    Cycle { stage: String },
    #[error(transparent)]
    Trigger(#[from] dockerfile::Error),
    #[error("failed to parse stage name {name:?}")]
    BaseReference { name: String, source: ReferenceError },
    #[error("{name}{}", did_you_mean(suggestion.as_deref()))]
    Image { name: String, suggestion: Option<String>, help: Option<&'static str>, source: FactFailure },
    #[error("{0}")]
    Lookup(FactFailure),
    #[error("the source policy puts {by} in the place of an image, which only a named context can be")]
    Replaced { by: String },
    #[error("failed to parse image config")]
    Config { source: Arc<ConfigError> },
    #[error(transparent)]
    Reference(#[from] ReferenceError),
    #[error(transparent)]
    Digest(#[from] DigestError),
    #[error("invalid context specifier {input} for {name}")]
    ContextSpecifier { input: String, name: String },
    #[error("unsupported context source {scheme} for {name}")]
    ContextScheme { scheme: String, name: String },
    #[error("invalid git context {input}")]
    NotGit { input: String },
    #[error(transparent)]
    Git(#[from] GitRefError),
    #[error("oci-layout reference {reference:?} has no digest")]
    LayoutDigest { reference: String },
    #[error("could not parse oci-layout reference {reference:?}")]
    LayoutReference { reference: String, source: ReferenceError },
    #[error("invalid SOURCE_DATE_EPOCH: {value}")]
    Epoch { value: String },
    #[error("the triggers of {image:?} read from {image:?} again, without end")]
    EndlessTriggers { image: String },
    #[error("the URL of the source stands for bytes that are not UTF-8")]
    SourceNotUtf8,
    #[error("SOURCE_DATE_EPOCH stage must use FROM scratch")]
    EpochBase,
    #[error("SOURCE_DATE_EPOCH stage must contain exactly one remote ADD")]
    EpochAdds,
    #[error("SOURCE_DATE_EPOCH stage must contain exactly one remote ADD source")]
    EpochSources,
    #[error("SOURCE_DATE_EPOCH stage source must be a single HTTP(S) or Git ADD")]
    EpochLocal,
    #[error(
        "SOURCE_DATE_EPOCH stage does not meet source-only requirements: unsupported {instruction} instruction"
    )]
    EpochInstruction { instruction: String },
}

impl ErrorKind {
    fn help(&self) -> Option<&'static str> {
        Some(match self {
            Self::BlankBase { .. } => {
                "give the argument in it a value: ARG NAME=value before the first FROM, or --build-arg NAME=value"
            }
            Self::BaseReference { .. } => {
                "write [registry/]name[:tag]; an argument in it that has no value leaves nothing: ARG NAME=value before the first FROM, or --build-arg NAME=value"
            }
            Self::Image { help, .. } => return *help,
            Self::Cycle { .. } => {
                "each of these stages copies from the next: copy from a stage that needs none of them"
            }
            Self::StageIndex { .. } => "name the stage, or count stages from 0",
            Self::UnknownTarget { .. } => "name a stage of the Dockerfile: --call targets lists them",
            Self::Platform { .. } | Self::EmptyPlatform { .. } => {
                "write os/arch or os/arch/variant, as in linux/amd64"
            }
            Self::ContextScheme { .. } => {
                "use a folder, docker-image://, oci-layout://, a Git URL or http(s)://"
            }
            Self::Epoch { .. } => {
                "use seconds since 1970, `context`, a named context, or a stage with one remote ADD"
            }
            _ => return None,
        })
    }
}
