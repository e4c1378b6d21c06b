//! Dockerfile text → typed instructions, with the meaning of BuildKit 0.32.2
//! (frontend/dockerfile/{parser,instructions}).
//!
//! Two passes, as in BuildKit, because an error that the first pass finds anywhere wins over every
//! error of the second: `syntax` turns lines into nodes (a keyword, flags, words, here-documents),
//! `instruction` turns nodes into typed instructions and stages. Variables are not expanded here:
//! whoever lowers an instruction does it, field by field; [`Run::mounts`] helps with mounts.

mod ast;
pub mod directives;
mod error;
mod fact;
mod instruction;
mod suggest;
mod syntax;
mod text;

pub use ast::{
    Add, Arg, ArgPair, CommandLine, Copy, Dockerfile, Env, Expose, Form, Head, Healthcheck, InlineFile,
    Instruction, Kind, Label, Maintainer, MetaArg, Onbuild, Pair, Shell, SourceContent, SourcesAndDest,
    Stage, StopSignal, User, Volume, Workdir,
};
pub use error::{Error, ErrorKind};
pub use fact::{Fact, FactKind};
pub use instruction::device::Device;
pub use instruction::mount::{Mount, MountError, MountSpec, MountType, Sharing};
pub use instruction::run::{NetworkMode, Run, SecurityMode};
pub use instruction::{parse_bool, parse_ram_in_bytes};
pub use suggest::nearest;
pub use syntax::heredoc::{Heredoc, chomp, parse_heredoc};
pub use text::{EqualFold, lossy, to_lower, to_upper};

use crate::diag::{Source, Span};

/// Returns the stages and global arguments of a Dockerfile.
///
/// What a linter wants to know and the result cannot show is appended to `facts`, in BuildKit's order,
/// also when the Dockerfile is rejected: BuildKit reports what it found before the error.
///
/// # Errors
/// The first error that BuildKit would report, with the lines that it names: first those of the
/// syntax of the whole file, then those of its instructions in order.
pub fn parse(source: &Source, facts: &mut Vec<Fact>) -> Result<Dockerfile, Error> {
    let parsed = syntax::parse(source.bytes())?;
    facts.extend(parsed.empty_continuations.iter().map(|line| Fact {
        kind: FactKind::EmptyContinuation,
        span: Span::line(*line),
        comments: Vec::new(),
    }));
    let (stages, meta_args) = instruction::stages(parsed.nodes, facts)?;
    if stages.is_empty() {
        return Err(ErrorKind::NoStages.anywhere());
    }
    Ok(Dockerfile { stages, meta_args, escape: parsed.escape })
}

/// Returns the instruction that an ONBUILD trigger of a base image stands for, placed at `span`, the
/// lines of the FROM that names the image.
///
/// # Errors
/// An error of the trigger's text, always at `span`.
pub fn parse_trigger(trigger: impl AsRef<[u8]>, span: Span) -> Result<Instruction, Error> {
    instruction::trigger(trigger.as_ref(), span).map_err(|error| Error { kind: error.kind, span: Some(span) })
}

#[cfg(test)]
mod tests;
