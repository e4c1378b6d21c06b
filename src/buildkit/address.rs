//! Where a daemon listens.

use std::fmt;
use std::path::PathBuf;

/// The address of a daemon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A Unix socket: `unix:///run/buildkit/buildkitd.sock`.
    Unix(PathBuf),
    /// A TCP port: `tcp://host:1234`.
    Tcp {
        /// Host name or IP address, without brackets.
        host: String,
        /// Port number.
        port: u16,
    },
}

/// Files and names for mutual TLS over TCP.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsOptions {
    /// PEM file of the authorities that may sign the daemon's certificate.
    pub ca: Option<PathBuf>,
    /// PEM file of the client's certificate.
    pub cert: Option<PathBuf>,
    /// PEM file of the client's private key.
    pub key: Option<PathBuf>,
    /// The name that the daemon's certificate must carry, where it is not the host's.
    pub server_name: Option<String>,
}

impl TlsOptions {
    /// Returns whether any of the options asks for TLS.
    pub fn is_set(&self) -> bool {
        self.ca.is_some() || self.cert.is_some() || self.key.is_some() || self.server_name.is_some()
    }
}

/// Why an address is not one that Bob can use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// No scheme is written.
    #[error("the daemon address {address:?} has no scheme; write unix://PATH or tcp://HOST:PORT")]
    NoScheme {
        /// The address as it was given.
        address: String,
    },
    /// The scheme is one that BuildKit's own client knows, and Bob does not yet.
    #[error("daemon addresses of the form {scheme}:// are not supported yet; use unix:// or tcp://")]
    Unsupported {
        /// The scheme.
        scheme: String,
    },
    /// The scheme means nothing.
    #[error("unknown scheme {scheme}:// in the daemon address {address:?}; use unix:// or tcp://")]
    UnknownScheme {
        /// The scheme.
        scheme: String,
        /// The address as it was given.
        address: String,
    },
    /// The rest of the address is not a path, or not a host and port.
    #[error("the daemon address {address:?} lacks {what}")]
    Incomplete {
        /// The address as it was given.
        address: String,
        /// The part that is missing or wrong.
        what: &'static str,
    },
    /// TLS files that do not fit together or the address.
    #[error("TLS options for the daemon address {address:?}: {what}")]
    Tls {
        /// The address as it was given.
        address: String,
        /// What does not fit.
        what: &'static str,
    },
}

/// Schemes that BuildKit's own client knows, and Bob does not yet.
const UNSUPPORTED_SCHEMES: [&str; 6] =
    ["docker-container", "podman-container", "nerdctl-container", "kube-pod", "ssh", "npipe"];

impl Address {
    /// Returns the address that `text` writes.
    ///
    /// # Errors
    ///
    /// Every variant of [`AddressError`] but [`AddressError::Tls`].
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err(AddressError::NoScheme { address: text.to_owned() });
        };
        let incomplete = |what| AddressError::Incomplete { address: text.to_owned(), what };
        match scheme {
            "unix" if rest.is_empty() => Err(incomplete("a socket path after unix://")),
            "unix" => Ok(Self::Unix(PathBuf::from(rest))),
            "tcp" => parse_host_port(rest).map_err(incomplete),
            _ if UNSUPPORTED_SCHEMES.contains(&scheme) => {
                Err(AddressError::Unsupported { scheme: scheme.to_owned() })
            }
            _ => Err(AddressError::UnknownScheme { scheme: scheme.to_owned(), address: text.to_owned() }),
        }
    }
}

fn parse_host_port(rest: &str) -> Result<Address, &'static str> {
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let (host, port) = rest.rsplit_once(':').ok_or("a port, as in tcp://HOST:PORT")?;
    let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
    let host = match bare {
        Some(inner) => inner,
        None if host.contains(':') => {
            return Err("brackets around the IPv6 address, as in tcp://[::1]:1234");
        }
        None => host,
    };
    if host.is_empty() {
        return Err("a host name");
    }
    let port = port.parse().map_err(|_| "a port number")?;
    Ok(Address::Tcp { host: host.to_owned(), port })
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
            Self::Tcp { host, port } if host.contains(':') => write!(f, "tcp://[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "tcp://{host}:{port}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unix_and_tcp_addresses_parse_and_print_alike() {
        for text in ["unix:///run/buildkit/buildkitd.sock", "tcp://host.example:1234", "tcp://[::1]:1234"] {
            assert_eq!(Address::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn an_unsupported_scheme_is_named() {
        let error = Address::parse("docker-container://buildkitd").unwrap_err();
        assert!(error.to_string().contains("docker-container://"), "{error}");
    }

    #[test]
    fn malformed_addresses_are_errors() {
        for text in
            ["", "/run/x.sock", "unix://", "tcp://host", "tcp://:1", "tcp://h:x", "tcp://::1:1", "gopher://x"]
        {
            assert!(Address::parse(text).is_err(), "{text}");
        }
    }
}
