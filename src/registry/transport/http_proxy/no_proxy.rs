//! `NO_PROXY`: the hosts that are spoken to directly.

use std::net::IpAddr;

use crate::registry::host::Host;

/// Hosts that are spoken to without an HTTP proxy.
#[derive(Clone, Debug, Default)]
pub(super) struct NoProxy(Vec<Entry>);

/// One entry of the list.
#[derive(Clone, Debug)]
struct Entry {
    hosts: Hosts,
    /// The port that it is limited to.
    port: Option<u16>,
}

/// The hosts that an entry stands for.
#[derive(Clone, Debug)]
enum Hosts {
    /// `*`.
    All,
    /// `example.com`: the name and all below it.
    Name(String),
    /// `.example.com` or `*.example.com`, kept with its dot: all names below it.
    Below(String),
    /// An address or, in CIDR form, a network of `bits` bits.
    Network { address: IpAddr, bits: u8 },
}

impl NoProxy {
    /// Returns the hosts that `list` names, separated by commas or spaces.
    pub(super) fn parse(list: &str) -> Self {
        Self(list.split([',', ' ', '\t', '\n']).filter_map(Entry::parse).collect())
    }

    /// Whether `host` is listed, for the port `port`.
    pub(super) fn contains(&self, host: &Host, port: u16) -> bool {
        self.0.iter().any(|entry| entry.port.is_none_or(|only| only == port) && entry.hosts.contain(host))
    }
}

impl Entry {
    fn parse(text: &str) -> Option<Self> {
        let text = text.trim().to_ascii_lowercase();
        if let Some(network) = Hosts::network(&text) {
            return Some(Self { hosts: network, port: None });
        }
        let (name, port) = match text.rsplit_once(':') {
            Some((name, port)) => (name, Some(port.parse().ok()?)),
            None => (text.as_str(), None),
        };
        let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
        let hosts = match bare {
            "" => return None,
            "*" => Hosts::All,
            _ => Hosts::network(bare).unwrap_or_else(|| {
                let name = bare.strip_prefix('*').filter(|rest| rest.starts_with('.')).unwrap_or(bare);
                let name = name.trim_end_matches('.').to_owned();
                if name.starts_with('.') { Hosts::Below(name) } else { Hosts::Name(name) }
            }),
        };
        Some(Self { hosts, port })
    }
}

impl Hosts {
    fn network(text: &str) -> Option<Self> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Some(most), |bits| bits.parse().ok().filter(|bits| *bits <= most))?;
        Some(Self::Network { address, bits })
    }

    fn contain(&self, host: &Host) -> bool {
        match (self, host.address()) {
            (Self::All, _) => true,
            (Self::Network { address, bits }, Some(host)) => is_in(host.to_canonical(), *address, *bits),
            (Self::Name(name), None) => {
                let rest = host.name().strip_suffix(name.as_str());
                rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            }
            (Self::Below(suffix), None) => host.name().ends_with(suffix.as_str()),
            _ => false,
        }
    }
}

/// Whether the first `bits` bits of both addresses are the same.
fn is_in(address: IpAddr, network: IpAddr, bits: u8) -> bool {
    match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) => {
            let differing = address.to_bits() ^ network.to_bits();
            differing.checked_shr(32 - u32::from(bits)).unwrap_or(0) == 0
        }
        (IpAddr::V6(address), IpAddr::V6(network)) => {
            let differing = address.to_bits() ^ network.to_bits();
            differing.checked_shr(128 - u32::from(bits)).unwrap_or(0) == 0
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_names_suffixes_addresses_networks_and_ports() {
        for (list, listed, others) in [
            (
                "r.example",
                &["r.example", "R.EXAMPLE", "a.r.example", "r.example:5000"][..],
                &["xr.example", "example"][..],
            ),
            (".r.example", &["a.r.example", "b.a.r.example:1"], &["r.example", "xr.example"]),
            ("*.r.example", &["a.r.example"], &["r.example"]),
            ("r.example:5000", &["r.example:5000", "a.r.example:5000"], &["r.example", "r.example:5001"]),
            ("r.example:443", &["r.example"], &["r.example:444"]),
            ("r.example.", &["r.example"], &["s.example"]),
            ("*", &["r.example", "10.0.0.1", "[2001:db8::1]:5000"], &[]),
            ("*:5000", &["r.example:5000", "10.0.0.1:5000"], &["r.example"]),
            ("10.0.0.1", &["10.0.0.1", "10.0.0.1:5000", "[::ffff:10.0.0.1]"], &["10.0.0.2", "r.example"]),
            ("10.0.0.1:5000", &["10.0.0.1:5000"], &["10.0.0.1"]),
            ("10.0.0.0/8", &["10.255.0.1:5000"], &["11.0.0.1", "[2001:db8::1]"]),
            ("10.0.0.0/31", &["10.0.0.1"], &["10.0.0.2"]),
            ("0.0.0.0/0", &["10.0.0.1"], &["r.example", "[2001:db8::1]"]),
            ("2001:db8::/32", &["[2001:db8::1]:5000"], &["[2001:db9::1]", "10.0.0.1"]),
            ("::/0", &["[2001:db8::1]"], &["10.0.0.1"]),
            ("[2001:db8::1]:5000", &["[2001:db8::1]:5000"], &["[2001:db8::1]"]),
            ("2001:db8::1", &["[2001:db8::1]:5000"], &["[2001:db8::2]"]),
            (" a.example ,\tb.example c.example,,", &["a.example", "b.example", "c.example"], &["d.example"]),
            (", ,10.0.0.0/33,a:b,:80", &[], &["r.example", "10.0.0.1", "a"]),
        ] {
            let exceptions = NoProxy::parse(list);
            let contains = |text: &&&str| {
                let host = Host::parse(text).unwrap();
                exceptions.contains(&host, host.port().unwrap_or(443))
            };
            assert_eq!(listed.iter().filter(|text| !contains(text)).collect::<Vec<_>>(), [&""; 0], "{list}");
            assert_eq!(others.iter().filter(contains).collect::<Vec<_>>(), [&""; 0], "{list}");
        }
    }
}
