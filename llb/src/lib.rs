//! BuildKit LLB graphs with the byte-exact deterministic encoding of BuildKit's Go client.
//!
//! LLB is what `buildkitd` builds: a graph of ops that fetch sources, run commands and change files. This
//! crate builds such graphs, encodes them, and shows them to people. It does nothing else: no I/O, no
//! clock, no environment, no randomness. Equal calls give equal bytes.
//!
//! # A graph
//!
//! Ops are added to a [`Graph`], sources first. What an op yields is an [`Output`], a small handle that
//! later ops refer to, so a graph cannot have cycles. The empty file system is [`Output::SCRATCH`]. What
//! surrounds an op stands in its [`Constraints`]: platform, name of the step, cache settings, lines of
//! the source file.
//!
//! ```
//! use llb::{
//!     CacheSharing, Constraints, CopyAction, ExecOp, FileOp, Graph, ImageSource, LocalSource,
//!     MarshalOptions, Mount, Output, Platform,
//! };
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut graph = Graph::new();
//! let rust = graph.source(ImageSource::new("rust:1.95"), Constraints::named("FROM rust"));
//! let context =
//!     LocalSource::new("context").with_session_id("session").with_exclude_patterns(["target"]);
//! let context = graph.source(context, Constraints::named("load build context"));
//!
//! // COPY . /src
//! let mut copy = FileOp::new(rust);
//! copy.push(
//!     CopyAction::new(context, "/", "/src/").with_dir_contents_only(true).with_create_dest_path(true),
//! );
//! let sources = graph.file(copy, Constraints::named("COPY . /src"));
//!
//! // RUN --mount=type=cache,target=/src/target cargo install --path . --root /out
//! let build = ExecOp::new(sources, ["cargo", "install", "--path", ".", "--root", "/out"])
//!     .with_cwd("/src")
//!     .with_mounts([
//!         Mount::cache("/src/target", "target", CacheSharing::Locked),
//!         Mount::bind("/out", Output::SCRATCH),
//!     ]);
//! let built = graph.exec(build, Constraints::named("RUN cargo install"));
//! let out = built.mounts[1].expect("a writable bind mount has a result");
//!
//! let options = MarshalOptions::new(Platform::new("linux", "amd64"), "unique-id");
//! let definition = graph.marshal(out, &options)?;
//! assert_eq!(definition.ops.len(), 5); // the last one only names the result
//! print!("{}", definition.to_tree()?);
//! let bytes = definition.encode(); // for `buildctl build`
//! # assert_eq!(llb::Definition::decode(&bytes)?.encode(), bytes);
//! # Ok(())
//! # }
//! ```
//!
//! # Looking at a graph
//!
//! [`Graph::get`] gives the op of an output, [`Graph::inputs`] what it reads, [`Graph::walk`] all ops that an output
//! needs, inputs first, and [`Graph::bases`] what its layers begin with. An output of another graph finds nothing,
//! and an op that uses one is refused by [`Graph::marshal`]; no method panics because of what it is given.
//!
//! # A definition
//!
//! [`Graph::marshal`] gives a [`Definition`] of one output: the ops that it needs, encoded, each with its
//! [`Digest`]. Daemons recompute digests, look metadata and source locations up by them, and share cached
//! results between graphs through them, so the encoding has to be that of Go's deterministic mode to the
//! byte: fields outside of oneofs first, then oneofs; both fields of every map entry; constraints even if
//! they are empty. It is, for every op and attribute that BuildKit 0.32 knows; the tests compare with what
//! the Go client writes.
//!
//! A definition is sent as [bytes](Definition::encode) or, with the feature `proto`, as the message that clients of
//! the daemon made with `bollard-buildkit-proto` take (`Definition::to_pb`); it is shown with
//! [`to_json`](Definition::to_json) (as `buildctl debug dump-llb` prints it),
//! [`to_tree`](Definition::to_tree) and [`to_dot`](Definition::to_dot). [`Definition::decode`] reads
//! definitions of any origin, for showing.
//!
//! # Features
//!
//! None is needed, and the API is made of this crate's types and those of the standard library alone. What converts
//! from and into types of other crates, which have no stable version yet, is behind a feature each:
//!
//! - `proto`: [`Definition`]s as messages of `bollard-buildkit-proto`, which is exported as `pb` then.
//! - `smol-str`: [`Text`]s from and into `smol_str::SmolStr`.
//!
//! # Names
//!
//! Names are those of BuildKit: `client/llb` and `solver/pb` in its repository say more about what each
//! op means to the daemon. Where this crate follows a rule that is the client's own, the place is named.
#![warn(missing_docs)]

mod caps;
mod constraints;
mod definition;
mod digest;
mod dump;
mod fault;
mod field;
mod graph;
mod identity;
mod marshal;
mod message;
pub mod op;
pub mod path;
mod platform;
#[cfg(feature = "proto")]
mod proto;
mod setters;
mod source_map;
mod text;
mod walk;
mod wire;

#[cfg(feature = "proto")]
pub use bollard_buildkit_proto::pb;
pub use caps::CapSet;
pub use constraints::{CUSTOM_NAME, Constraints, Description, LinuxResources, OpMetadata, ProgressGroup};
pub use definition::{DecodeError, Definition, DefinitionOp, InvalidMessage, SourceLocation};
pub use digest::{Digest, InvalidDigest};
pub use fault::{Fault, MarshalError};
pub use graph::{Executed, Graph, Output};
pub use marshal::{DefaultPath, MarshalOptions};
pub use op::Op;
pub use op::build::BuildOp;
pub use op::diff::DiffOp;
pub use op::exec::{
    CacheSharing, ContentCache, Device, EnvVar, ExecOp, HostIp, Mount, MountKind, Network, ProxyEnv, Secret,
    Security, SshAgent, Ulimit,
};
pub use op::file::{
    ActionId, Chmod, CopyAction, CopyFrom, FileAction, FileOp, MkdirAction, MkfileAction, Owner, Parent,
    RmAction, SymlinkAction, UserRef,
};
pub use op::merge::MergeOp;
pub use op::passthrough::{PassthroughInput, PassthroughOp};
pub use op::source::{
    BlobSource, BlobStore, BundleStore, Differ, GitSource, HttpHeaders, HttpSignature, HttpSource,
    ImageSource, LocalSource, OciLayoutSource, RawSource, ResolveMode, SourceOp,
};
pub use platform::Platform;
pub use source_map::{Location, Position, Range, SourceMap, SourceMapId};
pub use text::Text;

// The code in the README is compiled and run with the documentation's.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
