//! The tokens that are held: each is fetched once at a time, and used until shortly before its end.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::HeaderValue;

use super::scope::Scopes;
use super::token_endpoint::{MAX_TOKEN_BYTES, Token};
use crate::registry::bounded_map::BoundedMap;
use crate::registry::error::CallError;
use crate::registry::host::Host;
use crate::registry::transport::deadline::within;

/// Bytes of the tokens held at most, with what they are for; more than any build needs.
const MAX_CACHED_TOKEN_BYTES: usize = 4 * 1024 * 1024;

/// What a token is for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TokenKey {
    pub(crate) host: Host,
    pub(crate) realm: String,
    pub(crate) service: Option<String>,
    pub(crate) scopes: Scopes,
}

impl TokenKey {
    fn bytes(&self) -> usize {
        let service = self.service.as_ref().map_or(0, String::len);
        self.host.as_str().len() + self.realm.len() + service + self.scopes.bytes()
    }
}

/// The place of one token. Its lock is held while the token is fetched, so that one fetch is under way.
#[derive(Debug, Default)]
struct CachedToken {
    token: tokio::sync::Mutex<Option<Token>>,
    failures: AtomicU64,
    last_failure: Mutex<Option<Arc<CallError>>>,
}

/// All tokens of one store.
#[derive(Debug)]
pub(crate) struct TokenCache(Mutex<BoundedMap<TokenKey, Arc<CachedToken>>>);

impl Default for TokenCache {
    fn default() -> Self {
        Self(Mutex::new(BoundedMap::new(MAX_CACHED_TOKEN_BYTES)))
    }
}

impl TokenCache {
    /// The token of `key`, by `fetch` if there is none that is fresh. Requests that wait for a fetch which fails share
    /// its failure. Neither the fetch nor the wait for it takes longer than `limit`.
    ///
    /// # Errors
    /// [`CallError`] as `fetch` says, or if it takes too long.
    pub(crate) async fn get(
        &self,
        key: &TokenKey,
        limit: Duration,
        fetch: impl Future<Output = Result<Token, CallError>>,
    ) -> Result<Token, CallError> {
        let slot = self.slot(key);
        let failures = slot.failures.load(Ordering::Acquire);
        let what = || format!("the token for {}", key.scopes);
        let late = |source| CallError::Endpoint { endpoint: endpoint(key), source };
        let mut token = within(limit, what, slot.token.lock()).await.map_err(late)?;
        if let Some(token) = token.as_ref().filter(|token| token.is_fresh()) {
            return Ok(token.clone());
        }
        if slot.failures.load(Ordering::Acquire) != failures
            && let Some(failure) = lock(&slot.last_failure).clone()
        {
            return Err(CallError::Shared(failure));
        }
        match within(limit, what, fetch).await.map_err(late).flatten() {
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

    /// Drops the token that `host` just refused, unless another request has renewed it meanwhile.
    pub(crate) fn forget(&self, host: &Host, refused: &HeaderValue) {
        let slots: Vec<Arc<CachedToken>> = {
            let slots = lock(&self.0);
            slots.iter().filter(|(key, _)| key.host == *host).map(|(_, slot)| slot.clone()).collect()
        };
        for slot in slots {
            // A slot that is locked is being renewed.
            if let Ok(mut token) = slot.token.try_lock()
                && token.as_ref().is_some_and(|token| token.header == *refused)
            {
                *token = None;
            }
        }
    }

    fn slot(&self, key: &TokenKey) -> Arc<CachedToken> {
        let mut slots = lock(&self.0);
        if let Some(slot) = slots.get(key) {
            return Arc::clone(slot);
        }
        let slot = Arc::new(CachedToken::default());
        // With the longest token, and a failure that repeats the key.
        slots.insert(key.clone(), Arc::clone(&slot), 2 * key.bytes() + MAX_TOKEN_BYTES);
        slot
    }
}

/// The token endpoint's host, as far as its realm tells it.
fn endpoint(key: &TokenKey) -> String {
    let uri: Option<http::Uri> = key.realm.parse().ok();
    let host = uri.and_then(|uri| Host::parse(uri.authority()?.as_str()).ok());
    host.unwrap_or_else(|| key.host.clone()).to_string()
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
