//! The session: what the daemon may ask of the client while a build runs.
//!
//! The client serves gRPC over HTTP/2 *inside* one bidirectional call of its own connection. Services:
//! file sync, file receive (exports), registry credentials, secrets, SSH agents and health.

mod auth;
mod secret;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

pub use auth::{CredentialProvider, Credentials};
pub use secret::SecretBytes;

/// Everything that a session serves.
#[derive(Clone, Default)]
pub struct SessionOptions {
    /// Names the snapshots of local folders that later sessions may reuse; may be empty.
    pub shared_key: String,
    /// Local folders by the name of their local source, such as `context` and `dockerfile`.
    pub local_dirs: BTreeMap<String, PathBuf>,
    /// Who knows the registries' credentials; without it everything is anonymous.
    pub credentials: Option<Arc<dyn CredentialProvider>>,
    /// Build secrets by id, at most 500 KiB each.
    pub secrets: BTreeMap<String, SecretBytes>,
    /// Sockets of SSH agents by id.
    pub ssh_agents: BTreeMap<String, PathBuf>,
}

impl fmt::Debug for SessionOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionOptions")
            .field("shared_key", &self.shared_key)
            .field("local_dirs", &self.local_dirs)
            .field("credentials", &self.credentials.is_some())
            .field("secrets", &self.secrets)
            .field("ssh_agents", &self.ssh_agents)
            .finish()
    }
}

/// Why a session ended or could not begin.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The daemon refused the session or ended it.
    #[error("buildkitd ended the session")]
    Ended(#[source] Option<Box<tonic::Status>>),
    /// An SSH agent was asked for that is not there.
    #[error(
        "the SSH agent {id:?} at {path} is not a socket; start an agent with ssh-agent and add the key with ssh-add"
    )]
    NotAnAgent {
        /// The agent's id.
        id: String,
        /// Its socket's path as given.
        path: String,
    },
}
