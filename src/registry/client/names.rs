//! Names, tags and digests, checked before they become part of a URL.

use crate::image::digest;
use crate::image::reference::is_tag;

use super::error::ClientError;

/// Checks that `text` is a digest of a registered algorithm.
pub(crate) fn check_is_digest(text: &str, what: impl Fn() -> String) -> Result<(), ClientError> {
    if digest::is_registered(text) { Ok(()) } else { Err(ClientError::name(&what(), "digest", text)) }
}

/// Checks that `text` is a digest, or a tag.
/// (<https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests>)
pub(crate) fn check_reference(text: &str, what: impl Fn() -> String) -> Result<(), ClientError> {
    if text.contains(':') {
        return check_is_digest(text, what);
    }
    if is_tag(text) { Ok(()) } else { Err(ClientError::name(&what(), "tag", text)) }
}

/// Whether `text` can be the name of a repository, as far as a path is concerned.
pub(crate) fn is_repository_name(text: &str) -> bool {
    let in_name = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'.' | b'-');
    text.split('/').all(|part| !matches!(part, "" | "." | "..") && part.bytes().all(in_name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_digests_and_repositories_have_their_forms() {
        let digest = format!("sha256:{}", "a".repeat(64));
        let is_reference = |text: &str| check_reference(text, || "try".to_owned()).is_ok();
        for text in ["latest", "_", "V1.2_3-x", "1", &"a".repeat(128), &digest] {
            assert!(is_reference(text), "{text}");
        }
        for text in ["", ".a", "-a", "a b", "a/b", &"a".repeat(129), "sha256:abc", "x:y", &digest[..70]] {
            assert!(!is_reference(text), "{text}");
        }
        for text in ["a", "library/alpine", "a.b/c_d/e-f", "0"] {
            assert!(is_repository_name(text), "{text}");
        }
        for text in ["", "/a", "a/", "a//b", ".", "a/..", "A", "a:b", "a b"] {
            assert!(!is_repository_name(text), "{text}");
        }
        let error = check_reference("a b", || "read it".to_owned()).unwrap_err();
        assert_eq!(error.to_string(), "cannot read it: \"a b\" is not a valid tag");
    }

    #[test]
    fn fuzz_what_is_accepted_stays_in_its_part_of_a_path() {
        let digest = format!("sha256:{}", "a".repeat(64));
        crate::fuzz::run(&[b"library/alpine", b"v1.2_3-x", digest.as_bytes()], |bytes| {
            let Ok(text) = std::str::from_utf8(bytes) else { return };
            let what = || "try".to_owned();
            let segment = |text: &str| {
                let valid = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-' | b':');
                text.bytes().all(valid) && !matches!(text, "" | "." | "..")
            };
            assert!(check_reference(text, what).is_err() || segment(text), "{text:?}");
            assert!(check_is_digest(text, what).is_err() || segment(text), "{text:?}");
            assert!(!is_repository_name(text) || text.split('/').all(segment), "{text:?}");
        });
    }
}
