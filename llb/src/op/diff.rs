//! Diff: keeps what one file system has changed of another.

use crate::field;
use crate::graph::Output;
use crate::marshal::Inputs;
use crate::wire::Writer;

/// Keeps what `upper` has changed of `lower`; see [`Graph::diff`](crate::Graph::diff).
///
/// Source: `Diff` in [client/llb/diff.go](https://github.com/moby/buildkit/blob/v0.32.2/client/llb/diff.go).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiffOp {
    pub(crate) lower: Output,
    pub(crate) upper: Output,
}

impl DiffOp {
    /// Returns the file system that is compared with.
    pub fn lower(&self) -> Output {
        self.lower
    }

    /// Returns the file system whose changes are kept.
    pub fn upper(&self) -> Output {
        self.upper
    }

    /// Writes the body. Scratch is input -1; the inputs that there are stand in the op in this order,
    /// even if they are the same.
    pub(crate) fn encode(&self, w: &mut Writer, inputs: &mut Inputs<'_>) {
        for (field, output) in [(field::diff_op::LOWER, self.lower), (field::diff_op::UPPER, self.upper)] {
            let index = inputs.push(output);
            w.message(field, |w| w.int(field::diff_input::INPUT, index));
        }
    }
}
