//! Digests of content, computed while it is read or sent.
//! (<https://github.com/opencontainers/image-spec/blob/main/descriptor.md#digests>)

use sha2::{Digest as _, Sha256, Sha512};

/// A running digest of a registered algorithm.
#[derive(Clone, Debug)]
pub enum DigestHasher {
    /// `sha256:…`
    Sha256(Sha256),
    /// `sha512:…`
    Sha512(Box<Sha512>),
}

impl DigestHasher {
    /// Returns a running digest of the algorithm of `digest`; sha256 for a text that is no digest, such as a tag.
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

    /// Returns the digest of all bytes taken.
    pub fn finish(self) -> String {
        match self {
            Self::Sha256(hash) => format!("sha256:{}", hex::encode(hash.finalize())),
            Self::Sha512(hash) => format!("sha512:{}", hex::encode(hash.finalize())),
        }
    }
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
