//! Which hosts may speak plain HTTP, and which of them turned out to.
//!
//! A host on this machine, or one that the operator allowed it for, may speak TLS or plain HTTP: a TLS handshake tells
//! which. A host that spoke TLS once in this process is never spoken to by plain HTTP again. Credentials are sent by plain
//! HTTP only after the host has answered a request without them.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use http::StatusCode;

use crate::registry::bounded_map::BoundedMap;
use crate::registry::host::Host;

/// How much is remembered of hosts that may speak plain HTTP, in bytes.
const MAX_REMEMBERED_HOST_BYTES: usize = 512 * 1024;
/// How many hosts are remembered that spoke TLS. Once there are as many, no host is spoken to by plain HTTP any more.
const MAX_TLS_HOSTS: usize = 4096;

/// The hosts that spoke TLS to this process, of those that might speak plain HTTP.
static SPOKE_TLS: Mutex<BTreeSet<Host>> = Mutex::new(BTreeSet::new());

/// Which hosts may speak plain HTTP, and which of them turned out to.
#[derive(Debug)]
pub(crate) struct PlainPolicy {
    insecure: BTreeSet<Host>,
    hosts: Mutex<BoundedMap<Host, Arc<HostState>>>,
}

/// What is known of one host that may speak plain HTTP.
#[derive(Debug, Default)]
pub(crate) struct HostState {
    /// Held while a TLS handshake is tried, so that one is tried at a time.
    pub(crate) probe: tokio::sync::Mutex<()>,
    /// A [`PlainHttp`] as a number.
    plain_http: AtomicU8,
}

/// Whether a host that may speak plain HTTP does so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PlainHttp {
    /// Not known: a TLS handshake has to be tried.
    Unknown,
    /// It does not speak TLS, and has not answered by plain HTTP yet.
    Unconfirmed,
    /// It answered by plain HTTP.
    Confirmed,
}

impl HostState {
    pub(crate) fn get(&self) -> PlainHttp {
        match self.plain_http.load(Ordering::Acquire) {
            0 => PlainHttp::Unknown,
            1 => PlainHttp::Unconfirmed,
            _ => PlainHttp::Confirmed,
        }
    }

    pub(crate) fn set(&self, plain_http: PlainHttp) {
        let value = match plain_http {
            PlainHttp::Unknown => 0,
            PlainHttp::Unconfirmed => 1,
            PlainHttp::Confirmed => 2,
        };
        self.plain_http.store(value, Ordering::Release);
    }

    /// Takes note of the status of an answer to a request by plain HTTP; `None` where there was no answer.
    pub(crate) fn note_response(&self, status: Option<StatusCode>) {
        self.set(match status {
            // Servers that speak TLS answer plain HTTP with 400.
            None | Some(StatusCode::BAD_REQUEST) => PlainHttp::Unknown,
            Some(_) => PlainHttp::Confirmed,
        });
    }
}

impl PlainPolicy {
    pub(crate) const fn new(insecure: BTreeSet<Host>) -> Self {
        Self { insecure, hosts: Mutex::new(BoundedMap::new(MAX_REMEMBERED_HOST_BYTES)) }
    }

    /// Whether the operator allowed plain HTTP for `host`.
    pub(crate) fn is_insecure(&self, host: &Host) -> bool {
        self.insecure.contains(host)
    }

    /// Whether plain HTTP may be used for `host`: it is on this machine or the operator allowed it, and it never spoke TLS.
    pub(crate) fn allows(&self, host: &Host) -> bool {
        self.is_candidate(host) && !spoke_tls(host)
    }

    fn is_candidate(&self, host: &Host) -> bool {
        host.is_loopback() || self.is_insecure(host)
    }

    /// Remembers for the life of this process that `host` spoke TLS.
    pub(crate) fn note_tls(&self, host: &Host) {
        if self.is_candidate(host) {
            let mut hosts = SPOKE_TLS.lock().unwrap_or_else(PoisonError::into_inner);
            if hosts.len() < MAX_TLS_HOSTS {
                hosts.insert(canonical_loopback(host));
            }
        }
    }

    /// Returns what is known of `host`.
    pub(crate) fn state(&self, host: &Host) -> Arc<HostState> {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(state) = hosts.get(host) {
            return Arc::clone(state);
        }
        let state = Arc::new(HostState::default());
        hosts.insert(host.clone(), Arc::clone(&state), 2 * host.as_str().len());
        state
    }
}

fn spoke_tls(host: &Host) -> bool {
    let hosts = SPOKE_TLS.lock().unwrap_or_else(PoisonError::into_inner);
    hosts.len() >= MAX_TLS_HOSTS || hosts.contains(&canonical_loopback(host))
}

/// Returns `localhost` with the port of `host` for the usual names of this machine, which mostly lead to the same server;
/// else `host` itself.
fn canonical_loopback(host: &Host) -> Host {
    let own = matches!(host.name(), "localhost" | "127.0.0.1" | "[::1]");
    let port = host.port().map_or_else(String::new, |port| format!(":{port}"));
    let named = own.then(|| Host::parse(&format!("localhost{port}")).ok()).flatten();
    named.unwrap_or_else(|| host.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(text: &str) -> Host {
        Host::parse(text).unwrap()
    }

    #[test]
    fn who_spoke_tls_may_not_speak_plain_http_under_any_name() {
        let policy = PlainPolicy::new([host("tls.insecure.example:1")].into());
        for (name, other) in [
            ("localhost:1", "127.0.0.1:1"),
            ("[::1]:2", "localhost:2"),
            ("tls.insecure.example:1", "tls.insecure.example:1"),
        ] {
            assert!(policy.allows(&host(name)) && policy.allows(&host(other)));
            policy.note_tls(&host(name));
            assert!(!policy.allows(&host(name)) && !policy.allows(&host(other)), "{name}");
        }
        assert!(policy.allows(&host("localhost:3")) && !policy.allows(&host("r.example")));
        // What one transport learned holds for all of this process.
        assert!(!PlainPolicy::new(BTreeSet::new()).allows(&host("localhost:1")));
    }

    #[test]
    fn a_bad_request_is_no_proof_of_plain_http() {
        let state = HostState::default();
        for (status, want) in [
            (Some(StatusCode::UNAUTHORIZED), PlainHttp::Confirmed),
            (Some(StatusCode::BAD_REQUEST), PlainHttp::Unknown),
            (Some(StatusCode::OK), PlainHttp::Confirmed),
            (None, PlainHttp::Unknown),
        ] {
            state.note_response(status);
            assert_eq!(state.get(), want);
        }
    }
}
