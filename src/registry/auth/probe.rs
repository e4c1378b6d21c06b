//! Finding out, by requests without credentials, which login a registry requires.

use http::{HeaderMap, Method, StatusCode, Uri, header};

use super::authenticator::Authenticator;
use super::challenge_cache::AuthScheme;
use super::scope::Scopes;
use crate::registry::call::{Access, Call, Payload};
use crate::registry::client::api::{Repository, user_agent};
use crate::registry::client::names::is_repository_name;
use crate::registry::error::CallError;
use crate::registry::host::Host;
use crate::registry::transport::address::AddressPolicy;
use crate::registry::transport::deadline::within;
use crate::registry::transport::retry;

/// Whether an answer without a challenge means that no login is required.
fn requires_no_login(status: StatusCode) -> bool {
    !status.is_server_error() && !matches!(status.as_u16(), 401 | 429)
}

impl Authenticator {
    /// Returns the scheme of the login that `host` requires, by `GET /v2/` where that is not known yet; none if it
    /// requires no login.
    ///
    /// # Errors
    /// [`CallError`] if the host does not say.
    pub async fn scheme(&self, host: &Host) -> Result<Option<AuthScheme>, CallError> {
        let host = host.endpoint();
        let address_policy = self.address_policy(&host);
        let protocol = self.protocol(address_policy, &host).await;
        if !protocol.may_send_credentials || !self.challenges.knows(&host) {
            let status = self.probe(&host, address_policy).await?;
            if !self.challenges.knows(&host) {
                return Err(CallError::NoScheme { registry: host, request: "GET /v2/".to_owned(), status });
            }
        }
        Ok(self.challenges.required_login(&host).map(|required| required.scheme()))
    }

    /// Returns the scheme of the login that `repository` requires. A registry that anybody may read in part answers
    /// `GET /v2/` without a challenge: it sends one where a repository is read, or only where it is written.
    ///
    /// # Errors
    /// [`CallError`] if the registry does not say.
    pub async fn scheme_of(&self, repository: &Repository) -> Result<Option<AuthScheme>, CallError> {
        let Repository { host, name } = repository;
        let host = host.endpoint();
        let scheme = self.scheme(&host).await?;
        if scheme.is_some() || !is_repository_name(name) {
            return Ok(scheme);
        }
        let repository = Repository { host, name: name.clone() };
        if self.challenges.is_open_repository(&repository) {
            return Ok(None);
        }
        let Repository { host, name } = &repository;
        // A registry that allows the second request changes nothing: there is no such upload.
        for (method, path, scopes) in [
            (Method::HEAD, "manifests/latest", Scopes::pull(name)),
            (Method::PATCH, "blobs/uploads/00000000-0000-0000-0000-000000000000", Scopes::push(name)),
        ] {
            let path = format!("/v2/{name}/{path}");
            let request = format!("{method} {path}");
            let access = Access { host: host.clone(), scopes };
            let status = self.probe_with(method, &path, &access, self.address_policy(host)).await?;
            if let Some(required) = self.challenges.required_login(host) {
                return Ok(Some(required.scheme()));
            }
            if !requires_no_login(status) {
                return Err(CallError::NoScheme { registry: host.clone(), request, status });
            }
        }
        self.challenges.remember_open_repository(repository);
        Ok(None)
    }

    /// Sends `GET /v2/` to a host, without credentials, and remembers which login it requires. Returns the answer's status.
    /// (<https://github.com/opencontainers/distribution-spec/blob/main/spec.md#determining-support>)
    pub(crate) async fn probe(
        &self,
        host: &Host,
        address_policy: AddressPolicy,
    ) -> Result<StatusCode, CallError> {
        let access = Access { host: host.clone(), scopes: Scopes::default() };
        let status = self.probe_with(Method::GET, "/v2/", &access, address_policy).await?;
        if requires_no_login(status) {
            self.challenges.remember_open_host(host);
        }
        Ok(status)
    }

    /// Sends a request to a host, without credentials, and remembers its challenge. Returns the answer's status.
    async fn probe_with(
        &self,
        method: Method,
        path: &str,
        access: &Access,
        address_policy: AddressPolicy,
    ) -> Result<StatusCode, CallError> {
        let host = &access.host;
        let awaited = || format!("the answer of {host} to {method} {path}");
        let call = Call {
            method: method.clone(),
            uri: https_uri(host, path),
            headers: HeaderMap::from_iter([(header::USER_AGENT, user_agent())]),
            payload: Payload::Empty,
            address_policy,
            access: None,
            counters: None,
        };
        let answer = retry::send(call, async |call| {
            let protocol = self.protocol(address_policy, host).await;
            self.transmit(call, &protocol).await
        });
        let response = within(self.answer_limit(), awaited, answer).await??;
        self.challenges.remember(access, response.headers());
        Ok(response.status())
    }
}

/// Returns the URI of `path`, which holds nothing but names, at `host`.
pub(crate) fn https_uri(host: &Host, path: &str) -> Uri {
    format!("https://{host}{path}").parse().expect("a host and a name make a valid URL")
}
