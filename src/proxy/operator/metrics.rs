//! What operators may know of a proxy: counts by alias. No name of a host or repository is in them, so
//! that clients cannot make more of them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use http::Method;

use crate::registry::RequestCounters;

/// The methods of the registry API; all others are counted as one.
const METHODS: [Method; 6] =
    [Method::GET, Method::HEAD, Method::PUT, Method::POST, Method::PATCH, Method::DELETE];

/// Counts of one proxy.
#[derive(Debug)]
pub(crate) struct Metrics {
    aliases: BTreeMap<String, Arc<Counts>>,
    mirror: Arc<Counts>,
    none: Arc<Counts>,
}

/// Name, kind, help, and the value for an alias.
type Family<'a> = (&'a str, &'a str, &'a str, &'a dyn Fn(&Counts) -> u64);

/// Counts of one alias.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) received: AtomicU64,
    pub(crate) sent: AtomicU64,
    pub(crate) tally: Arc<RequestCounters>,
    uploads: AtomicU64,
    /// By method and status; status 0 where the client was gone before there was one.
    requests: Mutex<BTreeMap<(&'static str, u16), u64>>,
}

impl Counts {
    pub(crate) fn upload_begins(&self) {
        self.uploads.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn upload_ends(&self) {
        self.uploads.fetch_sub(1, Ordering::Relaxed);
    }

    pub(crate) fn request_ends(&self, method: &Method, status: Option<u16>) {
        let known = ["GET", "HEAD", "PUT", "POST", "PATCH", "DELETE"];
        let method = METHODS.iter().position(|known| known == method).map_or("other", |index| known[index]);
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        *requests.entry((method, status.unwrap_or(0))).or_default() += 1;
    }
}

impl Metrics {
    pub(crate) fn new<'a>(aliases: impl Iterator<Item = &'a str>) -> Self {
        let aliases = aliases.map(|alias| (alias.to_owned(), Arc::default())).collect();
        Self { aliases, mirror: Arc::default(), none: Arc::default() }
    }

    pub(crate) fn alias(&self, alias: &str) -> Arc<Counts> {
        self.aliases.get(alias).unwrap_or(&self.none).clone()
    }

    /// The counts of all mirrored hosts.
    pub(crate) fn mirror(&self) -> Arc<Counts> {
        self.mirror.clone()
    }

    /// The counts of requests that lead to no alias.
    pub(crate) fn none(&self) -> Arc<Counts> {
        self.none.clone()
    }

    /// All counts as text.
    /// (<https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format>)
    pub(crate) fn text(&self) -> String {
        let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let mut out = String::new();
        family(&mut out, "requests_total", "counter", "Requests that are over.");
        for (alias, counts) in self.all() {
            for ((method, status), count) in
                counts.requests.lock().unwrap_or_else(PoisonError::into_inner).iter()
            {
                let _ = writeln!(
                    out,
                    "bob_proxy_requests_total{{alias=\"{alias}\",method=\"{method}\",status=\"{status}\"}} {count}"
                );
            }
        }
        let families: [Family<'_>; 5] = [
            ("received_bytes_total", "counter", "Bytes of bodies from clients.", &|c| load(&c.received)),
            ("sent_bytes_total", "counter", "Bytes of bodies to clients.", &|c| load(&c.sent)),
            ("retries_total", "counter", "Requests sent to a registry again.", &|c| c.tally.retries()),
            ("tokens_total", "counter", "Tokens asked for.", &|c| c.tally.tokens()),
            ("active_uploads", "gauge", "Requests of uploads that are under way.", &|c| load(&c.uploads)),
        ];
        for (name, kind, help, value) in families {
            family(&mut out, name, kind, help);
            for (alias, counts) in self.all() {
                let _ = writeln!(out, "bob_proxy_{name}{{alias=\"{alias}\"}} {}", value(counts));
            }
        }
        out
    }

    /// Every alias; `mirror` for all mirrored hosts, and the empty name for what leads nowhere.
    fn all(&self) -> impl Iterator<Item = (&str, &Counts)> {
        let aliases = self.aliases.iter().map(|(alias, counts)| (alias.as_str(), &**counts));
        aliases.chain([("mirror", &*self.mirror), ("", &*self.none)])
    }
}

fn family(out: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(out, "# HELP bob_proxy_{name} {help}\n# TYPE bob_proxy_{name} {kind}");
}
