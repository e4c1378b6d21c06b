//! Dockerfile text → typed instructions, with the meaning of BuildKit 0.32.2
//! (frontend/dockerfile/{parser,instructions}).
//!
//! `syntax` turns lines into nodes (a keyword, flags, words, here-documents), `instruction` turns nodes
//! into typed instructions and stages. These are two passes in BuildKit, so that an error that the first
//! finds anywhere wins over every error of the second. Variables are not expanded here:
//! whoever lowers an instruction does it, field by field; [`Run::mounts`] helps with mounts.

mod ast;
pub mod directives;
mod error;
pub mod frontend;
mod instruction;
mod keyword;
mod parser_note;
mod syntax;
mod text;

pub use ast::{
    Add, Arg, ArgPair, CommandLine, Copy, Dockerfile, Env, Expose, Form, Head, Healthcheck, InlineFile,
    Instruction, Kind, Label, Maintainer, MetaArg, Onbuild, Pair, Shell, SourceContent, SourcesAndDest,
    Stage, StopSignal, User, Volume, Workdir,
};
pub use error::{Error, ErrorKind};
pub use instruction::device::Device;
pub use instruction::mount::{Mount, MountError, MountSpec, MountType, Sharing};
pub use instruction::run::{NetworkMode, Run, SecurityMode};
pub use parser_note::{ParserNote, ParserNoteKind};
pub use syntax::heredoc::{Heredoc, chomp, parse_heredoc};

use crate::diag::{Source, Span};

/// Returns the stages and global arguments of a Dockerfile.
///
/// What a linter wants to know and the result cannot show is appended to `notes`, in BuildKit's order,
/// also when the Dockerfile is rejected: BuildKit reports what it found before the error.
///
/// # Errors
/// The first error that BuildKit would report, with the lines that it names: first those of the
/// syntax of the whole file, then those of its instructions in order.
pub fn parse(source: &Source, notes: &mut Vec<ParserNote>) -> Result<Dockerfile, Error> {
    let mut nodes = syntax::Parser::new(source.bytes());
    let mut stages = instruction::Stages::default();
    let mut outcome = Ok(());
    while let Some(node) = nodes.next()? {
        // Of the instructions the first error counts, and only if no error of the syntax follows.
        if outcome.is_ok() {
            outcome = stages.add(node);
        }
    }
    let end = nodes.end()?;
    notes.extend(end.empty_continuations.iter().map(|line| ParserNote {
        kind: ParserNoteKind::EmptyContinuation,
        span: Span::line(*line),
        check: None,
    }));
    notes.append(&mut stages.notes);
    outcome?;
    if stages.list.is_empty() {
        return Err(ErrorKind::NoStages.anywhere());
    }
    Ok(Dockerfile { stages: stages.list, meta_args: stages.meta_args, escape: end.escape })
}

/// Returns the instruction that an ONBUILD trigger of a base image stands for, placed at `span`, the
/// lines of the FROM that names the image.
///
/// Source: `initOnBuildTriggers` in `frontend/dockerfile/dockerfile2llb/convert.go` of BuildKit.
///
/// # Errors
/// An error of the trigger's text, always at `span`.
pub fn parse_trigger(trigger: impl AsRef<[u8]>, span: Span) -> Result<Instruction, Error> {
    instruction::trigger(trigger.as_ref(), span).map_err(|error| Error { kind: error.kind, span: Some(span) })
}

#[cfg(test)]
mod tests;
