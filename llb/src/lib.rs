//! BuildKit LLB graphs with the byte-exact deterministic encoding of BuildKit's Go client.
//!
//! LLB is what `buildkitd` builds: a graph of ops that fetch sources, run commands and change files.
#![warn(missing_docs)]

mod caps;
mod constraints;
mod definition;
mod digest;
mod dump;
mod graph;
mod marshal;
mod message;
pub mod op;
mod path;
mod platform;
mod source_map;
mod wire;

pub use bollard_buildkit_proto::pb;
pub use caps::CapSet;
pub use constraints::{CUSTOM_NAME, Constraints, LinuxResources, OpMetadata, ProgressGroup};
pub use definition::{DecodeError, Definition, DefinitionOp};
pub use digest::{Digest, InvalidDigest};
pub use graph::{Executed, Graph, Output};
pub use marshal::{DefaultPath, Fault, MarshalError, MarshalOptions};
pub use op::Op;
pub use op::build::BuildOp;
pub use op::diff::DiffOp;
pub use op::exec::{
    CacheSharing, ContentCache, Device, ExecOp, HostIp, Mount, MountKind, Network, ProxyEnv,
    Secret, Security, SshAgent, Ulimit,
};
pub use op::file::{
    ActionId, Chmod, CopyAction, CopyFrom, FileAction, FileOp, MkdirAction, MkfileAction, Owner,
    Parent, RmAction, SymlinkAction, UserRef,
};
pub use op::merge::MergeOp;
pub use op::passthrough::{PassthroughInput, PassthroughOp};
pub use op::source::{
    BlobSource, BlobStore, BundleStore, Differ, GitSource, HttpHeaders, HttpSignature, HttpSource,
    ImageSource, LocalSource, OciLayoutSource, RawSource, ResolveMode, SourceOp,
};
pub use platform::Platform;
pub use source_map::{Location, Position, Range, SourceMap, SourceMapId};
