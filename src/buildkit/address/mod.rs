//! Where a daemon listens.

mod error;
mod helper;
mod list;
mod tls;
mod url;

use std::fmt;
use std::path::PathBuf;

pub use error::AddressError;
pub use helper::HelperAddress;
pub use tls::TlsOptions;

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
    /// A daemon behind a program whose standard input and output are the connection: `docker-container://buildkitd`.
    Helper(HelperAddress),
}

impl Address {
    /// Returns the address that `text` writes.
    ///
    /// # Errors
    ///
    /// Every variant of [`AddressError`] but [`AddressError::Tls`] and [`AddressError::TlsFolder`].
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err(AddressError::NoScheme { address: text.to_owned() });
        };
        let incomplete = |what| AddressError::Incomplete { address: text.to_owned(), what };
        match scheme {
            "unix" if rest.is_empty() => Err(incomplete("a socket path after unix://")),
            "unix" => Ok(Self::Unix(PathBuf::from(rest))),
            "tcp" => parse_host_port(rest).map_err(incomplete),
            _ => match HelperAddress::parse(scheme, rest) {
                Some(Ok(address)) => Ok(Self::Helper(address)),
                Some(Err(fault)) => Err(AddressError::Helper { address: text.to_owned(), fault }),
                None => {
                    Err(AddressError::UnknownScheme { scheme: scheme.to_owned(), address: text.to_owned() })
                }
            },
        }
    }

    /// Whether a connection to this address may speak TLS.
    pub const fn can_speak_tls(&self) -> bool {
        matches!(self, Self::Tcp { .. })
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
            Self::Helper(address) => address.fmt(f),
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
    fn an_unknown_scheme_is_named_with_those_that_there_are() {
        let error = Address::parse("npipe://x").unwrap_err().to_string();
        assert!(error.contains("npipe://") && error.contains("unix://"), "{error}");
        assert!(error.contains("docker-container://") && error.contains("ssh://"), "{error}");
    }

    #[test]
    fn a_password_in_an_address_is_not_shown() {
        let error = Address::parse("ssh://me:s3cret@host").unwrap_err().to_string();
        assert!(error.contains("ssh") && !error.contains("s3cret"), "{error}");
        let error = Address::parse("foo://me:s3cret@host").unwrap_err().to_string();
        assert!(!error.contains("s3cret"), "{error}");
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
