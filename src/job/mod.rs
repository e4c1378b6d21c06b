//! One job from request to result: the only place where pure code meets I/O.
//!
//! [`build`] builds outside of a workspace, [`build_workspace`] in one, [`graph`] makes a graph only and [`serve`]
//! keeps a daemon with a warm cache (`modes`). Each takes a [`Request`] or a part of one (`request`), finds or starts a
//! buildkitd (`daemon`), opens the routes to the registries (`push`), and runs one build (`run`) whose function converts
//! a Dockerfile and has its graph solved (`solve`, `lookup`), or copies an image. What it leaves is `result`'s; a part
//! that fails has its type in `failure`, and `report` makes the [`Error`] of it that the user sees.

mod attestations;
mod build_record;
mod cache;
mod context;
mod daemon;
mod dockerfile_origin;
mod engine;
mod error;
mod failure;
mod frontend_attributes;
pub mod imagetools;
mod interrupt;
pub mod lookup;
mod modes;
mod progress_link;
mod push;
mod read_ahead;
mod report;
mod request;
mod result;
mod run;
mod session;
mod solve;
mod source_policy;

pub use attestations::{Attestations, Checkout, CheckoutError, SbomGenerator};
pub use build_record::{BuildContext, RecordSettings, StoreError, last_build};
pub use context::fetch::{DockerfileSource, FetchFailure};
pub use context::{HEADER_BYTES, LayoutError, OciLayout, is_archive};
pub use daemon::builder::{Builder, DaemonChoice, NoBuilder, OwnDaemon, usual_addresses};
pub use daemon::rendezvous::{BuildSubject, order as order_by_subject};
pub(crate) use daemon::state::is_trusted_socket;
pub use daemon::state::{StateError, StateFolder};
pub use dockerfile_origin::DockerfileOrigin;
pub use engine::{EngineError, EngineSettings};
pub use error::{Error, StepFailure};
pub use failure::{ConversionFailure, LookupFailure};
pub use interrupt::{Interrupts, hang_up};
pub use modes::cache::{disk_usage, prune};
pub use modes::graph::{Inspection, graph, inspect, parse};
pub use modes::plain::{PlainBuild, build};
pub use modes::warm_up::{WarmCache, serve};
pub use modes::workspace_image::{WorkspaceBuild, build_workspace};
pub use push::routes::{PushVia, UnknownPushMethod};
pub use report::registry_message::RegistryMessage;
pub(crate) use report::unused_names::{GivenNames, show_unused_names};
pub(crate) use report::warnings::{show_warnings, warn};
pub(crate) use report::workflow::for_log;
pub use report::workflow::{Place, Workflow};
pub use request::{DockerfileInput, Request};
pub use result::metadata::Results;
pub use result::output::{Destination, Exporter, OldFiles, Output, OutputFolder};
pub use result::prepared::OutputError;
pub use result::provenance::ProvenanceDetail;
pub use result::report_files::{ReportFile, UnknownReportForm};
pub use result::whole_files::{WriteError, check_writable, write as write_whole};
pub use session::docker_proxies::{DockerProxiesError, docker_proxies};
pub use session::logins::DockerLogins;
pub use session::secrets::{Lookup, SecretError, SecretSource, read_secret};
pub use session::ssh_agent::{SshError, SshRequest, ssh_agent};
pub use source_policy::{SourcePolicy, SourcePolicyError};

pub use crate::buildkit::session::DEFAULT_AGENT;
pub use crate::buildkit::{Address, CacheEntry, CacheRecord, PruneOptions, SpecialFiles, TlsOptions, Upload};
pub use crate::progress::{Mode as ProgressMode, write_above};
