//! Build: builds a graph that another op yields as a file.

use crate::field;
use crate::graph::Output;
use crate::marshal::Inputs;
use crate::setters::setters;
use crate::wire::Writer;

/// Builds a definition that lies in a file of another op's result (`client/llb/llbbuild`). BuildKit
/// calls this op experimental.
///
/// Source: `Build` in [client/llb/llbbuild/llbbuild.go](https://github.com/moby/buildkit/blob/v0.32.2/client/llb/llbbuild/llbbuild.go).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BuildOp {
    /// The file system that holds the definition.
    pub source: Output,
    /// Name of the definition's file; empty means BuildKit's `buildkit.llb.definition`.
    pub filename: String,
}

setters! { BuildOp {
    with_filename = into filename: String;
} }

impl BuildOp {
    /// Returns an op that builds the definition in the file `buildkit.llb.definition`.
    pub fn new(source: Output) -> Self {
        Self { source, filename: String::new() }
    }

    pub(crate) fn encode(&self, w: &mut Writer, inputs: &mut Inputs<'_>) {
        inputs.push(self.source);
        w.int(field::build_op::BUILDER, -1);
        w.entry(field::build_op::INPUTS, "buildkit.llb.definition", |w| {
            w.message(field::map_entry::VALUE, |_| {});
        });
        if !self.filename.is_empty() {
            w.string_map(field::build_op::ATTRS, [("llbbuild.filename", &self.filename)]);
        }
    }
}
