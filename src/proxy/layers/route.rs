//! Reads the request target: strictly, so that every resource has exactly one spelling.

use http::request::Parts;
use http::{Method, Response, Version};

use crate::http::body::Body;
use crate::http::query::parse_pairs;
use crate::registry::Host;

use super::exchange::{Inbound, Layer};
use crate::proxy::connection::framing::Refusal;
use crate::proxy::error::ProxyError;
use crate::proxy::names::{Digest, Reference, is_name};

/// Turns the request target into a [`Route`].
#[derive(Debug)]
pub(crate) struct Router<S> {
    pub(crate) inner: S,
}

/// A request whose target and method have been read.
#[derive(Debug)]
pub(crate) struct Routed {
    pub(crate) inbound: Inbound,
    pub(crate) route: Route,
}

/// What a request is about.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// `/v2/`: whether the API is spoken here.
    Base,
    /// A resource of a repository.
    Repository {
        /// The name in the path.
        name: String,
        /// The registry, where the request asks for a mirror (`?ns=HOST`).
        mirror: Option<Host>,
        /// The resource.
        resource: Resource,
    },
}

/// A resource of a repository. The method is one that it has.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Resource {
    /// `manifests/REFERENCE`: GET, HEAD, PUT.
    Manifest(Reference),
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
        /// What the proxy handed out.
        id: String,
        /// The digest of the whole, when it is complete.
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

impl<S: Layer<Routed>> Layer<Inbound> for Router<S> {
    async fn call(&self, inbound: Inbound) -> Result<Response<Body>, ProxyError> {
        let route = read(&inbound.head)?;
        self.inner.call(Routed { inbound, route }).await
    }
}

/// The route of a request's head.
fn read(head: &Parts) -> Result<Route, ProxyError> {
    if head.method.as_str() == Refusal::METHOD {
        return Err(ProxyError::Framing(Refusal::from_path(head.uri.path())));
    }
    // Absolute-form and authority-form are for forward proxies; hyper passes them on as they came.
    if head.uri.scheme().is_some() || head.uri.authority().is_some() || head.method == Method::CONNECT {
        return Err(ProxyError::Target("the target has to be a path"));
    }
    if !matches!(head.version, Version::HTTP_10 | Version::HTTP_11) {
        return Err(ProxyError::Framing(Refusal::RequestLine));
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
    let query = Query::read(head.uri.query().unwrap_or_default())?;
    match path.strip_prefix("/v2") {
        Some("" | "/") => base(&head.method),
        Some(rest) if rest.starts_with('/') => repository(&head.method, &rest[1..], query),
        _ => Err(ProxyError::NotFound),
    }
}

fn base(method: &Method) -> Result<Route, ProxyError> {
    if matches!(*method, Method::GET | Method::HEAD) {
        Ok(Route::Base)
    } else {
        Err(ProxyError::Method(method.clone(), "/v2/"))
    }
}

fn repository(method: &Method, rest: &str, query: Query) -> Result<Route, ProxyError> {
    if rest == "_catalog" {
        return Err(ProxyError::Denied("listing repositories"));
    }
    let (name, tail) = split(rest).ok_or(ProxyError::NotFound)?;
    if !is_name(name) {
        return Err(ProxyError::Target("the repository name is not valid"));
    }
    let resource = match tail {
        Tail::Manifest(text) => {
            let reference = Reference::parse(text).ok_or(ProxyError::Target("not a tag or digest"))?;
            Resource::Manifest(reference)
        }
        Tail::Blob(text) => Resource::Blob(Digest::parse(text).ok_or(ProxyError::Target("not a digest"))?),
        Tail::StartUpload => Resource::StartUpload {
            mount: query.mount.map(|mount| (mount, query.from)),
            digest: query.digest,
        },
        Tail::Upload(id) => Resource::Upload { id: id.to_owned(), digest: query.digest },
        Tail::Tags => return Err(ProxyError::Denied("listing tags")),
        Tail::Referrers => return Err(ProxyError::Denied("listing referrers")),
    };
    check_method(method, &resource)?;
    let read = matches!(*method, Method::GET | Method::HEAD) && resource.kind() != "uploads";
    if query.mirror.is_some() && !read {
        return Err(ProxyError::Denied("writing to a mirrored registry"));
    }
    Ok(Route::Repository { name: name.to_owned(), mirror: query.mirror, resource })
}

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

enum Tail<'a> {
    Manifest(&'a str),
    Blob(&'a str),
    StartUpload,
    Upload(&'a str),
    Tags,
    Referrers,
}

/// The repository's name and what is asked of it. The resource is named by the last components, whatever
/// the name holds: a repository may be called `manifests`.
fn split(rest: &str) -> Option<(&str, Tail<'_>)> {
    if let Some(name) = rest.strip_suffix("/blobs/uploads/").or_else(|| rest.strip_suffix("/blobs/uploads")) {
        return Some((name, Tail::StartUpload));
    }
    if let Some(name) = rest.strip_suffix("/tags/list") {
        return Some((name, Tail::Tags));
    }
    let (before, last) = rest.rsplit_once('/')?;
    if let Some(name) = before.strip_suffix("/blobs/uploads") {
        return Some((name, Tail::Upload(last)));
    }
    let (name, kind) = before.rsplit_once('/')?;
    let tail = match kind {
        "manifests" => Tail::Manifest(last),
        "blobs" => Tail::Blob(last),
        "referrers" => Tail::Referrers,
        _ => return None,
    };
    Some((name, tail))
}

/// The parameters that the registry API gives a meaning. Others are never passed on.
#[derive(Debug, Default)]
struct Query {
    mirror: Option<Host>,
    mount: Option<Digest>,
    from: Option<String>,
    digest: Option<Digest>,
}

impl Query {
    fn read(text: &str) -> Result<Self, ProxyError> {
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
