//! Instructions that hold a command, but for [`Run`](crate::converter::dockerfile::Run).

/// `ONBUILD INSTRUCTION`
///
/// ```text
/// ONBUILD COPY . /src
///         ^^^^^^^^^^^ expression
/// ```
///
/// Source: `OnbuildCommand` in `frontend/dockerfile/instructions/commands.go` of BuildKit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Onbuild {
    /// The trigger's text, with its here-documents, as the image config keeps it.
    pub expression: String,
    /// The same with bytes that are not UTF-8: what a stage of the same Dockerfile runs that builds on
    /// this one.
    pub bytes: Vec<u8>,
}

/// How a command is written.
///
/// Source: `ShellDependantCmdLine` in `frontend/dockerfile/instructions/commands.go` (`PrependShell`) of BuildKit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Text for the shell, which is put before it.
    Shell,
    /// A JSON array: the arguments themselves.
    Exec,
}

/// A here-document of RUN.
///
/// ```text
/// RUN cat <<-EOF
///            ^^^ name
///           ^ chomp
/// ```
///
/// Source: `ShellInlineFile` in `frontend/dockerfile/instructions/commands.go` of BuildKit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InlineFile {
    /// The here-document's word without quotes, which also ends it.
    pub name: String,
    /// Its lines as written, with their line endings; see [`chomp`](crate::converter::dockerfile::chomp) for `<<-`.
    pub data: Vec<u8>,
    /// Whether `<<-` strips leading tabs.
    pub chomp: bool,
}

/// The command of CMD, ENTRYPOINT and RUN.
///
/// ```text
/// RUN make all
///     ^^^^^^^^ args[0], Form::Shell
/// ```
///
/// ```text
/// CMD ["make", "all"]
///       ^^^^ args[0], Form::Exec
///               ^^^ args[1]
/// ```
///
/// Source: `ShellDependantCmdLine` in `frontend/dockerfile/instructions/commands.go` of BuildKit.
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
///
/// ```text
/// HEALTHCHECK --interval=30s --retries=3 CMD ["ping"]
///                        ^^^ interval_ns
///                                      ^ retries
///                                        ^^^^^^^^^^^^ test
/// ```
///
/// Source: `HealthCheckCommand` in `frontend/dockerfile/instructions/commands.go` of BuildKit.
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

/// `SHELL ["program", "argument", …]`
///
/// ```text
/// SHELL ["/bin/bash", "-c"]
///         ^^^^^^^^^ shell[0]
///                      ^^ shell[1]
/// ```
///
/// Source: `ShellCommand` in `frontend/dockerfile/instructions/commands.go` of BuildKit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shell {
    /// The elements, at least one.
    pub shell: Vec<String>,
}
