//! Answers a registry's challenges: Basic, or Bearer with tokens that are cached and renewed in time.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, Uri, header};

use super::address::Reach;
use super::call::{Access, Call, Payload, Scopes};
use super::challenge::Challenge;
use super::credential::{Credential, Login};
use super::error::CallError;
use super::host::Host;
use super::onward::{NamedBy, Onward, OnwardError, Step};
use super::retry;
use super::store::Credentials;
use super::tally::Tally;
use super::token::{Token, TokenRequest, Words, basic_header, bearer_header};
use super::transport::{Body, Transport, TransportError};

/// Tokens, hosts, and scopes of a host remembered at most; more than one build ever uses.
const MEMORY: usize = 1024;

/// Sends requests with the credentials of one store. What it learns (challenges, tokens) is shared by all
/// requests and by nothing that uses another store.
#[derive(Debug)]
pub struct Authenticator {
    transport: Arc<Transport>,
    credentials: Credentials,
    named_by: NamedBy,
    hosts: Mutex<BTreeMap<Host, Known>>,
    tokens: Mutex<BTreeMap<TokenKey, Arc<Slot>>>,
}

/// What a host asked for, the last time that it asked.
#[derive(Clone, Debug, Default)]
struct Known {
    challenge: Option<Challenge>,
    /// Scopes that a challenge named beside those which the request needed, by the latter.
    asked: BTreeMap<Scopes, Scopes>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct TokenKey {
    host: Host,
    realm: String,
    service: Option<String>,
    scopes: Scopes,
}

/// The place of one token. Its lock is held while the token is fetched, so that one fetch is under way.
#[derive(Debug, Default)]
struct Slot {
    token: tokio::sync::Mutex<Option<Token>>,
    failures: AtomicU64,
    last_failure: Mutex<Option<Arc<CallError>>>,
}

impl Authenticator {
    /// An authenticator for hosts that the operator named: they may have any address.
    pub fn new(transport: Arc<Transport>, credentials: Credentials) -> Self {
        Self::with(transport, credentials, NamedBy::Operator)
    }

    /// An authenticator for hosts that a client names: those with credentials may have any address, all
    /// others only public ones.
    pub fn for_clients(transport: Arc<Transport>, credentials: Credentials) -> Self {
        Self::with(transport, credentials, NamedBy::Client)
    }

    fn with(transport: Arc<Transport>, credentials: Credentials, named_by: NamedBy) -> Self {
        Self { transport, credentials, named_by, hosts: Mutex::default(), tokens: Mutex::default() }
    }

    /// How far `host` may be reached.
    pub fn reach(&self, host: &Host) -> Reach {
        match self.named_by {
            NamedBy::Operator => Reach::Anywhere,
            NamedBy::Client if self.credentials.lists(host) => Reach::Anywhere,
            NamedBy::Client => Reach::Public,
        }
    }

    /// Where `location` leads, which the answer from `from` names, if it may be followed.
    ///
    /// # Errors
    /// [`OnwardError`] if it is not a URL or would need plain HTTP where that is not allowed.
    pub fn onward(&self, from: &Onward, location: &str) -> Result<Onward, OnwardError> {
        let step =
            Step { named_by: self.named_by, from: &from.uri, from_host: &from.host, from_reach: from.reach };
        step.to(location, |host| self.credentials.lists(host), |host| self.transport.allows_plain(host))
    }

    /// Whose login is used for `host` and where it came from, in words for a log or an error.
    pub async fn login_words(&self, host: &Host) -> String {
        let credential = self.credentials.find(host).await.ok().flatten();
        Words(credential.as_ref()).to_string()
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
        let Some(access) = call.access.clone() else { return Ok(self.transmit(call).await?) };
        if call.payload.is_stream() {
            // The body is read once: who we are has to be settled before it starts.
            self.learn_by_asking(&access.host, call.reach).await?;
        }
        let sent = self.header(&access, call.reach, call.tally.as_deref()).await?;
        if let Some(value) = &sent {
            call.headers.insert(header::AUTHORIZATION, value.clone());
        }
        let again = call.again();
        let response = self.transmit(call).await?;
        if response.status() != StatusCode::UNAUTHORIZED {
            return Ok(response);
        }
        self.learn(&access, response.headers());
        self.forget(&access, sent.as_ref());
        let Some(mut again) = again else { return Ok(response) };
        let Some(value) = self
            .header(&access, again.reach, again.tally.as_deref())
            .await?
            .filter(|value| Some(value) != sent.as_ref())
        else {
            return Ok(response);
        };
        drop(response);
        again.headers.insert(header::AUTHORIZATION, value);
        Ok(self.transmit(again).await?)
    }

    pub(super) async fn transmit(&self, call: Call) -> Result<Response<Body>, TransportError> {
        let (reach, once) = (call.reach, call.payload.is_stream());
        let request = call.into_request();
        if once {
            self.transport.send_once(reach, request).await
        } else {
            self.transport.send(reach, request).await
        }
    }

    /// Asks `GET /v2/` of a host that is not known yet, without credentials.
    async fn learn_by_asking(&self, host: &Host, reach: Reach) -> Result<(), CallError> {
        if self.hosts().contains_key(host) {
            return Ok(());
        }
        let uri: Uri = format!("https://{host}/v2/").parse().expect("a host makes a valid URL");
        let headers = HeaderMap::from_iter([(header::USER_AGENT, super::client::user_agent())]);
        let payload = Payload::Empty;
        let call = Call { method: Method::GET, uri, headers, payload, reach, access: None, tally: None };
        let response = retry::send(call, |call| self.transmit(call)).await?;
        let access = Access { host: host.clone(), scopes: Scopes::default() };
        self.learn(&access, response.headers());
        Ok(())
    }

    /// Remembers what a host asked for.
    fn learn(&self, access: &Access, headers: &HeaderMap) {
        let challenge = Challenge::from_headers(headers);
        let mut hosts = self.hosts();
        if hosts.len() >= MEMORY {
            hosts.clear();
        }
        let known = hosts.entry(access.host.clone()).or_default();
        if let Some(Challenge::Bearer { scope: Some(scope), .. }) = &challenge {
            let asked = access.scopes.clone().and_asked(scope);
            if asked != access.scopes {
                // A client may name any repository of a mirrored host.
                if known.asked.len() >= MEMORY {
                    known.asked.clear();
                }
                known.asked.insert(access.scopes.clone(), asked);
            }
        }
        if challenge.is_some() {
            known.challenge = challenge;
        }
    }

    /// The `Authorization` value for `access`, by what is known of the host; none if it never asked or
    /// there are no credentials for what it asks.
    async fn header(
        &self,
        access: &Access,
        reach: Reach,
        tally: Option<&Tally>,
    ) -> Result<Option<HeaderValue>, CallError> {
        let known = self.hosts().get(&access.host).cloned().unwrap_or_default();
        let Some(challenge) = known.challenge else { return Ok(None) };
        let credential = self.credentials.find(&access.host).await?;
        match (challenge, credential) {
            (_, Some(Credential { login: Login::RegistryToken(token), .. })) => Ok(bearer_header(&token)),
            (Challenge::Basic, Some(Credential { login: Login::Password { username, password }, .. })) => {
                Ok(Some(basic_header(&username, &password)))
            }
            (Challenge::Basic, _) => Ok(None),
            (Challenge::Bearer { realm, service, .. }, credential) => {
                let scopes = known.asked.get(&access.scopes).unwrap_or(&access.scopes).clone();
                let key = TokenKey { host: access.host.clone(), realm, service, scopes };
                let token = self.token(&key, credential.as_ref(), reach, tally).await?;
                Ok(Some(token.header))
            }
        }
    }

    /// The token of `key`, fetched if there is none that is fresh. Requests that wait for a fetch which
    /// fails share its failure.
    async fn token(
        &self,
        key: &TokenKey,
        credential: Option<&Credential>,
        reach: Reach,
        tally: Option<&Tally>,
    ) -> Result<Token, CallError> {
        let slot = self.slot(key);
        let failures = slot.failures.load(Ordering::Acquire);
        let mut token = slot.token.lock().await;
        if let Some(token) = token.as_ref().filter(|token| token.is_fresh()) {
            return Ok(token.clone());
        }
        if slot.failures.load(Ordering::Acquire) != failures
            && let Some(failure) = lock(&slot.last_failure).clone()
        {
            return Err(CallError::Shared(failure));
        }
        if let Some(tally) = tally {
            tally.note_token();
        }
        let fetched = self.fetch(key, credential, reach).await;
        match fetched {
            Ok(fresh) => {
                *token = Some(fresh.clone());
                Ok(fresh)
            }
            Err(failure) => {
                let failure = Arc::new(failure);
                *lock(&slot.last_failure) = Some(failure.clone());
                slot.failures.fetch_add(1, Ordering::Release);
                Err(CallError::Shared(failure))
            }
        }
    }

    async fn fetch(
        &self,
        key: &TokenKey,
        credential: Option<&Credential>,
        reach: Reach,
    ) -> Result<Token, CallError> {
        let registry = &key.host;
        let uri: Uri = format!("https://{registry}/v2/").parse().expect("a host makes a valid URL");
        let from = Onward { uri, host: registry.clone(), reach };
        let realm = self
            .onward(&from, &key.realm)
            .map_err(|source| CallError::Realm { registry: registry.clone(), source })?;
        let request = TokenRequest {
            registry,
            realm: &realm,
            service: key.service.as_deref(),
            scopes: &key.scopes,
            credential,
        };
        request.fetch(&self.transport).await
    }

    /// Drops the token that was just refused, unless another request has renewed it meanwhile.
    fn forget(&self, access: &Access, sent: Option<&HeaderValue>) {
        let Some(sent) = sent else { return };
        let slots: Vec<Arc<Slot>> = {
            let tokens = lock(&self.tokens);
            tokens.iter().filter(|(key, _)| key.host == access.host).map(|(_, slot)| slot.clone()).collect()
        };
        for slot in slots {
            // A slot that is locked is being renewed.
            if let Ok(mut token) = slot.token.try_lock()
                && token.as_ref().is_some_and(|token| token.header == sent)
            {
                *token = None;
            }
        }
    }

    fn slot(&self, key: &TokenKey) -> Arc<Slot> {
        let mut tokens = lock(&self.tokens);
        if tokens.len() >= MEMORY && !tokens.contains_key(key) {
            tokens.clear();
        }
        tokens.entry(key.clone()).or_default().clone()
    }

    fn hosts(&self) -> MutexGuard<'_, BTreeMap<Host, Known>> {
        lock(&self.hosts)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::TransportConfig;

    #[test]
    fn what_challenges_ask_for_is_remembered_within_bounds() {
        let transport = Arc::new(Transport::new(&TransportConfig::default()).unwrap());
        let auth = Authenticator::for_clients(transport, Credentials::default());
        let host = Host::parse("r.example").unwrap();
        for number in 0..=2 * MEMORY {
            let challenge =
                format!("Bearer realm=\"https://r.example/t\",scope=\"repository:virtual/{number}:pull\"");
            let headers =
                HeaderMap::from_iter([(header::WWW_AUTHENTICATE, HeaderValue::try_from(challenge).unwrap())]);
            let scopes = Scopes::pull(&number.to_string());
            auth.learn(&Access { host: host.clone(), scopes }, &headers);
        }
        assert_eq!(auth.hosts()[&host].asked.len(), 1);
    }
}
