//! The metrics of a proxy: counters by alias. They are not labelled by host or repository, so that clients cannot add to
//! their number.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use http::Method;

use crate::registry::RequestCounters;

/// The methods of the registry API; all others are counted as one.
const METHODS: [&str; 6] = ["GET", "HEAD", "PUT", "POST", "PATCH", "DELETE"];

/// The counters of one proxy.
#[derive(Debug)]
pub(crate) struct Metrics {
    aliases: BTreeMap<String, Arc<AliasCounters>>,
    mirror: Arc<AliasCounters>,
    none: Arc<AliasCounters>,
}

/// A metric family: name, type, help, and the value for an alias.
type MetricFamily<'a> = (&'a str, &'a str, &'a str, &'a dyn Fn(&AliasCounters) -> u64);

/// The counters of one alias.
#[derive(Debug, Default)]
pub(crate) struct AliasCounters {
    /// Bytes of bodies from clients.
    pub(crate) received: AtomicU64,
    /// Bytes of bodies to clients.
    pub(crate) sent: AtomicU64,
    pub(crate) registry: Arc<RequestCounters>,
    /// How many requests of uploads are active.
    active_uploads: AtomicU64,
    /// Requests by method and status; 0 where the client left before there was a status.
    requests: Mutex<BTreeMap<(&'static str, u16), u64>>,
}

impl AliasCounters {
    /// Notes that a request of an upload has begun.
    pub(crate) fn note_upload_start(&self) {
        self.active_uploads.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes that a request of an upload has ended.
    pub(crate) fn note_upload_end(&self) {
        self.active_uploads.fetch_sub(1, Ordering::Relaxed);
    }

    /// Notes that a request has ended; without a status if the client left before there was one.
    pub(crate) fn note_request_end(&self, method: &Method, status: Option<u16>) {
        let method = METHODS.into_iter().find(|known| *known == method.as_str()).unwrap_or("other");
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        *requests.entry((method, status.unwrap_or(0))).or_default() += 1;
    }
}

impl Metrics {
    pub(crate) fn new<'a>(aliases: impl Iterator<Item = &'a str>) -> Self {
        let aliases = aliases.map(|alias| (alias.to_owned(), Arc::default())).collect();
        Self { aliases, mirror: Arc::default(), none: Arc::default() }
    }

    /// The counters of an alias.
    pub(crate) fn alias(&self, alias: &str) -> Arc<AliasCounters> {
        self.aliases.get(alias).unwrap_or(&self.none).clone()
    }

    /// The counters of all mirrored hosts.
    pub(crate) fn mirror(&self) -> Arc<AliasCounters> {
        self.mirror.clone()
    }

    /// The counters of requests that lead to no alias.
    pub(crate) fn none(&self) -> Arc<AliasCounters> {
        self.none.clone()
    }

    /// All counters in the Prometheus text format.
    /// (<https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format>)
    pub(crate) fn text(&self) -> String {
        let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let mut out = String::new();
        write_family_head(&mut out, "requests_total", "counter", "Requests that are over.");
        for (alias, counters) in self.all() {
            for ((method, status), count) in
                counters.requests.lock().unwrap_or_else(PoisonError::into_inner).iter()
            {
                let _ = writeln!(
                    out,
                    "bob_proxy_requests_total{{alias=\"{alias}\",method=\"{method}\",status=\"{status}\"}} {count}"
                );
            }
        }
        let families: [MetricFamily<'_>; 5] = [
            ("received_bytes_total", "counter", "Bytes of bodies from clients.", &|c| load(&c.received)),
            ("sent_bytes_total", "counter", "Bytes of bodies to clients.", &|c| load(&c.sent)),
            ("retries_total", "counter", "Requests sent to a registry again.", &|c| c.registry.retries()),
            ("tokens_total", "counter", "Tokens asked for.", &|c| c.registry.tokens()),
            ("active_uploads", "gauge", "Requests of uploads that are under way.", &|c| {
                load(&c.active_uploads)
            }),
        ];
        for (name, kind, help, value) in families {
            write_family_head(&mut out, name, kind, help);
            for (alias, counters) in self.all() {
                let _ = writeln!(out, "bob_proxy_{name}{{alias=\"{alias}\"}} {}", value(counters));
            }
        }
        out
    }

    /// The counters by alias, with `mirror` for all mirrored hosts and the empty name for requests that lead to no alias.
    fn all(&self) -> impl Iterator<Item = (&str, &AliasCounters)> {
        let aliases = self.aliases.iter().map(|(alias, counters)| (alias.as_str(), &**counters));
        aliases.chain([("mirror", &*self.mirror), ("", &*self.none)])
    }
}

/// Writes the head of a metric family.
fn write_family_head(out: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(out, "# HELP bob_proxy_{name} {help}\n# TYPE bob_proxy_{name} {kind}");
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines of `metrics` with a count other than 0, without the prefix that all have.
    fn counts(metrics: &Metrics) -> Vec<String> {
        let text = metrics.text();
        let lines = text.lines().filter(|line| !line.starts_with('#') && !line.ends_with(" 0"));
        lines.map(|line| line.strip_prefix("bob_proxy_").unwrap().to_owned()).collect()
    }

    #[test]
    fn requests_are_counted_by_alias_method_and_status() {
        let metrics = Metrics::new(["base", "target"].into_iter());
        assert_eq!(counts(&metrics), [""; 0]);
        for (counters, method, status) in [
            (metrics.alias("target"), "PUT", Some(201)),
            (metrics.alias("target"), "PUT", Some(201)),
            (metrics.alias("target"), "PUT", None),
            (metrics.alias("target"), "DELETE", Some(204)),
            (metrics.mirror(), "GET", Some(200)),
            (metrics.none(), "MKCOL", Some(405)),
            (metrics.alias("unknown"), "HEAD", Some(404)),
        ] {
            counters.note_request_end(&method.parse().unwrap(), status);
        }
        assert_eq!(
            counts(&metrics),
            [
                r#"requests_total{alias="target",method="DELETE",status="204"} 1"#,
                r#"requests_total{alias="target",method="PUT",status="0"} 1"#,
                r#"requests_total{alias="target",method="PUT",status="201"} 2"#,
                r#"requests_total{alias="mirror",method="GET",status="200"} 1"#,
                r#"requests_total{alias="",method="HEAD",status="404"} 1"#,
                r#"requests_total{alias="",method="other",status="405"} 1"#,
            ]
        );
    }

    #[test]
    fn every_counter_has_a_name_a_type_and_a_help() {
        let metrics = Metrics::new(["base"].into_iter());
        let base = metrics.alias("base");
        base.received.fetch_add(3, Ordering::Relaxed);
        base.sent.fetch_add(4, Ordering::Relaxed);
        for _ in 0..3 {
            base.note_upload_start();
        }
        base.note_upload_end();
        let families = [
            ("received_bytes_total", 3),
            ("sent_bytes_total", 4),
            ("retries_total", 0),
            ("tokens_total", 0),
            ("active_uploads", 2),
        ];
        let text = metrics.text();
        for (name, count) in families {
            assert!(text.contains(&format!("\nbob_proxy_{name}{{alias=\"base\"}} {count}\n")), "{name}");
            assert!(text.contains(&format!("# HELP bob_proxy_{name} ")), "{name}");
            let kind = if name == "active_uploads" { "gauge" } else { "counter" };
            assert!(text.contains(&format!("# TYPE bob_proxy_{name} {kind}\n")), "{name}");
        }
    }
}
