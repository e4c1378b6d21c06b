//! Decides what may be done, and with which repository it really is done.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::{HeaderValue, Method, Response, header};

use crate::http::body::{Body, full_body};
use crate::registry::{AddressPolicy, Authenticator, Host, Scopes};

use super::exchange::{Inbound, Layer};
use super::route::{Resource, Route, Routed};
use crate::proxy::config::{Alias, Mirror, Pin};
use crate::proxy::error::ProxyError;
use crate::proxy::names::{Digest, Reference};

/// Holds the rights: an alias leads to its repository, and nothing else leads anywhere.
#[derive(Debug)]
pub(crate) struct Authorise<S> {
    pub(crate) aliases: BTreeMap<String, Alias>,
    pub(crate) mirror: Option<Mirror>,
    pub(crate) inner: S,
}

/// A request that may be made. Only this layer makes one.
#[derive(Debug)]
pub(crate) struct Permitted {
    pub(crate) inbound: Inbound,
    /// The name that the client used.
    pub(crate) name: String,
    pub(crate) upstream: Upstream,
    pub(crate) action: Action,
}

/// The repository that a request really is about.
#[derive(Clone, Debug)]
pub(crate) struct Upstream {
    /// The host that serves the API.
    pub(crate) host: Host,
    pub(crate) repository: String,
    pub(crate) address_policy: AddressPolicy,
    pub(crate) auth: Arc<Authenticator>,
}

/// What is done with the repository.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// GET or HEAD of `manifests/…` or `blobs/…`.
    Read(String),
    /// PUT of a manifest under this reference; the client named it so.
    WriteManifest { reference: String, requested: String },
    /// POST of an upload, with a blob to mount and the real repository that has it.
    StartUpload { mount: Option<(Digest, String)>, digest: Option<Digest> },
    /// A step of an upload that was handed out.
    Upload { id: String, digest: Option<Digest> },
}

impl Action {
    /// What a token for it has to allow.
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

impl<S: Layer<Permitted>> Layer<Routed> for Authorise<S> {
    async fn call(&self, routed: Routed) -> Result<Response<Body>, ProxyError> {
        let Routed { inbound, route } = routed;
        match route {
            Route::Base => Ok(base_answer()),
            Route::Repository { name, mirror: Some(host), resource } => {
                inbound.facts.note_mirror(host.as_str(), resource.kind());
                let (upstream, action) = self.mirrored(&host, name.clone(), resource)?;
                self.inner.call(Permitted { inbound, name, upstream, action }).await
            }
            Route::Repository { name, mirror: None, resource } => {
                let alias = self.aliases.get(&name).ok_or_else(|| ProxyError::UnknownName(name.clone()))?;
                inbound.facts.note_route(&name, resource.kind());
                let action = self.action(&inbound.head.method, alias, resource)?;
                self.inner.call(Permitted { inbound, name, upstream: upstream(alias), action }).await
            }
        }
    }
}

impl<S> Authorise<S> {
    fn mirrored(
        &self,
        host: &Host,
        repository: String,
        resource: Resource,
    ) -> Result<(Upstream, Action), ProxyError> {
        let mirror = self.mirror.as_ref().ok_or(ProxyError::Denied("mirroring other registries"))?;
        let path = match resource {
            Resource::Manifest(reference) => format!("manifests/{}", reference.as_str()),
            Resource::Blob(digest) => format!("blobs/{digest}"),
            Resource::StartUpload { .. } | Resource::Upload { .. } => {
                return Err(ProxyError::Denied("writing to a mirrored registry"));
            }
        };
        let host = host.endpoint();
        let (address_policy, auth) = (mirror.auth.address_policy(&host), mirror.auth.clone());
        Ok((Upstream { host, repository, address_policy, auth }, Action::Read(path)))
    }

    fn action(&self, method: &Method, alias: &Alias, resource: Resource) -> Result<Action, ProxyError> {
        let reads = matches!(*method, Method::GET | Method::HEAD) && resource.kind() != "uploads";
        if reads && !alias.rights.pull {
            return Err(ProxyError::Denied("pulling from this repository"));
        }
        if !reads && !alias.rights.push {
            return Err(ProxyError::Denied("pushing to this repository"));
        }
        Ok(match resource {
            Resource::Manifest(requested) if reads => {
                Action::Read(format!("manifests/{}", real_reference(alias, &requested)))
            }
            Resource::Manifest(requested) => {
                if alias.pin == Pin::AsRequested && requested.is_referrers_tag() {
                    return Err(ProxyError::Denied("writing referrers"));
                }
                let reference = real_reference(alias, &requested).to_owned();
                Action::WriteManifest { reference, requested: requested.as_str().to_owned() }
            }
            Resource::Blob(digest) => Action::Read(format!("blobs/{digest}")),
            Resource::StartUpload { mount, digest } => {
                Action::StartUpload { mount: self.mount(alias, mount), digest }
            }
            Resource::Upload { id, digest } => Action::Upload { id, digest },
        })
    }

    /// The mount with the real repository in it, if that is an alias at the same registry which may be
    /// read. Any other is left out, so that the upload begins as an ordinary one: a registry may decline
    /// a mount (…/spec.md#mounting-a-blob-from-another-repository), and one without a source could reach
    /// into every repository that the credentials can read.
    fn mount(&self, to: &Alias, mount: Option<(Digest, Option<String>)>) -> Option<(Digest, String)> {
        let (digest, from) = mount?;
        let from = self.aliases.get(&from?)?;
        let same_registry = from.host.endpoint() == to.host.endpoint();
        (from.rights.pull && same_registry).then(|| (digest, from.repository.clone()))
    }
}

fn upstream(alias: &Alias) -> Upstream {
    let host = alias.host.endpoint();
    let address_policy = alias.auth.address_policy(&host);
    Upstream { host, repository: alias.repository.clone(), address_policy, auth: alias.auth.clone() }
}

/// A tag is forced to the alias's own; a digest is left alone, so that indexes work.
fn real_reference<'a>(alias: &'a Alias, requested: &'a Reference) -> &'a str {
    match (&alias.pin, requested) {
        (Pin::Tag(own) | Pin::Digest(own), Reference::Tag(_)) => own,
        _ => requested.as_str(),
    }
}

/// `GET /v2/`: the API is spoken here.
fn base_answer() -> Response<Body> {
    let mut response = Response::new(full_body("{}"));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert("docker-distribution-api-version", HeaderValue::from_static("registry/2.0"));
    response
}
