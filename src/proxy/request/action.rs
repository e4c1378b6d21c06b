//! What a request does, and with which repository.

use std::sync::Arc;

use crate::registry::{AddressPolicy, Authenticator, Host, Scopes};

use super::names::Digest;

/// A repository at a registry, in place of the name that the client used.
#[derive(Clone, Debug)]
pub(crate) struct UpstreamRepository {
    /// The host that serves the API.
    pub(crate) host: Host,
    /// Its name at the registry, such as `library/alpine`.
    pub(crate) repository: String,
    /// The addresses that the host may have.
    pub(crate) address_policy: AddressPolicy,
    pub(crate) auth: Arc<Authenticator>,
}

/// What a request does with a repository.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// GET or HEAD of this path below the repository: `manifests/…` or `blobs/…`.
    Read(String),
    /// PUT of a manifest under `reference`; the client asked for `requested`.
    WriteManifest { reference: String, requested: String },
    /// POST that starts an upload, with a blob to mount and the repository at the registry that has it.
    StartUpload { mount: Option<(Digest, String)>, digest: Option<Digest> },
    /// A further request of an upload, to the sealed location `id`.
    Upload { id: String, digest: Option<Digest> },
}

impl Action {
    /// The scopes that a token for this action on `repository` needs.
    pub(crate) fn scopes(&self, repository: &str) -> Scopes {
        match self {
            Self::Read(_) => Scopes::pull(repository),
            Self::StartUpload { mount: Some((_, from)), .. } if from != repository => {
                Scopes::push(repository).and(Scopes::pull(from))
            }
            _ => Scopes::push(repository),
        }
    }
}
