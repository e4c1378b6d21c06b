//! Nodes → typed instructions and stages (BuildKit's instructions/parse.go).

mod csv;
pub(super) mod device;
mod files;
mod flag_values;
mod from;
mod healthcheck;
pub(super) mod mount;
pub(super) mod run;

use std::borrow::Cow;
use std::mem::take;

use super::ast::{
    Arg, ArgPair, CommandLine, Env, Expose, Form, Head, Instruction, Kind, Label, Maintainer, MetaArg,
    Onbuild, Pair, Shell, Stage, StopSignal, User, Volume, Workdir,
};
use super::error::{Error, ErrorKind};
use super::keyword::{Keyword, NAMES};
use super::parser_note::{ParserNote, ParserNoteKind};
use super::syntax::{self, Node};
use super::text::trim_regex_space_start;
use crate::diag::{Span, nearest};
use crate::gotext::{lossy, to_upper, trim};
use flag_values::Values;
use run::command_line;

/// What a node is: the start of a stage, or an instruction in one.
enum Parsed {
    Stage(Stage),
    Instruction(Instruction),
}

/// The stages so far and the arguments before them.
#[derive(Debug, Default)]
pub(super) struct Stages {
    pub(super) list: Vec<Stage>,
    pub(super) meta_args: Vec<MetaArg>,
    /// What a linter wants to know, in the order of the nodes.
    pub(super) notes: Vec<ParserNote>,
}

impl Stages {
    /// Adds the stage that a node begins, or the instruction that it is.
    ///
    /// # Errors
    /// A node that is none, or none here.
    pub(super) fn add(&mut self, node: Box<Node<'_>>) -> Result<(), Error> {
        let span = node.span;
        let instruction = match parse(node, &mut self.notes).map_err(|kind| kind.at(span))? {
            Parsed::Stage(stage) => {
                self.list.push(stage);
                return Ok(());
            }
            Parsed::Instruction(instruction) => instruction,
        };
        match (self.list.last_mut(), instruction) {
            (Some(stage), instruction) => stage.instructions.push(instruction),
            (None, Instruction { head, kind: Kind::Arg(arg) }) => self.meta_args.push(MetaArg { head, arg }),
            (None, Instruction { head, .. }) => {
                let instruction = head.keyword().to_owned();
                return Err(ErrorKind::BeforeFirstFrom { instruction }.at(span));
            }
        }
        Ok(())
    }
}

/// Returns the one instruction of an ONBUILD trigger, placed at `span`.
///
/// # Errors
/// The text's own errors, [`ErrorKind::NotOneTrigger`], or [`ErrorKind::ForbiddenTrigger`] for FROM.
pub(super) fn trigger(text: &[u8], span: Span) -> Result<Instruction, Error> {
    let mut parser = syntax::Parser::new(text);
    let mut nodes = Vec::new();
    while let Some(node) = parser.next()? {
        nodes.push(node);
    }
    parser.end()?;
    let [mut node] = <[Box<Node<'_>>; 1]>::try_from(nodes).map_err(|_| ErrorKind::NotOneTrigger.at(span))?;
    node.span = span;
    match parse(node, &mut Vec::new()).map_err(|kind| kind.at(span))? {
        Parsed::Instruction(instruction) => Ok(instruction),
        Parsed::Stage(_) => {
            let trigger = "FROM".to_owned();
            Err(ErrorKind::ForbiddenTrigger { trigger }.at(span))
        }
    }
}

fn parse(mut node: Box<Node<'_>>, notes: &mut Vec<ParserNote>) -> Result<Parsed, ErrorKind> {
    let Some(keyword) = node.keyword else { return Err(unknown(&node)) };
    let kind = match keyword {
        Keyword::From => return from::stage(node, notes).map(Parsed::Stage),
        Keyword::Add => Kind::Add(files::add(&mut node)?),
        Keyword::Arg => Kind::Arg(arg(&mut node, notes)?),
        Keyword::Cmd => Kind::Cmd(plain_command(&mut node)?),
        Keyword::Copy => Kind::Copy(files::copy(&mut node)?),
        Keyword::Entrypoint => Kind::Entrypoint(plain_command(&mut node)?),
        Keyword::Env => Kind::Env(Env { pairs: pairs(&mut node, "ENV")? }),
        Keyword::Expose => Kind::Expose(expose(&mut node)?),
        Keyword::Healthcheck => Kind::Healthcheck(healthcheck::parse(&mut node)?),
        Keyword::Label => Kind::Label(Label { pairs: pairs(&mut node, "LABEL")? }),
        Keyword::Maintainer => {
            notes.push(parser_note(&node, ParserNoteKind::Maintainer));
            Kind::Maintainer(Maintainer { name: only_argument(&mut node, "MAINTAINER")? })
        }
        Keyword::Onbuild => Kind::Onbuild(onbuild(&node)?),
        Keyword::Run => Kind::Run(run::parse(&mut node)?),
        Keyword::Shell => Kind::Shell(shell(&mut node)?),
        // BuildKit does not look at flags of STOPSIGNAL.
        Keyword::StopSignal => Kind::StopSignal(StopSignal { signal: exactly_one(&mut node, "STOPSIGNAL")? }),
        Keyword::User => Kind::User(User { user: only_argument(&mut node, "USER")? }),
        Keyword::Volume => Kind::Volume(volume(&mut node)?),
        Keyword::Workdir => Kind::Workdir(Workdir { path: only_argument(&mut node, "WORKDIR")? }),
    };
    let head = head(node);
    Ok(Parsed::Instruction(Instruction { head, kind }))
}

fn unknown(node: &Node<'_>) -> ErrorKind {
    let keyword = node.word().into_owned();
    ErrorKind::UnknownInstruction { suggestion: nearest(&keyword, NAMES, false), keyword }
}

fn head(node: Box<Node<'_>>) -> Head {
    Head { code: code(node.original), span: node.span, check: node.check }
}

/// An instruction's text without white space around it.
fn code(original: Cow<'_, [u8]>) -> String {
    let original = match original {
        Cow::Borrowed(text) => return lossy(trim(text)).into_owned(),
        Cow::Owned(text) => text,
    };
    match String::from_utf8(original) {
        Ok(text) if text.trim().len() == text.len() => text,
        Ok(text) => text.trim().to_owned(),
        Err(error) => lossy(trim(error.as_bytes())).into_owned(),
    }
}

fn parser_note(node: &Node<'_>, kind: ParserNoteKind) -> ParserNote {
    ParserNote { kind, span: node.span, check: node.check.clone() }
}

fn no_flags(node: &Node<'_>) -> Result<(), ErrorKind> {
    Values::parse(&node.flags, &[]).map(drop)
}

fn exactly_one(node: &mut Node<'_>, instruction: &'static str) -> Result<String, ErrorKind> {
    match node.args.words.as_mut_slice() {
        [only] => Ok(take(only)),
        _ => Err(ErrorKind::ExactlyOneArgument { instruction }),
    }
}

/// The argument of an instruction that takes exactly one, and no flags.
fn only_argument(node: &mut Node<'_>, instruction: &'static str) -> Result<String, ErrorKind> {
    let argument = exactly_one(node, instruction)?;
    no_flags(node)?;
    Ok(argument)
}

/// The words of an instruction that takes at least one, and no flags.
fn arguments(node: &mut Node<'_>, instruction: &'static str) -> Result<Vec<String>, ErrorKind> {
    if node.args.words.is_empty() {
        return Err(ErrorKind::AtLeastOneArgument { instruction });
    }
    no_flags(node)?;
    Ok(take(&mut node.args.words))
}

/// The command of an instruction that takes no flags.
fn plain_command(node: &mut Node<'_>) -> Result<CommandLine, ErrorKind> {
    no_flags(node)?;
    Ok(command_line(node))
}

fn pairs(node: &mut Node<'_>, instruction: &'static str) -> Result<Vec<Pair>, ErrorKind> {
    no_flags(node)?;
    let pairs = take(&mut node.args.pairs);
    if pairs.is_empty() {
        return Err(ErrorKind::AtLeastOneArgument { instruction });
    }
    if pairs.iter().any(|pair| pair.key.is_empty()) {
        return Err(ErrorKind::BlankName { instruction });
    }
    Ok(pairs)
}

fn arg(node: &mut Node<'_>, notes: &mut Vec<ParserNote>) -> Result<Arg, ErrorKind> {
    if node.args.words.is_empty() {
        return Err(ErrorKind::AtLeastOneArgument { instruction: "ARG" });
    }
    // BuildKit does not look at flags of ARG.
    let pairs = take(&mut node.args.words).into_iter().map(|word| {
        let (key, value) = match word.split_once('=') {
            Some(("", _)) => return Err(ErrorKind::BlankName { instruction: "ARG" }),
            Some((key, value)) => (key.to_owned(), Some(value.to_owned())),
            None => (word, None),
        };
        Ok(ArgPair { description: node.description_of(&key), key, value })
    });
    let pairs = pairs.collect::<Result<Vec<_>, _>>()?;
    if !node.comments.is_empty() {
        let keys: Vec<&str> = pairs.iter().map(|pair| pair.key.as_str()).collect();
        check_description(node, "ARG", &keys, notes);
    }
    Ok(Arg { pairs })
}

/// Notes a comment right above that describes none of the names.
fn check_description(
    node: &Node<'_>,
    instruction: &'static str,
    names: &[&str],
    notes: &mut Vec<ParserNote>,
) {
    let (Some(comment), Some(example)) = (node.comments.last().map(|comment| lossy(comment)), names.first())
    else {
        return;
    };
    let word = comment.split(' ').next().unwrap_or_default();
    if names.contains(&word) {
        return;
    }
    let example = if names.len() > 1 { "<arg_key>" } else { example }.to_owned();
    notes.push(parser_note(node, ParserNoteKind::InvalidDescription { instruction, example }));
}

fn expose(node: &mut Node<'_>) -> Result<Expose, ErrorKind> {
    let mut ports = arguments(node, "EXPOSE")?;
    ports.sort_unstable();
    Ok(Expose { ports })
}

fn volume(node: &mut Node<'_>) -> Result<Volume, ErrorKind> {
    let mut paths = arguments(node, "VOLUME")?;
    for path in &mut paths {
        let trimmed = path.trim();
        if trimmed.is_empty() {
            return Err(ErrorKind::EmptyVolume);
        }
        if trimmed.len() < path.len() {
            *path = trimmed.to_owned();
        }
    }
    Ok(Volume { paths })
}

fn shell(node: &mut Node<'_>) -> Result<Shell, ErrorKind> {
    let line = plain_command(node)?;
    if line.args.is_empty() {
        return Err(ErrorKind::AtLeastOneArgument { instruction: "SHELL" });
    }
    match line.form {
        Form::Exec => Ok(Shell { shell: line.args }),
        Form::Shell => Err(ErrorKind::ShellNotJson),
    }
}

fn onbuild(node: &Node<'_>) -> Result<Onbuild, ErrorKind> {
    let Some(trigger) = node.args.words.first() else {
        return Err(ErrorKind::AtLeastOneArgument { instruction: "ONBUILD" });
    };
    no_flags(node)?;
    let trigger = to_upper(trigger.trim());
    match &*trigger {
        "ONBUILD" => return Err(ErrorKind::ChainedOnbuild),
        "MAINTAINER" | "FROM" => {
            return Err(ErrorKind::ForbiddenTrigger { trigger: trigger.into() });
        }
        _ => {}
    }
    let mut bytes = without_onbuild(&node.original).to_vec();
    for heredoc in &node.heredocs {
        bytes.push(b'\n');
        bytes.extend_from_slice(&heredoc.content);
        bytes.extend_from_slice(heredoc.name.as_bytes());
    }
    Ok(Onbuild { expression: lossy(&bytes).into_owned(), bytes })
}

/// Returns an instruction's text behind its ONBUILD and the white space around it.
fn without_onbuild(original: &[u8]) -> &[u8] {
    let text = trim_regex_space_start(original);
    match text.split_at_checked("ONBUILD".len()) {
        Some((keyword, rest)) if keyword.eq_ignore_ascii_case(b"ONBUILD") => trim_regex_space_start(rest),
        _ => original,
    }
}
