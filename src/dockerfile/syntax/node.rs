//! One instruction, taken apart but not yet understood.

use std::borrow::Cow;

use super::heredoc::Heredoc;
use super::{flags, json, words};
use crate::diag::Span;
use crate::dockerfile::error::ErrorKind;
use crate::dockerfile::text::{is_latin1_space, lossy, split_blank, split_blanks, to_lower, trim};

/// An instruction's keyword, flags and words.
#[derive(Debug)]
pub(in crate::dockerfile) struct Node {
    /// The keyword as written.
    pub(in crate::dockerfile) keyword: String,
    /// The whole text, lines joined, not trimmed.
    pub(in crate::dockerfile) original: Vec<u8>,
    /// `--name[=value]` before the words.
    pub(in crate::dockerfile) flags: Vec<String>,
    /// The words; what a word is depends on the instruction. ENV and LABEL: name, value and `=` (or an
    /// empty text for the legacy form) of each pair. ONBUILD: the trigger's keyword and words.
    pub(in crate::dockerfile) args: Vec<String>,
    /// Whether the words are a JSON array's.
    pub(in crate::dockerfile) json: bool,
    /// The bytes of the words, where they are not UTF-8 and were replaced.
    pub(in crate::dockerfile) raw: Option<Vec<u8>>,
    pub(in crate::dockerfile) heredocs: Vec<Heredoc>,
    pub(in crate::dockerfile) comments: Vec<String>,
    pub(in crate::dockerfile) span: Span,
    /// Whether `<<` in it opens a here-document.
    pub(super) may_have_heredocs: bool,
}

/// Keyword, flags and the rest of an instruction.
struct Command<'a> {
    keyword: String,
    flags: Vec<String>,
    rest: &'a [u8],
}

/// What an instruction's line parser finds.
#[derive(Default)]
struct Args {
    words: Vec<String>,
    json: bool,
    raw: Option<Vec<u8>>,
}

/// Returns the node of an instruction's joined lines, which are `span`.
pub(super) fn parse(
    text: Cow<'_, [u8]>,
    span: Span,
    escape: char,
    comments: Vec<String>,
) -> Result<Node, ErrorKind> {
    let Command { keyword, flags, rest } = split(&text, escape);
    let name = to_lower(&keyword);
    let (args, may_have_heredocs) = if name == "onbuild" {
        trigger(rest, escape)?
    } else {
        let args = args(&name, rest, escape)?;
        let heredocs = has_heredocs(&name, args.json);
        (args, heredocs)
    };
    Ok(Node {
        keyword,
        original: text.into_owned(),
        flags,
        args: args.words,
        json: args.json,
        raw: args.raw,
        heredocs: Vec::new(),
        comments,
        span,
        may_have_heredocs,
    })
}

fn has_heredocs(name: &str, json: bool) -> bool {
    matches!(name, "add" | "copy" | "run") && !json
}

/// Returns the keyword and words of ONBUILD's trigger, and whether it may have here-documents.
///
/// Nested ONBUILDs are rejected later, yet an error deep inside them wins over that: they are followed
/// down, without recursion.
fn trigger(rest: &[u8], escape: char) -> Result<(Args, bool), ErrorKind> {
    if rest.is_empty() {
        return Ok((Args::default(), false));
    }
    let mut trigger = split(rest, escape);
    let mut name = to_lower(&trigger.keyword);
    if name != "onbuild" {
        let args = args(&name, trigger.rest, escape)?;
        let heredocs = has_heredocs(&name, args.json);
        let words = std::iter::once(trigger.keyword).chain(args.words).collect::<Vec<_>>();
        return Ok((words.into(), heredocs));
    }
    let words = vec![trigger.keyword.clone()];
    while name == "onbuild" && !trigger.rest.is_empty() {
        trigger = split(trigger.rest, escape);
        name = to_lower(&trigger.keyword);
    }
    if name != "onbuild" {
        args(&name, trigger.rest, escape)?;
    }
    Ok((words.into(), false))
}

fn split(text: &[u8], escape: char) -> Command<'_> {
    let text = trim(text);
    let (keyword, rest) = split_blank(text).unwrap_or((text, &[]));
    let (flags, rest) = flags::split(rest, escape);
    Command { keyword: lossy(keyword).into_owned(), flags, rest: trim(rest) }
}

fn args(name: &str, rest: &[u8], escape: char) -> Result<Args, ErrorKind> {
    match name {
        "add" | "copy" | "volume" => json_or_words(rest),
        "arg" => Ok(words::split(&lossy(rest), escape).into()),
        "cmd" | "entrypoint" | "run" | "shell" => json_or_text(rest),
        "env" => words::pairs(rest, "ENV", escape).map(Args::from),
        "label" => words::pairs(rest, "LABEL", escape).map(Args::from),
        "expose" | "from" => Ok(blank_separated(rest)),
        "healthcheck" => healthcheck(rest),
        "maintainer" | "stopsignal" | "user" | "workdir" => Ok(text(rest)),
        _ => Ok(Args::default()),
    }
}

impl From<Vec<String>> for Args {
    fn from(words: Vec<String>) -> Self {
        Self { words, ..Self::default() }
    }
}

fn text(rest: &[u8]) -> Args {
    if rest.is_empty() {
        return Args::default();
    }
    Args { raw: not_utf8(rest), ..vec![lossy(rest).into_owned()].into() }
}

/// Returns `bytes` if they are not UTF-8.
fn not_utf8(bytes: &[u8]) -> Option<Vec<u8>> {
    str::from_utf8(bytes).is_err().then(|| bytes.to_vec())
}

fn blank_separated(rest: &[u8]) -> Args {
    if rest.is_empty() {
        return Args::default();
    }
    let pieces = split_blanks(rest).into_iter();
    Args { raw: not_utf8(rest), ..pieces.map(|piece| lossy(piece).into_owned()).collect::<Vec<_>>().into() }
}

fn json_or_text(rest: &[u8]) -> Result<Args, ErrorKind> {
    Ok(json_args(rest)?.unwrap_or_else(|| text(rest)))
}

fn json_or_words(rest: &[u8]) -> Result<Args, ErrorKind> {
    Ok(json_args(rest)?.unwrap_or_else(|| blank_separated(rest)))
}

/// Returns the elements if `rest` is a JSON array of strings, `None` if it is no JSON array.
fn json_args(rest: &[u8]) -> Result<Option<Args>, ErrorKind> {
    match json::array(rest) {
        json::Array::Strings(words) => Ok(Some(Args { json: true, ..words.into() })),
        json::Array::OtherValues => Err(ErrorKind::NotStringArray),
        json::Array::No => Ok(None),
    }
}

/// `TYPE command`: the type ends at a byte that is white space in Latin-1, whatever character it is
/// part of.
fn healthcheck(rest: &[u8]) -> Result<Args, ErrorKind> {
    let end = rest.iter().position(|byte| is_latin1_space(*byte)).unwrap_or(rest.len());
    if end == 0 {
        return Ok(Args::default());
    }
    let (kind, after) = rest.split_at(end);
    let blanks = after.iter().take_while(|byte| is_latin1_space(**byte)).count();
    let mut args = json_or_text(&after[blanks..])?;
    args.words.insert(0, lossy(kind).into_owned());
    Ok(args)
}
