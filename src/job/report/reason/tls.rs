//! A server whose certificate is not trusted.

use super::{Evidence, Reason};

/// What is said of a certificate that names other hosts.
const OTHER_NAME: [&str; 6] = [
    "certificate is valid for",
    "contain any ip sans",
    "no alternative certificate subject name",
    "hostname mismatch",
    "doesn't match",
    "does not match target host name",
];

pub(super) fn find(evidence: &Evidence<'_>) -> Option<Reason> {
    const WORDS: [&str; 13] = [
        "no alternative certificate subject name",
        "does not match target host name",
        "certificate verify failed",
        "ssl certificate problem",
        "certificate verification failed",
        "x509: ",
        "unknown authority",
        "self-signed certificate",
        "self signed certificate",
        "unable to get local issuer certificate",
        "certificate is not trusted",
        "certificate has expired",
        "no ca certificates",
    ];
    let words = evidence.saying(&WORDS)?;
    let advice = if evidence.exit_code.is_some() {
        "install ca-certificates in the image; behind a proxy that opens TLS, or for a server with a certificate of its own, add that authority to the image too; see also that the clock is right"
    } else {
        "buildkitd makes this connection: behind a proxy that opens TLS, or for a server with a certificate of its own, add that authority to buildkitd's machine, and restart buildkitd; see also that the clock is right"
    };
    let lower = words.to_lowercase();
    if OTHER_NAME.iter().any(|text| lower.contains(text)) {
        let advice =
            "the address names another host than the server's certificate: use one of the names in it";
        return Some(Reason::new("a TLS certificate is for another host name").words(words).advice(advice));
    }
    if lower.contains("expired") {
        let advice = "the server's owner has to renew it; if it is current, the clock of buildkitd's machine is wrong, or the image's ca-certificates are too old";
        return Some(Reason::new("a TLS certificate has expired").words(words).advice(advice));
    }
    Some(Reason::new("a TLS certificate is not trusted").words(words).advice(advice))
}
