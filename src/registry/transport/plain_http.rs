//! Which hosts may speak plain HTTP, and how each of them turned out to be spoken to.
//!
//! A host on this machine, or one that the operator named for it, may speak TLS or plain HTTP. Which it is, is found
//! by trying TLS. Who spoke TLS once in this process gets no plain HTTP any more, and credentials wait until a host
//! has answered by plain HTTP without them.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use http::StatusCode;

use crate::registry::bounded_map::BoundedMap;
use crate::registry::host::Host;

/// Bytes of the hosts remembered that may speak plain HTTP.
const HOSTS_LIMIT: usize = 512 * 1024;
/// Hosts remembered for the TLS that they spoke; with more of them no new one gets plain HTTP.
const MAX_TLS_HOSTS: usize = 4096;

/// The hosts that spoke TLS to this process, of those that might speak plain HTTP.
static SPOKE_TLS: Mutex<BTreeSet<Host>> = Mutex::new(BTreeSet::new());

/// Which hosts may speak plain HTTP, and which of them turned out to.
#[derive(Debug)]
pub(crate) struct PlainPolicy {
    insecure: BTreeSet<Host>,
    hosts: Mutex<BoundedMap<Host, Arc<HostState>>>,
}

/// What is known of one host. Its lock is held while TLS is tried, so that one trial is under way.
#[derive(Debug, Default)]
pub(crate) struct HostState {
    pub(crate) trial: tokio::sync::Mutex<()>,
    scheme: AtomicU8,
}

/// How a host that may speak plain HTTP is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spoken {
    /// Not known.
    Unknown,
    /// It does not speak TLS; whether it speaks HTTP at all is still to be seen.
    PerhapsPlain,
    /// It answered by plain HTTP.
    Plain,
}

impl HostState {
    pub(crate) fn get(&self) -> Spoken {
        match self.scheme.load(Ordering::Acquire) {
            0 => Spoken::Unknown,
            1 => Spoken::PerhapsPlain,
            _ => Spoken::Plain,
        }
    }

    pub(crate) fn set(&self, spoken: Spoken) {
        let value = match spoken {
            Spoken::Unknown => 0,
            Spoken::PerhapsPlain => 1,
            Spoken::Plain => 2,
        };
        self.scheme.store(value, Ordering::Release);
    }

    /// Learns from the answer, by its status, to a request by plain HTTP; `None` where there was none.
    pub(crate) fn heard(&self, status: Option<StatusCode>) {
        self.set(match status {
            // Servers that speak TLS answer so to plain HTTP.
            None | Some(StatusCode::BAD_REQUEST) => Spoken::Unknown,
            Some(_) => Spoken::Plain,
        });
    }
}

impl PlainPolicy {
    pub(crate) const fn new(insecure: BTreeSet<Host>) -> Self {
        Self { insecure, hosts: Mutex::new(BoundedMap::new(HOSTS_LIMIT)) }
    }

    /// Whether the operator named `host` for plain HTTP.
    pub(crate) fn is_insecure(&self, host: &Host) -> bool {
        self.insecure.contains(host)
    }

    /// Whether `host` may speak plain HTTP: it is named for it or on this machine, and never spoke TLS.
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
                hosts.insert(listener(host));
            }
        }
    }

    /// What is known of `host`.
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
    hosts.len() >= MAX_TLS_HOSTS || hosts.contains(&listener(host))
}

/// The one name of this machine's usual names, at the same port: they mostly lead to the same server.
fn listener(host: &Host) -> Host {
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
            (Some(StatusCode::UNAUTHORIZED), Spoken::Plain),
            (Some(StatusCode::BAD_REQUEST), Spoken::Unknown),
            (Some(StatusCode::OK), Spoken::Plain),
            (None, Spoken::Unknown),
        ] {
            state.heard(status);
            assert_eq!(state.get(), want);
        }
    }
}
