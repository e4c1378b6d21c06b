//! One instruction, taken apart but not yet understood.

use std::borrow::Cow;

use smol_str::SmolStr;

use super::heredoc::Heredoc;
use super::{flags, json, words};
use crate::converter::dockerfile::ast::Pair;
use crate::converter::dockerfile::directives::check_of_comments;
use crate::converter::dockerfile::error::ErrorKind;
use crate::converter::dockerfile::keyword::Keyword;
use crate::converter::dockerfile::text::{is_blank, is_latin1_space, split_blank};
use crate::diag::Span;
use crate::gotext::{lossy, trim};

/// An instruction's keyword, flags and words.
#[derive(Debug)]
pub(in crate::converter::dockerfile) struct Node<'a> {
    /// The instruction, `None` if the keyword is none.
    pub(in crate::converter::dockerfile) keyword: Option<Keyword>,
    /// The whole text, lines joined, not trimmed.
    pub(in crate::converter::dockerfile) original: Cow<'a, [u8]>,
    /// `--name[=value]` before the words.
    pub(in crate::converter::dockerfile) flags: Vec<String>,
    pub(in crate::converter::dockerfile) args: Args,
    pub(in crate::converter::dockerfile) heredocs: Vec<Heredoc>,
    /// The comments above, without the `#`.
    pub(in crate::converter::dockerfile) comments: Vec<&'a [u8]>,
    /// What the comments above say to the linter.
    pub(in crate::converter::dockerfile) check: Option<SmolStr>,
    pub(in crate::converter::dockerfile) span: Span,
    /// Whether `<<` in it opens a here-document.
    pub(super) may_have_heredocs: bool,
}

/// What an instruction's line parser finds.
#[derive(Debug, Default)]
pub(in crate::converter::dockerfile) struct Args {
    /// The words; what a word is depends on the instruction. ONBUILD: the trigger's keyword.
    pub(in crate::converter::dockerfile) words: Vec<String>,
    /// The pairs of ENV and LABEL, which have no words.
    pub(in crate::converter::dockerfile) pairs: Vec<Pair>,
    /// Whether the words are a JSON array's.
    pub(in crate::converter::dockerfile) json: bool,
    /// The bytes of the words, where they are not UTF-8 and were replaced.
    pub(in crate::converter::dockerfile) raw: Option<Vec<u8>>,
}

/// Keyword, flags and the rest of an instruction.
struct Command<'a> {
    word: Cow<'a, str>,
    flags: Vec<String>,
    rest: &'a [u8],
}

impl<'a> Node<'a> {
    /// Returns the node of an instruction's joined lines, which are `span`, below `comments`.
    ///
    /// # Errors
    /// Words that the instruction's line parser does not take.
    pub(super) fn parse(
        text: Cow<'a, [u8]>,
        span: Span,
        escape: char,
        comments: &[&'a [u8]],
    ) -> Result<Self, ErrorKind> {
        let Command { word, flags, rest } = split(&text, escape);
        let keyword = Keyword::of(&word);
        let (args, may_have_heredocs) = match keyword {
            Some(Keyword::Onbuild) => trigger(rest, escape)?,
            Some(keyword) => {
                let args = args(keyword, rest, escape)?;
                let heredocs = has_heredocs(keyword, &args);
                (args, heredocs)
            }
            None => (Args::default(), false),
        };
        Ok(Self {
            keyword,
            flags,
            args,
            heredocs: Vec::new(),
            comments: comments.to_vec(),
            check: check_of_comments(comments),
            span,
            may_have_heredocs,
            original: text,
        })
    }

    /// Returns what the comments above say of `name`: what follows it in the first line that begins with it.
    ///
    /// Source: `getDocComment` in `frontend/dockerfile/instructions/parse.go` of BuildKit.
    pub(in crate::converter::dockerfile) fn description_of(&self, name: &str) -> String {
        let after = |line: &&'a [u8]| line.strip_prefix(name.as_bytes())?.strip_prefix(b" ");
        let found = self.comments.iter().find_map(after).filter(|_| !name.is_empty());
        found.map(|text| lossy(text).into_owned()).unwrap_or_default()
    }

    /// Returns the keyword as written.
    pub(in crate::converter::dockerfile) fn word(&self) -> Cow<'_, str> {
        lossy(split_word(trim(&self.original)).0)
    }
}

fn has_heredocs(keyword: Keyword, args: &Args) -> bool {
    matches!(keyword, Keyword::Add | Keyword::Copy | Keyword::Run) && !args.json
}

/// Returns the keyword of ONBUILD's trigger, and whether it may have here-documents.
///
/// Nested ONBUILDs are rejected later, yet an error deep inside them wins over that: they are followed
/// down, without recursion.
fn trigger(rest: &[u8], escape: char) -> Result<(Args, bool), ErrorKind> {
    if rest.is_empty() {
        return Ok((Args::default(), false));
    }
    let mut trigger = split(rest, escape);
    let word = trigger.word.into_owned();
    let mut keyword = Keyword::of(&word);
    let nested = keyword == Some(Keyword::Onbuild);
    while keyword == Some(Keyword::Onbuild) && !trigger.rest.is_empty() {
        trigger = split(trigger.rest, escape);
        keyword = Keyword::of(&trigger.word);
    }
    let mut heredocs = false;
    if let Some(keyword) = keyword {
        let args = args(keyword, trigger.rest, escape)?;
        heredocs = !nested && has_heredocs(keyword, &args);
    }
    Ok((vec![word].into(), heredocs))
}

fn split(text: &[u8], escape: char) -> Command<'_> {
    let (word, rest) = split_word(trim(text));
    let (flags, rest) = flags::split(rest, escape);
    Command { word: lossy(word), flags, rest: trim(rest) }
}

fn split_word(text: &[u8]) -> (&[u8], &[u8]) {
    text.split_at(text.iter().position(|byte| is_blank(*byte)).unwrap_or(text.len()))
}

/// Returns the words of an instruction, but ONBUILD's.
fn args(keyword: Keyword, rest: &[u8], escape: char) -> Result<Args, ErrorKind> {
    match keyword {
        Keyword::Add | Keyword::Copy | Keyword::Volume => json_or_words(rest),
        Keyword::Arg => {
            let text = lossy(rest);
            Ok(words::split(&text, escape).map(str::to_owned).collect::<Vec<_>>().into())
        }
        Keyword::Cmd | Keyword::Entrypoint | Keyword::Run | Keyword::Shell => json_or_text(rest),
        Keyword::Env => words::pairs(&lossy(rest), "ENV", escape).map(Args::from),
        Keyword::Label => words::pairs(&lossy(rest), "LABEL", escape).map(Args::from),
        Keyword::Expose | Keyword::From => Ok(blank_separated(rest)),
        Keyword::Healthcheck => healthcheck(rest),
        Keyword::Maintainer | Keyword::StopSignal | Keyword::User | Keyword::Workdir => Ok(text(rest)),
        Keyword::Onbuild => Ok(Args::default()),
    }
}

impl From<Vec<String>> for Args {
    fn from(words: Vec<String>) -> Self {
        Self { words, ..Self::default() }
    }
}

impl From<Vec<Pair>> for Args {
    fn from(pairs: Vec<Pair>) -> Self {
        Self { pairs, ..Self::default() }
    }
}

/// One word: all of `rest`.
fn text(rest: &[u8]) -> Args {
    if rest.is_empty() {
        return Args::default();
    }
    match lossy(rest) {
        Cow::Borrowed(text) => vec![text.to_owned()].into(),
        Cow::Owned(text) => Args { raw: Some(rest.to_vec()), ..vec![text].into() },
    }
}

/// The words between blanks; blanks at the end leave an empty one there.
fn blank_separated(rest: &[u8]) -> Args {
    if rest.is_empty() {
        return Args::default();
    }
    let text = lossy(rest);
    let mut words = Vec::new();
    let mut left = &*text;
    while let Some((word, after)) = split_blank(left) {
        words.push(word.to_owned());
        left = after;
    }
    words.push(left.to_owned());
    Args { raw: matches!(text, Cow::Owned(_)).then(|| rest.to_vec()), ..words.into() }
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
