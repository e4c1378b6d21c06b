//! Why an instruction cannot be lowered.

use std::fmt;

use crate::converter::dockerfile::MountError;
use crate::converter::plan::git::GitRefError;
use crate::converter::plan::paths::PathError;
use crate::converter::{ignore, shell};
use crate::diag::{Located, Span, with_causes};
use crate::image::digest::DigestError;

/// Why an instruction cannot be lowered, and the lines that BuildKit names for it.
#[derive(Debug, Clone)]
pub struct Error {
    /// What is wrong.
    pub kind: Box<ErrorKind>,
    /// The lines, `None` where BuildKit names none.
    pub span: Option<Span>,
}

impl Error {
    pub(super) fn at(mut self, span: Option<Span>) -> Self {
        self.span = span;
        self
    }
}

impl Located for Error {
    fn spans(&self) -> &[Span] {
        self.span.as_slice()
    }

    fn help(&self) -> Option<&str> {
        self.kind.help()
    }
}

impl<K: Into<ErrorKind>> From<K> for Error {
    fn from(kind: K) -> Self {
        Self { kind: Box::new(kind.into()), span: None }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&with_causes(&*self.kind))
    }
}

impl std::error::Error for Error {}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say what the variants and their values mean")]
pub enum ErrorKind {
    #[error(transparent)]
    Shell(#[from] shell::Error),
    #[error(transparent)]
    Mount(#[from] MountError),
    #[error(transparent)]
    Path(#[from] PathError),
    #[error(transparent)]
    Digest(#[from] DigestError),
    #[error(transparent)]
    Git(#[from] GitRefError),
    #[error("failed parsing {name}")]
    Ignore { name: String, source: ignore::Error },
    #[error("invalid chmod parameter: '{value}'. it should be octal string and between 0 and 07777")]
    Chmod { value: String },
    #[error("invalid chmod parameter: '{value}': neither octal nor a symbolic mode such as u=rwX,go=rX")]
    SymbolicChmod { value: String },
    #[error("checksum can't be specified for multiple sources")]
    ChecksumOfSeveral,
    #[error("checksum requires HTTP(S) or Git sources")]
    ChecksumOfFile,
    #[error("checksum mismatch {flag:?} != {query:?}")]
    ChecksumMismatch { flag: String, query: String },
    #[error("inconsistent keep-git-dir configuration")]
    KeepGitDir,
    #[error("source can't be a git ref for COPY")]
    CopyGit,
    #[error("source can't be a URL for COPY")]
    CopyUrl,
    #[error("cannot copy from stage {from:?}, it needs to be defined before current stage {stage:?}")]
    CopyFromLater { from: String, stage: String },
    #[error(
        "cannot mount from stage {from:?} to {target:?}, stage needs to be defined before current command"
    )]
    MountFromLater { from: String, target: String },
    #[error("invalid mount target {target:?}")]
    MountTarget { target: String },
    #[error("ssh does not support source")]
    SshSource,
    #[error("RUN --device is a feature of experimental Dockerfile frontends only")]
    Device,
    #[error("arguments are required")]
    NoArguments,
    #[error("the command has bytes that are not UTF-8")]
    NotUtf8,
    #[error("the URL of the source stands for bytes that are not UTF-8")]
    SourceNotUtf8,
    #[error("SOURCE_DATE_EPOCH {epoch} is in no year from 0 to 9999")]
    Year { epoch: i64 },
    #[error("VOLUME specified can not be an empty string")]
    EmptyVolume,
    #[error("invalid signal: {signal}")]
    Signal { signal: String },
    #[error("invalid port: {port:?}: no port specified")]
    NoPort { port: String },
    #[error("invalid port: {port:?}: invalid proto: {proto}")]
    Protocol { port: String, proto: String },
    #[error("invalid IP address: {address}")]
    PortAddress { address: String },
    #[error("invalid containerPort: {port}")]
    ContainerPort { port: String },
    #[error("invalid hostPort: {port}")]
    HostPort { port: String },
    #[error("invalid ranges specified for container and host Ports: {container} and {host}")]
    PortRanges { container: String, host: String },
}

impl ErrorKind {
    fn help(&self) -> Option<&'static str> {
        Some(match self {
            Self::Chmod { .. } | Self::SymbolicChmod { .. } => "write 0755, or u=rwX,go=rX",
            Self::CopyGit | Self::CopyUrl => "use ADD",
            Self::CopyFromLater { .. } | Self::MountFromLater { .. } => "move the stage up",
            Self::Signal { .. } => "use a number or a name such as SIGTERM",
            Self::Protocol { .. } => "use tcp, udp or sctp",
            Self::NoArguments => "give RUN a command",
            Self::Device => "begin the file with `# syntax=docker/dockerfile:labs`",
            _ => return None,
        })
    }
}
