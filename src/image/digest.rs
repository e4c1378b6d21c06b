//! Content digests, checked as `opencontainers/go-digest` checks them.

/// Why a text is no digest.
///
/// Source: `ErrDigestInvalidFormat` and the other errors of `digest.go` of `opencontainers/go-digest`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DigestError {
    /// Not `algorithm:encoded`.
    #[error("invalid checksum digest format")]
    Format,
    /// Well formed, of an algorithm that BuildKit does not know.
    #[error("unsupported digest algorithm")]
    Unsupported,
    /// The encoded part is too short or too long for the algorithm.
    #[error("invalid checksum digest length")]
    Length,
}

/// Checks that `text` is a digest of a known algorithm (sha256, sha384, sha512) in lower-case hex.
///
/// Source: `Digest.Validate` in `digest.go` of `opencontainers/go-digest`.
///
/// # Errors
/// [`DigestError`] names what is wrong.
pub fn check(text: &str) -> Result<(), DigestError> {
    let (algorithm, encoded) = text.split_once(':').ok_or(DigestError::Format)?;
    if algorithm.is_empty() || encoded.is_empty() {
        return Err(DigestError::Format);
    }
    let length = match algorithm {
        "sha256" => 64,
        "sha384" => 96,
        "sha512" => 128,
        _ if algorithm_form(algorithm) && encoded_form(encoded) => return Err(DigestError::Unsupported),
        _ => return Err(DigestError::Format),
    };
    if encoded.len() != length {
        return Err(DigestError::Length);
    }
    if encoded.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
        Ok(())
    } else {
        Err(DigestError::Format)
    }
}

/// Whether `text` is a digest of an algorithm that the image specification registers (sha256, sha512), so that it may
/// stand in a path or URL.
/// (<https://github.com/opencontainers/image-spec/blob/main/descriptor.md#registered-algorithms>)
pub fn is_registered(text: &str) -> bool {
    (text.starts_with("sha256:") || text.starts_with("sha512:")) && check(text).is_ok()
}

fn algorithm_form(text: &str) -> bool {
    text.split(['.', '+', '_', '-'])
        .all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()))
}

fn encoded_form(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'=' | b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_algorithms_need_their_length_in_lower_case_hex() {
        assert_eq!(check(&format!("sha256:{}", "a".repeat(64))), Ok(()));
        assert_eq!(check(&format!("sha256:{}", "a".repeat(63))), Err(DigestError::Length));
        assert_eq!(check(&format!("sha256:{}", "A".repeat(64))), Err(DigestError::Format));
        assert_eq!(check(&format!("sha512:{}", "0".repeat(128))), Ok(()));
    }

    #[test]
    fn only_registered_algorithms_stand_in_a_path() {
        let hex = |length: usize| "0a".repeat(length / 2);
        assert!(is_registered(&format!("sha256:{}", hex(64))));
        assert!(is_registered(&format!("sha512:{}", hex(128))));
        for text in [
            String::new(),
            "latest".to_owned(),
            "sha256:".to_owned(),
            "sha256:../../../other/manifests/x".to_owned(),
            format!("sha256:{}/", hex(62)),
            format!("sha256:{}", hex(128)),
            format!("sha512:{}", hex(64)),
            format!("sha256:{}", "A".repeat(64)),
            format!("sha384:{}", hex(96)),
            format!("md5:{}", hex(32)),
            format!(" sha256:{}", hex(64)),
            format!("sha256:{}\n", hex(64)),
        ] {
            assert!(!is_registered(&text), "{text:?}");
        }
    }

    #[test]
    fn fuzz_a_registered_digest_is_one_path_segment() {
        let seed = format!("sha256:{}", "a".repeat(64));
        crate::fuzz::run(&[seed.as_bytes(), b"sha512:../../x"], |bytes| {
            let Ok(text) = std::str::from_utf8(bytes) else { return };
            if is_registered(text) {
                assert!(text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b':'), "{text}");
            }
        });
    }

    #[test]
    fn unknown_algorithms_are_told_from_malformed_text() {
        assert_eq!(check("md5:abc"), Err(DigestError::Unsupported));
        assert_eq!(check("md5"), Err(DigestError::Format));
        assert_eq!(check("MD5:abc"), Err(DigestError::Format));
        assert_eq!(check("sha256:"), Err(DigestError::Format));
        assert_eq!(check(":abc"), Err(DigestError::Format));
    }
}
