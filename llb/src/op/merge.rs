//! Merge: lays file systems over each other without copying.

use crate::field;
use crate::graph::Output;
use crate::marshal::Inputs;
use crate::wire::Writer;

/// Lays file systems over each other, later ones on top; see
/// [`Graph::merge`](crate::Graph::merge).
///
/// Source: `Merge` in [client/llb/merge.go](https://github.com/moby/buildkit/blob/v0.32.2/client/llb/merge.go).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MergeOp {
    pub(crate) inputs: Vec<Output>,
}

impl MergeOp {
    /// Returns the file systems from the lowest to the topmost: at least two, none of them scratch.
    pub fn inputs(&self) -> &[Output] {
        &self.inputs
    }

    /// Writes the body. Inputs are not deduplicated: input `i` of the op is layer `i`.
    pub(crate) fn encode(&self, w: &mut Writer, inputs: &mut Inputs<'_>) {
        for &input in &self.inputs {
            let index = inputs.push(input);
            w.message(field::merge_op::INPUTS, |w| w.int(field::merge_input::INPUT, index));
        }
    }
}
