//! The names of the registry API, in their one spelling.
//! (<https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests>)

use std::fmt;

/// Names longer than this are refused by registries too.
const NAME_LIMIT: usize = 255;
const TAG_LIMIT: usize = 128;

/// A content digest `ALGORITHM:ENCODED`, valid and safe in a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Digest(String);

/// What a manifest is asked by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reference {
    Tag(String),
    Digest(Digest),
}

impl Digest {
    /// The digest, if `text` is one: of an algorithm that the image specification registers, with the length that
    /// it has. Any other text with a colon is neither digest nor tag, so nothing escapes the alias's own tag by
    /// looking like a digest that the registry does not take for one.
    /// (<https://github.com/opencontainers/image-spec/blob/v1.1.0/descriptor.md#registered-algorithms>)
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (algorithm, encoded) = text.split_once(':')?;
        let length = match algorithm {
            "sha256" => 64,
            "sha512" => 128,
            _ => return None,
        };
        let is_hex = encoded.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        (encoded.len() == length && is_hex).then(|| Self(text.to_owned()))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Reference {
    /// The reference, if `text` is a digest or a tag.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if text.contains(':') {
            return Digest::parse(text).map(Self::Digest);
        }
        is_tag(text).then(|| Self::Tag(text.to_owned()))
    }

    pub(super) fn as_str(&self) -> &str {
        match self {
            Self::Tag(tag) => tag,
            Self::Digest(digest) => digest.as_str(),
        }
    }

    /// Whether this is a tag that stands for the referrers of a digest.
    /// (…/spec.md#referrers-tag-schema)
    pub(super) fn is_referrers_tag(&self) -> bool {
        let Self::Tag(tag) = self else { return false };
        tag.split_once('-').is_some_and(|(algorithm, encoded)| {
            matches!(algorithm, "sha256" | "sha512")
                && encoded.len() >= 32
                && encoded.bytes().all(|b| b.is_ascii_hexdigit())
        })
    }
}

/// Whether `text` is a tag: `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`.
pub(super) fn is_tag(text: &str) -> bool {
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    text.len() <= TAG_LIMIT
        && text.bytes().next().is_some_and(word)
        && text.bytes().all(|b| word(b) || b == b'.' || b == b'-')
}

/// Whether `text` is a repository's name: lower-case path components, joined within by `.`, `_`, `__` or `-`s.
pub(super) fn is_name(text: &str) -> bool {
    text.len() <= NAME_LIMIT && text.split('/').all(is_component)
}

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
        for name in ["a", "a/b/c", "a.b", "a_b", "a__b", "a---b", "library/alpine", "0", "a-b.c/d_e"] {
            assert!(is_name(name), "{name}");
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
            assert!(!is_name(name), "{name}");
        }
    }

    #[test]
    fn references_are_tags_or_digests() {
        let sha = format!("sha256:{}", "a".repeat(64));
        assert!(matches!(Reference::parse(&sha), Some(Reference::Digest(_))));
        let sha512 = format!("sha512:{}", "0".repeat(128));
        assert!(matches!(Reference::parse(&sha512), Some(Reference::Digest(_))));
        for tag in ["latest", "V1.0_x-y", "_", &"a".repeat(128)] {
            assert!(matches!(Reference::parse(tag), Some(Reference::Tag(_))), "{tag}");
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
            assert_eq!(Reference::parse(text), None, "{text}");
        }
    }

    #[test]
    fn referrers_tags_are_known() {
        let hex = "a".repeat(64);
        assert!(Reference::Tag(format!("sha256-{hex}")).is_referrers_tag());
        assert!(!Reference::Tag("sha256-short".into()).is_referrers_tag());
        assert!(!Reference::Tag(format!("v1-{hex}")).is_referrers_tag());
    }
}
