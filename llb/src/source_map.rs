//! Where ops come from in a source file, so that a failing step can show its lines.

use std::sync::Arc;

use crate::definition::Definition;
use crate::identity::GraphId;
use crate::setters::setters;

/// A source file that ops were made from, such as a Dockerfile.
///
/// Register it with [`Graph::source_map`](crate::Graph::source_map), then refer to it in
/// [`Constraints::locations`](crate::Constraints::locations).
///
/// Source: `NewSourceMap` in [client/llb/sourcemap.go](https://github.com/moby/buildkit/blob/v0.32.2/client/llb/sourcemap.go).
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct SourceMap {
    /// Name of the file as it is shown to people.
    pub filename: String,
    /// Language of the file, a name of GitHub's linguist list such as `Dockerfile`.
    pub language: String,
    /// Text of the file.
    pub data: Vec<u8>,
    /// The graph that yields the file, where there is one: for a Dockerfile the local source that it
    /// was read from.
    pub definition: Option<Definition>,
}

setters! { SourceMap {
    with_language = into language: String;
    with_data = into data: Vec<u8>;
    with_definition = into definition: Option<Definition>;
} }

impl SourceMap {
    /// Returns a file by its name, without a text yet.
    pub fn new(filename: impl Into<String>) -> Self {
        Self { filename: filename.into(), ..Self::default() }
    }

    /// Whether two maps stand for the same file, by BuildKit's rule (`client/llb/sourcemap.go`): the
    /// definitions count only where both have one, and then by their last op.
    pub(crate) fn same_as(&self, other: &Self) -> bool {
        self.filename == other.filename
            && self.language == other.language
            && self.data == other.data
            && match (&self.definition, &other.definition) {
                (Some(a), Some(b)) => a.terminal() == b.terminal(),
                _ => true,
            }
    }
}

/// Stands for a [`SourceMap`] that was registered in a graph, and means something to that graph only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceMapId {
    pub(crate) index: u32,
    pub(crate) graph: GraphId,
}

/// Parts of one source file that an op comes from.
///
/// Source: `SourceMap.Location` in [client/llb/sourcemap.go](https://github.com/moby/buildkit/blob/v0.32.2/client/llb/sourcemap.go).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// The file.
    pub source_map: SourceMapId,
    /// The parts of the file, shared because one instruction often makes several ops.
    pub ranges: Arc<[Range]>,
}

/// A part of a source file, from `start` to `end` inclusive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Range {
    /// First position.
    pub start: Position,
    /// Last position.
    pub end: Position,
}

impl Range {
    /// Returns the range of whole lines, counted from 1, both ends included.
    pub fn lines(first: i32, last: i32) -> Self {
        let line = |line| Position { line, character: 0 };
        Self { start: line(first), end: line(last) }
    }
}

/// A position in a source file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Line, counted from 1.
    pub line: i32,
    /// Character in the line, counted from 0.
    pub character: i32,
}
