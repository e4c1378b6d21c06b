//! Why an image is not loaded into an engine.

use std::io;
use std::path::PathBuf;

/// Why an image is not loaded into docker or podman.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// No engine was found.
    #[error(
        "there is no docker or podman to load the image into: nothing listens at {socket}; \
         set DOCKER_HOST, start one, or write a file with -o type=docker,dest=FILE"
    )]
    NoEngine {
        /// The socket that docker usually has.
        socket: &'static str,
    },
    /// A docker context that does not exist.
    #[error("there is no docker context {name:?}; `docker context ls` lists them")]
    NoContext {
        /// The name.
        name: String,
    },
    /// A docker context whose file says no address.
    #[error("the docker context {name:?} names no engine ({path})", path = path.display())]
    NoEndpoint {
        /// The name.
        name: String,
        /// The file that describes it.
        path: PathBuf,
    },
    /// The address of an engine is none.
    #[error("{address:?} is no address of docker; write unix://PATH, tcp://HOST:PORT or ssh://HOST")]
    Address {
        /// What was given.
        address: String,
    },
    /// An address that is spoken to by TLS, without certificates.
    #[error(
        "{address} is spoken to by TLS, and nothing says with which certificates: set DOCKER_TLS_VERIFY=1 and DOCKER_CERT_PATH"
    )]
    NoCertificates {
        /// The address.
        address: String,
    },
    /// A file of docker's configuration.
    #[error("cannot read {path}", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A certificate or key of docker's configuration cannot be used.
    #[error("cannot use the certificates of docker in {folder}: {reason}", folder = folder.display())]
    Certificates {
        /// Their folder.
        folder: PathBuf,
        /// Why not.
        reason: String,
    },
    /// There is no connection.
    #[error(
        "cannot reach docker at {address}; is it running? -o type=docker,dest=FILE writes a file instead"
    )]
    Connect {
        /// Where it should be.
        address: String,
        /// Why not.
        source: io::Error,
    },
    /// The connection broke, or what came is no answer.
    #[error("docker at {address} does not answer as it should")]
    Broken {
        /// Where it is.
        address: String,
        /// What is wrong.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The engine does not take the image.
    #[error("docker at {address} does not take the image: {message}")]
    Refused {
        /// Where it is.
        address: String,
        /// What it says.
        message: String,
    },
    /// `podman load` failed.
    #[error("podman load failed ({status}): {message}")]
    Podman {
        /// How it ended.
        status: std::process::ExitStatus,
        /// What it wrote last.
        message: String,
    },
    /// The archive broke off.
    #[error("the image did not arrive whole, so it was not loaded")]
    BrokenOff,
}
