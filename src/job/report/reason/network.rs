//! A connection that was not made or broke.

use super::{Evidence, Reason};

pub(super) fn find(evidence: &Evidence<'_>) -> Option<Reason> {
    const WORDS: [(&str, &str); 18] = [
        ("network error (check internet connection and firewall)", "there is no connection to the server"),
        ("ssl_error_syscall", "the other side broke the connection off"),
        ("transfer closed with", "the connection broke off"),
        ("unexpected eof while reading", "the connection broke off"),
        ("connection refused", "nothing listens at that address"),
        ("network is unreachable", "there is no network to it"),
        ("network unreachable", "there is no network to it"),
        ("no route to host", "there is no route to the host"),
        ("connection reset", "the other side broke the connection off"),
        ("connection timed out", "the other side does not answer"),
        ("i/o timeout", "the other side does not answer"),
        ("etimedout", "the other side does not answer"),
        ("operation timed out", "the other side does not answer"),
        ("read timed out", "the other side does not answer"),
        ("tls handshake timeout", "the other side does not answer"),
        ("failed to connect to", "no connection was made"),
        ("connection closed by", "the other side closed the connection"),
        ("unexpected disconnect while reading", "the connection broke off"),
    ];
    let words = evidence.saying(&WORDS.map(|(words, _)| words))?;
    let lower = words.to_lowercase();
    let meaning = WORDS.iter().find(|(text, _)| lower.contains(text)).map(|(_, meaning)| *meaning)?;
    let advice = if evidence.exit_code.is_some() {
        "check address and port; localhost in a step is the step itself, or buildkitd's machine; see that the step does not run with --network=none; behind a proxy give --build-arg HTTPS_PROXY=…; a server that is overloaded may answer later"
    } else {
        "check address and port; buildkitd makes this connection, so localhost is its machine, and a proxy is one that buildkitd was started with (HTTPS_PROXY); a server that is overloaded may answer later"
    };
    Some(Reason::new(format!("network: {meaning}")).words(words).advice(advice))
}
