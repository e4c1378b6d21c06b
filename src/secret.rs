//! The one type for passwords, tokens and secret files: never shown, and wiped from memory after use.

use std::fmt;

use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use zeroize::{Zeroize, Zeroizing};

/// A secret, text unless another type is named: it prints as `***`, its memory is zeroed on drop, and comparing two takes a
/// time that does not depend on where they differ.
#[derive(Clone, Default)]
pub struct Secret<T: Zeroize = String>(Zeroizing<T>);

/// Secret bytes, such as the content of a file that a `RUN` instruction mounts.
pub type SecretBytes = Secret<Vec<u8>>;

impl Secret {
    /// Returns a secret that owns `text`.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// Whether the text is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<T: Zeroize> Secret<T> {
    /// Returns the secret itself, for the one place that uses it.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize + AsRef<[u8]>> Secret<T> {
    /// Whether the secret consists of the bytes `other`. What is compared are the SHA-256 sums, in full, so that the time tells
    /// neither the length of the secret nor where it differs.
    pub fn matches(&self, other: &[u8]) -> bool {
        let bytes: &[u8] = (*self.0).as_ref();
        let (own, other) = (Sha256::digest(bytes), Sha256::digest(other));
        own.as_slice().ct_eq(other.as_slice()).into()
    }
}

impl<T: Zeroize + AsRef<[u8]>> PartialEq for Secret<T> {
    fn eq(&self, other: &Self) -> bool {
        self.matches((*other.0).as_ref())
    }
}

impl<T: Zeroize + AsRef<[u8]>> Eq for Secret<T> {}

impl<T: Zeroize> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl<T: Zeroize> fmt::Display for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl From<Vec<u8>> for SecretBytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }
}

impl From<String> for SecretBytes {
    fn from(text: String) -> Self {
        text.into_bytes().into()
    }
}

impl From<&Secret> for SecretBytes {
    fn from(text: &Secret) -> Self {
        Self(Zeroizing::new(text.0.as_bytes().to_vec()))
    }
}

impl<'de> serde::Deserialize<'de> for Secret {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

#[cfg(test)]
mod tests {
    use super::{Secret, SecretBytes};

    #[test]
    fn never_prints_itself() {
        let secret = Secret::new("hunter2");
        assert_eq!(format!("{secret} {secret:?} {:?}", Some(&secret)), "*** *** Some(***)");
        assert_eq!(format!("{:?}", SecretBytes::from(b"hunter2".to_vec())), "***");
    }

    #[test]
    fn every_way_to_make_a_secret_keeps_its_content() {
        let text: Secret = serde_json::from_str("\"hunter2\"").unwrap();
        for secret in [&text, &Secret::from("hunter2"), &Secret::from("hunter2".to_owned())] {
            assert_eq!(secret.expose(), "hunter2");
        }
        let bytes = [
            SecretBytes::from(b"hunter2".to_vec()),
            SecretBytes::from("hunter2".to_owned()),
            SecretBytes::from(&text),
        ];
        assert!(bytes.iter().all(|secret| secret.expose() == b"hunter2"));
        assert!(!text.is_empty() && Secret::new("").is_empty());
    }

    #[test]
    fn matches_only_the_same_text() {
        let secret = Secret::new("hunter2");
        assert!(secret.matches(b"hunter2") && secret == Secret::new("hunter2"));
        for other in ["", "hunter", "hunter22", "Hunter2"] {
            assert!(!secret.matches(other.as_bytes()) && secret != Secret::new(other), "{other}");
        }
    }
}
