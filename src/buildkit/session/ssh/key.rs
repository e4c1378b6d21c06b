//! Private SSH keys that sign for RUN steps.
//!
//! `ssh-key` reads OpenSSH's own form, `rustls-pki-types` the PEM forms of older keys; `ring` signs, and `p521` (through
//! `ssh-key`) on the one curve that `ring` does not have.

use std::fmt;

use ring::rand::SystemRandom;
use ring::rsa::{KeyPairComponents, PublicKeyComponents};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
    KeyPair as _, RSA_PKCS1_SHA256, RSA_PKCS1_SHA512, RsaKeyPair,
};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
use ssh_key::private::{EcdsaKeypair, KeypairData, RsaKeypair};
use zeroize::Zeroizing;

use super::wire::{put_mpint, put_string};

/// The flag of a request for a signature by RSA with SHA-256 (draft-ietf-sshm-ssh-agent, section 5.6).
const RSA_SHA2_256: u32 = 2;
/// The flag of a request for a signature by RSA with SHA-512.
const RSA_SHA2_512: u32 = 4;

/// The algorithm of a key of ECDSA with 521 bits. (<https://www.rfc-editor.org/rfc/rfc5656#section-6.2>)
const P521_ALGORITHM: &str = "ecdsa-sha2-nistp521";

/// Why a file is no private key that can be used. No text holds a part of the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SshKeyError {
    /// It is encrypted.
    #[error("the key needs a passphrase")]
    Passphrase,
    /// It is none.
    #[error("it is not a private SSH key")]
    NoKey,
    /// Keys of its kind do not sign here.
    #[error(
        "keys of this kind are not supported, only ed25519, ECDSA with 256, 384 or (in OpenSSH's form) 521 bits, RSA with 2048 to 4096"
    )]
    Kind,
    /// Its parts do not belong together.
    #[error("the parts of the key do not belong together")]
    Inconsistent,
}

/// A private key that can sign.
pub struct SshKey {
    pair: Pair,
    /// The public key as it travels.
    public: Vec<u8>,
}

enum Pair {
    Ed25519(Ed25519KeyPair),
    Ecdsa { pair: EcdsaKeyPair, curve: &'static str },
    P521(Box<ssh_key::PrivateKey>),
    Rsa(RsaKeyPair),
}

impl fmt::Debug for SshKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SshKey").finish_non_exhaustive()
    }
}

impl SshKey {
    /// Returns the private key that `text`, the content of a file, holds.
    ///
    /// # Errors
    /// [`SshKeyError`] if it holds none that can be used.
    pub fn parse(text: &[u8]) -> Result<Self, SshKeyError> {
        let lines = || text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
        let label = lines().find_map(|line| line.strip_prefix(b"-----BEGIN ")?.strip_suffix(b"-----"));
        match label {
            Some(b"OPENSSH PRIVATE KEY") => Self::of_openssh(text),
            Some(b"ENCRYPTED PRIVATE KEY") => Err(SshKeyError::Passphrase),
            Some(b"RSA PRIVATE KEY" | b"PRIVATE KEY" | b"EC PRIVATE KEY") => {
                let is_encrypted =
                    lines().any(|line| line.starts_with(b"Proc-Type:") && line.ends_with(b"ENCRYPTED"));
                if is_encrypted { Err(SshKeyError::Passphrase) } else { Self::of_pem(text) }
            }
            Some(b"DSA PRIVATE KEY") => Err(SshKeyError::Kind),
            _ => Err(SshKeyError::NoKey),
        }
    }

    fn of_openssh(text: &[u8]) -> Result<Self, SshKeyError> {
        let key = ssh_key::PrivateKey::from_openssh(text).map_err(|error| match error {
            ssh_key::Error::AlgorithmUnknown | ssh_key::Error::AlgorithmUnsupported { .. } => {
                SshKeyError::Kind
            }
            _ => SshKeyError::NoKey,
        })?;
        let pair = match key.key_data() {
            KeypairData::Encrypted(_) => return Err(SshKeyError::Passphrase),
            KeypairData::Ed25519(pair) => {
                let seed = Zeroizing::new(pair.private.to_bytes());
                Pair::Ed25519(known(Ed25519KeyPair::from_seed_and_public_key(&*seed, &pair.public.0))?)
            }
            KeypairData::Ecdsa(pair) => {
                let (algorithm, curve) = match pair {
                    EcdsaKeypair::NistP521 { .. } => return Ok(Self::new(Pair::P521(Box::new(key)))),
                    EcdsaKeypair::NistP256 { .. } => (&ECDSA_P256_SHA256_FIXED_SIGNING, "nistp256"),
                    EcdsaKeypair::NistP384 { .. } => (&ECDSA_P384_SHA384_FIXED_SIGNING, "nistp384"),
                };
                let (private, public) = (pair.private_key_bytes(), pair.public_key_bytes());
                let random = SystemRandom::new();
                let pair = EcdsaKeyPair::from_private_key_and_public_key(algorithm, private, public, &random);
                Pair::Ecdsa { pair: known(pair)?, curve }
            }
            KeypairData::Rsa(pair) => Pair::Rsa(rsa_pair(pair)?),
            _ => return Err(SshKeyError::Kind),
        };
        Ok(Self::new(pair))
    }

    fn of_pem(text: &[u8]) -> Result<Self, SshKeyError> {
        match PrivateKeyDer::from_pem_slice(text).map_err(|_| SshKeyError::NoKey)? {
            PrivateKeyDer::Pkcs1(der) => {
                RsaKeyPair::from_der(der.secret_pkcs1_der()).map(|pair| Self::new(Pair::Rsa(pair)))
            }
            PrivateKeyDer::Pkcs8(der) => {
                let der = der.secret_pkcs8_der();
                let ecdsa = |algorithm, curve| {
                    let pair = EcdsaKeyPair::from_pkcs8(algorithm, der, &SystemRandom::new());
                    pair.map(|pair| Pair::Ecdsa { pair, curve })
                };
                let pair = RsaKeyPair::from_pkcs8(der)
                    .map(Pair::Rsa)
                    .or_else(|_| Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).map(Pair::Ed25519))
                    .or_else(|_| ecdsa(&ECDSA_P256_SHA256_FIXED_SIGNING, "nistp256"))
                    .or_else(|_| ecdsa(&ECDSA_P384_SHA384_FIXED_SIGNING, "nistp384"));
                pair.map(Self::new)
            }
            _ => return Err(SshKeyError::Kind),
        }
        .map_err(|_| SshKeyError::Kind)
    }

    fn new(pair: Pair) -> Self {
        let mut public = Vec::new();
        match &pair {
            Pair::Ed25519(pair) => {
                put_string(&mut public, b"ssh-ed25519");
                put_string(&mut public, pair.public_key().as_ref());
            }
            Pair::Ecdsa { pair, curve } => {
                put_string(&mut public, format!("ecdsa-sha2-{curve}").as_bytes());
                put_string(&mut public, curve.as_bytes());
                put_string(&mut public, pair.public_key().as_ref());
            }
            Pair::P521(key) => {
                let point = key.key_data().ecdsa().map(EcdsaKeypair::public_key_bytes).unwrap_or_default();
                put_string(&mut public, P521_ALGORITHM.as_bytes());
                put_string(&mut public, b"nistp521");
                put_string(&mut public, point);
            }
            Pair::Rsa(pair) => {
                put_string(&mut public, b"ssh-rsa");
                let PublicKeyComponents::<Vec<u8>> { n, e } = pair.public().into();
                put_mpint(&mut public, &e);
                put_mpint(&mut public, &n);
            }
        }
        Self { pair, public }
    }

    /// Returns the public key as it travels: its algorithm, then what that prescribes.
    /// (<https://www.rfc-editor.org/rfc/rfc4253#section-6.6>)
    pub(super) fn public(&self) -> &[u8] {
        &self.public
    }

    /// Returns the signature of `data`, by the hash that `flags` ask for where there is a choice. None where this key does
    /// not sign so: signatures by RSA with SHA-1 are not made.
    pub(super) fn sign(&self, data: &[u8], flags: u32) -> Option<Vec<u8>> {
        let random = SystemRandom::new();
        let mut signature = Vec::new();
        match &self.pair {
            Pair::Ed25519(pair) => {
                put_string(&mut signature, b"ssh-ed25519");
                put_string(&mut signature, pair.sign(data).as_ref());
            }
            Pair::Ecdsa { pair, curve } => {
                let signed = pair.sign(&random, data).ok()?;
                let (r, s) = signed.as_ref().split_at(signed.as_ref().len() / 2);
                let mut numbers = Vec::new();
                put_mpint(&mut numbers, r);
                put_mpint(&mut numbers, s);
                put_string(&mut signature, format!("ecdsa-sha2-{curve}").as_bytes());
                put_string(&mut signature, &numbers);
            }
            Pair::P521(key) => {
                put_string(&mut signature, P521_ALGORITHM.as_bytes());
                put_string(&mut signature, &signed_by_p521(&**key, data)?);
            }
            Pair::Rsa(pair) => {
                let (name, padding): (&[u8], _) = if flags & RSA_SHA2_512 != 0 {
                    (b"rsa-sha2-512", &RSA_PKCS1_SHA512)
                } else if flags & RSA_SHA2_256 != 0 {
                    (b"rsa-sha2-256", &RSA_PKCS1_SHA256)
                } else {
                    return None;
                };
                let mut signed = vec![0; pair.public().modulus_len()];
                pair.sign(padding, &random, data, &mut signed).ok()?;
                put_string(&mut signature, name);
                put_string(&mut signature, &signed);
            }
        }
        Some(signature)
    }
}

/// Returns the two numbers of a signature by ECDSA with 521 bits, as they travel.
fn signed_by_p521(key: &impl ssh_key::SigningKey, data: &[u8]) -> Option<Vec<u8>> {
    key.try_sign(data).ok().map(|signature| signature.as_bytes().to_vec())
}

fn known<T>(pair: Result<T, ring::error::KeyRejected>) -> Result<T, SshKeyError> {
    pair.map_err(|_| SshKeyError::Inconsistent)
}

/// Returns the key of an OpenSSH file, which leaves two of the numbers out that signing takes: the private exponent modulo
/// each prime less one.
fn rsa_pair(pair: &RsaKeypair) -> Result<RsaKeyPair, SshKeyError> {
    let bytes = |number: &ssh_key::Mpint| {
        number.as_positive_bytes().map(|bytes| Zeroizing::new(bytes.to_vec())).ok_or(SshKeyError::NoKey)
    };
    let (public, private) = (pair.public(), pair.private());
    let (d, p, q) = (bytes(private.d())?, bytes(private.p())?, bytes(private.q())?);
    let components = KeyPairComponents {
        public_key: PublicKeyComponents { n: bytes(public.n())?, e: bytes(public.e())? },
        dP: less_one(&p).and_then(|modulus| remainder(&d, &modulus)).ok_or(SshKeyError::Inconsistent)?,
        dQ: less_one(&q).and_then(|modulus| remainder(&d, &modulus)).ok_or(SshKeyError::Inconsistent)?,
        qInv: bytes(private.iqmp())?,
        d,
        p,
        q,
    };
    let bits = 8 * components.public_key.n.len();
    RsaKeyPair::from_components(&components).map_err(|_| match bits {
        2048..=4096 => SshKeyError::Inconsistent,
        _ => SshKeyError::Kind,
    })
}

/// Returns `number` less one, where it is odd, as a prime is.
fn less_one(number: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let mut number = Zeroizing::new(number.to_vec());
    let last = number.last_mut().filter(|last| **last & 1 == 1)?;
    *last -= 1;
    Some(number)
}

/// Returns the remainder of `number` by `modulus`, both big-endian. None by zero.
fn remainder(number: &[u8], modulus: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let first = modulus.iter().position(|byte| *byte != 0)?;
    let modulus = &modulus[first..];
    // One byte more than the modulus has: it is doubled before it is reduced.
    let mut rest = Zeroizing::new(vec![0_u8; modulus.len() + 1]);
    for bit in number.iter().flat_map(|byte| (0..8).rev().map(move |at| byte >> at & 1)) {
        let mut carry = bit;
        for byte in rest.iter_mut().rev() {
            (*byte, carry) = (*byte << 1 | carry, *byte >> 7);
        }
        if rest[0] != 0 || rest[1..] >= *modulus {
            let mut borrow = false;
            for (at, byte) in rest.iter_mut().enumerate().rev() {
                let taken = if at == 0 { 0 } else { modulus[at - 1] };
                let (less, under) = byte.overflowing_sub(taken);
                let (less, under_again) = less.overflowing_sub(u8::from(borrow));
                (*byte, borrow) = (less, under || under_again);
            }
        }
    }
    let first = rest.iter().position(|byte| *byte != 0)?;
    Some(Zeroizing::new(rest[first..].to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remainders_are_those_of_division() {
        for (number, modulus) in [
            (100_u64, 7_u64),
            (0xffff_ffff_ffff, 0xff),
            (5, 100),
            (0x1_0001, 0x1_0000),
            (u64::MAX, 0x8000_0001),
        ] {
            let rest = remainder(&number.to_be_bytes(), &modulus.to_be_bytes());
            let value = rest.map(|rest| rest.iter().fold(0_u64, |value, byte| value << 8 | u64::from(*byte)));
            assert_eq!(value, Some(number % modulus).filter(|rest| *rest != 0), "{number} {modulus}");
        }
        assert_eq!(remainder(&[1], &[0]), None);
        assert_eq!(less_one(&[1, 0]), None);
        assert_eq!(less_one(&[1, 1]).unwrap()[..], [1, 0]);
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for text in [&b""[..], b"hello", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
            assert_eq!(SshKey::parse(text).unwrap_err(), SshKeyError::NoKey);
        }
        let cut =
            b"-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEA\n-----END OPENSSH PRIVATE KEY-----\n";
        assert_eq!(SshKey::parse(cut).unwrap_err(), SshKeyError::NoKey);
        let encrypted = b"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----\n";
        assert_eq!(SshKey::parse(encrypted).unwrap_err(), SshKeyError::Passphrase);
    }

    #[test]
    fn fuzz_no_file_makes_a_key_panic() {
        let seeds: [&[u8]; 2] = [
            b"-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZWQy\nNTUxOQAAACB=\n-----END OPENSSH PRIVATE KEY-----\n",
            b"-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f\n-----END PRIVATE KEY-----\n",
        ];
        crate::fuzz::run(&seeds, |bytes| {
            if let Ok(key) = SshKey::parse(bytes) {
                assert!(!key.public().is_empty());
            }
        });
    }
}
