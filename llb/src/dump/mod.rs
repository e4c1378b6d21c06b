//! Definitions for people and tools to read.

use serde::Serialize;

use crate::definition::{DecodeError, Definition};

impl Definition {
    /// Returns one JSON object for each op, a line each, as `buildctl debug dump-llb` prints them.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Op`] if an op is no protobuf message.
    pub fn to_json(&self) -> Result<String, DecodeError> {
        todo!()
    }

    /// Returns the graph as a tree for people: the result first, below each op what it needs. What is
    /// needed in several places is written once and referred to by number.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Op`] if an op is no protobuf message.
    pub fn to_tree(&self) -> Result<String, DecodeError> {
        todo!()
    }

    /// Returns the graph in Graphviz's language.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Op`] if an op is no protobuf message.
    pub fn to_dot(&self) -> Result<String, DecodeError> {
        todo!()
    }
}

/// Returns a value as Go's `encoding/json` writes it.
pub(crate) fn go_json<T: Serialize>(_value: &T) -> String {
    todo!()
}
