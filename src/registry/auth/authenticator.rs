//! Answers a registry's challenges: Basic, or Bearer with tokens that are cached and renewed in time.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, Uri, header};

use super::challenge::Challenge;
use super::credential::{Credential, Login};
use super::scope::Scopes;
use super::store::Credentials;
use super::token_cache::{TokenCache, TokenKey};
use super::token_endpoint::{
    DEFAULT_LIFETIME, DelegatedToken, Token, TokenRequest, basic_header, bearer_header,
};
use crate::http::body::Body;
use crate::registry::bounded_map::BoundedMap;
use crate::registry::call::{Access, Call, Payload};
use crate::registry::client::api::{Repository, user_agent};
use crate::registry::client::names::is_repository_name;
use crate::registry::counters::RequestCounters;
use crate::registry::error::CallError;
use crate::registry::host::Host;
use crate::registry::transport::address::AddressPolicy;
use crate::registry::transport::deadline::within;
use crate::registry::transport::error::TransportError;
use crate::registry::transport::redirect_target::{RedirectError, RedirectTarget, TrustedBy};
use crate::registry::transport::retry;
use crate::registry::transport::{HostProtocol, Transport};

/// Bytes remembered at most of what hosts asked for, and again of the scopes that they named; more than any build
/// needs.
const MAX_REMEMBERED_CHALLENGE_BYTES: usize = 512 * 1024;

/// Sends requests with the credentials of one store. What it learns (challenges, tokens) is shared by all
/// requests and by nothing that uses another store.
#[derive(Debug)]
pub struct Authenticator {
    transport: Arc<Transport>,
    credentials: Credentials,
    trusted_by: TrustedBy,
    challenges: Mutex<ChallengeCache>,
    tokens: TokenCache,
}

/// What hosts asked for, the last time that they asked.
#[derive(Debug)]
struct ChallengeCache {
    /// `None` for a host that asks for nothing.
    hosts: BoundedMap<Host, Option<RequiredLogin>>,
    /// Scopes that a challenge named beside those which the request needed, by the latter.
    scopes: BoundedMap<(Host, Scopes), Scopes>,
    /// Repositories that ask for nothing, neither to be read nor to be written.
    anonymous: BoundedMap<Repository, ()>,
}

/// What a host asks for.
#[derive(Clone, Debug)]
enum RequiredLogin {
    Basic,
    Bearer { realm: String, service: Option<String> },
}

/// The way in which a registry wants logins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthScheme {
    /// User name and password with every request.
    Basic,
    /// Tokens of a token endpoint.
    Bearer,
}

impl RequiredLogin {
    const fn scheme(&self) -> AuthScheme {
        match self {
            Self::Basic => AuthScheme::Basic,
            Self::Bearer { .. } => AuthScheme::Bearer,
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Basic => 0,
            Self::Bearer { realm, service } => realm.len() + service.as_ref().map_or(0, String::len),
        }
    }
}

/// Whether an answer without a challenge says that no login is asked for.
fn requires_no_login(status: StatusCode) -> bool {
    !status.is_server_error() && !matches!(status.as_u16(), 401 | 429)
}

impl Authenticator {
    /// An authenticator for hosts that the operator named: they may have any address.
    pub fn new(transport: Arc<Transport>, credentials: Credentials) -> Self {
        Self::with(transport, credentials, TrustedBy::Operator)
    }

    /// An authenticator for hosts that a client names: those with credentials may have any address, all
    /// others only public ones.
    pub fn for_clients(transport: Arc<Transport>, credentials: Credentials) -> Self {
        Self::with(transport, credentials, TrustedBy::Client)
    }

    fn with(transport: Arc<Transport>, credentials: Credentials, trusted_by: TrustedBy) -> Self {
        let known = ChallengeCache {
            hosts: BoundedMap::new(MAX_REMEMBERED_CHALLENGE_BYTES),
            scopes: BoundedMap::new(MAX_REMEMBERED_CHALLENGE_BYTES),
            anonymous: BoundedMap::new(MAX_REMEMBERED_CHALLENGE_BYTES),
        };
        Self {
            transport,
            credentials,
            trusted_by,
            challenges: Mutex::new(known),
            tokens: TokenCache::default(),
        }
    }

    /// The logins that this sends.
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// How far `host` may be reached.
    pub fn address_policy(&self, host: &Host) -> AddressPolicy {
        match self.trusted_by {
            TrustedBy::Operator => AddressPolicy::Any,
            TrustedBy::Client if self.credentials.lists(host) => AddressPolicy::Any,
            TrustedBy::Client => AddressPolicy::PublicOnly,
        }
    }

    /// Where `location` leads, which the answer from `from` names, if it may be followed.
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

    /// What kind of login is used for `host` and where it came from, in words for a log or an error.
    pub async fn describe_login(&self, host: &Host) -> String {
        let credential = self.credentials.find(host).await.ok().flatten();
        self.credentials.describe_login(host, credential.as_ref())
    }

    /// What login `host` asks for, by `GET /v2/` where that is not known yet; none if it asks for nothing.
    ///
    /// # Errors
    /// [`CallError`] if the host does not say.
    pub async fn scheme(&self, host: &Host) -> Result<Option<AuthScheme>, CallError> {
        let host = host.endpoint();
        let address_policy = self.address_policy(&host);
        let protocol = self.transport.protocol(address_policy, &host).await;
        if !protocol.may_send_credentials || !self.is_probed(&host) {
            let status = self.probe(&host, address_policy).await?;
            if !self.is_probed(&host) {
                return Err(CallError::NoScheme { registry: host, request: "GET /v2/".to_owned(), status });
            }
        }
        Ok(self.required_login(&host).map(|asked| asked.scheme()))
    }

    /// What login `repository` asks for, as [`Authenticator::scheme`] does for its host. A registry that anybody may
    /// read in part lets everybody see `/v2/`, and asks where a repository is read, or only where it is written.
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
        if self.challenges().anonymous.get(&repository).is_some() {
            return Ok(None);
        }
        let Repository { host, name } = &repository;
        // Nothing comes of the second where it is allowed: there is no such upload.
        for (method, path, scopes) in [
            (Method::HEAD, "manifests/latest", Scopes::pull(name)),
            (Method::PATCH, "blobs/uploads/00000000-0000-0000-0000-000000000000", Scopes::push(name)),
        ] {
            let request = format!("{method} /v2/{name}/{path}");
            let access = Access { host: host.clone(), scopes };
            let status = self
                .probe_with(method, &format!("/v2/{name}/{path}"), &access, self.address_policy(host))
                .await?;
            if let Some(asked) = self.required_login(host) {
                return Ok(Some(asked.scheme()));
            }
            if !requires_no_login(status) {
                return Err(CallError::NoScheme { registry: host.clone(), request, status });
            }
        }
        let bytes = host.as_str().len() + name.len();
        self.challenges().anonymous.insert(repository, (), bytes);
        Ok(None)
    }

    /// A token of `host` for exactly `scopes`, to be sent by somebody else: fetched with the store's login from the
    /// token endpoint that the host itself names. None if the host does not want tokens.
    ///
    /// # Errors
    /// [`CallError`] if the host does not say what it wants, or gives no token.
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
        let Some(RequiredLogin::Bearer { realm, service }) = self.required_login(&host) else {
            return Ok(None);
        };
        let credential = self.credentials.find(&host).await?;
        if let Some(Credential { login: Login::RegistryToken(token), .. }) = credential {
            let (expires_in, issued_at) = (DEFAULT_LIFETIME, SystemTime::now());
            return Ok(Some(DelegatedToken { token, expires_in, issued_at }));
        }
        let address_policy = self.address_policy(&host);
        let key = TokenKey { host, realm, service, scopes };
        let fetch = self.fetch(&key, credential.as_ref(), address_policy, None);
        let token = self.tokens.get(&key, self.transport.answer_limit(), fetch).await?;
        Ok(Some(token.delegate()))
    }

    /// The response to `call`: passing faults are retried if its payload can be sent again.
    ///
    /// # Errors
    /// [`CallError`] if there is no response, or no token for the request.
    pub async fn send(&self, call: Call) -> Result<Response<Body>, CallError> {
        retry::send(call, |call| self.send_once(call)).await
    }

    /// The response to `call` after at most one new login.
    async fn send_once(&self, mut call: Call) -> Result<Response<Body>, CallError> {
        let Some(access) = call.access.clone() else {
            return Ok(self.transmit(call, &HostProtocol::from_uri()).await?);
        };
        let mut protocol = self.transport.protocol(call.address_policy, &access.host).await;
        if call.payload.is_stream() && (!protocol.may_send_credentials || !self.is_probed(&access.host)) {
            // The body is read once: who we are has to be settled before it starts.
            self.probe(&access.host, call.address_policy).await?;
            protocol = self.transport.protocol(call.address_policy, &access.host).await;
        }
        let sent = if protocol.may_send_credentials {
            self.header(&access, call.address_policy, call.counters.as_deref()).await?
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
        self.remember_challenge(&access, response.headers());
        if let Some(sent) = &sent {
            self.tokens.forget(&access.host, sent);
            self.credentials.forget_answer(&access.host);
        }
        let Some(mut again) = again else { return Ok(response) };
        if !self.is_probed(&access.host) {
            // It refuses without saying what it wants.
            self.probe(&access.host, again.address_policy).await?;
        }
        let Some(value) = self
            .header(&access, again.address_policy, again.counters.as_deref())
            .await?
            .filter(|value| Some(value) != sent.as_ref())
        else {
            return Ok(response);
        };
        drop(response);
        again.headers.insert(header::AUTHORIZATION, value);
        Ok(self.transmit(again, &protocol).await?)
    }

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

    /// Asks `GET /v2/` of a host, without credentials, and learns what it asks for. Returns its answer's status.
    async fn probe(&self, host: &Host, address_policy: AddressPolicy) -> Result<StatusCode, CallError> {
        let access = Access { host: host.clone(), scopes: Scopes::default() };
        let status = self.probe_with(Method::GET, "/v2/", &access, address_policy).await?;
        if requires_no_login(status) && !self.is_probed(host) {
            self.challenges().hosts.insert(host.clone(), None, host.as_str().len());
        }
        Ok(status)
    }

    /// Makes a request of a host, without credentials, and learns what it asks for. Returns its answer's status.
    async fn probe_with(
        &self,
        method: Method,
        path: &str,
        access: &Access,
        address_policy: AddressPolicy,
    ) -> Result<StatusCode, CallError> {
        let host = &access.host;
        let what = || format!("the answer of {host} to {method} {path}");
        let uri: Uri = format!("https://{host}{path}").parse().expect("a host and a name make a valid URL");
        let headers = HeaderMap::from_iter([(header::USER_AGENT, user_agent())]);
        let payload = Payload::Empty;
        let call = Call {
            method: method.clone(),
            uri,
            headers,
            payload,
            address_policy,
            access: None,
            counters: None,
        };
        let answer = retry::send(call, async |call| {
            let protocol = self.transport.protocol(address_policy, host).await;
            self.transmit(call, &protocol).await
        });
        let response = within(self.transport.answer_limit(), what, answer).await??;
        self.remember_challenge(access, response.headers());
        Ok(response.status())
    }

    /// Remembers what a host asked for.
    fn remember_challenge(&self, access: &Access, headers: &HeaderMap) {
        let Some(challenge) = Challenge::from_headers(headers) else { return };
        let mut challenges = self.challenges();
        let host = access.host.clone();
        let asked = match challenge {
            Challenge::Basic => RequiredLogin::Basic,
            Challenge::Bearer { realm, service, scope } => {
                let all = access.scopes.clone().and_asked(&scope.unwrap_or_default());
                if all != access.scopes {
                    let bytes = host.as_str().len() + access.scopes.bytes() + all.bytes();
                    challenges.scopes.insert((host.clone(), access.scopes.clone()), all, bytes);
                }
                RequiredLogin::Bearer { realm, service }
            }
        };
        let bytes = host.as_str().len() + asked.bytes();
        challenges.hosts.insert(host, Some(asked), bytes);
    }

    /// What is known that `host` asks for.
    fn required_login(&self, host: &Host) -> Option<RequiredLogin> {
        self.challenges().hosts.get(host).cloned().flatten()
    }

    /// Whether it is known what `host` asks for, if anything.
    fn is_probed(&self, host: &Host) -> bool {
        self.challenges().hosts.get(host).is_some()
    }

    /// The `Authorization` value for `access`, by what is known of the host; none if it never asked or
    /// there are no credentials for what it asks.
    async fn header(
        &self,
        access: &Access,
        address_policy: AddressPolicy,
        counters: Option<&RequestCounters>,
    ) -> Result<Option<HeaderValue>, CallError> {
        let Some(asked) = self.required_login(&access.host) else { return Ok(None) };
        let credential = self.credentials.find(&access.host).await?;
        match (asked, credential) {
            (_, Some(Credential { login: Login::RegistryToken(token), .. })) => Ok(bearer_header(&token)),
            (
                RequiredLogin::Basic,
                Some(Credential { login: Login::Password { username, password }, .. }),
            ) => Ok(Some(basic_header(&username, &password))),
            (RequiredLogin::Basic, _) => Ok(None),
            (RequiredLogin::Bearer { realm, service }, credential) => {
                let own = (access.host.clone(), access.scopes.clone());
                let scopes = self.challenges().scopes.get(&own).cloned().unwrap_or(own.1);
                let key = TokenKey { host: own.0, realm, service, scopes };
                let fetch = self.fetch(&key, credential.as_ref(), address_policy, counters);
                let token = self.tokens.get(&key, self.transport.answer_limit(), fetch).await?;
                Ok(Some(token.header))
            }
        }
    }

    async fn fetch(
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
        let uri: Uri = format!("https://{registry}/v2/").parse().expect("a host makes a valid URL");
        let from = RedirectTarget { uri, host: registry.clone(), address_policy };
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

    fn challenges(&self) -> MutexGuard<'_, ChallengeCache> {
        self.challenges.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How the registry `host` is spoken to.
    pub(crate) async fn protocol(&self, address_policy: AddressPolicy, host: &Host) -> HostProtocol {
        self.transport.protocol(address_policy, host).await
    }

    /// The longest wait for an answer that is read whole.
    pub(crate) fn answer_limit(&self) -> std::time::Duration {
        self.transport.answer_limit()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::TransportConfig;

    fn authenticator() -> Authenticator {
        let transport = Arc::new(Transport::new(&TransportConfig::default()).unwrap());
        Authenticator::for_clients(transport, Credentials::default())
    }

    /// What `auth` remembers after a refusal by `host` of a read of `repository` with `challenge`.
    fn refuse(auth: &Authenticator, host: &str, repository: &str, challenge: &str) {
        let value = HeaderValue::try_from(challenge).unwrap();
        let access = Access { host: Host::parse(host).unwrap(), scopes: Scopes::pull(repository) };
        auth.remember_challenge(&access, &HeaderMap::from_iter([(header::WWW_AUTHENTICATE, value)]));
    }

    #[test]
    fn what_challenges_ask_for_is_remembered_within_bounds() {
        let auth = authenticator();
        let scope = |name: &str| format!("repository:{name}:pull");
        let realm = "https://r.example/".to_owned() + &"t".repeat(2000);
        for number in 0..10_000 {
            let asked: Vec<String> = (0..50).map(|part| scope(&format!("virtual/{number}/{part}"))).collect();
            let challenge = format!("Bearer realm=\"{realm}\",scope=\"{}\"", asked.join(" "));
            let host = format!("r{number}.example");
            refuse(&auth, &host, &number.to_string(), &challenge);
            // Whatever had to go for it, the newest is there: the scope that was needed, and fifty others.
            let host = Host::parse(&host).unwrap();
            assert!(
                matches!(auth.required_login(&host), Some(RequiredLogin::Bearer { realm: held, .. }) if held == realm)
            );
            let own = Scopes::pull(&number.to_string());
            let all = auth.challenges().scopes.get(&(host, own)).map(|all| all.iter().count());
            assert_eq!(all, Some(51));
        }
        let challenges = auth.challenges();
        let hosts: usize = challenges
            .hosts
            .iter()
            .map(|(host, asked)| host.as_str().len() + asked.as_ref().map_or(0, RequiredLogin::bytes))
            .sum();
        let scopes: usize = challenges.scopes.iter().map(|((_, own), all)| own.bytes() + all.bytes()).sum();
        assert!(
            hosts <= MAX_REMEMBERED_CHALLENGE_BYTES && scopes <= MAX_REMEMBERED_CHALLENGE_BYTES,
            "{hosts} {scopes}"
        );
    }

    #[test]
    fn a_hundred_kilobytes_of_scope_are_not_remembered() {
        let auth = authenticator();
        let long = "x".repeat(100_000);
        let challenge = format!("Bearer realm=\"https://r.example/t\",scope=\"repository:{long}:pull\"");
        refuse(&auth, "r.example", "a", &challenge);
        assert_eq!(auth.challenges().scopes.iter().count(), 0);
        assert!(auth.required_login(&Host::parse("r.example").unwrap()).is_some());
    }
}
