//! Why a Dockerfile is rejected.

use super::instruction::mount::MountError;
use crate::diag::{Located, Span, did_you_mean};

/// Why a Dockerfile is rejected, and the lines that BuildKit names for it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind}")]
pub struct Error {
    /// What is wrong.
    pub kind: Box<ErrorKind>,
    /// The lines, `None` where BuildKit names none.
    pub span: Option<Span>,
}

impl Located for Error {
    fn spans(&self) -> &[Span] {
        self.span.as_slice()
    }

    fn help(&self) -> Option<&str> {
        self.kind.help()
    }
}

/// What is wrong with a Dockerfile.
///
/// Source: the errors of `frontend/dockerfile/parser/parser.go` and `frontend/dockerfile/instructions/parse.go` of
/// BuildKit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say what the variants and their values mean")]
pub enum ErrorKind {
    #[error("the file has no instructions")]
    NoInstructions,
    #[error("the file has no stage to build: there is no FROM")]
    NoStages,
    #[error("a line is longer than {max} bytes")]
    LineTooLong { max: usize },
    #[error("the directive `{name}` is given twice")]
    DuplicateDirective { name: String },
    #[error("invalid escape character {value:?}")]
    InvalidEscape { value: String },
    #[error("here-document without an end: no line is {name:?}")]
    UnterminatedHeredoc { name: String },
    #[error("invalid here-document word {word:?}: {reason}")]
    InvalidHeredoc { word: String, reason: String },
    #[error("a JSON array must hold strings only")]
    NotStringArray,
    #[error("{instruction} {name} has no value")]
    MissingValue { instruction: &'static str, name: String },
    #[error("{word:?} has no `=`: {instruction} takes name=value")]
    MissingEquals { instruction: &'static str, word: String },
    #[error("unknown instruction: {keyword}{}", did_you_mean(suggestion.as_deref()))]
    UnknownInstruction { keyword: String, suggestion: Option<String> },
    #[error("{instruction} before the first FROM: only ARG may stand there")]
    BeforeFirstFrom { instruction: String },
    #[error("{instruction} requires at least one argument")]
    AtLeastOneArgument { instruction: &'static str },
    #[error("{instruction} requires exactly one argument")]
    ExactlyOneArgument { instruction: &'static str },
    #[error("{instruction} requires at least one source and a destination")]
    NoDestination { instruction: &'static str },
    #[error("{instruction} cannot copy to a here-document")]
    HeredocDestination { instruction: &'static str },
    #[error("{instruction} with an empty name")]
    BlankName { instruction: &'static str },
    #[error("FROM takes either an image, or an image, AS and a stage name")]
    FromArguments,
    #[error("invalid stage name {name:?}: it begins with a letter and has letters, digits, `-`, `_` and `.`")]
    InvalidStageName { name: String },
    #[error("ONBUILD ONBUILD is not allowed")]
    ChainedOnbuild,
    #[error("{trigger} is not allowed as an ONBUILD trigger")]
    ForbiddenTrigger { trigger: String },
    #[error("an ONBUILD trigger must be exactly one instruction")]
    NotOneTrigger,
    #[error("SHELL takes a JSON array")]
    ShellNotJson,
    #[error("VOLUME with an empty path")]
    EmptyVolume,
    #[error("HEALTHCHECK NONE takes no arguments")]
    HealthcheckNoneArguments,
    #[error("HEALTHCHECK CMD without a command")]
    HealthcheckNoCommand,
    #[error("unknown HEALTHCHECK type {name:?}")]
    HealthcheckType { name: String },
    #[error("invalid duration {value:?} of --{flag}: {reason}")]
    InvalidDuration { flag: &'static str, value: String, reason: &'static str },
    #[error("--{flag} is {value}, less than 1ms")]
    DurationTooShort { flag: &'static str, value: String },
    #[error("invalid --retries {value:?}: it must be a number from 0 to 2147483647")]
    InvalidRetries { value: String },
    #[error("unknown flag: --{name}{}", did_you_mean(suggestion.as_deref()))]
    UnknownFlag { name: String, suggestion: Option<String> },
    #[error("duplicate flag: --{name}")]
    DuplicateFlag { name: String },
    #[error("flag --{name} needs a value")]
    MissingFlagValue { name: String },
    #[error("flag --{name} takes true or false, not {value:?}")]
    NotBoolean { name: String, value: String },
    #[error("invalid network mode {value:?}")]
    InvalidNetwork { value: String },
    #[error("invalid security mode {value:?}")]
    InvalidSecurity { value: String },
    #[error("invalid mount: {0}")]
    Mount(MountError),
    #[error("invalid device: {0}")]
    Device(MountError),
}

impl ErrorKind {
    /// Returns the error at `span`.
    pub(super) fn at(self, span: Span) -> Error {
        Error {
            kind: Box::new(self),
            // BuildKit counts some errors from the line before: before the first line there is none.
            span: (span.first() > 0).then_some(span),
        }
    }

    /// Returns the error without a place.
    pub(super) fn anywhere(self) -> Error {
        Error { kind: Box::new(self), span: None }
    }

    fn help(&self) -> Option<&'static str> {
        Some(match self {
            Self::NoInstructions | Self::NoStages => "begin with `FROM image`",
            Self::LineTooLong { .. } => {
                "break the line with the escape character, or copy the contents from a file"
            }
            Self::InvalidEscape { .. } => "use `# escape=\\` or `# escape=``",
            Self::UnterminatedHeredoc { .. } => "end it with its word alone on a line",
            Self::NotStringArray => "put every element in double quotes",
            Self::BeforeFirstFrom { .. } => "move it below a FROM",
            Self::NoDestination { .. } => "write `source destination`",
            Self::ShellNotJson => "write `SHELL [\"program\", \"argument\"]`",
            Self::HealthcheckType { .. } | Self::HealthcheckNoCommand => {
                "write `HEALTHCHECK CMD command` or `HEALTHCHECK NONE`"
            }
            Self::InvalidDuration { .. } => "write a number and a unit: `30s`, `1m30s`, `500ms`",
            Self::InvalidNetwork { .. } => "use default, none or host",
            Self::InvalidSecurity { .. } => "use sandbox or insecure",
            Self::FromArguments => "write `FROM image` or `FROM image AS name`",
            _ => return None,
        })
    }
}
