//! Image references as Docker writes them: familiar names, default domain and tag, digests.
//!
//! The grammar and the normalisation are those of `distribution/reference`.

use std::borrow::Cow;
use std::fmt;

use super::digest::{self, DigestError};
use crate::diag::redact_reference;

/// A normalised image reference: always with its domain and full path.
///
/// ```text
/// docker.io/library/alpine:3.20@sha256:beefdbd8
/// ^^^^^^^^^ domain()
///           ^^^^^^^^^^^^^^ path()
/// ^^^^^^^^^^^^^^^^^^^^^^^^ name()
///                          ^^^^ tag()
///                               ^^^^^^^^^^^^^^^ digest()
/// ```
///
/// Source: `Reference` in `reference.go` of `distribution/reference`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    /// `domain/path:tag@digest`
    text: String,
    /// Length of the domain; 0 without one.
    domain: usize,
    /// Length of domain and path.
    name: usize,
    /// Length of all but the digest and its `@`.
    tagged: usize,
}

/// Why a text is no image reference. What is said of it never holds the user part of a URL.
///
/// Source: `ErrReferenceInvalidFormat` and the other errors of `Parse` in `reference.go` of
/// `distribution/reference`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// Nothing in the grammar matches.
    #[error("invalid reference format")]
    Format,
    /// 64 hexadecimal digits would be an image id.
    #[error("invalid repository name ({0}), cannot specify 64-byte hexadecimal strings")]
    Identifier(String),
    /// Upper case in the repository's path.
    #[error("invalid reference format: repository name ({0}) must be lowercase")]
    Uppercase(String),
    /// A path of more than 255 bytes.
    #[error("repository name must not be more than 255 characters")]
    TooLong,
    /// The digest is none.
    #[error(transparent)]
    Digest(#[from] DigestError),
    /// Only a digest, where a name is needed.
    #[error("reference has no name")]
    NoName,
}

const DEFAULT_DOMAIN: &str = "docker.io";
const OFFICIAL: &str = "library/";

impl Reference {
    /// The normalised form of `text`: `alpine` is `docker.io/library/alpine`, without a tag.
    ///
    /// Source: `ParseNormalizedNamed` in `normalize.go` of `distribution/reference`.
    ///
    /// # Errors
    /// [`ReferenceError`] says what is wrong.
    pub fn parse(text: &str) -> Result<Self, ReferenceError> {
        if text.len() == 64 && text.bytes().all(|b| matches!(b, b'a'..=b'f' | b'0'..=b'9')) {
            return Err(ReferenceError::Identifier(text.into()));
        }
        let (domain, prefix, remainder) = split_domain(text);
        let remote = &remainder[..position(remainder, b':').unwrap_or(remainder.len())];
        if has_upper_case(remote) {
            // What is before a colon may be the user part of a URL.
            return Err(ReferenceError::Uppercase(match redact_reference(text) {
                Cow::Owned(redacted) => redacted,
                Cow::Borrowed(_) => format!("{prefix}{remote}"),
            }));
        }
        // A tag and a digest are likely to follow.
        let mut whole = String::with_capacity(text.len() + DEFAULT_DOMAIN.len() + 100);
        whole.extend([domain, "/", prefix, remainder]);
        Self::read(whole)
    }

    /// The reference in `text` as the grammar reads it, without a default domain.
    ///
    /// Source: `Parse` in `reference.go` of `distribution/reference`.
    ///
    /// # Errors
    /// [`ReferenceError`] says what is wrong.
    pub fn parse_named(text: &str) -> Result<Self, ReferenceError> {
        Self::read(text.to_owned())
    }

    fn read(text: String) -> Result<Self, ReferenceError> {
        let (name, tag, digest) = split_suffixes(&text).ok_or(ReferenceError::Format)?;
        let (domain, path) = split_name(name).ok_or(ReferenceError::Format)?;
        if path.len() > 255 {
            return Err(ReferenceError::TooLong);
        }
        if let Some(digest) = digest {
            digest::check(digest)?;
        }
        let (domain, name) = (domain.len(), name.len());
        let tagged = name + tag.map_or(0, |tag| 1 + tag.len());
        Ok(Self { text, domain, name, tagged })
    }

    /// The whole reference.
    ///
    /// Source: `reference.String` in `reference.go` of `distribution/reference`.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The registry's host, with its port if it has one; `docker.io` for Docker Hub.
    ///
    /// Source: `Domain` in `reference.go` of `distribution/reference`.
    pub fn domain(&self) -> &str {
        &self.text[..self.domain]
    }

    /// The repository's path at its registry.
    ///
    /// Source: `Path` in `reference.go` of `distribution/reference`.
    pub fn path(&self) -> &str {
        let start = if self.domain == 0 { 0 } else { self.domain + 1 };
        &self.text[start..self.name]
    }

    /// The tag, if the reference has one.
    ///
    /// Source: `Tagged` in `reference.go` of `distribution/reference`.
    pub fn tag(&self) -> Option<&str> {
        self.text[self.name..self.tagged].strip_prefix(':')
    }

    /// The digest, if the reference has one.
    ///
    /// Source: `Digested` in `reference.go` of `distribution/reference`.
    pub fn digest(&self) -> Option<&str> {
        self.text[self.tagged..].strip_prefix('@')
    }

    /// What a registry is asked for: the digest, else the tag, else `latest`.
    pub fn version(&self) -> &str {
        self.digest().or(self.tag()).unwrap_or("latest")
    }

    /// Domain and path, without tag and digest.
    ///
    /// Source: `Named.Name` in `reference.go` of `distribution/reference`.
    pub fn name(&self) -> &str {
        &self.text[..self.name]
    }

    /// This reference with the tag `latest` where it has neither tag nor digest.
    ///
    /// Source: `TagNameOnly` in `normalize.go` of `distribution/reference`.
    #[must_use]
    pub fn with_default_tag(mut self) -> Self {
        if self.text.len() == self.name {
            self.text.push_str(":latest");
            self.tagged = self.text.len();
        }
        self
    }

    /// This reference with `digest` in place of the digest that it has.
    ///
    /// Source: `WithDigest` in `reference.go` of `distribution/reference`.
    ///
    /// # Errors
    /// [`ReferenceError::Digest`] where `digest` does not have the form of a digest in a reference.
    pub fn with_digest(mut self, digest: &str) -> Result<Self, ReferenceError> {
        if !digest_form(digest) {
            return Err(DigestError::Format.into());
        }
        self.text.truncate(self.tagged);
        self.text.push('@');
        self.text.push_str(digest);
        Ok(self)
    }

    /// The short form that people write: without Docker Hub's domain and `library/`.
    ///
    /// Source: `FamiliarString` in `helpers.go` of `distribution/reference`.
    pub fn familiar(&self) -> &str {
        if self.domain() != DEFAULT_DOMAIN {
            return &self.text;
        }
        let official = self.path().strip_prefix(OFFICIAL).filter(|rest| !rest.contains('/'));
        let prefix = if official.is_some() { OFFICIAL.len() } else { 0 };
        &self.text[self.domain + 1 + prefix..]
    }

    /// The name that a named context has which takes the place of this image: the familiar form without the tag `latest`.
    ///
    /// Source: `NamedContext` in `frontend/dockerui/namedcontext.go` of BuildKit.
    pub fn context_name(&self) -> &str {
        let familiar = self.familiar();
        familiar.strip_suffix(":latest").unwrap_or(familiar)
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl From<Reference> for String {
    fn from(reference: Reference) -> Self {
        reference.text
    }
}

fn has_upper_case(text: &str) -> bool {
    match text.bytes().find(|b| b.is_ascii_uppercase() || !b.is_ascii()) {
        Some(b) => b.is_ascii() || text.to_lowercase() != text,
        None => false,
    }
}

/// Splits a text as people write it into domain, what is to be put before the path, and the rest.
fn split_domain(text: &str) -> (&str, &'static str, &str) {
    let Some(slash) = position(text, b'/') else {
        return (DEFAULT_DOMAIN, OFFICIAL, text);
    };
    let (first, rest) = (&text[..slash], &text[slash + 1..]);
    let (domain, remainder) = match first {
        "localhost" => (first, rest),
        "index.docker.io" => (DEFAULT_DOMAIN, rest),
        _ if first.bytes().any(|b| matches!(b, b'.' | b':')) || has_upper_case(first) => (first, rest),
        _ => (DEFAULT_DOMAIN, text),
    };
    let official = domain == DEFAULT_DOMAIN && position(remainder, b'/').is_none();
    (domain, if official { OFFICIAL } else { "" }, remainder)
}

/// Splits `name[:tag][@digest]`; the name is not checked.
fn split_suffixes(text: &str) -> Option<(&str, Option<&str>, Option<&str>)> {
    let (rest, digest) = match position(text, b'@') {
        Some(at) => (&text[..at], Some(&text[at + 1..]).filter(|digest| digest_form(digest)).map(Some)?),
        None => (text, None),
    };
    // A colon after the last slash starts the tag; an earlier one belongs to a port.
    let path_start = memchr::memrchr(b'/', rest.as_bytes()).map_or(0, |at| at + 1);
    match position(&rest[path_start..], b':') {
        Some(at) => {
            let (name, tag) = (&rest[..path_start + at], &rest[path_start + at + 1..]);
            is_tag(tag).then_some((name, Some(tag), digest))
        }
        None => Some((rest, None, digest)),
    }
}

/// Splits a name into domain and path where the grammar lets its first component be a domain.
fn split_name(name: &str) -> Option<(&str, &str)> {
    if let Some(slash) = position(name, b'/') {
        let (domain, path) = (&name[..slash], &name[slash + 1..]);
        if domain_form(domain) && path_form(path) {
            return Some((domain, path));
        }
    }
    path_form(name).then_some(("", name))
}

fn domain_form(text: &str) -> bool {
    let (host, port) = match text.rfind(':') {
        Some(at) if !text.ends_with(']') => (&text[..at], Some(&text[at + 1..])),
        _ => (text, None),
    };
    if port.is_some_and(|port| port.is_empty() || !port.bytes().all(|b| b.is_ascii_digit())) {
        return false;
    }
    if let Some(address) = host.strip_prefix('[') {
        return address.strip_suffix(']').is_some_and(|address| {
            !address.is_empty() && address.bytes().all(|b| b.is_ascii_hexdigit() || b == b':')
        });
    }
    // Labels parted by dots: letters and digits, and between those hyphens.
    let mut before = b'.';
    for b in host.bytes() {
        let fits = match b {
            b'.' => !matches!(before, b'.' | b'-'),
            b'-' => before != b'.',
            _ => b.is_ascii_alphanumeric(),
        };
        if !fits {
            return false;
        }
        before = b;
    }
    !matches!(before, b'.' | b'-')
}

/// Components parted by slashes: lower-case letters and digits, and between those one period, one or two
/// underscores, or dashes.
fn path_form(text: &str) -> bool {
    let alphanumeric = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let mut before = [b'/'; 2];
    for b in text.bytes() {
        let fits = alphanumeric(b)
            || match b {
                b'/' | b'.' => alphanumeric(before[1]),
                b'_' => alphanumeric(before[1]) || (before[1] == b'_' && alphanumeric(before[0])),
                b'-' => alphanumeric(before[1]) || before[1] == b'-',
                _ => false,
            };
        if !fits {
            return false;
        }
        before = [before[1], b];
    }
    alphanumeric(before[1])
}

/// Whether `text` is a tag: `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`. The one grammar of tags: of references, and of paths at
/// registries and at the proxy.
/// (<https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests>)
pub(crate) fn is_tag(text: &str) -> bool {
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    let bytes = text.as_bytes();
    matches!(bytes.first(), Some(b) if word(*b))
        && bytes.len() <= 128
        && bytes.iter().all(|b| word(*b) || matches!(b, b'.' | b'-'))
}

fn digest_form(text: &str) -> bool {
    let Some((algorithm, encoded)) = text.split_once(':') else { return false };
    let algorithm_ok = algorithm.split(['-', '_', '+', '.']).all(|part| {
        part.starts_with(|c: char| c.is_ascii_alphabetic()) && part.bytes().all(|b| b.is_ascii_alphanumeric())
    });
    algorithm_ok && encoded.len() >= 32 && encoded.bytes().all(|b| b.is_ascii_hexdigit())
}

/// Where a byte stands first.
fn position(text: &str, byte: u8) -> Option<usize> {
    memchr::memchr(byte, text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full(text: &str) -> String {
        Reference::parse(text).map_or_else(|e| format!("error: {e}"), |r| r.with_default_tag().to_string())
    }

    #[test]
    fn familiar_names_get_domain_path_and_tag() {
        assert_eq!(full("alpine"), "docker.io/library/alpine:latest");
        assert_eq!(full("alpine:3.20"), "docker.io/library/alpine:3.20");
        assert_eq!(full("me/app"), "docker.io/me/app:latest");
        assert_eq!(full("docker.io/alpine"), "docker.io/library/alpine:latest");
        assert_eq!(full("index.docker.io/library/alpine"), "docker.io/library/alpine:latest");
        assert_eq!(full("localhost/a"), "localhost/a:latest");
        assert_eq!(full("localhost:5000/a:b"), "localhost:5000/a:b");
        assert_eq!(full("[::1]:5000/a"), "[::1]:5000/a:latest");
        assert_eq!(full("Foo/bar"), "Foo/bar:latest");
        assert_eq!(full("ghcr.io/a/b/c__d"), "ghcr.io/a/b/c__d:latest");
    }

    #[test]
    fn digests_stand_beside_tags() {
        let digest = format!("sha256:{}", "0".repeat(64));
        assert_eq!(full(&format!("alpine@{digest}")), format!("docker.io/library/alpine@{digest}"));
        assert_eq!(full(&format!("alpine:1@{digest}")), format!("docker.io/library/alpine:1@{digest}"));
        let pinned = Reference::parse("alpine:1").unwrap().with_digest(&digest).unwrap();
        assert_eq!(pinned.to_string(), format!("docker.io/library/alpine:1@{digest}"));
        assert_eq!(
            (pinned.domain(), pinned.path(), pinned.tag()),
            ("docker.io", "library/alpine", Some("1"))
        );
        assert!(matches!(pinned.with_digest("sha256:0"), Err(ReferenceError::Digest(DigestError::Format))));
        assert!(matches!(Reference::parse("alpine@sha256:00"), Err(ReferenceError::Format)));
        let short = format!("alpine@sha256:{}", "0".repeat(40));
        assert!(matches!(Reference::parse(&short), Err(ReferenceError::Digest(DigestError::Length))));
    }

    #[test]
    fn familiar_form_is_the_shortest() {
        for text in ["alpine:3", "me/app", "localhost:5000/a", "docker.io.example/x"] {
            assert_eq!(Reference::parse(text).unwrap().familiar(), text);
        }
        assert_eq!(Reference::parse("docker.io/library/a/b").unwrap().familiar(), "library/a/b");
    }

    #[test]
    fn what_the_grammar_does_not_know_is_refused() {
        assert!(matches!(Reference::parse("Alpine"), Err(ReferenceError::Uppercase(_))));
        assert!(matches!(Reference::parse(&"a".repeat(64)), Err(ReferenceError::Identifier(_))));
        assert!(matches!(Reference::parse(&"a".repeat(256)), Err(ReferenceError::TooLong)));
        for text in
            ["", "a:", "a:b:c", "a..b", "-a", "a-", "a___b", "a b", "a/", "/a", "x.y:/a", "a@", "a:-x"]
        {
            assert!(Reference::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn fuzz_no_error_shows_a_password() {
        const SECRET: &str = "s3cr3tPw";
        let digest = format!("alpine:3@sha256:{}", "0".repeat(64));
        let seeds: [&[u8]; 6] =
            [b"user", b"Registry.example:5000/Path/x:1", digest.as_bytes(), b"https://", b"@", b"a/b@c"];
        crate::fuzz::run(&seeds, |bytes| {
            let text = String::from_utf8_lossy(bytes);
            if let Ok(reference) = Reference::parse(&text) {
                assert_eq!(Reference::parse_named(reference.as_str()).as_ref(), Ok(&reference));
            }
            let around = text.replace('@', "");
            for text in [
                format!("{around}:{SECRET}@registry.example/{around}"),
                format!("https://{around}:{SECRET}@r/x"),
                format!("{SECRET}@{around}"),
                format!("User:{SECRET}@{text}/x"),
            ] {
                let Err(error) = Reference::parse(&text) else { continue };
                let is_digest = redact_reference(&text) == text;
                assert!(is_digest || !error.to_string().contains(SECRET), "{text:?}: {error}");
            }
        });
    }

    #[test]
    fn the_user_part_of_a_url_is_in_no_error() {
        for text in ["https://User:Pw@host/x", "User:Pw@host", "https://host/User:Pw@x", "User@sha256:zz/x"] {
            let error = Reference::parse(text).unwrap_err().to_string();
            assert!(!error.contains("User") && !error.contains("Pw"), "{error}");
        }
        let error = Reference::parse("me/App@sha256:00").unwrap_err().to_string();
        assert_eq!(error, "invalid reference format: repository name (me/App@sha256) must be lowercase");
    }
}
