//! The route of a request: its target, read strictly, so that every resource has exactly one spelling.
//! (<https://github.com/opencontainers/distribution-spec/blob/main/spec.md#endpoints>)

use http::request::Parts;
use http::{Method, Version};

use crate::http::query::parse_pairs;
use crate::registry::Host;

use super::names::{Digest, ManifestReference, is_repository_name};
use crate::proxy::connection::framing::FramingError;
use crate::proxy::error::ProxyError;

/// What a request is about.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// `/v2/`: whether the registry API is served here.
    Base,
    /// A resource of a repository.
    Repository {
        /// The repository's name in the path.
        name: String,
        /// The registry, where the request asks for a mirror (`?ns=HOST`).
        mirror: Option<Host>,
        /// The resource.
        resource: Resource,
    },
}

/// A resource of a repository, asked for with a method that it has.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Resource {
    /// `manifests/REFERENCE`: GET, HEAD, PUT.
    Manifest(ManifestReference),
    /// `blobs/DIGEST`: GET, HEAD.
    Blob(Digest),
    /// `blobs/uploads/`: POST.
    StartUpload {
        /// A blob to mount, and the repository to mount it from.
        mount: Option<(Digest, Option<String>)>,
        /// The digest, when the request carries the whole blob.
        digest: Option<Digest>,
    },
    /// `blobs/uploads/ID`: GET, PATCH, PUT, DELETE; and POST where a registry redirected one.
    Upload {
        /// The sealed location that the proxy gave the client.
        id: String,
        /// The digest of the whole blob, in the request that completes it.
        digest: Option<Digest>,
    },
}

impl Resource {
    /// The kind of resource, for logs and errors.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::Manifest(_) => "manifests",
            Self::Blob(_) => "blobs",
            Self::StartUpload { .. } | Self::Upload { .. } => "uploads",
        }
    }
}

impl Route {
    /// The route of a request's head.
    ///
    /// # Errors
    /// [`ProxyError`] for a target with a second spelling, and for a resource that is not served here.
    pub(crate) fn of(head: &Parts) -> Result<Self, ProxyError> {
        if head.method.as_str() == FramingError::PLACEHOLDER_METHOD {
            return Err(ProxyError::Framing(FramingError::from_placeholder_path(head.uri.path())));
        }
        // Absolute form and authority form are for forward proxies; hyper passes them on unchanged.
        // (<https://www.rfc-editor.org/rfc/rfc9112#section-3.2>)
        if head.uri.scheme().is_some() || head.uri.authority().is_some() || head.method == Method::CONNECT {
            return Err(ProxyError::Target("the target has to be a path"));
        }
        if !matches!(head.version, Version::HTTP_10 | Version::HTTP_11) {
            return Err(ProxyError::Framing(FramingError::RequestLine));
        }
        let path = head.uri.path();
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"/._-:+=~".contains(&b);
        if !path.starts_with('/') || !path.bytes().all(plain) {
            return Err(ProxyError::Target(
                "a name has characters, or escapes, that the registry API does not use",
            ));
        }
        if path.contains("//") || path.split('/').any(|part| matches!(part, "." | "..")) {
            return Err(ProxyError::Target("the path has empty or dot segments"));
        }
        let query = QueryParameters::parse(head.uri.query().unwrap_or_default())?;
        match path.strip_prefix("/v2") {
            Some("" | "/") => base_route(&head.method),
            Some(rest) if rest.starts_with('/') => repository_route(&head.method, &rest[1..], query),
            _ => Err(ProxyError::NotFound),
        }
    }
}

/// The route of `/v2/`.
fn base_route(method: &Method) -> Result<Route, ProxyError> {
    if matches!(*method, Method::GET | Method::HEAD) {
        Ok(Route::Base)
    } else {
        Err(ProxyError::Method(method.clone(), "/v2/"))
    }
}

/// The route of a path below `/v2/`.
fn repository_route(method: &Method, rest: &str, query: QueryParameters) -> Result<Route, ProxyError> {
    if rest == "_catalog" {
        return Err(ProxyError::Denied("listing repositories"));
    }
    let (name, end) = split_path(rest).ok_or(ProxyError::NotFound)?;
    if !is_repository_name(name) {
        return Err(ProxyError::Target("the repository name is not valid"));
    }
    let resource = match end {
        PathEnd::Manifest(text) => {
            let reference =
                ManifestReference::parse(text).ok_or(ProxyError::Target("not a tag or digest"))?;
            Resource::Manifest(reference)
        }
        PathEnd::Blob(text) => Resource::Blob(Digest::parse(text).ok_or(ProxyError::Target("not a digest"))?),
        PathEnd::StartUpload => Resource::StartUpload {
            mount: query.mount.map(|mount| (mount, query.from)),
            digest: query.digest,
        },
        PathEnd::Upload(id) => Resource::Upload { id: id.to_owned(), digest: query.digest },
        PathEnd::Tags => return Err(ProxyError::Denied("listing tags")),
        PathEnd::Referrers => return Err(ProxyError::Denied("listing referrers")),
    };
    check_method(method, &resource)?;
    let is_read = matches!(*method, Method::GET | Method::HEAD) && resource.kind() != "uploads";
    if query.mirror.is_some() && !is_read {
        return Err(ProxyError::Denied("writing to a mirrored registry"));
    }
    Ok(Route::Repository { name: name.to_owned(), mirror: query.mirror, resource })
}

/// Refuses a method that the resource does not have.
fn check_method(method: &Method, resource: &Resource) -> Result<(), ProxyError> {
    let allowed: &[Method] = match resource {
        Resource::Manifest(_) => &[Method::GET, Method::HEAD, Method::PUT],
        Resource::Blob(_) => &[Method::GET, Method::HEAD],
        Resource::StartUpload { .. } => &[Method::POST],
        Resource::Upload { .. } => &[Method::GET, Method::PATCH, Method::PUT, Method::DELETE, Method::POST],
    };
    if allowed.contains(method) {
        Ok(())
    } else if *method == Method::DELETE {
        Err(ProxyError::Denied("deleting"))
    } else {
        Err(ProxyError::Method(method.clone(), resource.kind()))
    }
}

/// What the last components of a path ask for.
enum PathEnd<'a> {
    Manifest(&'a str),
    Blob(&'a str),
    StartUpload,
    Upload(&'a str),
    Tags,
    Referrers,
}

/// The repository's name and the resource; none if the path names none. The last components name the resource, whatever
/// the name consists of: a repository may be called `manifests`.
fn split_path(rest: &str) -> Option<(&str, PathEnd<'_>)> {
    if let Some(name) = rest.strip_suffix("/blobs/uploads/").or_else(|| rest.strip_suffix("/blobs/uploads")) {
        return Some((name, PathEnd::StartUpload));
    }
    if let Some(name) = rest.strip_suffix("/tags/list") {
        return Some((name, PathEnd::Tags));
    }
    let (before, last) = rest.rsplit_once('/')?;
    if let Some(name) = before.strip_suffix("/blobs/uploads") {
        return Some((name, PathEnd::Upload(last)));
    }
    let (name, kind) = before.rsplit_once('/')?;
    let end = match kind {
        "manifests" => PathEnd::Manifest(last),
        "blobs" => PathEnd::Blob(last),
        "referrers" => PathEnd::Referrers,
        _ => return None,
    };
    Some((name, end))
}

/// The query parameters that the registry API defines. Others are never passed on.
#[derive(Debug, Default)]
struct QueryParameters {
    mirror: Option<Host>,
    mount: Option<Digest>,
    from: Option<String>,
    digest: Option<Digest>,
}

impl QueryParameters {
    fn parse(text: &str) -> Result<Self, ProxyError> {
        let pairs = parse_pairs(text).ok_or(ProxyError::Target("the query has broken escapes"))?;
        let mut query = Self::default();
        let digest = |text: &str| Digest::parse(text).ok_or(ProxyError::Target("not a digest"));
        for (name, value) in pairs {
            let repeated = match name.as_str() {
                "ns" => {
                    let host = Host::parse(&value).map_err(|_| ProxyError::Target("not a registry host"))?;
                    query.mirror.replace(host).is_some()
                }
                "mount" => query.mount.replace(digest(&value)?).is_some(),
                "digest" => query.digest.replace(digest(&value)?).is_some(),
                "from" => query.from.replace(value).is_some(),
                _ => false,
            };
            if repeated {
                return Err(ProxyError::Target("a parameter of the query is repeated"));
            }
        }
        Ok(query)
    }
}

#[cfg(test)]
mod tests;
