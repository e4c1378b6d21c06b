//! A server whose certificate is not trusted.

use super::{Evidence, Reason};

pub(super) fn find(evidence: &Evidence<'_>) -> Option<Reason> {
    const WORDS: [&str; 11] = [
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
    let advice = "install ca-certificates in the image; behind a proxy that opens TLS, or for a server with a certificate of its own, add that authority to the image too (and to buildkitd's machine for ADD and FROM); see also that the clock is right";
    Some(Reason::new("a TLS certificate is not trusted").words(words).advice(advice))
}
