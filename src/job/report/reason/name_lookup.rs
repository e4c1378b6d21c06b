//! A host whose name could not be looked up (DNS).

use super::{Evidence, Reason};

pub(super) fn find(evidence: &Evidence<'_>) -> Option<Reason> {
    const WORDS: [&str; 21] = [
        "temporary error (try again later)",
        "dns: transient error",
        "dns lookup error",
        "could not resolve host",
        "could not resolve '",
        "could not resolve proxy",
        "could not resolve hostname",
        "couldn't resolve host",
        "temporary failure resolving",
        "temporary failure in name resolution",
        "name or service not known",
        "no such host",
        "bad address '",
        "name does not resolve",
        "unable to resolve host",
        "getaddrinfo",
        "failed to lookup address",
        "nodename nor servname",
        "server misbehaving",
        "failed to resolve address",
        "dns lookup failed",
    ];
    let words = evidence.saying(&WORDS)?;
    let what = match host(words) {
        Some(host) => format!("the name of the host {host} could not be looked up (DNS)"),
        None => "the name of a host could not be looked up (DNS)".to_owned(),
    };
    let advice = "check the name; see that buildkitd's machine has network and a name server (/etc/resolv.conf), and that the step does not run with --network=none; behind a proxy give --build-arg HTTPS_PROXY=…";
    Some(Reason::new(what).words(words).advice(advice).about(host(words)))
}

/// The host in the usual words.
fn host(words: &str) -> Option<&str> {
    const BEFORE: [&str; 10] = [
        "resolve host: ",
        "resolve host ",
        "bad address ",
        "Temporary failure resolving ",
        "Could not resolve '",
        "ENOTFOUND ",
        "EAI_AGAIN ",
        "address for ",
        "dial tcp: lookup ",
        "lookup ",
    ];
    // apk names the address alone.
    let after_scheme =
        || words.contains("fetching ").then(|| words.split_once("://"))?.map(|(_, after)| after);
    let after = BEFORE.iter().find_map(|before| words.split_once(before).map(|(_, after)| after));
    let after = after.or_else(after_scheme)?;
    let host = after.trim_start_matches(['\'', '"', '‘', '`', '(']);
    let end = host
        .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_')))
        .unwrap_or(host.len());
    let host = host[..end].trim_end_matches('.');
    (host.contains('.') || host.len() > 3).then_some(host)
}
