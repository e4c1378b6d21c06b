//! The use case `bob build`: the only place where pure code meets I/O.
//!
//! [`build`] is plain mode and [`build_workspace`] workspace mode. Both find or start a buildkitd
//! (`builder`), open the ways to the registries (`route`), and run one build (`run`) whose function
//! converts a Dockerfile (`dockerfile`, `convert`, `resolve`) or copies an image (`workspace_image`).
//! What went wrong is put into words by `explain`, `judge` and `failure`.

mod base_images;
mod builder;
mod cache;
pub mod convert;
mod copy;
mod csv;
mod dockerfile;
mod explain;
mod failure;
mod files;
mod grants;
mod graph;
mod image_graph;
mod interrupt;
mod judge;
mod logins;
mod manifest;
mod mount;
mod output;
mod plain;
mod rename;
mod resolve;
mod results;
mod route;
mod run;
mod secret;
mod serve;
mod state;
mod workspace_image;

pub use builder::{Builder, DaemonChoice, NoBuilder, OwnDaemon, usual_addresses};
pub use cache::parse as parse_cache;
pub use csv::ValueError;
pub use failure::{Error, StepFailure};
pub use files::{WriteError, check_writable};
pub use graph::{GraphBuild, graph};
pub use interrupt::Interrupts;
pub use logins::DockerLogins;
pub use output::{Output, OutputError, annotations};
pub use plain::{PlainBuild, build};
pub use results::Results;
pub use route::{PushVia, UnknownWay};
pub use secret::{Lookup, SecretError, secrets, ssh_agents};
pub use serve::{Service, serve};
pub(crate) use state::is_trusted_socket;
pub use state::{StateError, StateFolder};
pub use workspace_image::{WorkspaceBuild, build_workspace};

pub use crate::buildkit::{Address, CacheEntry, TlsOptions};
pub use crate::progress::Mode as ProgressMode;
