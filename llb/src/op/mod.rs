//! The operations of a graph, one file for each family.
//!
//! All of them are plain structs. `new` takes what an op cannot do without and leaves the rest at its
//! default; each other field has a method `with_…` that returns the op with the field set:
//!
//! ```
//! use llb::{ExecOp, Network, Output};
//!
//! let exec = ExecOp::new(Output::SCRATCH, ["make", "test"])
//!     .with_cwd("/src")
//!     .with_network(Network::None);
//! assert_eq!(exec.args, ["make", "test"]);
//! ```
//!
//! The fields can be read and changed as well. Most of the structs are `#[non_exhaustive]`, because BuildKit's ops
//! gain options with its versions.

pub mod build;
pub mod diff;
pub mod exec;
pub mod file;
pub mod merge;
pub mod passthrough;
pub mod source;

use crate::fault::Fault;
use crate::graph::Output;

/// An operation of a graph.
///
/// The list is complete on purpose: who walks a graph says what each kind means there, and a kind that is added in
/// a later version of this crate is then a compiler error instead of something overlooked.
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    /// Fetches files from outside.
    Source(source::SourceOp),
    /// Runs a command.
    Exec(Box<exec::ExecOp>),
    /// Copies, makes and removes files.
    File(file::FileOp),
    /// Lays file systems over each other.
    Merge(merge::MergeOp),
    /// Keeps what one file system has changed of another.
    Diff(diff::DiffOp),
    /// Makes one op wait for others.
    Passthrough(passthrough::PassthroughOp),
    /// Builds a graph that another op yields.
    Build(build::BuildOp),
}

impl Op {
    /// Checks that the op is complete.
    pub(crate) fn check(&self) -> Result<(), Fault> {
        match self {
            Self::Source(op) => op.check(),
            Self::Exec(op) => op.check(),
            Self::File(op) => op.check(),
            Self::Passthrough(op) => op.check(),
            Self::Build(op) if op.source.is_scratch() => Err(Fault::BuildOfScratch),
            Self::Merge(_) | Self::Diff(_) | Self::Build(_) => Ok(()),
        }
    }

    /// Returns the outputs that this op reads, in the order in which BuildKit walks them (`Inputs()` of each
    /// vertex in `client/llb`), scratch left out. An output may come twice.
    pub fn inputs(&self) -> Vec<Output> {
        let mut inputs = Vec::new();
        self.for_each_input(|input| inputs.push(input));
        inputs
    }

    /// Returns the outputs whose layers the result `index` of this op begins with, the lowest first, scratch left
    /// out: what the op changes, not what it copies from or mounts beside.
    ///
    /// That is one output for commands and file ops, and all inputs for merges. Sources begin with nothing of the
    /// graph, and neither do diffs (which hold changes alone) and builds (whose graph is not known yet).
    pub(crate) fn layers_below(&self, index: u32) -> Vec<Output> {
        let mut below = match self {
            Self::Source(_) | Self::Diff(_) | Self::Build(_) => Vec::new(),
            Self::Exec(op) => op.mounted_at(index).into_iter().collect(),
            Self::File(op) => vec![op.result_base()],
            Self::Merge(op) => op.inputs.clone(),
            Self::Passthrough(op) => op.handed_on(index).into_iter().collect(),
        };
        below.retain(|output| !output.is_scratch());
        below
    }

    /// Calls `visit` with the outputs that this op reads, in the order in which BuildKit walks them
    /// (`Inputs()` of each vertex in `client/llb`), scratch left out. An output may come twice.
    pub(crate) fn for_each_input(&self, mut visit: impl FnMut(Output)) {
        let mut visit = |output: Output| {
            if !output.is_scratch() {
                visit(output);
            }
        };
        match self {
            Self::Source(_) => {}
            Self::Exec(op) => op.for_each_input(visit),
            Self::File(op) => op.for_each_input(visit),
            Self::Merge(op) => op.inputs.iter().copied().for_each(visit),
            Self::Diff(op) => {
                visit(op.lower);
                visit(op.upper);
            }
            Self::Passthrough(op) => op.inputs.iter().for_each(|input| visit(input.output)),
            Self::Build(op) => visit(op.source),
        }
    }
}
