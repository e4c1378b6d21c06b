//! Workspace mode: what the control plane asks for in `BOB_*` variables, and the files through which a
//! headless workspace and Bob talk to each other.
//!
//! Only `environment` reads the environment of the process: everything else gets an [`Environment`], and paths below a
//! [`Workspace`] root, so that tests run anywhere. [`variables`] is the table of what can be set.

mod auth;
mod environment;
mod error;
mod linger;
mod log;
mod paths;
mod ready;
#[allow(clippy::disallowed_methods, reason = "changes a bundle and becomes runc")]
pub mod runc;
mod settings;
pub mod variables;

pub use auth::AuthJson;
pub use environment::{Environment, nonempty_process_variable, process_variable};
pub use error::Error;
pub use linger::Linger;
pub use log::{MAX_LOG_BYTES, cut_to_limit, forget_failure, write_failure};
pub use paths::Workspace;
pub use ready::{READY_TIMEOUT, wait_until_ready};
pub use settings::{BaseStep, Settings, cache_images};

/// Makes sure that the process runs as root, which workspace mode needs for buildkitd and its mounts.
///
/// # Errors
/// [`Error::NotRoot`] with the effective user id.
pub fn ensure_root() -> Result<(), Error> {
    let user = rustix::process::geteuid();
    if user.is_root() { Ok(()) } else { Err(Error::NotRoot { uid: user.as_raw() }) }
}
