//! What a proxy serves, to whom and within which limits.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::image::Reference;
use crate::registry::{Authenticator, Host, HostError};
use crate::secret::Secret;

/// The settings of one proxy.
#[derive(Debug)]
pub struct Config {
    /// The repositories that can be reached, by their name at this proxy (`/v2/NAME/…`).
    pub aliases: BTreeMap<String, Alias>,
    /// The pull-through mirror (`?ns=HOST`); none if there is no mirror.
    pub mirror: Option<Mirror>,
    /// The tokens that clients have to send.
    pub access_tokens: AccessTokens,
    /// Bounds on what clients may take.
    pub limits: Limits,
    /// Is told how far uploads are.
    pub uploads: Option<Arc<dyn UploadObserver>>,
}

/// Is told how far the uploads of blobs are.
pub trait UploadObserver: std::fmt::Debug + Send + Sync {
    /// Takes note that `bytes` of the blob `digest` have come from the client so far, of `total` where their number is
    /// known. It must not wait.
    fn uploaded(&self, digest: &str, bytes: u64, total: Option<u64>);
}

/// The tokens that clients have to send: the password of Basic authentication, with any user name.
///
/// With both tokens, reads need either one and writes need the push token. The read token alone is for both. The push token
/// alone leaves reads open. Without any token, every process on this machine may read and write.
#[derive(Clone, Debug, Default)]
pub struct AccessTokens {
    /// Lets its holder read.
    pub read: Option<Secret>,
    /// Lets its holder read and write.
    pub push: Option<Secret>,
}

/// A repository at a registry, behind a name at the proxy.
#[derive(Clone, Debug)]
pub struct Alias {
    /// The registry, as references name it (`docker.io` means Docker Hub).
    pub host: Host,
    /// The repository's name at the registry, such as `library/alpine`.
    pub repository: String,
    /// The reference that replaces a requested tag.
    pub pin: Pin,
    /// What clients may do.
    pub rights: Rights,
    /// The credentials. Aliases that share them share tokens.
    pub auth: Arc<Authenticator>,
}

impl Alias {
    /// An alias of the repository of `reference`, whose digest, or else tag, replaces requested tags.
    ///
    /// # Errors
    /// [`HostError`] if its domain is no registry host.
    pub fn new(reference: &Reference, rights: Rights, auth: Arc<Authenticator>) -> Result<Self, HostError> {
        let pin = match (reference.digest(), reference.tag()) {
            (Some(digest), _) => Pin::Digest(digest.to_owned()),
            (None, Some(tag)) => Pin::Tag(tag.to_owned()),
            (None, None) => Pin::AsRequested,
        };
        let host = Host::parse(reference.domain())?;
        Ok(Self { host, repository: reference.path().to_owned(), pin, rights, auth })
    }
}

/// The reference that replaces a requested tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pin {
    /// This tag, whatever the request says.
    Tag(String),
    /// This digest, whatever the request says.
    Digest(String),
    /// The tag that was requested.
    AsRequested,
}

/// What clients may do with a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rights {
    /// Read manifests and blobs, and mount from it.
    pub pull: bool,
    /// Upload blobs and write manifests.
    pub push: bool,
}

impl Rights {
    /// Reading only.
    pub const PULL: Self = Self { pull: true, push: false };
    /// Reading and writing.
    pub const PULL_PUSH: Self = Self { pull: true, push: true };
}

/// A read-only mirror of any registry that may be reached.
#[derive(Clone, Debug)]
pub struct Mirror {
    /// The credentials, made by [`Authenticator::for_clients`]: hosts with credentials may have any
    /// address, all others public ones only.
    pub auth: Arc<Authenticator>,
}

/// Bounds on what clients may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most connections that are admitted: those with a token, where there are tokens. For a further one an idle one
    /// is evicted, or it waits.
    pub connections: usize,
    /// The most connections that are not admitted yet; for a further one the oldest is evicted.
    pub unadmitted_connections: usize,
    /// How long a connection may stay unadmitted.
    pub admission_timeout: Duration,
    /// The most bytes of a request line and its headers.
    pub head_bytes: usize,
    /// How long a client may take for a request line and its headers, or stay idle between requests.
    pub head_timeout: Duration,
    /// How long a body may make no progress, in either direction; and how long a body that is read into memory may take
    /// if little of it comes.
    pub stall_timeout: Duration,
    /// Bytes of request bodies held in memory at once, over all requests, so that they can be sent again.
    /// While they are in use, further bodies wait; after `stall_timeout` they are streamed and not sent again.
    pub buffer_bytes: usize,
    /// How long active requests and started uploads may take when the proxy is stopped.
    pub drain_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 512,
            unadmitted_connections: 256,
            admission_timeout: Duration::from_secs(10),
            head_bytes: 32 * 1024,
            head_timeout: Duration::from_mins(1),
            stall_timeout: Duration::from_mins(2),
            // Twice as much is taken in the worst case, since what is freed is not always used again at once.
            buffer_bytes: 8 * 1024 * 1024,
            drain_timeout: Duration::from_mins(5),
        }
    }
}
