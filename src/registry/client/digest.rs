//! Digests of content, computed as it passes.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256, Sha512};

/// Computes a digest of a registered algorithm.
#[derive(Clone, Debug)]
pub enum DigestHasher {
    /// `sha256:…`
    Sha256(Sha256),
    /// `sha512:…`
    Sha512(Box<Sha512>),
}

impl DigestHasher {
    /// One for the algorithm of `digest`; sha256 for a text that is no digest, such as a tag.
    pub fn for_digest(digest: &str) -> Self {
        if digest.starts_with("sha512:") { Self::Sha512(Box::default()) } else { Self::Sha256(Sha256::new()) }
    }

    /// Takes the next bytes of the content.
    pub fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(hash) => hash.update(bytes),
            Self::Sha512(hash) => hash.update(bytes),
        }
    }

    /// The digest of everything taken.
    pub fn finish(self) -> String {
        match self {
            Self::Sha256(hash) => written("sha256:", &hash.finalize()),
            Self::Sha512(hash) => written("sha512:", &hash.finalize()),
        }
    }
}

fn written(algorithm: &str, bytes: &[u8]) -> String {
    bytes.iter().fold(algorithm.to_owned(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::DigestHasher;
    use crate::image::digest::is_registered;

    #[test]
    fn content_has_the_digest_of_the_algorithm_asked_for() {
        for (like, start) in [
            ("latest", "sha256:ba7816bf8f01cfea"),
            ("sha256:", "sha256:ba7816bf8f01cfea"),
            ("sha512:", "sha512:ddaf35a193617aba"),
        ] {
            let mut hasher = DigestHasher::for_digest(like);
            hasher.update(b"ab");
            hasher.update(b"c");
            let digest = hasher.finish();
            assert!(digest.starts_with(start) && is_registered(&digest), "{digest}");
        }
    }
}
