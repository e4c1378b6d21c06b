//! Marshalled graphs.

use std::sync::Arc;

use bollard_buildkit_proto::pb;

use crate::constraints::OpMetadata;
use crate::digest::Digest;
use crate::source_map::{Range, SourceMap};

/// A marshalled graph: what is sent to a daemon, and what dumps are made of.
///
/// It holds the ops as bytes, inputs before the ops that use them. Metadata and locations stand beside
/// each op, because they are no part of its identity.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Definition {
    /// The ops. The last one is the terminal, which only names the output that was asked for. There
    /// are none if that was scratch.
    pub ops: Vec<DefinitionOp>,
    /// The source files that [`DefinitionOp::locations`] refer to.
    pub sources: Vec<Arc<SourceMap>>,
}

/// One op of a [`Definition`].
#[derive(Clone, Debug, PartialEq)]
pub struct DefinitionOp {
    /// Digest of the bytes.
    pub digest: Digest,
    /// The op as a protobuf message `pb.Op`.
    pub bytes: Vec<u8>,
    /// What is no part of the op's identity.
    pub metadata: OpMetadata,
    /// Where the op comes from: indexes of [`Definition::sources`] with parts of those files.
    pub locations: Vec<(u32, Arc<[Range]>)>,
}

impl Definition {
    /// Returns the digest of the op that yields the result; nothing if that is scratch.
    pub fn root(&self) -> Option<Digest> {
        todo!()
    }

    /// Returns the digest of the terminal op; nothing if the result is scratch.
    pub fn terminal(&self) -> Option<Digest> {
        self.ops.last().map(|op| op.digest)
    }

    /// Returns the definition as bytes of a protobuf message `pb.Definition`, as `buildctl build` takes
    /// it on standard input. Equal graphs give equal bytes.
    pub fn encode(&self) -> Vec<u8> {
        todo!()
    }

    /// Returns the definition as the message of the `bollard-buildkit-proto` crate, which requests to a
    /// daemon are made of. That crate's messages have no place for
    /// [`linux_resources`](OpMetadata::linux_resources).
    pub fn to_pb(&self) -> pb::Definition {
        todo!()
    }

    /// Returns the definition that was encoded in some bytes.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] if the bytes are no `pb.Definition`.
    pub fn decode(_bytes: &[u8]) -> Result<Self, DecodeError> {
        todo!()
    }

    /// Returns the definition in a message of the `bollard-buildkit-proto` crate.
    ///
    /// # Errors
    ///
    /// [`DecodeError::SourceIndex`] if a location refers to a source file that is not there.
    pub fn from_pb(_message: pb::Definition) -> Result<Self, DecodeError> {
        todo!()
    }
}

/// Why bytes are no definition.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum DecodeError {
    /// They are no protobuf message of this type.
    #[error("not an LLB definition: the bytes are no valid protobuf message")]
    Definition(#[source] prost::DecodeError),
    /// An op in it is no protobuf message.
    #[error("op {index} of the LLB definition ({digest}) is no valid protobuf message")]
    Op {
        /// Position in the definition, counted from 0.
        index: usize,
        /// The op's digest.
        digest: Digest,
        /// What is wrong with it.
        #[source]
        source: prost::DecodeError,
    },
    /// A location refers to a source file that is not there.
    #[error("a location of the LLB definition refers to source file {index} of {count}")]
    SourceIndex {
        /// The index.
        index: i32,
        /// The number of source files.
        count: usize,
    },
}
