//! Passthrough: makes one op wait for others.

use crate::fault::Fault;
use crate::field;
use crate::graph::Output;
use crate::marshal::Inputs;
use crate::wire::Writer;

/// Hands some of its inputs on unchanged once all of its inputs are there; see
/// [`Graph::passthrough`](crate::Graph::passthrough).
///
/// Source: `NewPassthroughOp` in [client/llb/passthrough.go](https://github.com/moby/buildkit/blob/v0.32.2/client/llb/passthrough.go).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassthroughOp {
    pub(crate) id: String,
    pub(crate) inputs: Vec<PassthroughInput>,
}

/// An input of a [`PassthroughOp`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PassthroughInput {
    /// The result to wait for.
    pub output: Output,
    /// Whether the result is also handed on.
    pub hand_on: bool,
}

impl PassthroughOp {
    /// Returns the name that tells this op apart from others with the same inputs.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns the inputs, none of them scratch.
    pub fn inputs(&self) -> &[PassthroughInput] {
        &self.inputs
    }

    /// Returns the input that is handed on as the output `index`.
    pub(crate) fn handed_on(&self, index: u32) -> Option<Output> {
        let mut handed_on = self.inputs.iter().filter(|input| input.hand_on);
        handed_on.nth(index as usize).map(|input| input.output)
    }

    pub(crate) fn check(&self) -> Result<(), Fault> {
        if self.id.is_empty() || !self.inputs.iter().any(|input| input.hand_on) {
            return Err(Fault::Passthrough);
        }
        Ok(())
    }

    pub(crate) fn encode(&self, w: &mut Writer, inputs: &mut Inputs<'_>) {
        w.string(field::passthrough_op::ID, &self.id);
        let mut handed_on = Vec::new();
        for input in &self.inputs {
            let index = inputs.push(input.output);
            if input.hand_on {
                handed_on.push(index);
            }
        }
        w.packed(field::passthrough_op::OUTPUTS, handed_on);
    }
}
