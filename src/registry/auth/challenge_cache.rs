//! What registries answered the last time that they asked for a login, so that it need not be asked for again.

use std::sync::{Mutex, MutexGuard, PoisonError};

use http::HeaderMap;

use super::challenge::Challenge;
use super::scope::Scopes;
use crate::registry::bounded_map::BoundedMap;
use crate::registry::call::Access;
use crate::registry::client::api::Repository;
use crate::registry::host::Host;

/// How much is remembered of the challenges of hosts, again of the scopes that they named, and again of repositories that
/// need no login, in bytes; each is more than any build needs.
const MAX_REMEMBERED_CHALLENGE_BYTES: usize = 512 * 1024;

/// The way in which a registry takes logins.
/// (<https://distribution.github.io/distribution/spec/auth/>)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthScheme {
    /// User name and password with every request.
    Basic,
    /// Tokens of a token endpoint.
    Bearer,
}

/// The login that a host requires.
#[derive(Clone, Debug)]
pub(crate) enum RequiredLogin {
    /// User name and password.
    Basic,
    /// A token of the endpoint `realm` for `service`.
    Bearer { realm: String, service: Option<String> },
}

impl RequiredLogin {
    pub(crate) const fn scheme(&self) -> AuthScheme {
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

/// The challenges of hosts, of bounded size.
#[derive(Debug)]
pub(crate) struct ChallengeCache(Mutex<Entries>);

#[derive(Debug)]
struct Entries {
    /// `None` for a host that requires no login.
    hosts: BoundedMap<Host, Option<RequiredLogin>>,
    /// The scopes of the requests that were refused → all scopes that the challenge named, with them.
    scopes: BoundedMap<(Host, Scopes), Scopes>,
    /// Repositories that require no login, neither for reading nor for writing.
    anonymous: BoundedMap<Repository, ()>,
}

impl Default for ChallengeCache {
    fn default() -> Self {
        Self(Mutex::new(Entries {
            hosts: BoundedMap::new(MAX_REMEMBERED_CHALLENGE_BYTES),
            scopes: BoundedMap::new(MAX_REMEMBERED_CHALLENGE_BYTES),
            anonymous: BoundedMap::new(MAX_REMEMBERED_CHALLENGE_BYTES),
        }))
    }
}

impl ChallengeCache {
    /// Remembers the challenge in `headers`, if there is one, of the answer to a request that needed `access`.
    pub(crate) fn remember(&self, access: &Access, headers: &HeaderMap) {
        let Some(challenge) = Challenge::from_headers(headers) else { return };
        let mut entries = self.lock();
        let host = access.host.clone();
        let required = match challenge {
            Challenge::Basic => RequiredLogin::Basic,
            Challenge::Bearer { realm, service, scope } => {
                let all = access.scopes.clone().and_asked(&scope.unwrap_or_default());
                if all != access.scopes {
                    let bytes = host.as_str().len() + access.scopes.bytes() + all.bytes();
                    entries.scopes.insert((host.clone(), access.scopes.clone()), all, bytes);
                }
                RequiredLogin::Bearer { realm, service }
            }
        };
        let bytes = host.as_str().len() + required.bytes();
        entries.hosts.insert(host, Some(required), bytes);
    }

    /// Remembers that `host` requires no login, unless it is known what it requires.
    pub(crate) fn remember_open_host(&self, host: &Host) {
        let mut entries = self.lock();
        if entries.hosts.get(host).is_none() {
            entries.hosts.insert(host.clone(), None, host.as_str().len());
        }
    }

    /// Remembers that `repository` requires no login.
    pub(crate) fn remember_open_repository(&self, repository: Repository) {
        let bytes = repository.host.as_str().len() + repository.name.len();
        self.lock().anonymous.insert(repository, (), bytes);
    }

    /// Whether `repository` is known to require no login.
    pub(crate) fn is_open_repository(&self, repository: &Repository) -> bool {
        self.lock().anonymous.get(repository).is_some()
    }

    /// Whether it is known which login `host` requires, if any.
    pub(crate) fn knows(&self, host: &Host) -> bool {
        self.lock().hosts.get(host).is_some()
    }

    /// Returns the login that `host` is known to require.
    pub(crate) fn required_login(&self, host: &Host) -> Option<RequiredLogin> {
        self.lock().hosts.get(host).cloned().flatten()
    }

    /// Returns the scopes that a token for `access` has to have: its own and those that a challenge named besides.
    pub(crate) fn scopes_of_token(&self, access: &Access) -> Scopes {
        let own = (access.host.clone(), access.scopes.clone());
        self.lock().scopes.get(&own).cloned().unwrap_or(own.1)
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, header};

    use super::*;

    /// Has `cache` remember a refusal by `host` of a read of `repository` with `challenge`.
    fn refuse(cache: &ChallengeCache, host: &str, repository: &str, challenge: &str) {
        let value = HeaderValue::try_from(challenge).unwrap();
        let access = Access { host: Host::parse(host).unwrap(), scopes: Scopes::pull(repository) };
        cache.remember(&access, &HeaderMap::from_iter([(header::WWW_AUTHENTICATE, value)]));
    }

    #[test]
    fn what_challenges_ask_for_is_remembered_within_bounds() {
        let cache = ChallengeCache::default();
        let scope = |name: &str| format!("repository:{name}:pull");
        let realm = "https://r.example/".to_owned() + &"t".repeat(2000);
        for number in 0..10_000 {
            let named: Vec<String> = (0..50).map(|part| scope(&format!("virtual/{number}/{part}"))).collect();
            let challenge = format!("Bearer realm=\"{realm}\",scope=\"{}\"", named.join(" "));
            let host = format!("r{number}.example");
            refuse(&cache, &host, &number.to_string(), &challenge);
            // Whatever was removed for it, the newest is there: the scope that was needed, and fifty others.
            let host = Host::parse(&host).unwrap();
            assert!(
                matches!(cache.required_login(&host), Some(RequiredLogin::Bearer { realm: held, .. }) if held == realm)
            );
            let own = Scopes::pull(&number.to_string());
            let all = cache.lock().scopes.get(&(host, own)).map(|all| all.iter().count());
            assert_eq!(all, Some(51));
        }
        let entries = cache.lock();
        let hosts: usize = entries
            .hosts
            .iter()
            .map(|(host, required)| host.as_str().len() + required.as_ref().map_or(0, RequiredLogin::bytes))
            .sum();
        let scopes: usize = entries.scopes.iter().map(|((_, own), all)| own.bytes() + all.bytes()).sum();
        let limit = MAX_REMEMBERED_CHALLENGE_BYTES;
        assert!(hosts <= limit && scopes <= limit, "{hosts} {scopes}");
    }

    #[test]
    fn a_hundred_kilobytes_of_scope_are_not_remembered() {
        let cache = ChallengeCache::default();
        let long = "x".repeat(100_000);
        let challenge = format!("Bearer realm=\"https://r.example/t\",scope=\"repository:{long}:pull\"");
        refuse(&cache, "r.example", "a", &challenge);
        assert_eq!(cache.lock().scopes.iter().count(), 0);
        assert!(cache.required_login(&Host::parse("r.example").unwrap()).is_some());
    }
}
