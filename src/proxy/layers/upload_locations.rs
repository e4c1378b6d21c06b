//! Finds the address of a request at the registry, and replaces the location in the response by one of this proxy.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, Uri, header};

use crate::http::body::Body;
use crate::http::query::encode_pairs;
use crate::registry::{CallError, RedirectError, RedirectTarget, is_redirect, with_query};

use super::Layer;
use super::body_buffering::BufferedRequest;
use super::forward::UpstreamRequest;
use crate::proxy::error::ProxyError;
use crate::proxy::request::action::{Action, UpstreamRepository};
use crate::proxy::request::headers::CONTENT_DIGEST;
use crate::proxy::request::names::Digest;
use crate::proxy::uploads::sealed_location::{LocationPurpose, LocationSealer, UploadLocation};
use crate::proxy::uploads::sessions::UploadSessions;

/// The layer that gives each request its address at the registry. In responses it replaces the location of complete content
/// by its path at this proxy, and the location of an upload by a sealed one.
#[derive(Debug)]
pub(crate) struct UploadLocations<S> {
    pub(crate) sealer: LocationSealer,
    pub(crate) sessions: Arc<UploadSessions>,
    pub(crate) inner: S,
}

impl<S: Layer<UpstreamRequest>> Layer<BufferedRequest> for UploadLocations<S> {
    async fn call(&self, request: BufferedRequest) -> Result<Response<Body>, ProxyError> {
        let name = request.name.clone();
        match &request.action {
            Action::Read(path) => {
                let target = resource_address(&request.upstream, path, None)?;
                self.send(request, target).await.map(|(response, _)| response)
            }
            Action::WriteManifest { reference, requested } => {
                let target = resource_address(&request.upstream, &format!("manifests/{reference}"), None)?;
                let location = format!("/v2/{name}/manifests/{requested}");
                let (response, sent) = self.send(request, target).await?;
                self.with_location(response, &sent, &name, Some(location), None)
            }
            Action::StartUpload { .. } => self.start_upload(request).await,
            Action::Upload { id, digest } => {
                let digest = digest.clone();
                let location = self.sealer.open(&name, id).ok_or(ProxyError::UnknownUpload)?;
                let session = location.session;
                let target = upload_address(&request.method, location, digest.as_ref())?;
                let _active = self.sessions.resume(session);
                let (response, sent) = self.send(request, target).await?;
                if ends_upload(&sent.method, response.status()) {
                    self.sessions.end(session);
                }
                let content = digest.map(|digest| blob_path(&name, &digest));
                self.with_location(response, &sent, &name, content, Some(session))
            }
        }
    }
}

/// What has to be known of a request to interpret the location in its response.
struct SentRequest {
    target: RedirectTarget,
    method: Method,
    upstream: UpstreamRepository,
    /// The location in the response.
    location: Option<HeaderValue>,
}

impl<S: Layer<UpstreamRequest>> UploadLocations<S> {
    /// Starts an upload. A mount that the registry refuses becomes an ordinary upload.
    async fn start_upload(&self, mut request: BufferedRequest) -> Result<Response<Body>, ProxyError> {
        let name = request.name.clone();
        let Action::StartUpload { mount, digest } = &request.action else {
            return Err(ProxyError::UnknownUpload);
        };
        let (mount, digest) = (mount.clone(), digest.clone());
        let session = self.sessions.begin()?;
        if let Some((blob, from)) = mount
            && let Some(payload) = request.payload.try_clone()
        {
            let query = encode_pairs([("mount", blob.as_str()), ("from", &from)]);
            let target = resource_address(&request.upstream, "blobs/uploads/", Some(&query))?;
            let attempt = BufferedRequest {
                method: request.method.clone(),
                headers: request.headers.clone(),
                payload,
                name: name.clone(),
                upstream: request.upstream.clone(),
                action: Action::StartUpload { mount: Some((blob.clone(), from)), digest: digest.clone() },
                record: request.record.clone(),
            };
            match self.send(attempt, target).await {
                Ok((response, sent)) if response.status().is_success() => {
                    let status = response.status();
                    let content = Some(blob_path(&name, &blob));
                    let response = self.with_location(response, &sent, &name, content, Some(session.id()))?;
                    session.finish_start(status != StatusCode::CREATED);
                    return Ok(response);
                }
                Ok(_) => {}
                Err(ProxyError::Call(error)) if matches!(error.root(), CallError::Refused { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        request.action = Action::StartUpload { mount: None, digest: digest.clone() };
        let query = digest.as_ref().map(|digest| encode_pairs([("digest", digest.as_str())]));
        let target = resource_address(&request.upstream, "blobs/uploads/", query.as_deref())?;
        let (response, sent) = self.send(request, target).await?;
        let continues = response.status() == StatusCode::ACCEPTED || is_redirect(response.status());
        let content = digest.map(|digest| blob_path(&name, &digest));
        let response = self.with_location(response, &sent, &name, content, Some(session.id()))?;
        session.finish_start(continues);
        Ok(response)
    }

    /// Sends `request` to `target`. The location is not in the response that this returns, but beside it.
    async fn send(
        &self,
        request: BufferedRequest,
        target: RedirectTarget,
    ) -> Result<(Response<Body>, SentRequest), ProxyError> {
        let scopes = request.action.scopes(&request.upstream.repository);
        let (method, upstream) = (request.method.clone(), request.upstream.clone());
        let outgoing = UpstreamRequest {
            follow_redirects: matches!(request.action, Action::Read(_)),
            method: request.method,
            headers: request.headers,
            payload: request.payload,
            upstream: request.upstream,
            scopes,
            target: target.clone(),
            record: request.record,
        };
        let mut response = self.inner.call(outgoing).await?;
        let location = response.headers_mut().remove(header::LOCATION);
        Ok((response, SentRequest { target, method, upstream, location }))
    }

    /// The response to a write with a location at this proxy: `content` where the content is complete, else the sealed
    /// location of the upload `session`.
    fn with_location(
        &self,
        mut response: Response<Body>,
        sent: &SentRequest,
        name: &str,
        content: Option<String>,
        session: Option<u64>,
    ) -> Result<Response<Body>, ProxyError> {
        let status = response.status();
        let location = match status {
            StatusCode::CREATED => content.or_else(|| content_path(name, response.headers())),
            StatusCode::ACCEPTED | StatusCode::NO_CONTENT => {
                self.sealed_path(sent, name, LocationPurpose::Upload, session)?
            }
            _ if matches!(status.as_u16(), 307 | 308) => {
                self.sealed_path(sent, name, LocationPurpose::Redirect(sent.method.clone()), session)?
            }
            // The other redirects would turn the write into a read.
            _ if is_redirect(status) => return Err(sent.invalid_response("a redirect of a write", None)),
            _ => None,
        };
        if location.is_none() && (status == StatusCode::ACCEPTED && sent.method != Method::DELETE) {
            return Err(sent.invalid_response("an upload without a location", None));
        }
        if let Some(location) = location.and_then(|location| HeaderValue::try_from(location).ok()) {
            response.headers_mut().insert(header::LOCATION, location);
        }
        Ok(response)
    }

    /// A path at this proxy that holds the location in the response, sealed; none if there is no location.
    fn sealed_path(
        &self,
        sent: &SentRequest,
        name: &str,
        purpose: LocationPurpose,
        session: Option<u64>,
    ) -> Result<Option<String>, ProxyError> {
        let Some(location) = &sent.location else { return Ok(None) };
        let location = location.to_str().unwrap_or_default();
        let target = sent.upstream.auth.redirect_target(&sent.target, location);
        let target = target
            .map_err(|source| sent.invalid_response("a location that is not followed", Some(source)))?;
        // A redirected manifest belongs to no upload: no session has the number 0.
        let location = UploadLocation { purpose, session: session.unwrap_or(0), target };
        let id = self.sealer.seal(name, &location);
        let id = id.ok_or_else(|| sent.invalid_response("a location that is too long", None))?;
        Ok(Some(format!("/v2/{name}/blobs/uploads/{id}")))
    }
}

impl SentRequest {
    /// The error for a response that cannot be passed on.
    fn invalid_response(&self, what: &'static str, source: Option<RedirectError>) -> ProxyError {
        ProxyError::UnusableResponse { host: self.upstream.host.clone(), what, source }
    }
}

/// Whether an upload is over once a request of it has had this status.
fn ends_upload(method: &Method, status: StatusCode) -> bool {
    let refused_for_good = matches!(status.as_u16(), 400 | 404 | 405 | 410 | 413 | 416);
    match *method {
        Method::PUT => status == StatusCode::CREATED || refused_for_good,
        Method::DELETE => true,
        _ => status == StatusCode::NOT_FOUND,
    }
}

/// The address that a request of an upload goes to.
///
/// # Errors
/// [`ProxyError::UnknownUpload`] if the location was given for another method.
fn upload_address(
    method: &Method,
    location: UploadLocation,
    digest: Option<&Digest>,
) -> Result<RedirectTarget, ProxyError> {
    let UploadLocation { purpose, mut target, .. } = location;
    match purpose {
        LocationPurpose::Redirect(redirected) if redirected == *method => Ok(target),
        LocationPurpose::Upload if *method != Method::POST => {
            if let Some(digest) = digest.filter(|_| *method == Method::PUT) {
                let query = encode_pairs([("digest", digest.as_str())]);
                target.uri = with_query(&target.uri, &query).ok_or(ProxyError::UnknownUpload)?;
            }
            Ok(target)
        }
        _ => Err(ProxyError::UnknownUpload),
    }
}

/// The address of `path` below a repository at its registry.
fn resource_address(
    upstream: &UpstreamRepository,
    path: &str,
    query: Option<&str>,
) -> Result<RedirectTarget, ProxyError> {
    let UpstreamRepository { host, repository, address_policy, .. } = upstream;
    let separator = if query.is_some() { "?" } else { "" };
    let uri: Result<Uri, _> =
        format!("https://{host}/v2/{repository}/{path}{separator}{}", query.unwrap_or_default()).parse();
    let uri = uri.map_err(|_| ProxyError::Target("the repository behind this name is not valid"))?;
    Ok(RedirectTarget { uri, host: host.clone(), address_policy: *address_policy })
}

/// The path of a blob at this proxy.
fn blob_path(name: &str, digest: &Digest) -> String {
    format!("/v2/{name}/blobs/{digest}")
}

/// The path at this proxy of the blob whose digest is in the headers of a response; none if there is none.
fn content_path(name: &str, headers: &HeaderMap) -> Option<String> {
    let digest = headers.get(CONTENT_DIGEST).and_then(|value| Digest::parse(value.to_str().ok()?))?;
    Some(blob_path(name, &digest))
}
