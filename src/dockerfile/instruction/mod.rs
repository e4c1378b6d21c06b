//! Nodes → typed instructions and stages (BuildKit's instructions/parse.go).

mod bflags;
mod csv;
pub(super) mod device;
mod files;
mod from;
mod healthcheck;
pub(super) mod mount;
pub(super) mod run;
mod scalar;

pub use scalar::{parse_bool, parse_ram_in_bytes};

use std::collections::BTreeMap;

use super::ast::{
    Arg, ArgPair, Env, Expose, Form, Head, Instruction, Kind, Label, Maintainer, MetaArg, Onbuild, Pair,
    Shell, Stage, StopSignal, User, Volume, Workdir,
};
use super::error::{Error, ErrorKind};
use super::fact::{Fact, FactKind};
use super::suggest::nearest;
use super::syntax::{self, Node};
use super::text::{lossy, to_lower, to_upper, trim, trim_regex_space_start};
use crate::diag::Span;
use bflags::Flags;
use run::command_line;

/// Every instruction, as messages write it.
const NAMES: [&str; 18] = [
    "ADD",
    "ARG",
    "CMD",
    "COPY",
    "ENTRYPOINT",
    "ENV",
    "EXPOSE",
    "FROM",
    "HEALTHCHECK",
    "LABEL",
    "MAINTAINER",
    "ONBUILD",
    "RUN",
    "SHELL",
    "STOPSIGNAL",
    "USER",
    "VOLUME",
    "WORKDIR",
];

/// What a node is: the start of a stage, or an instruction in one.
enum Parsed {
    Stage(Stage),
    Instruction(Instruction),
}

/// Returns the stages and the arguments before them.
///
/// # Errors
/// The first error in the order of the nodes.
pub(super) fn stages(nodes: Vec<Node>, facts: &mut Vec<Fact>) -> Result<(Vec<Stage>, Vec<MetaArg>), Error> {
    let mut stages: Vec<Stage> = Vec::new();
    let mut meta_args = Vec::new();
    for node in nodes {
        let span = node.span;
        let instruction = match parse(node, facts).map_err(|kind| kind.at(span))? {
            Parsed::Stage(stage) => {
                stages.push(stage);
                continue;
            }
            Parsed::Instruction(instruction) => instruction,
        };
        match (stages.last_mut(), instruction) {
            (Some(stage), instruction) => stage.instructions.push(instruction),
            (None, Instruction { head, kind: Kind::Arg(arg) }) => meta_args.push(MetaArg { head, arg }),
            (None, Instruction { head, .. }) => {
                let instruction = head.keyword;
                return Err(ErrorKind::BeforeFirstFrom { instruction }.at(span));
            }
        }
    }
    Ok((stages, meta_args))
}

/// Returns the one instruction of an ONBUILD trigger, placed at `span`.
///
/// # Errors
/// The text's own errors, [`ErrorKind::NotOneTrigger`], or [`ErrorKind::ForbiddenTrigger`] for FROM.
pub(super) fn trigger(text: &[u8], span: Span) -> Result<Instruction, Error> {
    let nodes = syntax::parse(text)?.nodes;
    let [mut node] = <[Node; 1]>::try_from(nodes).map_err(|_| ErrorKind::NotOneTrigger.at(span))?;
    node.span = span;
    match parse(node, &mut Vec::new()).map_err(|kind| kind.at(span))? {
        Parsed::Instruction(instruction) => Ok(instruction),
        Parsed::Stage(_) => {
            let trigger = "FROM".to_owned();
            Err(ErrorKind::ForbiddenTrigger { trigger }.at(span))
        }
    }
}

fn parse(node: Node, facts: &mut Vec<Fact>) -> Result<Parsed, ErrorKind> {
    let kind = match &*to_lower(&node.keyword) {
        "from" => return from::stage(node, facts).map(Parsed::Stage),
        "add" => Kind::Add(files::add(&node)?),
        "arg" => Kind::Arg(arg(&node, facts)?),
        "cmd" => {
            Flags::none().parse(&node.flags)?;
            Kind::Cmd(command_line(&node))
        }
        "copy" => Kind::Copy(files::copy(&node)?),
        "entrypoint" => {
            Flags::none().parse(&node.flags)?;
            Kind::Entrypoint(command_line(&node))
        }
        "env" => Kind::Env(Env { pairs: pairs(&node, "ENV")? }),
        "expose" => Kind::Expose(expose(&node)?),
        "healthcheck" => Kind::Healthcheck(healthcheck::parse(&node)?),
        "label" => Kind::Label(Label { pairs: pairs(&node, "LABEL")? }),
        "maintainer" => {
            facts.push(fact(&node, FactKind::Maintainer));
            Kind::Maintainer(Maintainer { name: only_argument(&node, "MAINTAINER")? })
        }
        "onbuild" => Kind::Onbuild(onbuild(&node)?),
        "run" => Kind::Run(run::parse(&node)?),
        "shell" => Kind::Shell(shell(&node)?),
        // BuildKit does not look at flags of STOPSIGNAL.
        "stopsignal" => Kind::StopSignal(StopSignal { signal: exactly_one(&node, "STOPSIGNAL")? }),
        "user" => Kind::User(User { user: only_argument(&node, "USER")? }),
        "volume" => Kind::Volume(volume(&node)?),
        "workdir" => Kind::Workdir(Workdir { path: only_argument(&node, "WORKDIR")? }),
        _ => {
            return Err(ErrorKind::UnknownInstruction {
                suggestion: nearest(&node.keyword, NAMES, false),
                keyword: node.keyword,
            });
        }
    };
    let head = head(node);
    Ok(Parsed::Instruction(Instruction { head, kind }))
}

fn head(node: Node) -> Head {
    Head { code: code(node.original), keyword: node.keyword, span: node.span, comments: node.comments }
}

/// An instruction's text without white space around it.
fn code(original: Vec<u8>) -> String {
    match String::from_utf8(original) {
        Ok(text) if trim(text.as_bytes()).len() == text.len() => text,
        Ok(text) => lossy(trim(text.as_bytes())).into_owned(),
        Err(error) => lossy(trim(error.as_bytes())).into_owned(),
    }
}

fn fact(node: &Node, kind: FactKind) -> Fact {
    Fact { kind, span: node.span, comments: node.comments.clone() }
}

fn exactly_one(node: &Node, instruction: &'static str) -> Result<String, ErrorKind> {
    match node.args.as_slice() {
        [only] => Ok(only.clone()),
        _ => Err(ErrorKind::ExactlyOneArgument { instruction }),
    }
}

/// The argument of an instruction that takes exactly one, and no flags.
fn only_argument(node: &Node, instruction: &'static str) -> Result<String, ErrorKind> {
    let argument = exactly_one(node, instruction)?;
    Flags::none().parse(&node.flags)?;
    Ok(argument)
}

fn pairs(node: &Node, instruction: &'static str) -> Result<Vec<Pair>, ErrorKind> {
    Flags::none().parse(&node.flags)?;
    if node.args.is_empty() {
        return Err(ErrorKind::AtLeastOneArgument { instruction });
    }
    let pairs = node.args.chunks_exact(3).map(|triple| match triple {
        [key, value, separator] if !key.is_empty() => {
            Ok(Pair { key: key.clone(), value: value.clone(), legacy: separator.is_empty() })
        }
        _ => Err(ErrorKind::BlankName { instruction }),
    });
    pairs.collect()
}

fn arg(node: &Node, facts: &mut Vec<Fact>) -> Result<Arg, ErrorKind> {
    if node.args.is_empty() {
        return Err(ErrorKind::AtLeastOneArgument { instruction: "ARG" });
    }
    let descriptions = Descriptions::new(&node.comments);
    // BuildKit does not look at flags of ARG.
    let pairs = node.args.iter().map(|word| {
        let (key, value) = match word.split_once('=') {
            Some(("", _)) => return Err(ErrorKind::BlankName { instruction: "ARG" }),
            Some((key, value)) => (key, Some(value.to_owned())),
            None => (word.as_str(), None),
        };
        Ok(ArgPair { key: key.to_owned(), value, doc_comment: descriptions.of(key) })
    });
    let pairs = pairs.collect::<Result<Vec<_>, _>>()?;
    let keys: Vec<&str> = pairs.iter().map(|pair| pair.key.as_str()).collect();
    check_description(node, "ARG", &keys, facts);
    Ok(Arg { pairs })
}

/// What comments say about names: a line is a name, a space and its description.
struct Descriptions<'a> {
    lines: &'a [String],
    by_first_word: BTreeMap<&'a str, &'a str>,
}

impl<'a> Descriptions<'a> {
    fn new(lines: &'a [String]) -> Self {
        // The first line counts: of equal keys a map keeps the last.
        let words = lines.iter().rev().filter_map(|line| line.split_once(' '));
        Self { lines, by_first_word: words.collect() }
    }

    /// Returns what the first line that begins with `name` says, empty if none does.
    fn of(&self, name: &str) -> String {
        if name.is_empty() {
            return String::new();
        }
        let found = if name.contains(' ') {
            self.lines.iter().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))
        } else {
            self.by_first_word.get(name).copied()
        };
        found.unwrap_or_default().to_owned()
    }
}

/// Notes a comment right above that describes none of the names.
fn check_description(node: &Node, instruction: &'static str, names: &[&str], facts: &mut Vec<Fact>) {
    let (Some(comment), Some(example)) = (node.comments.last(), names.first()) else {
        return;
    };
    let word = comment.split(' ').next().unwrap_or_default();
    if names.contains(&word) {
        return;
    }
    let example = if names.len() > 1 { "<arg_key>" } else { example }.to_owned();
    facts.push(fact(node, FactKind::InvalidDescription { instruction, example }));
}

fn expose(node: &Node) -> Result<Expose, ErrorKind> {
    if node.args.is_empty() {
        return Err(ErrorKind::AtLeastOneArgument { instruction: "EXPOSE" });
    }
    Flags::none().parse(&node.flags)?;
    let mut ports = node.args.clone();
    ports.sort_unstable();
    Ok(Expose { ports })
}

fn volume(node: &Node) -> Result<Volume, ErrorKind> {
    if node.args.is_empty() {
        return Err(ErrorKind::AtLeastOneArgument { instruction: "VOLUME" });
    }
    Flags::none().parse(&node.flags)?;
    let paths: Vec<String> = node.args.iter().map(|path| path.trim().to_owned()).collect();
    if paths.iter().any(String::is_empty) {
        return Err(ErrorKind::EmptyVolume);
    }
    Ok(Volume { paths })
}

fn shell(node: &Node) -> Result<Shell, ErrorKind> {
    Flags::none().parse(&node.flags)?;
    let line = command_line(node);
    if line.args.is_empty() {
        return Err(ErrorKind::AtLeastOneArgument { instruction: "SHELL" });
    }
    match line.form {
        Form::Exec => Ok(Shell { shell: line.args }),
        Form::Shell => Err(ErrorKind::ShellNotJson),
    }
}

fn onbuild(node: &Node) -> Result<Onbuild, ErrorKind> {
    let Some(trigger) = node.args.first() else {
        return Err(ErrorKind::AtLeastOneArgument { instruction: "ONBUILD" });
    };
    Flags::none().parse(&node.flags)?;
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
