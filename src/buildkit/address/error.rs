//! Why an address cannot be used.

use std::path::PathBuf;

use super::helper;
use crate::diag::{redact, redact_reference};

/// Why an address is not one that Bob can use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// No scheme is written.
    #[error(
        "the daemon address {shown:?} has no scheme; write unix://PATH or tcp://HOST:PORT",
        shown = redact_reference(address)
    )]
    NoScheme {
        /// The address as it was given.
        address: String,
    },
    /// The scheme means nothing.
    #[error(
        "unknown scheme {scheme}:// in the daemon address {shown:?}; use {schemes}",
        shown = redact(address),
        schemes = helper::schemes()
    )]
    UnknownScheme {
        /// The scheme.
        scheme: String,
        /// The address as it was given.
        address: String,
    },
    /// The rest of the address is not a path, or not a host and port.
    #[error("the daemon address {shown:?} lacks {what}", shown = redact(address))]
    Incomplete {
        /// The address as it was given.
        address: String,
        /// The part that is missing or wrong.
        what: &'static str,
    },
    /// The rest of the address is not what its scheme takes.
    #[error("the daemon address {shown:?} {fault}", shown = redact(address))]
    Helper {
        /// The address as it was given.
        address: String,
        /// What is wrong, to be put behind the address.
        fault: String,
    },
    /// TLS files that do not fit together or the address.
    #[error("TLS options for the daemon address {address:?}: {what}")]
    Tls {
        /// The address as it was given.
        address: String,
        /// What does not fit.
        what: &'static str,
    },
    /// A folder lacks one of the files for TLS.
    #[error("{folder} has no {} or {}, which --tlsdir takes from it", names[0], names[1], folder = folder.display())]
    TlsFolder {
        /// The folder.
        folder: PathBuf,
        /// The names that the file may have.
        names: [&'static str; 2],
    },
}
