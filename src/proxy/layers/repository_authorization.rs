//! Decides which repository a request leads to and whether the rights allow it.

use std::collections::BTreeMap;

use http::{HeaderValue, Method, Response, header};

use crate::http::body::{Body, full_body};
use crate::registry::Host;

use super::Layer;
use super::routing::RoutedRequest;
use crate::proxy::config::{Alias, Mirror, Pin};
use crate::proxy::error::ProxyError;
use crate::proxy::request::ClientRequest;
use crate::proxy::request::action::{Action, UpstreamRepository};
use crate::proxy::request::names::{Digest, ManifestReference};
use crate::proxy::request::route::{Resource, Route};

/// The layer that checks the rights. An alias leads to its repository, a mirror request to the repository that it names;
/// everything else is refused.
#[derive(Debug)]
pub(crate) struct RepositoryAuthorization<S> {
    pub(crate) aliases: BTreeMap<String, Alias>,
    pub(crate) mirror: Option<Mirror>,
    pub(crate) inner: S,
}

/// A request that the rights allow. No other layer makes one.
#[derive(Debug)]
pub(crate) struct AuthorizedRequest {
    pub(crate) request: ClientRequest,
    /// The name that the client used.
    pub(crate) name: String,
    pub(crate) upstream: UpstreamRepository,
    pub(crate) action: Action,
}

impl<S: Layer<AuthorizedRequest>> Layer<RoutedRequest> for RepositoryAuthorization<S> {
    async fn call(&self, routed: RoutedRequest) -> Result<Response<Body>, ProxyError> {
        let RoutedRequest { request, route } = routed;
        match route {
            Route::Base => Ok(base_response()),
            Route::Repository { name, mirror: Some(host), resource } => {
                request.record.note_mirror(host.as_str(), resource.kind());
                let (upstream, action) = self.mirrored(&host, name.clone(), resource)?;
                self.inner.call(AuthorizedRequest { request, name, upstream, action }).await
            }
            Route::Repository { name, mirror: None, resource } => {
                let alias = self.aliases.get(&name).ok_or_else(|| ProxyError::UnknownName(name.clone()))?;
                request.record.note_route(&name, resource.kind());
                let action = self.action(&request.head.method, alias, resource)?;
                self.inner
                    .call(AuthorizedRequest { request, name, upstream: upstream_repository(alias), action })
                    .await
            }
        }
    }
}

impl<S> RepositoryAuthorization<S> {
    /// The repository and action of a request to the mirror.
    fn mirrored(
        &self,
        host: &Host,
        repository: String,
        resource: Resource,
    ) -> Result<(UpstreamRepository, Action), ProxyError> {
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
        Ok((UpstreamRepository { host, repository, address_policy, auth }, Action::Read(path)))
    }

    /// The action of a request to an alias.
    fn action(&self, method: &Method, alias: &Alias, resource: Resource) -> Result<Action, ProxyError> {
        let is_read = matches!(*method, Method::GET | Method::HEAD) && resource.kind() != "uploads";
        if is_read && !alias.rights.pull {
            return Err(ProxyError::Denied("pulling from this repository"));
        }
        if !is_read && !alias.rights.push {
            return Err(ProxyError::Denied("pushing to this repository"));
        }
        Ok(match resource {
            Resource::Manifest(requested) if is_read => {
                Action::Read(format!("manifests/{}", upstream_reference(alias, &requested)))
            }
            Resource::Manifest(requested) => {
                if alias.pin == Pin::AsRequested && requested.is_referrers_tag() {
                    return Err(ProxyError::Denied("writing referrers"));
                }
                let reference = upstream_reference(alias, &requested).to_owned();
                Action::WriteManifest { reference, requested: requested.as_str().to_owned() }
            }
            Resource::Blob(digest) => Action::Read(format!("blobs/{digest}")),
            Resource::StartUpload { mount, digest } => {
                Action::StartUpload { mount: self.mount(alias, mount), digest }
            }
            Resource::Upload { id, digest } => Action::Upload { id, digest },
        })
    }

    /// The blob to mount and the repository behind the alias that has it, if that alias is at the same registry and may
    /// be read. Any other mount is left out, and the upload begins as an ordinary one: a registry may decline a mount,
    /// and a mount without a source could read every repository that the credentials can read.
    /// (<https://github.com/opencontainers/distribution-spec/blob/main/spec.md#mounting-a-blob-from-another-repository>)
    fn mount(&self, to: &Alias, mount: Option<(Digest, Option<String>)>) -> Option<(Digest, String)> {
        let (digest, from) = mount?;
        let from = self.aliases.get(&from?)?;
        let same_registry = from.host.endpoint() == to.host.endpoint();
        (from.rights.pull && same_registry).then(|| (digest, from.repository.clone()))
    }
}

/// The repository behind an alias.
fn upstream_repository(alias: &Alias) -> UpstreamRepository {
    let host = alias.host.endpoint();
    let address_policy = alias.auth.address_policy(&host);
    UpstreamRepository {
        host,
        repository: alias.repository.clone(),
        address_policy,
        auth: alias.auth.clone(),
    }
}

/// The reference at the registry. The alias's own tag or digest replaces a tag; a digest stays, since an index names its
/// manifests by digest.
fn upstream_reference<'a>(alias: &'a Alias, requested: &'a ManifestReference) -> &'a str {
    match (&alias.pin, requested) {
        (Pin::Tag(own) | Pin::Digest(own), ManifestReference::Tag(_)) => own,
        _ => requested.as_str(),
    }
}

/// The response to `GET /v2/`, which says that the registry API is served here.
/// (<https://github.com/opencontainers/distribution-spec/blob/main/spec.md#determining-support>)
fn base_response() -> Response<Body> {
    let mut response = Response::new(full_body("{}"));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert("docker-distribution-api-version", HeaderValue::from_static("registry/2.0"));
    response
}
