//! What a proxy serves, to whom and within which limits.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::image::Reference;
use crate::registry::{Authenticator, Host, HostError, Secret};

/// What one proxy serves.
#[derive(Debug)]
pub struct Config {
    /// The repositories that can be reached, by the name that they have here (`/v2/NAME/…`).
    pub aliases: BTreeMap<String, Alias>,
    /// The pull-through mirror (`?ns=HOST`); none if there is no mirror.
    pub mirror: Option<Mirror>,
    /// What clients have to know.
    pub access_tokens: AccessTokens,
    /// Bounds on what clients may take.
    pub limits: Limits,
}

/// What clients have to know: the password of Basic authentication, with any user name.
///
/// With both tokens, reading takes either one and writing takes the push token. The reading one alone serves both;
/// the push token alone leaves reading open; without any, anybody on this machine may do everything.
#[derive(Clone, Debug, Default)]
pub struct AccessTokens {
    /// Lets its holder read.
    pub read: Option<Secret>,
    /// Lets its holder read and write.
    pub push: Option<Secret>,
}

/// A repository behind a name of the proxy's.
#[derive(Clone, Debug)]
pub struct Alias {
    /// The registry, as references name it (`docker.io` means Docker Hub).
    pub host: Host,
    /// The repository's name at the registry, such as `library/alpine`.
    pub repository: String,
    /// What a request for a tag gets.
    pub pin: Pin,
    /// What clients may do.
    pub rights: Rights,
    /// The credentials. Aliases that share them share tokens.
    pub auth: Arc<Authenticator>,
}

impl Alias {
    /// The repository of `reference`: its digest, or else its tag, is what requests for a tag get.
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

/// What a request for a tag gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pin {
    /// This tag, whatever the request says.
    Tag(String),
    /// This digest, whatever the request says.
    Digest(String),
    /// The tag that the request says.
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
    /// Connections at once of those that have been let in: with a token, where there are tokens. Further ones take
    /// the place of one that is idle, or wait.
    pub connections: usize,
    /// Connections at once of those that have not been let in yet; a further one takes the place of the oldest.
    pub newcomers: usize,
    /// How long a connection may take to be let in.
    pub newcomer_timeout: Duration,
    /// Bytes of a request's line and headers.
    pub head_bytes: usize,
    /// How long a client may take for a request's line and headers, or stay idle between requests.
    pub head_timeout: Duration,
    /// How long a client may let a body rest, in either direction; and how long a body that is kept in memory may
    /// take if next to nothing comes of it.
    pub stall_timeout: Duration,
    /// Bytes of request bodies held in memory at once, over all requests, so that they can be sent again.
    /// While they are in use, further bodies wait; after `stall_timeout` they are streamed and not sent again.
    pub buffer_bytes: usize,
    /// How long requests that are under way may take when the proxy is stopped.
    pub drain_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 512,
            newcomers: 256,
            newcomer_timeout: Duration::from_secs(10),
            head_bytes: 32 * 1024,
            head_timeout: Duration::from_mins(1),
            stall_timeout: Duration::from_mins(2),
            // Twice as much is taken in the worst case, since what is freed is not always used again at once.
            buffer_bytes: 10 * 1024 * 1024,
            drain_timeout: Duration::from_mins(5),
        }
    }
}
