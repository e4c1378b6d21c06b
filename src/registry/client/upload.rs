//! Blobs that are put into a repository: by mounting them from another one, or by an upload.
//! (<https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pushing-blobs>)

use http::{HeaderValue, Method, Response, StatusCode, header};

use super::api::{Client, Repository, with_query};
use super::error::{ClientError, refusal};
use super::names::{check_is_digest, is_repository_name};
use crate::http::body::Body;
use crate::http::query::encode_pairs;
use crate::registry::auth::scope::Scopes;
use crate::registry::call::Payload;
use crate::registry::transport::redirect_target::RedirectTarget;

impl Client {
    /// Makes a blob of the repository `from` at the same registry part of `to`, without a transfer. Returns whether the
    /// registry did so; if not, the blob has to be uploaded.
    /// (<https://github.com/opencontainers/distribution-spec/blob/main/spec.md#mounting-a-blob-from-another-repository>)
    ///
    /// # Errors
    /// [`ClientError`] if the registry refuses an ordinary upload to `to` as well.
    pub async fn mount_blob(&self, to: &Repository, digest: &str, from: &str) -> Result<bool, ClientError> {
        let what = || format!("mount blob {digest} of {}/{from} in {to}", to.host);
        check_is_digest(digest, what)?;
        if !is_repository_name(from) {
            return Err(ClientError::name(&what(), "repository name", from));
        }
        let query = encode_pairs([("mount", digest), ("from", from)]);
        let scopes = Scopes::push(&to.name).and(Scopes::pull(from));
        let call = self.call(Method::POST, to, &format!("blobs/uploads/?{query}"), scopes)?;
        let (uri, address_policy) = (call.uri.clone(), call.address_policy);
        let response = self.send(call, what).await?;
        match response.status() {
            StatusCode::CREATED => Ok(true),
            StatusCode::ACCEPTED => {
                // The registry began an upload instead. It is cancelled; a registry that ignores that ends it by itself.
                let at = RedirectTarget { uri, host: to.host.clone(), address_policy };
                if let Ok(upload) = self.upload_location(&at, &response, what) {
                    let mut cancel = self.call(Method::DELETE, to, "", Scopes::push(&to.name))?;
                    cancel.access = cancel.access.filter(|_| upload.host == to.host);
                    (cancel.uri, cancel.address_policy) = (upload.uri, upload.address_policy);
                    let _ = self.auth.send(cancel).await;
                }
                Ok(false)
            }
            _ => Err(refusal(response, what()).await),
        }
    }

    /// Uploads a blob of `size` bytes by one POST and one PUT.
    /// (<https://github.com/opencontainers/distribution-spec/blob/main/spec.md#post-then-put>)
    ///
    /// # Errors
    /// [`ClientError`] if the registry does not take it.
    pub async fn upload_blob(
        &self,
        repository: &Repository,
        digest: &str,
        size: u64,
        content: Payload,
    ) -> Result<(), ClientError> {
        let what = || format!("upload blob {digest} to {repository}");
        check_is_digest(digest, what)?;
        let scopes = Scopes::push(&repository.name);
        let start = self.call(Method::POST, repository, "blobs/uploads/", scopes.clone())?;
        let at = RedirectTarget {
            uri: start.uri.clone(),
            host: repository.host.clone(),
            address_policy: start.address_policy,
        };
        let response = self.send(start, what).await?;
        if response.status() != StatusCode::ACCEPTED {
            return Err(refusal(response, what()).await);
        }
        let upload = self.upload_location(&at, &response, what)?;
        let mut put = self.call(Method::PUT, repository, "", scopes)?;
        put.uri = with_query(&upload.uri, &encode_pairs([("digest", digest)]))
            .ok_or_else(|| ClientError::Location { what: what(), source: None })?;
        put.address_policy = upload.address_policy;
        put.access = put.access.filter(|_| upload.host == repository.host);
        put.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
        put.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(size));
        put.payload = content;
        let response = self.send(put, what).await?;
        if response.status() == StatusCode::CREATED { Ok(()) } else { Err(refusal(response, what()).await) }
    }

    /// Returns where the registry takes the content of an upload that it began by `response`, an answer from `at`.
    fn upload_location(
        &self,
        at: &RedirectTarget,
        response: &Response<Body>,
        what: impl Fn() -> String,
    ) -> Result<RedirectTarget, ClientError> {
        let location = response.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
        let location = location.ok_or_else(|| ClientError::Location { what: what(), source: None })?;
        let target = self.auth.redirect_target(at, location);
        target.map_err(|source| ClientError::Location { what: what(), source: Some(source) })
    }
}
