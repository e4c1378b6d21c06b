//! Upload locations that clients can hand back but neither read nor make.

use aes_gcm::aead::{Aead as _, Payload};
use aes_gcm::{Aes256Gcm, Key, KeyInit as _, Nonce};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{Method, Uri};

use crate::registry::{AddressPolicy, Host, RedirectTarget};

const NONCE_BYTES: usize = 12;
/// The longest location that is sealed; it comes back in a request's line.
const URI_LIMIT: usize = 12 * 1024;

/// Seals locations with a key that lives as long as the proxy.
pub(crate) struct Sealer {
    cipher: Aes256Gcm,
}

/// What is sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ticket {
    pub(crate) purpose: Purpose,
    /// The upload that it belongs to, by its number in this proxy.
    pub(crate) session: u64,
    pub(crate) at: RedirectTarget,
}

/// What a sealed location may be used for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A step of an upload.
    Upload,
    /// The same request once more, where the registry redirected it.
    Redirect(Method),
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sealer")
    }
}

impl Sealer {
    pub(crate) fn new() -> Self {
        let key = zeroize::Zeroizing::new(rand::random::<[u8; 32]>());
        Self { cipher: Aes256Gcm::new(&Key::<Aes256Gcm>::from(*key)) }
    }

    /// An id that opens for the same alias only; none if the location is too long.
    pub(crate) fn seal(&self, alias: &str, ticket: &Ticket) -> Option<String> {
        let uri = ticket.at.uri.to_string();
        if uri.len() > URI_LIMIT {
            return None;
        }
        let mut plain = vec![purpose_byte(&ticket.purpose)?, address_policy_byte(ticket.at.address_policy)];
        plain.extend(ticket.session.to_be_bytes());
        plain.extend(uri.as_bytes());
        let nonce = rand::random::<[u8; NONCE_BYTES]>();
        let payload = Payload { msg: &plain, aad: alias.as_bytes() };
        let sealed = self.cipher.encrypt(&Nonce::from(nonce), payload).ok()?;
        Some(URL_SAFE_NO_PAD.encode([nonce.as_slice(), &sealed].concat()))
    }

    /// What was sealed for this alias; none if it was not sealed here.
    pub(crate) fn open(&self, alias: &str, id: &str) -> Option<Ticket> {
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
        Some(Ticket {
            purpose,
            session: u64::from_be_bytes(*session),
            at: RedirectTarget { uri, host, address_policy },
        })
    }
}

const REDIRECTABLE: [Method; 4] = [Method::PUT, Method::POST, Method::PATCH, Method::DELETE];
const ADDRESS_POLICIES: [AddressPolicy; 3] =
    [AddressPolicy::Any, AddressPolicy::NonLocal, AddressPolicy::PublicOnly];

fn purpose_byte(purpose: &Purpose) -> Option<u8> {
    match purpose {
        Purpose::Upload => Some(0),
        Purpose::Redirect(method) => {
            let index = REDIRECTABLE.iter().position(|known| known == method)?;
            u8::try_from(index + 1).ok()
        }
    }
}

fn purpose_of(byte: u8) -> Option<Purpose> {
    match usize::from(byte).checked_sub(1) {
        None => Some(Purpose::Upload),
        Some(index) => REDIRECTABLE.get(index).cloned().map(Purpose::Redirect),
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

    fn ticket(purpose: Purpose) -> Ticket {
        let at = RedirectTarget {
            uri: "https://up.example:8443/x/y?state=a%3Db&c".parse().unwrap(),
            host: Host::parse("up.example:8443").unwrap(),
            address_policy: AddressPolicy::NonLocal,
        };
        Ticket { purpose, session: 0x0102_0304_0506_0708, at }
    }

    #[test]
    fn what_is_sealed_opens_for_the_same_alias() {
        let sealer = Sealer::new();
        for purpose in [Purpose::Upload, Purpose::Redirect(Method::PUT), Purpose::Redirect(Method::DELETE)] {
            let id = sealer.seal("target", &ticket(purpose.clone())).unwrap();
            assert_eq!(sealer.open("target", &id), Some(ticket(purpose)));
            assert_eq!(sealer.open("base", &id), None);
            assert!(id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'));
        }
    }

    #[test]
    fn a_changed_or_foreign_id_opens_nothing() {
        let sealer = Sealer::new();
        let id = sealer.seal("target", &ticket(Purpose::Upload)).unwrap();
        assert_eq!(Sealer::new().open("target", &id), None);
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
    fn the_same_location_never_gives_the_same_id() {
        let sealer = Sealer::new();
        let seal = || sealer.seal("target", &ticket(Purpose::Upload));
        assert_ne!(seal(), seal());
    }

    #[test]
    fn fuzz_ids_that_clients_send_back_open_only_as_they_were_sealed() {
        let sealer = Sealer::new();
        let sealed = ticket(Purpose::Redirect(Method::PUT));
        let ids = [&sealed, &ticket(Purpose::Upload)].map(|ticket| sealer.seal("target", ticket).unwrap());
        let seeds = [ids[0].as_bytes(), ids[1].as_bytes(), b"AAAA", b""];
        crate::fuzz::run(&seeds, |bytes| {
            let id = String::from_utf8_lossy(bytes);
            assert_eq!(sealer.open("target", &id).is_some(), ids.iter().any(|sealed| **sealed == id), "{id}");
            assert_eq!(sealer.open("base", &id), None);
        });
    }

    #[test]
    fn fuzz_what_is_sealed_of_any_location_opens_to_the_same() {
        let sealer = Sealer::new();
        let seeds: [&[u8]; 3] =
            [b"https://up.example:8443/x/y?state=a%3Db&c", b"http://[::1]:5000/", b"https://a/"];
        crate::fuzz::run(&seeds, |bytes| {
            let Some(uri) = std::str::from_utf8(bytes).ok().and_then(|text| text.parse::<Uri>().ok()) else {
                return;
            };
            let Some(host) = uri.authority().and_then(|host| Host::parse(host.as_str()).ok()) else { return };
            let at = RedirectTarget { uri, host, address_policy: AddressPolicy::PublicOnly };
            let ticket = Ticket { purpose: Purpose::Upload, session: 7, at };
            if let Some(id) = sealer.seal("target", &ticket) {
                assert!(id.len() <= (URI_LIMIT + 100) * 4 / 3);
                assert_eq!(sealer.open("target", &id), Some(ticket));
            }
        });
    }
}
