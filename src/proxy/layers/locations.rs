//! Where a request goes, and where its answer sends the client: to this proxy, always.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, Uri, header};

use crate::http::body::Body;
use crate::http::query::encode_pairs;
use crate::registry::{CallError, RedirectTarget, is_redirect, with_query};

use super::authorise::{Action, Upstream};
use super::content::Prepared;
use super::exchange::Layer;
use super::forward::Outgoing;
use super::headers::CONTENT_DIGEST;
use crate::proxy::error::ProxyError;
use crate::proxy::names::Digest;
use crate::proxy::uploads::seal::{Purpose, Sealer, Ticket};
use crate::proxy::uploads::sessions::Sessions;

/// Gives each request its address at the registry, and replaces the locations in answers: those of
/// finished content by its name here, those of uploads by sealed ids.
#[derive(Debug)]
pub(crate) struct Uploads<S> {
    pub(crate) sealer: Sealer,
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) inner: S,
}

impl<S: Layer<Outgoing>> Layer<Prepared> for Uploads<S> {
    async fn call(&self, prepared: Prepared) -> Result<Response<Body>, ProxyError> {
        let name = prepared.name.clone();
        match &prepared.action {
            Action::Read(path) => {
                let at = address(&prepared.upstream, path, None)?;
                self.send(prepared, at).await.map(|(response, _)| response)
            }
            Action::WriteManifest { reference, requested } => {
                let at = address(&prepared.upstream, &format!("manifests/{reference}"), None)?;
                let location = format!("/v2/{name}/manifests/{requested}");
                let (response, answer) = self.send(prepared, at).await?;
                self.place(response, &answer, &name, Some(location), None)
            }
            Action::StartUpload { .. } => self.start(prepared).await,
            Action::Upload { id, digest } => {
                let digest = digest.clone();
                let ticket = self.sealer.open(&name, id).ok_or(ProxyError::UnknownUpload)?;
                let session = ticket.session;
                let at = step(&prepared.method, ticket, digest.as_ref())?;
                let _under_way = self.sessions.resume(session);
                let (response, answer) = self.send(prepared, at).await?;
                if is_end(&answer.method, response.status()) {
                    self.sessions.end(session);
                }
                let finished = digest.map(|digest| blob_path(&name, &digest));
                self.place(response, &answer, &name, finished, Some(session))
            }
        }
    }
}

/// What is needed of a request once it has been sent, to understand the location in its answer.
struct Asked {
    at: RedirectTarget,
    method: Method,
    upstream: Upstream,
    location: Option<HeaderValue>,
}

impl<S: Layer<Outgoing>> Uploads<S> {
    /// Begins an upload. A mount that the registry refuses becomes an ordinary upload.
    async fn start(&self, mut prepared: Prepared) -> Result<Response<Body>, ProxyError> {
        let name = prepared.name.clone();
        let Action::StartUpload { mount, digest } = &prepared.action else {
            return Err(ProxyError::UnknownUpload);
        };
        let (mount, digest) = (mount.clone(), digest.clone());
        let begun = self.sessions.begin()?;
        if let Some((blob, from)) = mount
            && let Some(payload) = prepared.payload.try_clone()
        {
            let query = encode_pairs([("mount", blob.as_str()), ("from", &from)]);
            let at = address(&prepared.upstream, "blobs/uploads/", Some(&query))?;
            let attempt = Prepared {
                method: prepared.method.clone(),
                headers: prepared.headers.clone(),
                payload,
                name: name.clone(),
                upstream: prepared.upstream.clone(),
                action: Action::StartUpload { mount: Some((blob.clone(), from)), digest: digest.clone() },
                facts: prepared.facts.clone(),
            };
            match self.send(attempt, at).await {
                Ok((response, answer)) if response.status().is_success() => {
                    let status = response.status();
                    let finished = Some(blob_path(&name, &blob));
                    let placed = self.place(response, &answer, &name, finished, Some(begun.id()))?;
                    begun.settle(status != StatusCode::CREATED);
                    return Ok(placed);
                }
                Ok(_) => {}
                Err(ProxyError::Call(error)) if matches!(error.root(), CallError::Refused { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        prepared.action = Action::StartUpload { mount: None, digest: digest.clone() };
        let query = digest.as_ref().map(|digest| encode_pairs([("digest", digest.as_str())]));
        let at = address(&prepared.upstream, "blobs/uploads/", query.as_deref())?;
        let (response, answer) = self.send(prepared, at).await?;
        let goes_on = response.status() == StatusCode::ACCEPTED || is_redirect(response.status());
        let finished = digest.map(|digest| blob_path(&name, &digest));
        let placed = self.place(response, &answer, &name, finished, Some(begun.id()))?;
        begun.settle(goes_on);
        Ok(placed)
    }

    async fn send(
        &self,
        prepared: Prepared,
        at: RedirectTarget,
    ) -> Result<(Response<Body>, Asked), ProxyError> {
        let scopes = prepared.action.scopes(&prepared.upstream.repository);
        let (method, upstream) = (prepared.method.clone(), prepared.upstream.clone());
        let outgoing = Outgoing {
            follow: matches!(prepared.action, Action::Read(_)),
            method: prepared.method,
            headers: prepared.headers,
            payload: prepared.payload,
            upstream: prepared.upstream,
            scopes,
            at: at.clone(),
            facts: prepared.facts,
        };
        let mut response = self.inner.call(outgoing).await?;
        let location = response.headers_mut().remove(header::LOCATION);
        Ok((response, Asked { at, method, upstream, location }))
    }

    /// The answer to a write with a location that leads here: `finished` where the content is complete,
    /// else a step of the upload `session`.
    fn place(
        &self,
        mut response: Response<Body>,
        asked: &Asked,
        name: &str,
        finished: Option<String>,
        session: Option<u64>,
    ) -> Result<Response<Body>, ProxyError> {
        let status = response.status();
        let location = match status {
            StatusCode::CREATED => finished.or_else(|| content_path(name, response.headers())),
            StatusCode::ACCEPTED | StatusCode::NO_CONTENT => {
                self.sealed(asked, name, Purpose::Upload, session)?
            }
            _ if matches!(status.as_u16(), 307 | 308) => {
                self.sealed(asked, name, Purpose::Redirect(asked.method.clone()), session)?
            }
            // The other redirects would turn the write into a read.
            _ if is_redirect(status) => return Err(asked.bad("a redirect of a write", None)),
            _ => None,
        };
        if location.is_none() && (status == StatusCode::ACCEPTED && asked.method != Method::DELETE) {
            return Err(asked.bad("an upload without a location", None));
        }
        if let Some(location) = location.and_then(|location| HeaderValue::try_from(location).ok()) {
            response.headers_mut().insert(header::LOCATION, location);
        }
        Ok(response)
    }

    fn sealed(
        &self,
        asked: &Asked,
        name: &str,
        purpose: Purpose,
        session: Option<u64>,
    ) -> Result<Option<String>, ProxyError> {
        let Some(location) = &asked.location else { return Ok(None) };
        let location = location.to_str().unwrap_or_default();
        let onward = asked.upstream.auth.redirect_target(&asked.at, location);
        let onward = onward.map_err(|source| asked.bad("a location that is not followed", Some(source)))?;
        // A manifest that is sent elsewhere belongs to no upload: no session has the number 0.
        let ticket = Ticket { purpose, session: session.unwrap_or(0), at: onward };
        let id = self.sealer.seal(name, &ticket);
        let id = id.ok_or_else(|| asked.bad("a location that is too long", None))?;
        Ok(Some(format!("/v2/{name}/blobs/uploads/{id}")))
    }
}

impl Asked {
    fn bad(&self, what: &'static str, source: Option<crate::registry::RedirectError>) -> ProxyError {
        ProxyError::Answer { host: self.upstream.host.clone(), what, source }
    }
}

/// Whether an upload is over once a step of it has been answered so.
fn is_end(method: &Method, status: StatusCode) -> bool {
    let refused_for_good = matches!(status.as_u16(), 400 | 404 | 405 | 410 | 413 | 416);
    match *method {
        Method::PUT => status == StatusCode::CREATED || refused_for_good,
        Method::DELETE => true,
        _ => status == StatusCode::NOT_FOUND,
    }
}

/// The address of a sealed location for this step of its upload.
fn step(method: &Method, ticket: Ticket, digest: Option<&Digest>) -> Result<RedirectTarget, ProxyError> {
    let Ticket { purpose, mut at, .. } = ticket;
    match purpose {
        Purpose::Redirect(redirected) if redirected == *method => Ok(at),
        Purpose::Upload if *method != Method::POST => {
            if let Some(digest) = digest.filter(|_| *method == Method::PUT) {
                let query = encode_pairs([("digest", digest.as_str())]);
                at.uri = with_query(&at.uri, &query).ok_or(ProxyError::UnknownUpload)?;
            }
            Ok(at)
        }
        _ => Err(ProxyError::UnknownUpload),
    }
}

/// The address of a resource of a repository.
fn address(upstream: &Upstream, path: &str, query: Option<&str>) -> Result<RedirectTarget, ProxyError> {
    let Upstream { host, repository, address_policy, .. } = upstream;
    let joint = if query.is_some() { "?" } else { "" };
    let uri: Result<Uri, _> =
        format!("https://{host}/v2/{repository}/{path}{joint}{}", query.unwrap_or_default()).parse();
    let uri = uri.map_err(|_| ProxyError::Target("the repository behind this name is not valid"))?;
    Ok(RedirectTarget { uri, host: host.clone(), address_policy: *address_policy })
}

fn blob_path(name: &str, digest: &Digest) -> String {
    format!("/v2/{name}/blobs/{digest}")
}

fn content_path(name: &str, headers: &HeaderMap) -> Option<String> {
    let digest = headers.get(CONTENT_DIGEST).and_then(|value| Digest::parse(value.to_str().ok()?))?;
    Some(blob_path(name, &digest))
}
