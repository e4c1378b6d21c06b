//! Values that may be secrets: how they are known, and what stands in their place.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::record::{Class, Part};
use crate::diag::redact;

/// A random text that digests of hidden values begin with, so that nobody can look them up in a table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Salt(String);

/// Bytes of a value that are kept.
const MAX_VALUE_BYTES: usize = 2048;
/// What stands for a hidden value.
pub(super) const HIDDEN: &str = "***";
/// Shorter values are no secrets, and would be found everywhere.
const MIN_SECRET_BYTES: usize = 4;

/// Words in names of variables that hold secrets.
const SECRET_WORDS: [&str; 12] = [
    "token",
    "secret",
    "passw",
    "passphrase",
    "credential",
    "apikey",
    "api_key",
    "private",
    "auth",
    "_key",
    "_pat",
    "_pwd",
];

impl Salt {
    /// Returns a salt of random bytes.
    pub fn new(random: u128) -> Self {
        Self(format!("{random:032x}"))
    }

    /// Returns a digest of a value that another salt would make another of.
    pub(super) fn seal(&self, value: &[u8]) -> String {
        let mut hash = Sha256::new();
        hash.update(self.0.as_bytes());
        hash.update([0]);
        hash.update(value);
        hex::encode(&hash.finalize()[..16])
    }
}

/// Whether the name of a variable suggests that its value is a secret.
pub(super) fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let is_key = matches!(&*name, "key" | "pat" | "pwd" | "pass");
    is_key || SECRET_WORDS.iter().any(|word| name.contains(word))
}

/// Makes parts of values, and hides the secrets among them.
pub(super) struct Sealer<'a> {
    pub(super) salt: &'a Salt,
    /// Values of variables whose names suggest secrets, longest first.
    secrets: Vec<String>,
}

impl<'a> Sealer<'a> {
    /// Hides what `variables` (`NAME=value`) show to be secret, wherever else it stands.
    pub(super) fn new<'v>(salt: &'a Salt, variables: impl Iterator<Item = &'v str>) -> Self {
        let pairs = variables.filter_map(|pair| pair.split_once('='));
        let secrets = pairs.filter(|(name, value)| is_secret_name(name) && value.len() >= MIN_SECRET_BYTES);
        let mut secrets: Vec<String> = secrets.map(|(_, value)| value.to_owned()).collect();
        secrets.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        secrets.dedup();
        Self { salt, secrets }
    }

    /// Returns as much of a text as may be shown.
    pub(super) fn shown(&self, text: &str) -> String {
        let mut shown = text.to_owned();
        for secret in &self.secrets {
            if shown.contains(secret.as_str()) {
                shown = shown.replace(secret.as_str(), HIDDEN);
            }
        }
        let shown = redact(&shown).into_owned();
        shown[..shown.floor_char_boundary(MAX_VALUE_BYTES)].to_owned()
    }

    /// Returns the part of a value.
    pub(super) fn part(&self, class: Class, label: impl Into<String>, value: &str) -> Part {
        let label = label.into();
        let is_secret = class == Class::Variable && is_secret_name(&label);
        let shown = if is_secret { HIDDEN.to_owned() } else { self.shown(value) };
        let seal = if shown == value { String::new() } else { self.salt.seal(value.as_bytes()) };
        Part { class, label, value: shown, seal }
    }

    /// Returns the part of content that is not shown.
    pub(super) fn content(&self, label: impl Into<String>, bytes: &[u8]) -> Part {
        let value = format!("{} bytes", bytes.len());
        Part { class: Class::Instruction, label: label.into(), value, seal: self.salt.seal(bytes) }
    }
}
