//! Which network addresses a request may go to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper_util::client::legacy::connect::dns::Name;

/// The network addresses that a request may be sent to. It is applied to the address that is connected to, so that neither
/// the spelling of a host nor a DNS answer gets around it (server-side request forgery).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AddressPolicy {
    /// Every address: for hosts that the operator named.
    Any,
    /// Every address but loopback, unspecified and link-local ones: for hosts that a registry's answer names. Link-local
    /// addresses have the metadata services of clouds.
    NonLocal,
    /// Addresses of the public internet alone: for hosts that a client of the proxy named, and those that their answers name.
    PublicOnly,
}

impl AddressPolicy {
    /// Whether `address` may be connected to.
    pub fn allows(self, address: IpAddr) -> bool {
        match self {
            Self::Any => true,
            Self::NonLocal => !is_local(address),
            Self::PublicOnly => is_public(address),
        }
    }
}

fn is_local(address: IpAddr) -> bool {
    match embedded_v4(address) {
        Ok(v4) => v4.is_loopback() || v4.is_unspecified() || v4.is_link_local() || v4.octets()[0] == 0,
        Err(v6) => v6.is_loopback() || v6.is_unspecified() || v6.is_unicast_link_local(),
    }
}

/// Whether the IANA special-purpose registries leave `address` to the public internet.
/// (<https://www.iana.org/assignments/iana-ipv4-special-registry>, and the one for IPv6)
fn is_public(address: IpAddr) -> bool {
    match embedded_v4(address) {
        Ok(v4) => is_public_v4(v4),
        Err(v6) => {
            let segments = v6.segments();
            // 2000::/3 is all that is handed out; within it 2001::/23 (Teredo, ORCHID and the like)
            // and the documentation prefixes are not reachable hosts.
            (segments[0] & 0xe000) == 0x2000
                && !(segments[0] == 0x2001 && segments[1] < 0x200)
                && !(segments[0] == 0x2001 && segments[1] == 0xdb8)
                && !(segments[0] == 0x3fff && segments[1] < 0x1000)
        }
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !(a == 0
        || a == 127
        || a >= 224
        || address.is_private()
        || address.is_link_local()
        || address.is_documentation()
        || (a == 100 && (b & 0xc0) == 64)
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && (b & 0xfe) == 18))
}

/// Returns the IPv4 address that `address` is or leads to: IPv4-mapped, IPv4-compatible, NAT64 (`64:ff9b::/96`) and 6to4
/// (`2002::/16`) addresses all lead to one. Else the IPv6 address.
/// (<https://www.rfc-editor.org/rfc/rfc4291#section-2.5.5>, <https://www.rfc-editor.org/rfc/rfc6052#section-2.1>,
/// <https://www.rfc-editor.org/rfc/rfc3056#section-2>)
fn embedded_v4(address: IpAddr) -> Result<Ipv4Addr, Ipv6Addr> {
    let v6 = match address {
        IpAddr::V4(v4) => return Ok(v4),
        IpAddr::V6(v6) => v6,
    };
    let s = v6.segments();
    let v4 = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match s {
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => Err(v6),
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x2002, high, low, ..] => Ok(v4(high, low)),
        _ => Err(v6),
    }
}

/// The error of a name none of whose addresses may be used.
#[derive(Debug, thiserror::Error)]
#[error("{name} has no address that may be used from here: it is private, loopback or link-local")]
pub(crate) struct AddressRefused {
    pub(crate) name: String,
}

/// The system's resolver without the addresses that an [`AddressPolicy`] forbids.
#[derive(Clone, Debug)]
pub(crate) struct Resolver {
    pub(crate) address_policy: AddressPolicy,
}

impl tower::Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = std::io::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let address_policy = self.address_policy;
        Box::pin(async move {
            let name = name.as_str();
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name, 0)).await?.collect();
            // "localhost" may use plain http, so it has to be this machine whatever a resolver says.
            let allowed = |address: &SocketAddr| {
                address_policy.allows(address.ip()) && (name != "localhost" || address.ip().is_loopback())
            };
            let usable: Vec<SocketAddr> = found.into_iter().filter(allowed).collect();
            if usable.is_empty() {
                return Err(std::io::Error::other(AddressRefused { name: name.to_owned() }));
            }
            Ok(usable.into_iter())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::AddressPolicy;

    #[test]
    fn public_means_public_in_every_spelling() {
        for text in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "127.0.0.1",
            "127.255.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.1.1",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::2",
            "::127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::1",
            "2002:7f00:1::",
            "2002:a00:1::1",
            "2001::1",
            "2001:1ff::1",
            "2001:db8::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "100::1",
            "3fff::1",
            "3fff:fff::1",
            "4000::1",
        ] {
            assert!(!AddressPolicy::PublicOnly.allows(text.parse().unwrap()), "{text}");
        }
        for text in [
            "1.1.1.1",
            "100.63.0.1",
            "100.128.0.1",
            "101.64.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "192.1.0.1",
            "192.88.98.1",
            "192.89.99.1",
            "193.0.0.1",
            "193.88.99.1",
            "198.17.0.1",
            "198.20.0.1",
            "199.18.0.1",
            "223.255.255.255",
            "2606:4700::1111",
            "2a00:1450::1",
            "2001:200::1",
            "2001:4860::8888",
            "2003:db8::1",
            "3ffe:fff::1",
            "3fff:1000::1",
            "::ffff:1.1.1.1",
            "64:ff9b::101:101",
            "2002:101:101::",
        ] {
            assert!(AddressPolicy::PublicOnly.allows(text.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn other_machines_are_neither_this_one_nor_link_local() {
        for text in
            ["127.0.0.1", "0.0.0.0", "0.1.2.3", "::1", "::", "169.254.169.254", "fe80::1", "::ffff:127.0.0.1"]
        {
            assert!(!AddressPolicy::NonLocal.allows(text.parse().unwrap()), "{text}");
            assert!(AddressPolicy::Any.allows(text.parse().unwrap()), "{text}");
        }
        for text in ["10.0.0.1", "192.168.1.1", "1.1.1.1", "fd00::1"] {
            assert!(AddressPolicy::NonLocal.allows(text.parse().unwrap()), "{text}");
        }
    }
}
