//! Definitions for people and tools to read.

mod details;
mod dot;
pub(crate) mod go_json;
mod json;
mod label;
mod tree;

use prost::Message;

use crate::definition::{DecodeError, Definition, InvalidMessage};
use crate::message::Op;

impl Definition {
    /// Returns one JSON object for each op, a line each, as `buildctl debug dump-llb` prints them.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Op`] if an op is no protobuf message.
    pub fn to_json(&self) -> Result<String, DecodeError> {
        let mut out = String::new();
        for (index, entry) in self.ops.iter().enumerate() {
            json::line(&mut out, entry, &self.decode_op(index)?);
        }
        Ok(out)
    }

    /// Returns the graph as a tree for people: the result first, below each op what it needs. What is
    /// needed in several places is written once and referred to by number.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Op`] if an op is no protobuf message.
    pub fn to_tree(&self) -> Result<String, DecodeError> {
        Ok(tree::write(self, &self.decode_ops()?))
    }

    /// Returns the graph in Graphviz's language.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Op`] if an op is no protobuf message.
    pub fn to_dot(&self) -> Result<String, DecodeError> {
        Ok(dot::write(self, &self.decode_ops()?))
    }

    fn decode_ops(&self) -> Result<Vec<Op>, DecodeError> {
        (0..self.ops.len()).map(|at| self.decode_op(at)).collect()
    }

    fn decode_op(&self, index: usize) -> Result<Op, DecodeError> {
        let entry = &self.ops[index];
        Op::decode(&*entry.bytes).map_err(|error| DecodeError::Op {
            index,
            digest: entry.digest,
            source: InvalidMessage(error),
        })
    }
}
