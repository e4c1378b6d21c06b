//! Sending requests with logins: a registry's challenge is answered by Basic, or by Bearer with tokens that are cached and
//! renewed in time.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::{HeaderValue, Response, StatusCode, header};

use super::challenge_cache::{ChallengeCache, RequiredLogin};
use super::credential::{Credential, Login};
use super::probe::https_uri;
use super::scope::Scopes;
use super::store::Credentials;
use super::token_cache::{TokenCache, TokenKey};
use super::token_endpoint::{
    DEFAULT_LIFETIME, DelegatedToken, Token, TokenRequest, basic_header, bearer_header,
};
use crate::http::body::Body;
use crate::registry::call::{Access, Call};
use crate::registry::client::api::Repository;
use crate::registry::counters::RequestCounters;
use crate::registry::error::CallError;
use crate::registry::host::Host;
use crate::registry::transport::address::AddressPolicy;
use crate::registry::transport::error::TransportError;
use crate::registry::transport::redirect_target::{RedirectError, RedirectTarget, TrustedBy};
use crate::registry::transport::retry;
use crate::registry::transport::{HostProtocol, Transport};
use crate::retry::RetryPolicy;

/// A sender of requests with the credentials of one store. Its challenges and tokens are shared by all its requests, and
/// by none of another authenticator.
#[derive(Debug)]
pub struct Authenticator {
    transport: Arc<Transport>,
    credentials: Credentials,
    trusted_by: TrustedBy,
    pub(super) challenges: ChallengeCache,
    tokens: TokenCache,
}

impl Authenticator {
    /// Returns an authenticator for hosts that the operator named: they may have any address.
    pub fn new(transport: Arc<Transport>, credentials: Credentials) -> Self {
        Self::with(transport, credentials, TrustedBy::Operator)
    }

    /// Returns an authenticator for hosts that a client names: those with credentials may have any address, all
    /// others only public ones.
    pub fn for_clients(transport: Arc<Transport>, credentials: Credentials) -> Self {
        Self::with(transport, credentials, TrustedBy::Client)
    }

    fn with(transport: Arc<Transport>, credentials: Credentials, trusted_by: TrustedBy) -> Self {
        let (challenges, tokens) = (ChallengeCache::default(), TokenCache::default());
        Self { transport, credentials, trusted_by, challenges, tokens }
    }

    /// Returns the logins that are sent.
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// Returns the addresses that `host` may have.
    pub fn address_policy(&self, host: &Host) -> AddressPolicy {
        match self.trusted_by {
            TrustedBy::Operator => AddressPolicy::Any,
            TrustedBy::Client if self.credentials.lists(host) => AddressPolicy::Any,
            TrustedBy::Client => AddressPolicy::PublicOnly,
        }
    }

    /// Returns where `location` leads, which an answer from `from` names, if it may be followed.
    ///
    /// # Errors
    /// [`RedirectError`] if it is not a URL or would need plain HTTP where that is not allowed.
    pub fn redirect_target(
        &self,
        from: &RedirectTarget,
        location: &str,
    ) -> Result<RedirectTarget, RedirectError> {
        let allows_plain = |host: &Host| self.transport.allows_plain(host, &from.host);
        from.resolve(location, self.trusted_by, |host| self.credentials.lists(host), allows_plain)
    }

    /// Returns the kind of login that is used for `host` and where it comes from, as text for a log or an error.
    pub async fn describe_login(&self, host: &Host) -> String {
        let credential = self.credentials.find(host).await.ok().flatten();
        self.credentials.describe_login(host, credential.as_ref())
    }

    /// Returns a token of `host` for exactly `scopes`, to be sent by somebody else, such as buildkitd. It is fetched with
    /// the store's login from the token endpoint that the host itself names. None if the host does not take tokens.
    ///
    /// # Errors
    /// [`CallError`] if the host does not say which login it requires, or gives no token.
    pub async fn delegate_token(
        &self,
        host: &Host,
        scopes: Scopes,
    ) -> Result<Option<DelegatedToken>, CallError> {
        let host = host.endpoint();
        match scopes.iter().find(|scope| scope.resource() == "repository") {
            Some(scope) => {
                let name = scope.name().to_owned();
                self.scheme_of(&Repository { host: host.clone(), name }).await?
            }
            None => self.scheme(&host).await?,
        };
        let Some(RequiredLogin::Bearer { realm, service }) = self.challenges.required_login(&host) else {
            return Ok(None);
        };
        let credential = self.credentials.find(&host).await?;
        if let Some(Credential { login: Login::RegistryToken(token), .. }) = credential {
            let (expires_in, issued_at) = (DEFAULT_LIFETIME, SystemTime::now());
            return Ok(Some(DelegatedToken { token, expires_in, issued_at }));
        }
        let address_policy = self.address_policy(&host);
        let key = TokenKey { host, realm, service, scopes };
        let fetch = self.fetch_token(&key, credential.as_ref(), address_policy, None);
        let token = self.tokens.get(&key, self.transport.answer_limit(), fetch).await?;
        Ok(Some(token.delegate()))
    }

    /// Returns the response to `call`. It is sent again after a fault that may pass, if its payload can be.
    ///
    /// # Errors
    /// [`CallError`] if there is no response, or no token for the request.
    pub async fn send(&self, call: Call) -> Result<Response<Body>, CallError> {
        retry::send(self.retry_policy(), call, |call| self.send_once(call)).await
    }

    /// Returns the response to `call`, which is sent once more at most: with a new login after 401.
    async fn send_once(&self, mut call: Call) -> Result<Response<Body>, CallError> {
        let Some(access) = call.access.clone() else {
            return Ok(self.transmit(call, &HostProtocol::from_uri()).await?);
        };
        let mut protocol = self.transport.protocol(call.address_policy, &access.host).await;
        if call.payload.is_stream()
            && (!protocol.may_send_credentials || !self.challenges.knows(&access.host))
        {
            // A stream cannot be sent again with a login after 401: which one is required has to be known before.
            Box::pin(self.probe(&access.host, call.address_policy)).await?;
            protocol = self.transport.protocol(call.address_policy, &access.host).await;
        }
        let sent = if protocol.may_send_credentials {
            self.authorization(&access, call.address_policy, call.counters.as_deref()).await?
        } else {
            None
        };
        if let Some(value) = &sent {
            call.headers.insert(header::AUTHORIZATION, value.clone());
        }
        let again = call.try_clone();
        let response = self.transmit(call, &protocol).await?;
        if response.status() != StatusCode::UNAUTHORIZED {
            return Ok(response);
        }
        self.challenges.remember(&access, response.headers());
        if let Some(sent) = &sent {
            self.tokens.forget(&access.host, sent);
            self.credentials.forget_answer(&access.host);
        }
        let Some(mut again) = again else { return Ok(response) };
        if !self.challenges.knows(&access.host) {
            // The answer has no challenge.
            Box::pin(self.probe(&access.host, again.address_policy)).await?;
        }
        let Some(value) = self
            .authorization(&access, again.address_policy, again.counters.as_deref())
            .await?
            .filter(|value| Some(value) != sent.as_ref())
        else {
            return Ok(response);
        };
        drop(response);
        again.headers.insert(header::AUTHORIZATION, value);
        Ok(self.transmit(again, &protocol).await?)
    }

    /// Sends `call` once by `protocol`, as it is. Returns the response.
    pub(crate) async fn transmit(
        &self,
        call: Call,
        protocol: &HostProtocol,
    ) -> Result<Response<Body>, TransportError> {
        let (address_policy, once) = (call.address_policy, call.payload.is_stream());
        let request = call.into_request();
        if once {
            self.transport.send_once(protocol, address_policy, request).await
        } else {
            self.transport.send_to(protocol, address_policy, request).await
        }
    }

    /// Returns the `Authorization` value for `access`; none if the host is not known to require a login, or there are no
    /// credentials of the kind that it requires.
    async fn authorization(
        &self,
        access: &Access,
        address_policy: AddressPolicy,
        counters: Option<&RequestCounters>,
    ) -> Result<Option<HeaderValue>, CallError> {
        let Some(required) = self.challenges.required_login(&access.host) else { return Ok(None) };
        let credential = self.credentials.find(&access.host).await?;
        match (required, credential) {
            (_, Some(Credential { login: Login::RegistryToken(token), .. })) => Ok(bearer_header(&token)),
            (
                RequiredLogin::Basic,
                Some(Credential { login: Login::Password { username, password }, .. }),
            ) => Ok(Some(basic_header(&username, &password))),
            (RequiredLogin::Basic, _) => Ok(None),
            (RequiredLogin::Bearer { realm, service }, credential) => {
                let scopes = self.challenges.scopes_of_token(access);
                let key = TokenKey { host: access.host.clone(), realm, service, scopes };
                // On the heap: few requests need it, and every request would have room for it.
                let fetch = Box::pin(self.fetch_token(&key, credential.as_ref(), address_policy, counters));
                let token = self.tokens.get(&key, self.transport.answer_limit(), fetch).await?;
                Ok(Some(token.header))
            }
        }
    }

    /// Fetches the token of `key` from the token endpoint.
    async fn fetch_token(
        &self,
        key: &TokenKey,
        credential: Option<&Credential>,
        address_policy: AddressPolicy,
        counters: Option<&RequestCounters>,
    ) -> Result<Token, CallError> {
        if let Some(counters) = counters {
            counters.note_token();
        }
        let registry = &key.host;
        let from =
            RedirectTarget { uri: https_uri(registry, "/v2/"), host: registry.clone(), address_policy };
        let realm = self
            .redirect_target(&from, &key.realm)
            .map_err(|source| CallError::Realm { registry: registry.clone(), source })?;
        let request = TokenRequest {
            registry,
            realm: &realm,
            service: key.service.as_deref(),
            scopes: &key.scopes,
            credential,
            login: self.credentials.describe_login(registry, credential),
        };
        request.fetch(&self.transport).await
    }

    /// Returns the protocol by which requests go to the registry `host`.
    pub(crate) async fn protocol(&self, address_policy: AddressPolicy, host: &Host) -> HostProtocol {
        self.transport.protocol(address_policy, host).await
    }

    /// Returns how often and after which pauses a request is sent.
    pub fn retry_policy(&self) -> &RetryPolicy {
        self.transport.retry_policy()
    }

    /// Returns how long an answer that is read whole may take.
    pub(crate) fn answer_limit(&self) -> Duration {
        self.transport.answer_limit()
    }
}
