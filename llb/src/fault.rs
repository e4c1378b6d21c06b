//! Why a graph cannot be marshalled.

/// Why a graph cannot be marshalled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{step}: {fault}")]
#[non_exhaustive]
pub struct MarshalError {
    /// The step's custom name, or else the number of its op in the graph, such as `op 3`.
    pub step: String,
    /// What is wrong with it.
    pub fault: Fault,
}

/// What is missing or wrong in an op.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// An op reads an output of another graph, or the result is one.
    #[error("an output of another graph is used here")]
    ForeignOutput,
    /// An op comes from a source file that was registered in another graph.
    #[error("the location is in a source file of another graph")]
    ForeignSourceMap,
    /// A source has nothing that names it.
    #[error("the source has no identifier")]
    EmptyIdentifier,
    /// A blob is not given by digest, or has a tag.
    #[error("a blob is named by digest and without a tag, not {0:?}")]
    BlobReference(
        /// The reference.
        String,
    ),
    /// A command has no arguments.
    #[error("there is no command to run")]
    NoArguments,
    /// A command has no working directory.
    #[error("the command has no working directory")]
    NoWorkingDirectory,
    /// A mount of memory has a source.
    #[error("the tmpfs mount {0} cannot start from a file system")]
    TmpfsSource(
        /// Where it is mounted.
        String,
    ),
    /// A cache mount has no id.
    #[error("the cache mount {0} has no id")]
    NoCacheId(
        /// Where it is mounted.
        String,
    ),
    /// A file op changes nothing.
    #[error("the file op has no actions")]
    NoActions,
    /// An action of a file op stands on, or copies from, an action that the op does not have.
    #[error("an action of the file op refers to one that the op does not have")]
    UnknownAction,
    /// A passthrough has no id, or hands nothing on.
    #[error("a passthrough needs an id, and hands on at least one of its inputs")]
    Passthrough,
    /// The build of a definition has nowhere to read it from.
    #[error("the definition to build is in an empty file system")]
    BuildOfScratch,
}
