//! The typed form of a Dockerfile: one type for each instruction.
//!
//! Text fields are `String`s. Bytes that are not UTF-8 have become U+FFFD, one for each byte, which
//! is what BuildKit's shell words and JSON make of them; where BuildKit keeps the bytes (the contents
//! of here-documents) the field is bytes, and where it fails on them later, [`CommandLine::raw`]
//! tells.

use smol_str::SmolStr;

use super::instruction::mount::MountError;
use super::instruction::run::Run;
use super::text::split_blank;
use crate::diag::Span;

/// A whole Dockerfile that has at least one stage.
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage {
    /// The name in lower case, empty if there is none.
    pub name: String,
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetaArg {
    /// Where and how it is written.
    pub head: Head,
    /// What it declares.
    pub arg: Arg,
}

/// What every instruction has: how it is written, and where.
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
    pub fn keyword(&self) -> &str {
        split_blank(&self.code).map_or(&self.code, |(keyword, _)| keyword)
    }
}

/// An instruction of a stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instruction {
    /// Where and how it is written.
    pub head: Head,
    /// What it says.
    pub kind: Kind,
}

/// What an instruction says.
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

/// One `name=value` of ENV or LABEL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// The name.
    pub key: String,
    /// The value with its quotes.
    pub value: String,
    /// Whether the legacy form `name value` was used.
    pub legacy: bool,
}

/// `ENV name=value …`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Env {
    /// The variables in order.
    pub pairs: Vec<Pair>,
}

/// `LABEL name=value …`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// The labels in order.
    pub pairs: Vec<Pair>,
}

/// `MAINTAINER text`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Maintainer {
    /// The text as written.
    pub name: String,
}

/// One `name[=default]` of ARG.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArgPair {
    /// The name.
    pub key: String,
    /// The default with its quotes, `None` without `=`.
    pub value: Option<String>,
}

/// `ARG name[=default] …`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arg {
    /// The arguments in order, at least one.
    pub pairs: Vec<ArgPair>,
}

/// A file that is written in the Dockerfile: a here-document as a source of COPY or ADD.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceContent {
    /// The file's name: the here-document's word without quotes.
    pub path: String,
    /// The file's contents, tabs stripped for `<<-`. With variables in it where `expand` says so.
    pub data: Vec<u8>,
    /// Whether variables in the contents are expanded: no part of the word is quoted.
    pub expand: bool,
}

/// What COPY and ADD share: what is copied, and where to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SourcesAndDest {
    /// The last word.
    pub dest: String,
    /// The words before it that are not here-documents.
    pub paths: Vec<String>,
    /// The here-documents among the words before it.
    pub contents: Vec<SourceContent>,
}

/// `ADD [flags] SOURCE… DEST`
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Add {
    /// Sources and destination.
    pub files: SourcesAndDest,
    /// `--chown`, empty if absent.
    pub chown: String,
    /// `--chmod`, empty if absent.
    pub chmod: String,
    /// `--link`.
    pub link: bool,
    /// `--keep-git-dir`, `None` if absent.
    pub keep_git_dir: Option<bool>,
    /// `--checksum`, empty if absent.
    pub checksum: String,
    /// Every `--exclude` in order; never expanded.
    pub exclude: Vec<String>,
    /// `--unpack`, `None` if absent.
    pub unpack: Option<bool>,
}

/// `COPY [flags] SOURCE… DEST`
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Copy {
    /// Sources and destination.
    pub files: SourcesAndDest,
    /// `--from`, empty if absent; never expanded.
    pub from: String,
    /// `--chown`, empty if absent.
    pub chown: String,
    /// `--chmod`, empty if absent.
    pub chmod: String,
    /// `--link`.
    pub link: bool,
    /// Every `--exclude` in order; never expanded.
    pub exclude: Vec<String>,
    /// `--parents`.
    pub parents: bool,
}

/// `ONBUILD INSTRUCTION`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Onbuild {
    /// The trigger's text, with its here-documents, as the image config keeps it.
    pub expression: String,
    /// The same with bytes that are not UTF-8: what a stage of the same Dockerfile runs that builds on
    /// this one.
    pub bytes: Vec<u8>,
}

/// `WORKDIR PATH`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workdir {
    /// The path as written.
    pub path: String,
}

/// How a command is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Text for the shell, which is put before it.
    Shell,
    /// A JSON array: the arguments themselves.
    Exec,
}

/// A here-document of RUN.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InlineFile {
    /// The here-document's word without quotes, which also ends it.
    pub name: String,
    /// Its lines as written, with their line endings; see [`chomp`](super::chomp) for `<<-`.
    pub data: Vec<u8>,
    /// Whether `<<-` strips leading tabs.
    pub chomp: bool,
}

/// The command of CMD, ENTRYPOINT and RUN.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandLine {
    /// Shell form: the text as the only element, none if there is no text. Exec form: the elements.
    pub args: Vec<String>,
    /// Which form.
    pub form: Form,
    /// The here-documents in order; only RUN has them.
    pub files: Vec<InlineFile>,
    /// The bytes of a shell-form text, where they are not UTF-8. `args` then differs from what is written;
    /// BuildKit fails when it encodes an exec op with them, without a line.
    pub raw: Option<Vec<u8>>,
}

/// `HEALTHCHECK NONE` or `HEALTHCHECK [flags] CMD …`, as the image config has it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Healthcheck {
    /// `NONE`, `CMD-SHELL` and the text, or `CMD` and the elements.
    pub test: Vec<String>,
    /// `--interval` in nanoseconds, 0 if absent.
    pub interval_ns: i64,
    /// `--timeout` in nanoseconds, 0 if absent.
    pub timeout_ns: i64,
    /// `--start-period` in nanoseconds, 0 if absent.
    pub start_period_ns: i64,
    /// `--start-interval` in nanoseconds, 0 if absent.
    pub start_interval_ns: i64,
    /// `--retries`, 0 if absent.
    pub retries: i32,
}

/// `EXPOSE PORT[/PROTOCOL] …`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expose {
    /// The words as written, sorted bytewise as BuildKit sorts them.
    pub ports: Vec<String>,
}

/// `USER NAME[:GROUP]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The text as written.
    pub user: String,
}

/// `VOLUME PATH …` or a JSON array.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volume {
    /// The paths as written, trimmed.
    pub paths: Vec<String>,
}

/// `STOPSIGNAL SIGNAL`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StopSignal {
    /// The text as written.
    pub signal: String,
}

/// `SHELL ["program", "argument", …]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shell {
    /// The elements, at least one.
    pub shell: Vec<String>,
}

impl Run {
    /// Returns the mounts with their options expanded by `expand`, in order.
    ///
    /// # Errors
    /// The first error of `expand` or of a mount's options.
    pub fn mounts<E: From<MountError>>(
        &self,
        mut expand: impl FnMut(&str) -> Result<String, E>,
    ) -> Result<Vec<super::Mount>, E> {
        let mut mounts = Vec::with_capacity(self.mount_specs.len());
        for spec in &self.mount_specs {
            mounts.push(spec.resolve(&mut expand)?);
        }
        Ok(mounts)
    }
}
