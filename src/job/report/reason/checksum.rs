//! Bytes that are not those that were expected.

use super::{Evidence, Reason};

pub(super) fn find(evidence: &Evidence<'_>) -> Option<Reason> {
    const WORDS: [&str; 13] = [
        "digest mismatch",
        "checksum mismatch",
        "checksum did not match",
        "checksums did not match",
        "checksum does not match",
        "hash sum mismatch",
        "hash mismatch",
        "do not match the hashes",
        "sha256 mismatch",
        "eintegrity",
        "integrity check failed",
        "checksum verification failed",
        "bad checksum",
    ];
    let words = evidence.saying(&WORDS)?;
    let advice = "what was downloaded is not what the checksum was made of: the file behind the address has changed (then check it and give its new checksum), or something between changed or cut it off (then try again)";
    Some(Reason::new("a checksum does not match").words(words).advice(advice))
}
