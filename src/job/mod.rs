//! One job from request to result: the only place where pure code meets I/O.
//!
//! [`build`] builds outside of a workspace, [`build_workspace`] in one, [`graph`] makes a graph only and [`serve`]
//! keeps a daemon with a warm cache (`modes`). Each finds or starts a buildkitd (`daemon`), opens the routes to the
//! registries (`push`), and runs one build (`run`) whose function converts a Dockerfile (`dockerfile`, `lookup`) or
//! copies an image. What is left of it is `result`'s; what went wrong is put into words by `report`.

mod daemon;
mod dockerfile;
mod interrupt;
pub mod lookup;
mod modes;
mod push;
mod report;
mod result;
mod run;
mod session;

pub use daemon::builder::{Builder, DaemonChoice, NoBuilder, OwnDaemon, usual_addresses};
pub(crate) use daemon::state::is_trusted_socket;
pub use daemon::state::{StateError, StateFolder};
pub use interrupt::Interrupts;
pub use modes::graph::{GraphBuild, graph};
pub use modes::plain::{PlainBuild, build};
pub use modes::warm_up::{Service, serve};
pub use modes::workspace_image::{WorkspaceBuild, build_workspace};
pub use push::routes::{PushVia, UnknownWay};
pub use report::failure::{Error, StepFailure};
pub use result::metadata::Results;
pub use result::output::{Destination, Exporter, Output};
pub use result::staged::OutputError;
pub use result::whole_files::{WriteError, check_writable};
pub use session::logins::DockerLogins;
pub use session::secrets::{Lookup, SecretError, SecretSource, agent_socket, read_secret};

pub use crate::buildkit::{Address, AddressError, CacheEntry, SpecialFiles, TlsOptions};
pub use crate::progress::Mode as ProgressMode;
