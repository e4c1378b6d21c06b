//! Instructions that hold names, values or a text.

/// One `name=value` of ENV or LABEL.
///
/// ```text
/// ENV GREETING="hello world"
///     ^^^^^^^^ key
///              ^^^^^^^^^^^^^ value
/// ```
///
/// Source: `KeyValuePair` in `frontend/dockerfile/instructions/commands.go` of BuildKit.
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
///
/// ```text
/// ENV A=1 B=2
///     ^^^ pairs[0]
///         ^^^ pairs[1]
/// ```
///
/// Source: `EnvCommand` in `frontend/dockerfile/instructions/commands.go` of BuildKit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Env {
    /// The variables in order.
    pub pairs: Vec<Pair>,
}

/// `LABEL name=value …`
///
/// ```text
/// LABEL version=1 vendor="me"
///       ^^^^^^^^^ pairs[0]
///                 ^^^^^^^^^^^ pairs[1]
/// ```
///
/// Source: `LabelCommand` in `frontend/dockerfile/instructions/commands.go` of BuildKit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// The labels in order.
    pub pairs: Vec<Pair>,
}

/// `MAINTAINER text`
///
/// ```text
/// MAINTAINER Jane <jane@example.com>
///            ^^^^^^^^^^^^^^^^^^^^^^^ name
/// ```
///
/// Source: `MaintainerCommand` in `frontend/dockerfile/instructions/commands.go` of BuildKit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Maintainer {
    /// The text as written.
    pub name: String,
}

/// One `name[=default]` of ARG.
///
/// ```text
/// ARG TAG="3.20"
///     ^^^ key
///         ^^^^^^ value
/// ```
///
/// Source: `KeyValuePairOptional` in `frontend/dockerfile/instructions/commands.go` of BuildKit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArgPair {
    /// The name.
    pub key: String,
    /// The default with its quotes, `None` without `=`.
    pub value: Option<String>,
    /// What the comments above say of the name, empty if there is nothing.
    pub description: String,
}

/// `ARG name[=default] …`
///
/// ```text
/// ARG TAG=3.20 FLAVOUR
///     ^^^^^^^^ pairs[0]
///              ^^^^^^^ pairs[1]
/// ```
///
/// Source: `ArgCommand` in `frontend/dockerfile/instructions/commands.go` of BuildKit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arg {
    /// The arguments in order, at least one.
    pub pairs: Vec<ArgPair>,
}

/// `WORKDIR PATH`
///
/// ```text
/// WORKDIR /src
///         ^^^^ path
/// ```
///
/// Source: `WorkdirCommand` in `frontend/dockerfile/instructions/commands.go` of BuildKit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workdir {
    /// The path as written.
    pub path: String,
}

/// `EXPOSE PORT[/PROTOCOL] …`
///
/// ```text
/// EXPOSE 80/tcp 443
///        ^^^^^^ ports[1]
///               ^^^ ports[0]
/// ```
///
/// Source: `ExposeCommand` in `frontend/dockerfile/instructions/commands.go` of BuildKit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expose {
    /// The words as written, sorted bytewise as BuildKit sorts them.
    pub ports: Vec<String>,
}

/// `USER NAME[:GROUP]`
///
/// ```text
/// USER jane:staff
///      ^^^^^^^^^^ user
/// ```
///
/// Source: `UserCommand` in `frontend/dockerfile/instructions/commands.go` of BuildKit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The text as written.
    pub user: String,
}

/// `VOLUME PATH …` or a JSON array.
///
/// ```text
/// VOLUME /data /cache
///        ^^^^^ paths[0]
///              ^^^^^^ paths[1]
/// ```
///
/// Source: `VolumeCommand` in `frontend/dockerfile/instructions/commands.go` of BuildKit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volume {
    /// The paths as written, trimmed.
    pub paths: Vec<String>,
}

/// `STOPSIGNAL SIGNAL`
///
/// ```text
/// STOPSIGNAL SIGTERM
///            ^^^^^^^ signal
/// ```
///
/// Source: `StopSignalCommand` in `frontend/dockerfile/instructions/commands.go` of BuildKit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StopSignal {
    /// The text as written.
    pub signal: String,
}
