//! Registry credentials in variables: plain JSON, or AES-256-GCM with `BOB_AUTH_KEY`.

use std::collections::BTreeMap;
use std::fmt;

use super::variables::{self, Variable};
use super::{Environment, Error};
use crate::secret::{Secret, SecretBytes};
use aes_gcm::aead::{Aead as _, KeyInit as _};
use aes_gcm::{Aes256Gcm, Nonce};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde::de::IgnoredAny;

const NONCE_LENGTH: usize = 12;
const KEY_LENGTH: usize = 32;

/// Registry credentials as a JSON object, host → `{username,password}` or `{auth}`: checked to be an
/// object of objects, wiped from memory on drop, never shown.
#[derive(Clone)]
pub struct AuthJson {
    /// The variable that it comes from.
    pub variable: &'static str,
    json: Secret,
}

impl AuthJson {
    /// The JSON text.
    pub fn expose(&self) -> &str {
        self.json.expose()
    }

    /// The credentials in `source`, decrypted where `BOB_AUTH_KEY` is set; `None` where it is absent.
    ///
    /// # Errors
    /// [`Error::KeyLength`], [`Error::NotBase64`], [`Error::Undecryptable`], [`Error::Json`]: none
    /// repeats any of the content.
    pub fn read(environment: &Environment, source: Variable) -> Result<Option<Self>, Error> {
        let key = environment.get(variables::AUTH_KEY)?;
        if let Some(key) = key
            && key.len() != KEY_LENGTH
        {
            return Err(Error::KeyLength { length: key.len() });
        }
        let variable = source.name;
        let Some(value) = environment.get(source)? else {
            return Ok(None);
        };
        let json = match key {
            Some(key) => decrypt(key.as_bytes(), value, variable)?,
            None => Secret::new(value),
        };
        check_shape(json.expose(), variable)?;
        Ok(Some(Self { variable, json }))
    }
}

impl fmt::Debug for AuthJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}=***", self.variable)
    }
}

/// The text in `value`: unpadded base64 of a 12-byte nonce and the AES-256-GCM ciphertext.
fn decrypt(key: &[u8], value: &str, variable: &'static str) -> Result<Secret, Error> {
    let undecryptable = || Error::Undecryptable { variable };
    let sealed = STANDARD_NO_PAD.decode(value.trim_end()).map_err(|_| Error::NotBase64 { variable })?;
    let (nonce, ciphertext) = sealed.split_at_checked(NONCE_LENGTH).ok_or_else(undecryptable)?;
    let cipher = Aes256Gcm::new_from_slice(key).map_err(|_| Error::KeyLength { length: key.len() })?;
    let nonce = Nonce::try_from(nonce).map_err(|_| undecryptable())?;
    let plain = cipher.decrypt(&nonce, ciphertext).map_err(|_| undecryptable())?;
    match String::from_utf8(plain) {
        Ok(text) => Ok(Secret::new(text)),
        Err(error) => {
            drop(SecretBytes::from(error.into_bytes()));
            Err(undecryptable())
        }
    }
}

/// Makes sure that `json` is an object whose values are objects. Serde's own messages may quote the
/// input, so only the place of the fault is passed on.
#[expect(clippy::zero_sized_map_values, reason = "only the shape is looked at; no value is kept")]
fn check_shape(json: &str, variable: &'static str) -> Result<(), Error> {
    type Shape = BTreeMap<String, BTreeMap<String, IgnoredAny>>;
    serde_json::from_str::<Shape>(json).map(drop).map_err(|error| Error::Json {
        variable,
        expected: "a JSON object of registry host → {username, password} or {auth}",
        line: error.line(),
        column: error.column(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "0123456789abcdef0123456789abcdef";
    const JSON: &str = r#"{"registry.example":{"username":"u","password":"s3cr3t"}}"#;

    fn seal(key: &str, text: &str) -> String {
        let cipher = Aes256Gcm::new_from_slice(key.as_bytes()).unwrap();
        let nonce = [7_u8; NONCE_LENGTH];
        let sealed = cipher.encrypt(&Nonce::from(nonce), text.as_bytes()).unwrap();
        STANDARD_NO_PAD.encode([nonce.as_slice(), &sealed].concat())
    }

    fn read(pairs: &[(&str, &str)]) -> Result<Option<AuthJson>, Error> {
        AuthJson::read(&pairs.iter().copied().collect(), variables::WSLAYER_AUTH)
    }

    #[test]
    fn plain_json_is_taken_as_it_is_without_a_key() {
        let auth = read(&[("BOB_WSLAYER_AUTH", JSON)]).unwrap().unwrap();
        assert_eq!(auth.expose(), JSON);
        assert_eq!(format!("{auth:?}"), "BOB_WSLAYER_AUTH=***");
    }

    #[test]
    fn an_encrypted_value_opens_with_its_key() {
        let sealed = seal(KEY, JSON);
        let auth = read(&[("BOB_WSLAYER_AUTH", &sealed), ("BOB_AUTH_KEY", KEY)]).unwrap().unwrap();
        assert_eq!(auth.expose(), JSON);
    }

    #[test]
    fn an_absent_or_empty_variable_is_no_credentials() {
        assert!(read(&[]).unwrap().is_none());
        assert!(read(&[("BOB_WSLAYER_AUTH", "")]).unwrap().is_none());
        assert!(read(&[("BOB_AUTH_KEY", KEY)]).unwrap().is_none());
    }

    #[test]
    fn each_fault_has_a_text_of_its_own_that_holds_no_content() {
        let sealed = seal(KEY, JSON);
        let other_key = "x".repeat(32);
        let cases: [(&[(&str, &str)], &str); 6] = [
            (
                &[("BOB_WSLAYER_AUTH", JSON), ("BOB_AUTH_KEY", "short")],
                "BOB_AUTH_KEY must be exactly 32 bytes long, it has 5",
            ),
            (
                &[("BOB_WSLAYER_AUTH", JSON), ("BOB_AUTH_KEY", KEY)],
                "BOB_WSLAYER_AUTH is not unpadded base64, which it must be where BOB_AUTH_KEY is set",
            ),
            (
                &[("BOB_WSLAYER_AUTH", &sealed), ("BOB_AUTH_KEY", &other_key)],
                "BOB_WSLAYER_AUTH cannot be decrypted with BOB_AUTH_KEY: the key is another one, or the value was changed or cut",
            ),
            (
                &[("BOB_WSLAYER_AUTH", "c2hvcnQ"), ("BOB_AUTH_KEY", KEY)],
                "BOB_WSLAYER_AUTH cannot be decrypted with BOB_AUTH_KEY: the key is another one, or the value was changed or cut",
            ),
            (
                &[("BOB_WSLAYER_AUTH", "{\"s3cr3t\"")],
                "BOB_WSLAYER_AUTH is not a JSON object of registry host → {username, password} or {auth} (line 1, column 9)",
            ),
            (
                &[("BOB_WSLAYER_AUTH", "{\"host\":\"s3cr3t\"}")],
                "BOB_WSLAYER_AUTH is not a JSON object of registry host → {username, password} or {auth} (line 1, column 16)",
            ),
        ];
        for (pairs, text) in cases {
            let error = read(pairs).unwrap_err();
            assert_eq!(error.to_string(), text);
            assert!(!format!("{error:?}").contains("s3cr3t"));
        }
    }
}
