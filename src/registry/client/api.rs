//! A small client of the distribution API: what checking and copying an image needs.
//! (<https://github.com/opencontainers/distribution-spec/blob/main/spec.md>)

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, Uri, header};

use crate::image::{Reference, digest};

use super::digest::DigestHasher;
use super::error::{ClientError, refusal};
use super::names::{check_is_digest, check_reference, is_repository_name};
use crate::http::body::{Body, collect};
use crate::registry::auth::authenticator::Authenticator;
use crate::registry::auth::scope::Scopes;
use crate::registry::call::{Access, Call, Payload};
use crate::registry::host::{Host, HostError};
use crate::registry::transport::deadline::within;

/// The size of the largest manifest that is read, in bytes: the specification asks registries to take as much.
/// (<https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pushing-manifests>)
pub const MAX_MANIFEST_BYTES: usize = 4 * 1024 * 1024;
/// The manifest types that are accepted.
const MANIFEST_TYPES: &str = "application/vnd.oci.image.index.v1+json, \
    application/vnd.oci.image.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.list.v2+json, \
    application/vnd.docker.distribution.manifest.v2+json";
/// The type of an index.
const INDEX_TYPE: &str = "application/vnd.oci.image.index.v1+json";

/// Returns Bob's `User-Agent`.
pub(crate) fn user_agent() -> HeaderValue {
    HeaderValue::from_static(concat!("bob/", env!("CARGO_PKG_VERSION")))
}

/// A repository at a registry.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Repository {
    /// The host that serves the registry's API.
    pub host: Host,
    /// The repository's name, such as `library/alpine`.
    pub name: String,
}

impl Repository {
    /// Returns the repository of `reference`, at the host that serves it.
    ///
    /// # Errors
    /// [`HostError`] if its domain is no registry host.
    pub fn of(reference: &Reference) -> Result<Self, HostError> {
        let host = Host::parse(reference.domain())?.endpoint();
        Ok(Self { host, name: reference.path().to_owned() })
    }
}

impl std::fmt::Display for Repository {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.host, self.name)
    }
}

/// The digest, type and size of a manifest.
/// (<https://github.com/opencontainers/image-spec/blob/main/descriptor.md>)
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Descriptor {
    /// `sha256:…`.
    pub digest: String,
    /// The media type; empty if the registry does not say.
    pub media_type: String,
    /// The size in bytes.
    pub size: u64,
}

/// A manifest's bytes, checked against their digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// Its digest, type and size.
    pub descriptor: Descriptor,
    /// The exact bytes.
    pub bytes: Bytes,
}

/// A client of the distribution API for all registries that its credentials serve.
#[derive(Clone, Debug)]
pub struct Client {
    pub(super) auth: Arc<Authenticator>,
}

impl Client {
    /// Returns a client that uses the credentials of `auth`.
    pub const fn new(auth: Arc<Authenticator>) -> Self {
        Self { auth }
    }

    /// Returns the descriptor of the manifest that `reference` (a tag or digest) names; `None` if there is none.
    ///
    /// # Errors
    /// [`ClientError`] for any answer but 200 and 404, or none.
    pub async fn head_manifest(
        &self,
        repository: &Repository,
        reference: &str,
    ) -> Result<Option<Descriptor>, ClientError> {
        let what = || format!("look for {}", join(repository, reference));
        let call = self.manifest_call(Method::HEAD, repository, reference, what)?;
        let Some(response) = self.within_answer_limit(repository, what, self.read(call, what)).await? else {
            return Ok(None);
        };
        let text = |name: &str| Some(response.headers().get(name)?.to_str().ok()?.to_owned());
        let size = text("content-length").and_then(|size| size.parse().ok());
        let digest = text("docker-content-digest").filter(|digest| digest::is_registered(digest));
        match (digest, size) {
            (Some(digest), Some(size)) => {
                if is_other(&digest, reference) {
                    return Err(ClientError::Digest { what: what(), found: digest });
                }
                Ok(Some(Descriptor { digest, size, media_type: text("content-type").unwrap_or_default() }))
            }
            // Both headers are optional: without them the manifest itself is read.
            _ => Ok(self.manifest(repository, reference).await?.map(|manifest| manifest.descriptor)),
        }
    }

    /// Returns the manifest that `reference` (a tag or digest) names; `None` if there is none.
    ///
    /// # Errors
    /// [`ClientError`] for any answer but 200 and 404, or content that is not what it should be.
    pub async fn manifest(
        &self,
        repository: &Repository,
        reference: &str,
    ) -> Result<Option<Manifest>, ClientError> {
        let what = || format!("read {}", join(repository, reference));
        let call = self.manifest_call(Method::GET, repository, reference, what)?;
        let whole = async {
            let Some(response) = self.read(call, what).await? else { return Ok(None) };
            let text = |name| response.headers().get(name)?.to_str().ok().map(ToOwned::to_owned);
            let media_type = text(header::CONTENT_TYPE).unwrap_or_default();
            let named = text(header::HeaderName::from_static("docker-content-digest"));
            let bytes = content(response.into_body(), MAX_MANIFEST_BYTES, what).await?;
            // An answer without a length may have been cut short: it has to have the digest that the registry names.
            let named = named.filter(|named| digest::is_registered(named) && !reference.contains(':'));
            let digest = check_digest(&bytes, named.as_deref().unwrap_or(reference), what)?;
            let size = bytes.len() as u64;
            Ok(Some(Manifest { descriptor: Descriptor { digest, media_type, size }, bytes }))
        };
        self.within_answer_limit(repository, what, whole).await
    }

    /// Returns the list of manifests that say of themselves that they are about `digest`, an index; `None` where the
    /// registry has no such lists.
    /// (<https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-referrers>)
    ///
    /// # Errors
    /// [`ClientError`] for any answer but 200 and 404.
    pub async fn referrers(
        &self,
        repository: &Repository,
        digest: &str,
    ) -> Result<Option<Bytes>, ClientError> {
        let what = || format!("list what refers to {digest} in {repository}");
        check_is_digest(digest, what)?;
        let scopes = Scopes::pull(&repository.name);
        let mut call = self.call(Method::GET, repository, &format!("referrers/{digest}"), scopes)?;
        call.headers.insert(header::ACCEPT, HeaderValue::from_static(INDEX_TYPE));
        let whole = async {
            let response = match self.read(call, what).await {
                // The words of registries that do not know what is asked.
                Err(ClientError::Status {
                    status: StatusCode::BAD_REQUEST | StatusCode::METHOD_NOT_ALLOWED,
                    ..
                }) => return Ok(None),
                response => response?,
            };
            let Some(response) = response else { return Ok(None) };
            // Some serve a page of another kind where they know no such lists.
            let kind = response.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
            let is_list = kind.is_some_and(|kind| kind.starts_with(INDEX_TYPE));
            let bytes = content(response.into_body(), MAX_MANIFEST_BYTES, what).await?;
            Ok(is_list.then_some(bytes))
        };
        self.within_answer_limit(repository, what, whole).await
    }

    /// Returns the content of a blob of at most `limit` bytes, such as an image config.
    ///
    /// # Errors
    /// [`ClientError`] for any answer but 200, or content that is not what `digest` says.
    pub async fn blob(
        &self,
        repository: &Repository,
        digest: &str,
        limit: usize,
    ) -> Result<Bytes, ClientError> {
        let what = || format!("read blob {digest} of {repository}");
        let whole = async {
            let response = self.blob_stream(repository, digest).await?;
            let bytes = content(response.into_body(), limit, what).await?;
            check_digest(&bytes, digest, what)?;
            Ok(bytes)
        };
        self.within_answer_limit(repository, what, whole).await
    }

    /// Returns the response that streams a blob; its content is not checked.
    ///
    /// # Errors
    /// [`ClientError`] for any answer but 200.
    pub async fn blob_stream(
        &self,
        repository: &Repository,
        digest: &str,
    ) -> Result<Response<Body>, ClientError> {
        let what = || format!("read blob {digest} of {repository}");
        let call = self.blob_call(Method::GET, repository, digest, what)?;
        let found = self.read(call, what).await?;
        found.ok_or_else(|| ClientError::Status {
            what: what(),
            status: StatusCode::NOT_FOUND,
            message: String::new(),
            retry_after: None,
        })
    }

    /// Whether the repository has the blob.
    ///
    /// # Errors
    /// [`ClientError`] for any answer but 200 and 404.
    pub async fn has_blob(&self, repository: &Repository, digest: &str) -> Result<bool, ClientError> {
        let what = || format!("look for blob {digest} in {repository}");
        let call = self.blob_call(Method::HEAD, repository, digest, what)?;
        Ok(self.within_answer_limit(repository, what, self.read(call, what)).await?.is_some())
    }

    /// Writes a manifest under `reference`, a tag or its digest.
    ///
    /// # Errors
    /// [`ClientError`] if the registry does not take it.
    pub async fn put_manifest(
        &self,
        repository: &Repository,
        reference: &str,
        media_type: &HeaderValue,
        bytes: Bytes,
    ) -> Result<(), ClientError> {
        let what = || format!("write {}", join(repository, reference));
        check_reference(reference, what)?;
        let path = format!("manifests/{reference}");
        let mut call = self.call(Method::PUT, repository, &path, Scopes::push(&repository.name))?;
        call.headers.insert(header::CONTENT_TYPE, media_type.clone());
        call.payload = Payload::Bytes(bytes);
        let response = self.send(call, what).await?;
        if response.status().is_success() { Ok(()) } else { Err(refusal(response, what()).await) }
    }

    fn manifest_call(
        &self,
        method: Method,
        repository: &Repository,
        reference: &str,
        what: impl Fn() -> String,
    ) -> Result<Call, ClientError> {
        check_reference(reference, what)?;
        let scopes = Scopes::pull(&repository.name);
        let mut call = self.call(method, repository, &format!("manifests/{reference}"), scopes)?;
        call.headers.insert(header::ACCEPT, HeaderValue::from_static(MANIFEST_TYPES));
        Ok(call)
    }

    fn blob_call(
        &self,
        method: Method,
        repository: &Repository,
        digest: &str,
        what: impl Fn() -> String,
    ) -> Result<Call, ClientError> {
        check_is_digest(digest, what)?;
        self.call(method, repository, &format!("blobs/{digest}"), Scopes::pull(&repository.name))
    }

    pub(super) fn call(
        &self,
        method: Method,
        repository: &Repository,
        rest: &str,
        scopes: Scopes,
    ) -> Result<Call, ClientError> {
        let Repository { host, name } = repository;
        let what = || format!("ask {host} for a repository");
        let uri = Some(format!("https://{host}/v2/{name}/{rest}")).filter(|_| is_repository_name(name));
        let uri = uri.and_then(|uri| uri.parse().ok());
        Ok(Call {
            method,
            uri: uri.ok_or_else(|| ClientError::name(&what(), "repository name", name))?,
            headers: HeaderMap::from_iter([(header::USER_AGENT, user_agent())]),
            payload: Payload::Empty,
            address_policy: self.auth.address_policy(host),
            access: Some(Access { host: host.clone(), scopes }),
            counters: None,
        })
    }

    /// Returns what `answer` returns, which is read whole, within the time limit for that.
    async fn within_answer_limit<T>(
        &self,
        repository: &Repository,
        what: impl Fn() -> String,
        answer: impl Future<Output = Result<T, ClientError>>,
    ) -> Result<T, ClientError> {
        let awaited = || format!("the answer of {}", repository.host);
        let done = within(self.auth.answer_limit(), awaited, answer).await;
        done.map_err(|timed_out| ClientError::Call { what: what(), source: Box::new(timed_out.into()) })
            .flatten()
    }

    /// Returns the response to a read; `None` for 404.
    async fn read(
        &self,
        call: Call,
        what: impl Fn() -> String,
    ) -> Result<Option<Response<Body>>, ClientError> {
        let result = self.auth.read(call).await;
        let response =
            result.map_err(|source| ClientError::Call { what: what(), source: Box::new(source) })?;
        match response.status() {
            StatusCode::OK => Ok(Some(response)),
            StatusCode::NOT_FOUND => Ok(None),
            _ => Err(refusal(response, what()).await),
        }
    }

    pub(super) async fn send(
        &self,
        call: Call,
        what: impl Fn() -> String,
    ) -> Result<Response<Body>, ClientError> {
        self.auth
            .send(call)
            .await
            .map_err(|source| ClientError::Call { what: what(), source: Box::new(source) })
    }
}

/// Returns `uri` with `query` added to its own.
pub fn with_query(uri: &Uri, query: &str) -> Option<Uri> {
    let separator = if uri.query().is_some() { '&' } else { '?' };
    format!("{uri}{separator}{query}").parse().ok()
}

fn join(repository: &Repository, reference: &str) -> String {
    let separator = if reference.contains(':') { '@' } else { ':' };
    format!("{repository}{separator}{reference}")
}

async fn content(body: Body, limit: usize, what: impl Fn() -> String) -> Result<Bytes, ClientError> {
    collect(body, limit).await.map_err(|source| ClientError::Content { what: what(), source })
}

/// Returns the digest of `bytes`, which is `reference` if that is a digest.
fn check_digest(bytes: &[u8], reference: &str, what: impl Fn() -> String) -> Result<String, ClientError> {
    let mut hasher = DigestHasher::for_digest(reference);
    hasher.update(bytes);
    let found = hasher.finish();
    if is_other(&found, reference) {
        return Err(ClientError::Digest { what: what(), found });
    }
    Ok(found)
}

/// Whether `found` is another digest than `reference`, where that is one of the same algorithm.
fn is_other(found: &str, reference: &str) -> bool {
    let same_algorithm = reference.split_once(':').map(|(algorithm, _)| algorithm)
        == found.split_once(':').map(|(algorithm, _)| algorithm);
    same_algorithm && found != reference
}
