//! What is wrong with what was typed, or with a variable that stands for it.

use std::net::SocketAddr;

use super::values::ValueError;
use crate::converter::plan::OptionsError;
use crate::converter::plan::git::GitRefError;
use crate::image::ReferenceError;
use crate::registry::{CredentialsError, HostError, Origin};

/// Wrong usage. The text says which argument or variable is wrong and what to do.
#[derive(Debug, thiserror::Error)]
pub enum UsageError {
    /// A value that breaks the rules of its kind.
    #[error(transparent)]
    Value(#[from] ValueError),
    /// A build argument that BuildKit reads itself.
    #[error(transparent)]
    BuildArgument(#[from] OptionsError),
    /// `bob build` with options for a build, and without its context.
    #[error("the build context is missing: bob build [OPTIONS] CONTEXT, usually `bob build .`")]
    NoContext,
    /// Standard input as context and as Dockerfile.
    #[error("standard input cannot be both the context and the Dockerfile: name a folder or the Dockerfile")]
    StandardInputTwice,
    /// The context `-` where nothing comes.
    #[error("standard input is empty: it has to be an archive with a Dockerfile, or a Dockerfile")]
    StandardInputEmpty,
    /// The context `-` with a Dockerfile, and another one by `--file`.
    #[error(
        "standard input is a Dockerfile and --file names another one: leave one out, or send an archive of the files"
    )]
    DockerfileTwice,
    /// A context that is neither a folder nor a URL.
    #[error("context {context:?} is neither a folder nor the URL of a repository or file")]
    ContextNotAFolder {
        /// The context.
        context: String,
    },
    /// A context that is not the URL of a repository.
    #[error("context {context:?}")]
    ContextRepository {
        /// The context.
        context: String,
        /// What is wrong with it.
        source: GitRefError,
    },
    /// A context or a Dockerfile that only a buildkitd can fetch, where none is asked.
    #[error(
        "{what} is fetched by buildkitd, which {command} does not ask: name a local folder and a local Dockerfile"
    )]
    NeedsBuildkitd {
        /// What has to be fetched.
        what: &'static str,
        /// What is being run.
        command: &'static str,
    },
    /// A builder of buildx.
    #[error("{setting}: Bob has no builders; name a buildkitd with --addr or BUILDKIT_HOST")]
    Builder {
        /// The flag or variable.
        setting: &'static str,
    },
    /// A policy in Rego.
    #[error("--policy: Bob does not evaluate policies in Rego; use --source-policy-file")]
    RegoPolicyFlag,
    /// Quiet, with a form of progress that is not.
    #[error("--progress={progress} and --quiet do not go together")]
    ProgressWithQuiet {
        /// The form of progress.
        progress: String,
    },
    /// Several platforms where one graph is printed.
    #[error("bob llb prints the graph of one platform: name one with --platform")]
    SeveralPlatforms,
    /// A policy beside the Dockerfile.
    #[error(
        "{file} is a policy in rego, which bob cannot judge: build with docker buildx build, or give a source policy with --source-policy-file and move {file} away"
    )]
    Policy {
        /// The file.
        file: String,
    },
    /// A build check that does not exist.
    #[error("there is no rule {name:?}: `bob check --explain all` lists them")]
    UnknownRule {
        /// Its name.
        name: String,
    },
    /// `bob imagetools create` without sources.
    #[error("there are no images to put together: name them, or a file with one by --file")]
    NoSources,
    /// `bob imagetools create` without a name.
    #[error("the new image has no name: give one with --tag, or --dry-run to see it only")]
    NoTarget,
    /// `bob prune` without a terminal, an answer or `--force`.
    #[error("nobody answers whether the cache is to be freed: give --force where there is no terminal")]
    NobodyToAsk,
    /// The socket of `bob daemon`.
    #[error("{given:?} is not a socket; give PATH or unix://PATH")]
    Socket {
        /// What was given.
        given: String,
    },
    /// A variable that is not text.
    #[error("the variable {variable} is not UTF-8")]
    VariableNotUtf8 {
        /// The variable.
        variable: &'static str,
    },
    /// A setting of `bob proxy` that has to be there.
    #[error("{what} is missing: set {variable} or give {flag}")]
    Missing {
        /// What is missing.
        what: String,
        /// The variable.
        variable: &'static str,
        /// The flag.
        flag: &'static str,
    },
    /// An address of the proxy that other machines reach.
    #[error("--listen {address}: only loopback addresses are served")]
    NotLoopback {
        /// The address.
        address: SocketAddr,
    },
    /// Credentials for the proxy.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// An image of the proxy with a user or password in its name.
    #[error(
        "{origin} is not an image reference: {shown:?}: it has no place for a user or a password; give them with {variable} or {flag}"
    )]
    ReferenceWithLogin {
        /// The flag or variable.
        origin: Origin,
        /// What it holds, the login hidden.
        shown: String,
        /// The variable for credentials.
        variable: &'static str,
        /// The flag for credentials.
        flag: &'static str,
    },
    /// An image of the proxy that is none.
    #[error("{origin} is not an image reference: {shown:?}")]
    Reference {
        /// The flag or variable.
        origin: Origin,
        /// What it holds.
        shown: String,
        /// What is wrong with it.
        source: ReferenceError,
    },
    /// An image of the proxy whose domain is no registry.
    #[error("{origin} is not an image reference: {shown:?}")]
    ReferenceHost {
        /// The flag or variable.
        origin: Origin,
        /// What it holds.
        shown: String,
        /// What is wrong with it.
        source: HostError,
    },
    /// An empty token, which every client has.
    #[error(
        "the {kind} token from {origin} is empty, which would let everybody in: give it a value or leave it out"
    )]
    EmptyToken {
        /// Which of them: `access` or `push`.
        kind: &'static str,
        /// The flag or variable.
        origin: Origin,
    },
    /// A push token without an access token.
    #[error(
        "there is a push token from {origin}, but no access token, which would let everybody read: set {variable} or give {flag}"
    )]
    PushTokenAlone {
        /// The flag or variable of the push token.
        origin: Origin,
        /// The variable of the access token.
        variable: &'static str,
        /// The flag of the access token.
        flag: &'static str,
    },
}
