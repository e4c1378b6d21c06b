//! The BuildKit client: one connection to buildkitd, the client-side gateway build, the session that
//! serves files, credentials, secrets and agents to the daemon, and a supervised local daemon.
//!
//! A build is one call of [`Client::build`]: it opens the session, starts the solve, follows the
//! status stream and hands a [`Gateway`] to the caller's function, whose result becomes the result of
//! the build.

mod address;
mod cache;
mod client;
mod connect;
pub mod daemon;
mod error;
mod gateway;
mod history;
mod recent_lines;
mod request;
mod result;
pub mod session;
mod solve;

pub use address::{Address, AddressError, HelperAddress, TlsOptions};
pub use cache::{CacheRecord, PruneOptions};
pub use client::Client;
pub use connect::HelperEnd;
pub use daemon::{Daemon, DaemonError, DaemonOptions};
pub use error::{BuildError, DaemonFailure, Error, GatewayFailure, LineRange, SourceLocation};
pub use gateway::{FileRange, Gateway, ImageQuery, ResolvedImage, ResultReference, SolveOptions, Warning};
pub use history::Provenance;
pub use request::{BuildOutcome, BuildRequest, CacheEntry, Export, ExportTarget};
pub use result::{BuildResult, PlatformEntry, platforms_metadata};
pub use session::{
    BearerToken, CredentialProvider, CredentialRefusal, Credentials, ExportFolder, FileFacts, LeftOut,
    ListedFile, SentFiles, SentFolder, SessionOptions, SpecialFiles, SshAgent, SshKey, SshKeyError, Upload,
};

/// The messages of BuildKit's API, under the names that this project uses for them.
pub mod proto {
    pub use bollard_buildkit_proto::fsutil::types as fsutil;
    pub use bollard_buildkit_proto::google::{protobuf, rpc};
    pub use bollard_buildkit_proto::moby::buildkit::v1 as control;
    pub use bollard_buildkit_proto::moby::buildkit::v1::{frontend, sourcepolicy, types};
    pub use bollard_buildkit_proto::pb;
}

/// The largest message, in bytes, that either side of any connection accepts: BuildKit's own limit.
///
/// Source: `util/grpcutil` and `session/grpc.go` in BuildKit (16 MiB); the margin leaves room for the
/// framing of a message that is exactly that large.
pub(crate) const MAX_MESSAGE_BYTES: usize = 17 << 20;

/// What one stream may have under way towards us, in bytes.
pub(crate) const STREAM_WINDOW_BYTES: u32 = 4 << 20;

/// What all streams of a connection may have under way towards us, in bytes.
///
/// The windows of the streams bound the memory. This one only has to be large: h2 ends a connection with
/// `ENHANCE_YOUR_CALM` when the unread frames below 256 bytes are more than half of this window holds at 256
/// bytes each, and a folder of many small files brings tens of thousands of requests of a dozen bytes at once.
pub(crate) const CONNECTION_WINDOW_BYTES: u32 = 256 << 20;

/// The longest list of headers or trailers, in bytes: grpc-go's own limit.
///
/// The patterns of a whole ignore file arrive in one list of headers, the details of an error in one list of
/// trailers. The frames must stay at their default of 16 KiB: Go cuts header blocks to that size whatever it
/// is told, and h2 derives from both numbers how many pieces it takes before it ends the connection.
pub(crate) const HEADER_LIST_BYTES: u32 = 16 << 20;
