//! Errors of the daemon's connection.

mod failure;

use tonic::Code;

use super::address::AddressError;
use super::connect::HelperEnd;
use super::proto::rpc;
use super::session::SessionError;

pub use failure::{DaemonFailure, LineRange, SourceLocation};

/// Why a call to buildkitd did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nothing answers at the address.
    #[error(
        "cannot connect to buildkitd at {address}; is it running? Start it, or name another one with --addr"
    )]
    Connect {
        /// The address as it was given.
        address: String,
        /// What the connection attempt said.
        #[source]
        source: tonic::transport::Error,
    },
    /// The address did not answer within the time allowed.
    #[error("buildkitd at {address} did not answer within {millis} ms")]
    ConnectTimeout {
        /// The address as it was given.
        address: String,
        /// The time allowed, in milliseconds.
        millis: u128,
    },
    /// The connection ended before the first answer.
    #[error("what listens at {address} ended the connection without an answer ({cause}){hint}")]
    NoAnswer {
        /// The address as it was given.
        address: String,
        /// What the transport says.
        cause: String,
        /// What may help, to be put behind the rest.
        hint: &'static str,
    },
    /// The program of an address is not installed.
    #[error(
        "cannot connect to buildkitd at {address}: there is no program {program} on PATH; install it, or name \
         another buildkitd with --addr"
    )]
    NoHelper {
        /// The address as it was given.
        address: String,
        /// The program.
        program: &'static str,
    },
    /// The program of an address ended, or said something and did not connect.
    #[error("cannot reach buildkitd at {address}: {program} {end}")]
    Helper {
        /// The address as it was given.
        address: String,
        /// The program.
        program: &'static str,
        /// How it ended and what it said.
        end: HelperEnd,
    },
    /// The address is not one that Bob can use.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// A TLS file could not be read.
    #[error("cannot read the TLS file {path}")]
    TlsFile {
        /// The file.
        path: String,
        /// Why it could not be read.
        #[source]
        source: std::io::Error,
    },
    /// The connection broke while a call was under way: the daemon ended or the network failed.
    #[error("the connection to buildkitd was lost during {during}")]
    Disconnected {
        /// The call, in the API's own name.
        during: &'static str,
        /// The transport's report.
        #[source]
        source: Box<tonic::Status>,
    },
    /// The daemon answered with an error.
    #[error("{failure}")]
    Failed {
        /// The call, in the API's own name.
        during: &'static str,
        /// What the daemon said.
        failure: Box<DaemonFailure>,
    },
    /// The daemon's answer lacks something that the API promises.
    #[error("buildkitd answered {during} without {missing}; Bob needs BuildKit v0.20 or newer")]
    Incomplete {
        /// The call, in the API's own name.
        during: &'static str,
        /// The part that is missing.
        missing: &'static str,
    },
    /// The session could not be served.
    #[error("the session with buildkitd failed")]
    Session(#[from] SessionError),
}

impl Error {
    /// Returns the error for a failed call, told apart by whether the daemon or the transport spoke.
    pub(crate) fn from_status(during: &'static str, status: tonic::Status) -> Self {
        if std::error::Error::source(&status).is_some() {
            return Self::Disconnected { during, source: Box::new(status) };
        }
        Self::Failed { during, failure: Box::new(DaemonFailure::from_status(&status)) }
    }

    /// Returns what the daemon said, if it was the daemon that failed.
    pub fn failure(&self) -> Option<&DaemonFailure> {
        match self {
            Self::Failed { failure, .. } => Some(failure),
            _ => None,
        }
    }
}

/// Why a build did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum BuildError<E: std::error::Error + 'static> {
    /// The caller's own function failed; the daemon was told so.
    #[error(transparent)]
    Caller(E),
    /// The daemon, or the connection to it, failed.
    #[error(transparent)]
    Daemon(#[from] Error),
    /// The caller cancelled the build.
    #[error("the build was cancelled")]
    Cancelled,
}

/// A failure of the caller's function that can be told to the daemon, so that its history holds it.
pub trait GatewayFailure: std::error::Error + Send + 'static {
    /// Returns the status that ends the build: code, whole message, and details.
    fn to_status(&self) -> rpc::Status;

    /// Returns whether the connection to the daemon broke: then the daemon may have ended.
    fn is_disconnection(&self) -> bool;
}

impl GatewayFailure for Error {
    fn is_disconnection(&self) -> bool {
        matches!(self, Self::Disconnected { .. } | Self::Helper { .. })
    }

    fn to_status(&self) -> rpc::Status {
        match self {
            Self::Failed { failure, .. } => failure.to_status(),
            other => rpc::Status {
                code: Code::Unavailable as i32,
                message: other.to_string(),
                details: Vec::new(),
            },
        }
    }
}
