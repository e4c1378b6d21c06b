//! The `host[:port]` of a registry, and what its name alone tells.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::diag::printable_line;

/// The key that stands for every private ECR registry in a docker config.
pub const ECR_WILDCARD: &str = "000000000000.dkr.ecr.dummy-host-zone.amazonaws.com";

/// A registry's `host[:port]`: lower case, syntactically valid, without the default port 443.
///
/// Names that end in a number but are not a plain IPv4 address (`127.1`, `0x7f000001`) are not
/// accepted: resolvers read them as addresses.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Host {
    text: String,
    port: Option<u16>,
}

/// A text that is not the `host[:port]` of a registry.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not a registry host: {text:?} (write HOST or HOST:PORT)")]
pub struct HostError {
    text: String,
}

impl Host {
    /// The host that `text` names, in lower case.
    ///
    /// # Errors
    /// [`HostError`] if `text` is not a DNS name or address, with or without a port.
    pub fn parse(text: &str) -> Result<Self, HostError> {
        // A user part may hold a password.
        let shown = text.rsplit_once('@').map_or_else(|| text.to_owned(), |(_, host)| format!("***@{host}"));
        Self::parse_parts(text).ok_or_else(|| HostError { text: printable_line(&shown, 80) })
    }

    fn parse_parts(text: &str) -> Option<Self> {
        let text = text.to_ascii_lowercase();
        let (name, port) = match text.rfind(']') {
            Some(end) => match &text[end + 1..] {
                "" => (text.as_str(), None),
                rest => (&text[..=end], Some(rest.strip_prefix(':')?)),
            },
            None => match text.split_once(':') {
                Some((name, port)) => (name, Some(port)),
                None => (text.as_str(), None),
            },
        };
        let port = match port {
            Some(port) if port.len() <= 5 && port.bytes().all(|b| b.is_ascii_digit()) => {
                Some(port.parse::<u16>().ok().filter(|port| *port != 0)?)
            }
            Some(_) => return None,
            None => None,
        };
        let name = match name.strip_prefix('[') {
            Some(inner) => format!("[{}]", inner.strip_suffix(']')?.parse::<Ipv6Addr>().ok()?),
            None if is_dns_name(name) || name.parse::<Ipv4Addr>().is_ok() => name.to_owned(),
            None => return None,
        };
        let port = port.filter(|port| *port != 443);
        let text = match port {
            Some(port) => format!("{name}:{port}"),
            None => name,
        };
        Some(Self { text, port })
    }

    /// `host` or `host:port`, as it stands in a URL.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The host without its port; an IPv6 address keeps its brackets.
    pub fn name(&self) -> &str {
        match self.port {
            Some(_) => self.text.rsplit_once(':').map_or(&*self.text, |(name, _)| name),
            None => &self.text,
        }
    }

    /// The port, if it is not 443.
    pub const fn port(&self) -> Option<u16> {
        self.port
    }

    /// The address, if the host is one and not a name.
    pub fn address(&self) -> Option<IpAddr> {
        self.name().trim_start_matches('[').trim_end_matches(']').parse().ok()
    }

    /// Whether the name itself says that the host is this machine: `localhost`, `127.0.0.0/8`, `::1`.
    pub fn is_loopback(&self) -> bool {
        match self.address() {
            Some(address) => address.to_canonical().is_loopback(),
            None => self.name() == "localhost",
        }
    }

    /// Whether references to this host mean Docker Hub.
    pub fn is_docker_hub(&self) -> bool {
        matches!(self.as_str(), "docker.io" | "index.docker.io" | "registry-1.docker.io")
    }

    /// The host that serves the registry API: `registry-1.docker.io` for Docker Hub, else itself.
    #[must_use]
    pub fn endpoint(&self) -> Self {
        if self.is_docker_hub() {
            Self { text: "registry-1.docker.io".into(), port: None }
        } else {
            self.clone()
        }
    }

    /// Whether the whole name is that of a private ECR registry, in any AWS partition:
    /// `ACCOUNT.dkr.ecr[-fips].REGION.amazonaws.com[.cn]`.
    /// (<https://docs.aws.amazon.com/general/latest/gr/ecr.html>)
    pub fn is_ecr(&self) -> bool {
        let name = self.name();
        let name = name.strip_suffix(".cn").filter(|rest| rest.ends_with(".amazonaws.com")).unwrap_or(name);
        let labels: Vec<&str> = name.split('.').collect();
        let [account, "dkr", "ecr" | "ecr-fips", region, "amazonaws", "com"] = labels[..] else {
            return false;
        };
        self.port.is_none()
            && account.len() == 12
            && account.bytes().all(|b| b.is_ascii_digit())
            && region.split('-').count() >= 3
            && region.split('-').all(|part| !part.is_empty())
    }
}

fn is_dns_name(name: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let last = name.rsplit('.').next().unwrap_or(name);
    let numeric = last.bytes().all(|b| b.is_ascii_digit()) || last.starts_with("0x");
    name.len() <= 253 && name.split('.').all(label) && !numeric
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::str::FromStr for Host {
    type Err = HostError;

    fn from_str(text: &str) -> Result<Self, HostError> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::Host;

    #[test]
    fn normalises_case_port_and_addresses() {
        for (text, want) in [
            ("GHCR.io", "ghcr.io"),
            ("r.example:443", "r.example"),
            ("localhost:5000", "localhost:5000"),
            ("127.0.0.1:80", "127.0.0.1:80"),
            ("[0:0::1]:5000", "[::1]:5000"),
            ("[::1]", "[::1]"),
        ] {
            assert_eq!(Host::parse(text).unwrap().as_str(), want);
        }
    }

    #[test]
    fn a_user_part_is_never_repeated() {
        for text in ["user:s3cret@host", "s3cret@", "https://u:s3cret@r.example", "a@s3cret@b"] {
            let error = Host::parse(text).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("s3cret"), "{error}");
        }
    }

    #[test]
    fn refuses_what_is_not_a_host() {
        for text in [
            "",
            ".",
            "a..b",
            "a.",
            "-a.b",
            "a b",
            "a/b",
            "a@b",
            "user:pw@host",
            "a:0",
            "a:65536",
            "a:",
            "a:+5",
            "127.1",
            "0177.0.0.1",
            "0x7f.1",
            "0x7f000001",
            "2130706433",
            "127.0.0.0x1",
            "[::1",
            "::1",
            "[::1]x",
            "[fe80::1%eth0]",
            "a:1:2",
            "a\r\nb",
            "a%2fb",
            "é.example",
            "a?b",
            "a#b",
            "a\\b",
        ] {
            assert!(Host::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn loopback_is_said_by_the_whole_name() {
        for text in
            ["localhost", "LOCALHOST:5000", "127.0.0.1", "127.8.9.1:1", "[::1]:5000", "[::ffff:127.0.0.1]"]
        {
            assert!(Host::parse(text).unwrap().is_loopback(), "{text}");
        }
        for text in ["localhost.evil.example", "127.0.0.1.nip.io", "10.0.0.1", "[::2]", "notlocalhost"] {
            assert!(!Host::parse(text).unwrap().is_loopback(), "{text}");
        }
    }

    #[test]
    fn ecr_is_matched_on_the_whole_name() {
        for text in [
            "123456789012.dkr.ecr.eu-central-1.amazonaws.com",
            "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn",
            "123456789012.dkr.ecr.us-gov-west-1.amazonaws.com",
            "123456789012.dkr.ecr-fips.us-east-1.amazonaws.com",
            "123456789012.DKR.ECR.us-east-1.amazonaws.com:443",
        ] {
            assert!(Host::parse(text).unwrap().is_ecr(), "{text}");
        }
        for text in [
            "123456789012.dkr.ecr.eu-central-1.amazonaws.com.evil.example",
            "123456789012.dkr.ecr.eu-central-1.amazonaws.com.cn.evil.example",
            "evil.123456789012.dkr.ecr.eu-central-1.amazonaws.com",
            "12345678901.dkr.ecr.eu-central-1.amazonaws.com",
            "123456789012.dkr.ecr.eu-central-1.evilamazonaws.com",
            "123456789012.dkr.ecrx.eu-central-1.amazonaws.com",
            "123456789012.dkr.ecr.a.b.amazonaws.com",
            "123456789012.dkr.ecr.eu-central-1.amazonaws.com:8443",
            "123456789012.dkr.ecr.eu-central-1.amazonaws.org",
            "123456789012.dkr.ecr.amazonaws.com",
            "dkr.ecr.eu-central-1.amazonaws.com",
        ] {
            assert!(!Host::parse(text).unwrap().is_ecr(), "{text}");
        }
    }

    #[test]
    fn docker_hub_is_served_by_registry_1() {
        for text in ["docker.io", "index.docker.io", "registry-1.docker.io"] {
            assert_eq!(Host::parse(text).unwrap().endpoint().as_str(), "registry-1.docker.io");
        }
        assert_eq!(Host::parse("ghcr.io").unwrap().endpoint().as_str(), "ghcr.io");
    }
}
