//! The typed form of a Dockerfile: one type for each instruction.
//!
//! Text fields are `String`s. Bytes that are not UTF-8 have become U+FFFD, one for each byte, which
//! is what BuildKit's shell words and JSON make of them; where BuildKit keeps the bytes (the contents
//! of here-documents) the field is bytes, and where it fails on them later, [`CommandLine::raw`]
//! tells.
//!
//! Diagrams show with `^^^^` which part of a line a field holds.

mod command;
mod files;
mod values;

use smol_str::SmolStr;

use super::instruction::run::Run;
use super::text::split_blank;
use crate::diag::Span;

pub use command::{CommandLine, Form, Healthcheck, InlineFile, Onbuild, Shell};
pub use files::{Add, Copy, SourceContent, SourcesAndDest};
pub use values::{Arg, ArgPair, Env, Expose, Label, Maintainer, Pair, StopSignal, User, Volume, Workdir};

/// A whole Dockerfile that has at least one stage.
///
/// ```text
/// ARG TAG=3
/// ^^^^^^^^^ meta_args
/// ```
///
/// Source: `Parse` in `frontend/dockerfile/instructions/parse.go` of BuildKit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dockerfile {
    /// The stages in order; never empty.
    pub stages: Vec<Stage>,
    /// The `ARG`s before the first `FROM`.
    pub meta_args: Vec<MetaArg>,
    /// The escape character: `\`, or `` ` `` if a directive says so.
    pub escape: char,
}

/// `FROM [--platform=P] BASE [AS NAME]` and the instructions below it.
///
/// ```text
/// FROM --platform=linux/amd64 alpine AS build
///                 ^^^^^^^^^^^ platform
///                             ^^^^^^ base_name
///                                       ^^^^^ name
/// ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ head.code
/// ```
///
/// Source: `Stage` in `frontend/dockerfile/instructions/commands.go` of BuildKit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage {
    /// The name in lower case, empty if there is none.
    pub name: String,
    /// What the comments above say of the name, empty if there is nothing.
    pub description: String,
    /// The image or stage it builds on, not expanded.
    pub base_name: String,
    /// The value of `--platform`, not expanded, empty if there is none.
    pub platform: String,
    /// The FROM instruction itself.
    pub head: Head,
    /// The instructions in order.
    pub instructions: Vec<Instruction>,
}

/// `ARG` before the first `FROM`.
///
/// ```text
/// ARG TAG=3.20 FLAVOUR
/// ^^^^^^^^^^^^^^^^^^^^ head.code
///     ^^^^^^^^^^^^^^^^ arg.pairs
/// ```
///
/// Source: `ArgCommand` in `frontend/dockerfile/instructions/commands.go` of BuildKit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetaArg {
    /// Where and how it is written.
    pub head: Head,
    /// What it declares.
    pub arg: Arg,
}

/// What every instruction has: how it is written, and where.
///
/// ```text
/// # check=skip=JSONArgsRecommended
///         ^^^^^^^^^^^^^^^^^^^^^^^^ check
/// ```
///
/// ```text
/// CMD make all
/// ^^^^^^^^^^^^ code
/// ```
///
/// Source: `withNameAndCode` in `frontend/dockerfile/instructions/commands.go` of BuildKit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The whole instruction: its lines joined, continuations removed, trimmed; without the contents
    /// of here-documents. BuildKit's `String()`, used in step names and history.
    pub code: String,
    /// Its lines, here-documents included.
    pub span: Span,
    /// What the comments directly above say to the linter about this instruction: the value of `check=…`.
    pub check: Option<SmolStr>,
}

impl Head {
    /// The instruction's name as written, `RUN` or `run`.
    ///
    /// ```text
    /// run make all
    /// ^^^ keyword()
    /// ```
    ///
    /// Source: `withNameAndCode.Name` in `frontend/dockerfile/instructions/commands.go` of BuildKit.
    pub fn keyword(&self) -> &str {
        split_blank(&self.code).map_or(&self.code, |(keyword, _)| keyword)
    }
}

/// An instruction of a stage.
///
/// ```text
/// WORKDIR /src
/// ^^^^^^^^^^^^ head.code
///         ^^^^ kind
/// ```
///
/// Source: `Command` in `frontend/dockerfile/instructions/commands.go` of BuildKit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instruction {
    /// Where and how it is written.
    pub head: Head,
    /// What it says.
    pub kind: Kind,
}

/// What an instruction says.
///
/// Source: `ParseInstruction` in `frontend/dockerfile/instructions/parse.go` of BuildKit.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant is documented at the type of the same name")]
pub enum Kind {
    Add(Add),
    Arg(Arg),
    Cmd(CommandLine),
    Copy(Copy),
    Entrypoint(CommandLine),
    Env(Env),
    Expose(Expose),
    Healthcheck(Healthcheck),
    Label(Label),
    Maintainer(Maintainer),
    Onbuild(Onbuild),
    Run(Run),
    Shell(Shell),
    StopSignal(StopSignal),
    User(User),
    Volume(Volume),
    Workdir(Workdir),
}
