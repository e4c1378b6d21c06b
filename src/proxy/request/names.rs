//! The names of the registry API, each with exactly one spelling.
//! (<https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests>)

use std::fmt;

use crate::image::digest;

/// The most characters of a repository's name; registries refuse longer ones too.
const NAME_LIMIT: usize = 255;
/// The most characters of a tag.
const TAG_LIMIT: usize = 128;

/// A content digest `ALGORITHM:ENCODED`, valid and safe in a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Digest(String);

/// The reference of a manifest in a path: a tag or a digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ManifestReference {
    Tag(String),
    Digest(Digest),
}

impl Digest {
    /// The digest, if `text` is one of an algorithm that the image specification registers, in the right length. Any other
    /// text with a colon is neither digest nor tag: a text that only looks like a digest, and that the registry takes for
    /// a tag, must not get past the tag of the alias.
    /// (<https://github.com/opencontainers/image-spec/blob/v1.1.0/descriptor.md#registered-algorithms>)
    pub(crate) fn parse(text: &str) -> Option<Self> {
        digest::is_registered(text).then(|| Self(text.to_owned()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl ManifestReference {
    /// The reference, if `text` is a digest or a tag.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text.contains(':') {
            return Digest::parse(text).map(Self::Digest);
        }
        is_tag(text).then(|| Self::Tag(text.to_owned()))
    }

    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::Tag(tag) => tag,
            Self::Digest(digest) => digest.as_str(),
        }
    }

    /// Whether this is a tag that stands for the referrers of a digest.
    /// (<https://github.com/opencontainers/distribution-spec/blob/main/spec.md#referrers-tag-schema>)
    pub(crate) fn is_referrers_tag(&self) -> bool {
        let Self::Tag(tag) = self else { return false };
        tag.split_once('-').is_some_and(|(algorithm, encoded)| {
            matches!(algorithm, "sha256" | "sha512")
                && encoded.len() >= 32
                && encoded.bytes().all(|b| b.is_ascii_hexdigit())
        })
    }
}

/// Whether `text` is a tag: `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`.
fn is_tag(text: &str) -> bool {
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    text.len() <= TAG_LIMIT
        && text.bytes().next().is_some_and(word)
        && text.bytes().all(|b| word(b) || b == b'.' || b == b'-')
}

/// Whether `text` is a name of a repository: lower-case path components, joined within by `.`, `_`, `__` or `-`s.
pub(crate) fn is_repository_name(text: &str) -> bool {
    text.len() <= NAME_LIMIT && text.split('/').all(is_component)
}

/// Whether `text` is one component of a repository's name.
fn is_component(text: &str) -> bool {
    let word = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = text.as_bytes();
    if !bytes.first().is_some_and(word) || !bytes.last().is_some_and(word) {
        return false;
    }
    bytes
        .split(word)
        .all(|joint| matches!(joint, b"" | b"." | b"_" | b"__") || joint.iter().all(|b| *b == b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_lower_case_components() {
        for name in [
            "a",
            "a/b/c",
            "a.b",
            "a_b",
            "a__b",
            "a---b",
            "library/alpine",
            "0",
            "a-b.c/d_e",
            &"a".repeat(255),
        ] {
            assert!(is_repository_name(name), "{name}");
        }
        for name in [
            "",
            "/",
            "a/",
            "/a",
            "a//b",
            "A",
            ".",
            "..",
            "a/..",
            "a/.b",
            ".a",
            "a.",
            "a..b",
            "a___b",
            "a._b",
            "a-",
            "_a",
            "a b",
            "a%2fb",
            "a\\b",
            "a;b",
            "a:b",
            "a@b",
            "é",
            &"a".repeat(256),
        ] {
            assert!(!is_repository_name(name), "{name}");
        }
    }

    #[test]
    fn references_are_tags_or_digests() {
        let sha = format!("sha256:{}", "a".repeat(64));
        assert!(matches!(ManifestReference::parse(&sha), Some(ManifestReference::Digest(_))));
        let sha512 = format!("sha512:{}", "0".repeat(128));
        assert!(matches!(ManifestReference::parse(&sha512), Some(ManifestReference::Digest(_))));
        assert_eq!(Digest::parse(&sha).unwrap().to_string(), sha);
        assert_eq!(ManifestReference::parse(&sha).unwrap().as_str(), sha);
        for tag in ["latest", "V1.0_x-y", "_", &"a".repeat(128)] {
            let reference = ManifestReference::parse(tag).unwrap();
            assert_eq!(reference, ManifestReference::Tag(tag.into()));
            assert_eq!(reference.as_str(), tag);
        }
        for text in [
            "",
            ".",
            "..",
            "-a",
            ".a",
            "a/b",
            "a%2f",
            "a b",
            &"a".repeat(129),
            "sha256:",
            "sha256:abc",
            ":x",
            "x:",
            &sha.to_uppercase(),
            &format!("sha256:{}g", "a".repeat(63)),
            &format!("sha256:{}", "a".repeat(65)),
            "x:a/b",
            "x:..",
            "x:a%41",
            "X:a",
            "x++y:a",
            // Not registered, whatever their form.
            "b2+x:Az09=_-",
            "md5:d41d8cd98f00b204e9800998ecf8427e",
            &format!("md5:{}", "a".repeat(64)),
            &format!("sha1:{}", "a".repeat(40)),
            &format!("sha384:{}", "a".repeat(96)),
            &format!("blake3:{}", "a".repeat(64)),
            &format!("sha256+b64u:{}", "a".repeat(64)),
            &format!("sha256:sha256:{}", "a".repeat(57)),
            &format!("sha512:{}", "a".repeat(64)),
            &format!("sha256:{}", "a".repeat(128)),
        ] {
            assert_eq!(ManifestReference::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_referrers_tag_is_an_algorithm_and_a_digest() {
        let hex = "a".repeat(64);
        assert!(ManifestReference::Tag(format!("sha256-{hex}")).is_referrers_tag());
        assert!(!ManifestReference::Tag("sha256-short".into()).is_referrers_tag());
        assert!(!ManifestReference::Tag(format!("v1-{hex}")).is_referrers_tag());
        assert!(!ManifestReference::Tag(format!("sha256-{}", "x".repeat(64))).is_referrers_tag());
        assert!(!ManifestReference::parse(&format!("sha256:{hex}")).unwrap().is_referrers_tag());
    }
}
