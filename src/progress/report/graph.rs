//! What is known of a step from the graph that was handed to buildkitd, beside what its status tells.

use serde::Serialize;

/// Lines of a source file, counted from 1, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct LineSpan {
    /// The first line.
    pub first: u32,
    /// The last line.
    pub last: u32,
}

/// A step of the graph.
#[derive(Debug, Clone, Default)]
pub struct GraphStep {
    /// The vertex digest.
    pub digest: String,
    /// Name of the file that the step comes from; empty where it comes from none.
    pub file: String,
    /// The lines of that file.
    pub lines: Vec<LineSpan>,
    /// What the step does.
    pub kind: StepKind,
}

/// What a step does, as far as claims on a build need it. Inputs are vertex digests.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum StepKind {
    /// Runs a command.
    Run {
        /// The file system that it runs on; `None` for an empty one.
        base: Option<String>,
        /// The words of the command.
        arguments: Vec<String>,
        /// Whether it has mounts of other files than those of its base.
        has_mounts: bool,
    },
    /// Copies files onto a file system.
    Copy {
        /// The file system that is copied onto; `None` for an empty one, as with `--link`.
        base: Option<String>,
        /// Where the files come from.
        sources: Vec<String>,
        /// Where they are put.
        targets: Vec<String>,
    },
    /// Reads a folder of the client.
    Context,
    /// Anything else.
    #[default]
    Other,
}
