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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::proxy::config::Rights;
    use crate::registry::{AddressPolicy, Authenticator, Credentials, Transport, TransportConfig};

    const PUSH_ONLY: Rights = Rights { pull: false, push: true };

    /// A layer with one alias for each way to reach `REGISTRY/team/NAME`.
    fn layer() -> RepositoryAuthorization<()> {
        let transport = Arc::new(Transport::new(&TransportConfig::default()).unwrap());
        let auth = Arc::new(Authenticator::for_clients(transport, Credentials::default()));
        let alias = |name: &str, registry: &str, pin, rights| {
            let (host, repository) = (Host::parse(registry).unwrap(), format!("team/{name}"));
            (name.to_owned(), Alias { host, repository, pin, rights, auth: auth.clone() })
        };
        let aliases = [
            alias("base", "r.example", Pin::Digest(digest('b').to_string()), Rights::PULL),
            alias("target", "r.example", Pin::Tag("two".into()), Rights::PULL_PUSH),
            alias("any", "r.example", Pin::AsRequested, Rights::PULL_PUSH),
            alias("inbox", "r.example", Pin::AsRequested, PUSH_ONLY),
            alias("hub", "docker.io", Pin::AsRequested, Rights::PULL),
        ];
        RepositoryAuthorization { aliases: aliases.into(), mirror: Some(Mirror { auth }), inner: () }
    }

    fn digest(hex: char) -> Digest {
        Digest::parse(&format!("sha256:{}", hex.to_string().repeat(64))).unwrap()
    }

    fn manifest(text: &str) -> Resource {
        Resource::Manifest(ManifestReference::parse(text).unwrap())
    }

    fn action(method: &Method, alias: &str, resource: Resource) -> Result<Action, ProxyError> {
        let layer = layer();
        layer.action(method, &layer.aliases[alias], resource)
    }

    #[test]
    fn a_tag_is_replaced_by_that_of_the_alias_and_a_digest_stays() {
        let own = digest('a').to_string();
        for (alias, requested, want) in [
            ("base", "latest", digest('b').as_str()),
            ("base", &own, &own),
            ("target", "latest", "two"),
            ("target", &own, &own),
            ("any", "latest", "latest"),
            ("any", &own, &own),
        ] {
            let read = action(&Method::GET, alias, manifest(requested)).unwrap();
            assert_eq!(read, Action::Read(format!("manifests/{want}")), "{alias} {requested}");
            if alias != "base" {
                let written = action(&Method::PUT, alias, manifest(requested)).unwrap();
                let (reference, requested) = (want.to_owned(), requested.to_owned());
                assert_eq!(written, Action::WriteManifest { reference, requested }, "{alias}");
            }
        }
    }

    #[test]
    fn reads_need_the_right_to_pull_and_all_else_that_to_push() {
        let start = || Resource::StartUpload { mount: None, digest: None };
        let upload = || Resource::Upload { id: "x".into(), digest: None };
        for (alias, may_read, may_write) in
            [("base", true, false), ("target", true, true), ("inbox", false, true)]
        {
            let may = |method: Method, resource| match action(&method, alias, resource) {
                Ok(_) => true,
                Err(ProxyError::Denied(_)) => false,
                Err(other) => panic!("{other}"),
            };
            for method in [Method::GET, Method::HEAD] {
                assert_eq!(may(method.clone(), manifest("latest")), may_read, "{alias}");
                assert_eq!(may(method, Resource::Blob(digest('a'))), may_read, "{alias}");
            }
            assert_eq!(may(Method::PUT, manifest("latest")), may_write, "{alias}");
            assert_eq!(may(Method::POST, start()), may_write, "{alias}");
            // The state of an upload is for those who may push.
            assert_eq!(may(Method::GET, upload()), may_write, "{alias}");
        }
    }

    #[test]
    fn referrers_are_not_written_under_a_requested_tag() {
        let tag = format!("sha256-{}", "a".repeat(64));
        assert!(matches!(action(&Method::PUT, "any", manifest(&tag)), Err(ProxyError::Denied(_))));
        // Here the alias's own tag is written.
        assert!(action(&Method::PUT, "target", manifest(&tag)).is_ok());
        assert!(action(&Method::PUT, "any", manifest("sha256-short")).is_ok());
    }

    #[test]
    fn a_blob_is_mounted_from_a_readable_alias_of_the_same_registry_only() {
        let layer = layer();
        for (from, want) in [
            (Some("base"), Some("team/base")),
            (Some("any"), Some("team/any")),
            (Some("inbox"), None),
            (Some("hub"), None),
            (Some("unknown"), None),
            (None, None),
        ] {
            let mount = Some((digest('a'), from.map(ToOwned::to_owned)));
            let mounted = layer.mount(&layer.aliases["target"], mount);
            assert_eq!(mounted, want.map(|from| (digest('a'), from.to_owned())), "{from:?}");
        }
    }

    #[test]
    fn an_alias_leads_to_the_host_that_serves_its_registry() {
        let upstream = upstream_repository(&layer().aliases["hub"]);
        assert_eq!((upstream.host.as_str(), &*upstream.repository), ("registry-1.docker.io", "team/hub"));
    }

    #[test]
    fn a_mirror_reads_from_the_host_that_is_asked_for() {
        let mut layer = layer();
        let host = Host::parse("docker.io").unwrap();
        let mirrored = |layer: &RepositoryAuthorization<()>, resource| {
            layer.mirrored(&host, "library/alpine".to_owned(), resource)
        };
        for (resource, want) in [
            (manifest("latest"), "manifests/latest".to_owned()),
            (Resource::Blob(digest('a')), format!("blobs/{}", digest('a'))),
        ] {
            let (upstream, action) = mirrored(&layer, resource).unwrap();
            assert_eq!(action, Action::Read(want));
            assert_eq!(
                (upstream.host.as_str(), &*upstream.repository, upstream.address_policy),
                ("registry-1.docker.io", "library/alpine", AddressPolicy::PublicOnly)
            );
        }
        let upload = Resource::Upload { id: "x".into(), digest: None };
        assert!(matches!(mirrored(&layer, upload), Err(ProxyError::Denied(_))));
        layer.mirror = None;
        assert!(matches!(mirrored(&layer, manifest("latest")), Err(ProxyError::Denied(_))));
    }
}
