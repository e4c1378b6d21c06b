//! Upload locations, encrypted and authenticated, so that a client can send them back but neither read nor forge them.

use aes_gcm::aead::{Aead as _, Payload};
use aes_gcm::{Aes256Gcm, Key, KeyInit as _, Nonce};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{Method, Uri};

use crate::registry::{AddressPolicy, Host, RedirectTarget};

/// The length of the nonce at the start of a sealed location.
const NONCE_BYTES: usize = 12;
/// The longest location that is sealed, in bytes: it comes back in a request line.
const MAX_URI: usize = 12 * 1024;

/// Encrypts locations with AES-256-GCM, under a key that exists only in this process.
/// (<https://www.rfc-editor.org/rfc/rfc5116#section-5.2>)
pub(crate) struct LocationSealer {
    cipher: Aes256Gcm,
}

/// A location of a registry, and what it was given for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UploadLocation {
    pub(crate) purpose: LocationPurpose,
    /// The number of the upload in this proxy; 0 for none.
    pub(crate) session: u64,
    pub(crate) target: RedirectTarget,
}

/// The request that a location was given for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LocationPurpose {
    /// A further request of an upload.
    Upload,
    /// The same request once more, where the registry redirected it.
    Redirect(Method),
}

impl std::fmt::Debug for LocationSealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LocationSealer")
    }
}

impl LocationSealer {
    /// A sealer with a random key.
    pub(crate) fn new() -> Self {
        let key = zeroize::Zeroizing::new(rand::random::<[u8; 32]>());
        Self { cipher: Aes256Gcm::new(&Key::<Aes256Gcm>::from(*key)) }
    }

    /// An id that opens for the same alias only; none if the location is longer than [`MAX_URI`].
    pub(crate) fn seal(&self, alias: &str, location: &UploadLocation) -> Option<String> {
        let uri = location.target.uri.to_string();
        if uri.len() > MAX_URI {
            return None;
        }
        let mut plain =
            vec![purpose_byte(&location.purpose)?, address_policy_byte(location.target.address_policy)];
        plain.extend(location.session.to_be_bytes());
        plain.extend(uri.as_bytes());
        let nonce = rand::random::<[u8; NONCE_BYTES]>();
        let payload = Payload { msg: &plain, aad: alias.as_bytes() };
        let sealed = self.cipher.encrypt(&Nonce::from(nonce), payload).ok()?;
        Some(URL_SAFE_NO_PAD.encode([nonce.as_slice(), &sealed].concat()))
    }

    /// The location that [`LocationSealer::seal`] made `id` of; none if it did not, or for another alias.
    pub(crate) fn open(&self, alias: &str, id: &str) -> Option<UploadLocation> {
        let sealed = URL_SAFE_NO_PAD.decode(id).ok()?;
        let (nonce, sealed) = sealed.split_at_checked(NONCE_BYTES)?;
        let nonce: [u8; NONCE_BYTES] = nonce.try_into().ok()?;
        let payload = Payload { msg: sealed, aad: alias.as_bytes() };
        let plain = self.cipher.decrypt(&Nonce::from(nonce), payload).ok()?;
        let (head, rest) = plain.split_first_chunk::<2>()?;
        let (purpose, address_policy) = (purpose_of(head[0])?, address_policy_of(head[1])?);
        let (session, uri) = rest.split_first_chunk::<8>()?;
        let uri: Uri = std::str::from_utf8(uri).ok()?.parse().ok()?;
        let host = Host::parse(uri.authority()?.as_str()).ok()?;
        Some(UploadLocation {
            purpose,
            session: u64::from_be_bytes(*session),
            target: RedirectTarget { uri, host, address_policy },
        })
    }
}

/// The methods whose redirects a client follows, by their number less 1 in a sealed location.
const REDIRECTABLE: [Method; 4] = [Method::PUT, Method::POST, Method::PATCH, Method::DELETE];
/// The address policies, by their number in a sealed location.
const ADDRESS_POLICIES: [AddressPolicy; 3] =
    [AddressPolicy::Any, AddressPolicy::NonLocal, AddressPolicy::PublicOnly];

fn purpose_byte(purpose: &LocationPurpose) -> Option<u8> {
    match purpose {
        LocationPurpose::Upload => Some(0),
        LocationPurpose::Redirect(method) => {
            let index = REDIRECTABLE.iter().position(|known| known == method)?;
            u8::try_from(index + 1).ok()
        }
    }
}

fn purpose_of(byte: u8) -> Option<LocationPurpose> {
    match usize::from(byte).checked_sub(1) {
        None => Some(LocationPurpose::Upload),
        Some(index) => REDIRECTABLE.get(index).cloned().map(LocationPurpose::Redirect),
    }
}

fn address_policy_byte(address_policy: AddressPolicy) -> u8 {
    match address_policy {
        AddressPolicy::Any => 0,
        AddressPolicy::NonLocal => 1,
        AddressPolicy::PublicOnly => 2,
    }
}

fn address_policy_of(byte: u8) -> Option<AddressPolicy> {
    ADDRESS_POLICIES.get(usize::from(byte)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn location(purpose: LocationPurpose) -> UploadLocation {
        let target = RedirectTarget {
            uri: "https://up.example:8443/x/y?state=a%3Db&c".parse().unwrap(),
            host: Host::parse("up.example:8443").unwrap(),
            address_policy: AddressPolicy::NonLocal,
        };
        UploadLocation { purpose, session: 0x0102_0304_0506_0708, target }
    }

    #[test]
    fn a_sealed_location_opens_for_its_alias_only() {
        let sealer = LocationSealer::new();
        for purpose in [
            LocationPurpose::Upload,
            LocationPurpose::Redirect(Method::PUT),
            LocationPurpose::Redirect(Method::POST),
            LocationPurpose::Redirect(Method::PATCH),
            LocationPurpose::Redirect(Method::DELETE),
        ] {
            let id = sealer.seal("target", &location(purpose.clone())).unwrap();
            assert_eq!(sealer.open("target", &id), Some(location(purpose)));
            assert_eq!(sealer.open("base", &id), None);
            assert!(id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'));
        }
    }

    #[test]
    fn a_changed_or_foreign_id_opens_nothing() {
        let sealer = LocationSealer::new();
        let id = sealer.seal("target", &location(LocationPurpose::Upload)).unwrap();
        assert_eq!(LocationSealer::new().open("target", &id), None);
        for at in 0..id.len() {
            let mut changed = id.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            assert_eq!(sealer.open("target", std::str::from_utf8(&changed).unwrap()), None, "{at}");
        }
        for id in ["", "x", "AAAA", &"A".repeat(100), &id[1..], &id[..id.len() - 2], &format!("{id}AA")] {
            assert_eq!(sealer.open("target", id), None, "{id}");
        }
    }

    #[test]
    fn a_location_of_up_to_12_kib_is_sealed() {
        let sealer = LocationSealer::new();
        for (length, is_sealed) in [(12_288, true), (12_289, false)] {
            let mut location = location(LocationPurpose::Upload);
            location.target.uri = format!("https://up.example/{:x<1$}", "", length - 19).parse().unwrap();
            assert_eq!(location.target.uri.to_string().len(), length);
            let id = sealer.seal("target", &location);
            assert_eq!(id.is_some(), is_sealed, "{length}");
        }
        // A method that is not redirected has no number.
        assert_eq!(sealer.seal("target", &location(LocationPurpose::Redirect(Method::GET))), None);
        assert_eq!(format!("{sealer:?}"), "LocationSealer");
    }

    #[test]
    fn the_same_location_never_gives_the_same_id() {
        let sealer = LocationSealer::new();
        let seal = || sealer.seal("target", &location(LocationPurpose::Upload));
        assert_ne!(seal(), seal());
    }

    #[test]
    fn fuzz_ids_that_clients_send_back_open_only_as_they_were_sealed() {
        let sealer = LocationSealer::new();
        let sealed = location(LocationPurpose::Redirect(Method::PUT));
        let ids = [&sealed, &location(LocationPurpose::Upload)]
            .map(|location| sealer.seal("target", location).unwrap());
        let seeds = [ids[0].as_bytes(), ids[1].as_bytes(), b"AAAA", b""];
        crate::fuzz::run(&seeds, |bytes| {
            let id = String::from_utf8_lossy(bytes);
            assert_eq!(sealer.open("target", &id).is_some(), ids.iter().any(|sealed| **sealed == id), "{id}");
            assert_eq!(sealer.open("base", &id), None);
        });
    }

    #[test]
    fn fuzz_what_is_sealed_of_any_location_opens_to_the_same() {
        let sealer = LocationSealer::new();
        let seeds: [&[u8]; 3] =
            [b"https://up.example:8443/x/y?state=a%3Db&c", b"http://[::1]:5000/", b"https://a/"];
        crate::fuzz::run(&seeds, |bytes| {
            let Some(uri) = std::str::from_utf8(bytes).ok().and_then(|text| text.parse::<Uri>().ok()) else {
                return;
            };
            let Some(host) = uri.authority().and_then(|host| Host::parse(host.as_str()).ok()) else { return };
            let target = RedirectTarget { uri, host, address_policy: AddressPolicy::PublicOnly };
            let location = UploadLocation { purpose: LocationPurpose::Upload, session: 7, target };
            if let Some(id) = sealer.seal("target", &location) {
                assert!(id.len() <= (MAX_URI + 100) * 4 / 3);
                assert_eq!(sealer.open("target", &id), Some(location));
            }
        });
    }
}
