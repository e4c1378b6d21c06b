//! From a graph to a definition.

use crate::constraints::Constraints;
use crate::definition::Definition;
use crate::graph::{Graph, Output};
use crate::platform::Platform;

/// What holds for a whole graph when it is marshalled.
#[derive(Clone, Debug, PartialEq)]
pub struct MarshalOptions {
    /// Platform of the ops that have none of their own.
    pub platform: Platform,
    /// Worker filters and metadata that all ops get; those of the op come on top. (The platform in
    /// here, if there is one, goes before [`platform`](Self::platform). Locations are not looked at.)
    pub constraints: Constraints,
    /// The value of `local.unique` in local sources without a session. BuildKit's client makes up a
    /// random one for each build, so that builds never share a transfer by accident.
    pub local_unique_id: String,
    /// How exec ops without `PATH` get one.
    pub default_path: DefaultPath,
}

impl MarshalOptions {
    /// Returns options for a daemon of today.
    pub fn new(platform: Platform, local_unique_id: impl Into<String>) -> Self {
        Self {
            platform,
            constraints: Constraints::default(),
            local_unique_id: local_unique_id.into(),
            default_path: DefaultPath::Daemon,
        }
    }
}

/// How exec ops without `PATH` get one (`client/llb/exec.go`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DefaultPath {
    /// By the daemon, which says that it can (`exec.meta.setsdefaultpath`).
    #[default]
    Daemon,
    /// By the op, for a daemon that says it cannot. Windows gets none.
    Op,
    /// Not at all: what the daemon can do is unknown.
    Unknown,
}

/// Why a graph cannot be marshalled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MarshalError {
    /// A source has an empty identifier.
    #[error("{step}: the source has no identifier")]
    EmptyIdentifier {
        /// Which step.
        step: String,
    },
}

impl Graph {
    /// Returns the definition of an output: the ops that it needs, and no others, in the order in which
    /// BuildKit's own client writes them.
    ///
    /// Ops that are encoded the same appear once; their metadata is merged, and their locations are
    /// listed one after the other. The definition of scratch has no ops.
    ///
    /// # Errors
    ///
    /// [`MarshalError`] if one of the ops is incomplete.
    pub fn marshal(
        &self,
        _output: Output,
        _options: &MarshalOptions,
    ) -> Result<Definition, MarshalError> {
        todo!()
    }
}
