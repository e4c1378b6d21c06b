//! Why a job did not succeed, in variants.

use std::io;
use std::path::PathBuf;

use super::context::fetch::FetchFailure;
use super::daemon::builder::NoBuilder;
use super::engine::EngineError;
use super::failure::{ConversionFailure, LookupFailure};
use super::push::index::IndexError;
use super::report::registry_message::RegistryMessage;
use super::result::prepared::OutputError;
use super::result::whole_files::WriteError;
use super::session::secrets::SecretError;
use super::session::ssh_agent::SshError;
use crate::buildkit::{self, AddressError, DaemonError};
use crate::converter::lint::Warning;
use crate::diag::{Diagnostic, LogTail, redact_reference};
use crate::image::ReferenceError;
use crate::proxy::ServeError;
use crate::registry::{CredentialsError, RootsError};
use crate::workspace;

/// Why a build did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The name of the image that a workspace makes has a digest.
    #[error("BOB_TARGET_REF must not have a digest: it is where the image is pushed")]
    TargetWithDigest,
    /// The name of a base that is still to be built has a digest.
    #[error("BOB_BASE_REF must not have a digest when BOB_BUILD_BASE is true: the base is only built now")]
    UnbuiltBaseWithDigest,
    /// An image without a name is to be pushed.
    #[error("an image that is pushed needs a name; give one with --tag")]
    PushWithoutName,
    /// The folder of a cache cannot be made.
    #[error("cannot make the folder {} for a cache", crate::diag::visible_path(folder))]
    CacheFolder {
        /// The folder.
        folder: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The Dockerfile cannot be copied to where buildkitd reads it.
    #[error("cannot copy the Dockerfile into a temporary folder; see that there is room in TMPDIR")]
    DockerfileCopy(#[source] io::Error),
    /// An image with attestations is to become an archive of docker's.
    #[error("an archive of type=docker has no place for attestations; use --output type=oci,dest=FILE")]
    AttestedDockerArchive,
    /// An image with attestations is to go through the proxy.
    #[error(
        "an image with attestations cannot be pushed through the proxy: they would name it instead of the registry; leave out --push-via proxy"
    )]
    AttestedPushByProxy,
    /// What buildkitd recorded of a build cannot be read.
    #[error(
        "the build is done, but its provenance cannot be read from buildkitd for --metadata-file; set {}=disabled to leave it out",
        workspace::variables::BUILDX_METADATA_PROVENANCE.name
    )]
    Provenance(#[source] Box<buildkit::Error>),
    /// The address of a buildkitd in a flag.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// The address of a buildkitd in a variable.
    #[error("{variable}")]
    AddressVariable {
        /// The variable.
        variable: &'static str,
        /// What is wrong with it.
        source: AddressError,
    },
    /// The value of a flag or variable; the error comes from its parser.
    #[error(transparent)]
    Setting(Box<dyn std::error::Error + Send + Sync>),
    /// A secret.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// An SSH agent.
    #[error(transparent)]
    Ssh(#[from] SshError),
    /// An output.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// An image that is to be loaded into docker or podman.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A file of results.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// A reference in a flag or a variable.
    #[error("{setting} {shown:?} is not an image reference", shown = redact_reference(text))]
    Reference {
        /// The flag or variable.
        setting: &'static str,
        /// What it holds.
        text: String,
        /// What is wrong with it.
        source: ReferenceError,
    },
    /// The workspace or its variables.
    #[error(transparent)]
    Workspace(#[from] workspace::Error),
    /// Credentials.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// Certificate authorities.
    #[error(transparent)]
    Roots(#[from] RootsError),
    /// The in-process proxy.
    #[error("cannot start the proxy that keeps the credentials")]
    Proxy(#[from] ServeError),
    /// The in-process proxy's socket.
    #[error("cannot listen on a loopback port for the proxy that keeps the credentials")]
    Listen(#[source] io::Error),
    /// Signals.
    #[error("cannot listen for signals")]
    Signals(#[source] io::Error),
    /// There is no buildkitd.
    #[error(transparent)]
    NoBuilder(NoBuilder),
    /// Bob's own buildkitd ended during the build.
    #[error(transparent)]
    DaemonEnded(DaemonError),
    /// The connection to buildkitd.
    #[error(transparent)]
    Connection(buildkit::Error),
    /// The Dockerfile or the context cannot be read.
    #[error("cannot read {what} {path}", path = path.display())]
    Read {
        /// What it is.
        what: &'static str,
        /// Where it is.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The Dockerfile did not become a graph.
    #[error(transparent)]
    Conversion(#[from] ConversionFailure),
    /// buildkitd could not fetch the Dockerfile or the context.
    #[error(transparent)]
    Fetch(Box<FetchFailure>),
    /// A step failed.
    #[error("{}", .0.diagnostic.message)]
    Step(Box<StepFailure>),
    /// buildkitd failed outside of any step.
    #[error("{}", .0.message.trim())]
    Daemon(Box<buildkit::DaemonFailure>),
    /// A base image cannot be had from its registry.
    #[error("{reference}: {}", message.of_lookup(reference))]
    BaseImage {
        /// The image, under the name that the user knows.
        reference: String,
        /// What is wrong.
        message: RegistryMessage,
    },
    /// A look-up failed for another reason than its registry.
    #[error(transparent)]
    Lookup(LookupFailure),
    /// What several daemons pushed cannot be joined.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// An image cannot be pushed.
    #[error("{}", message.of_push(reference))]
    Push {
        /// The image, under the name that the user knows.
        reference: String,
        /// What is wrong.
        message: RegistryMessage,
    },
    /// The user interrupted.
    #[error("interrupted by a signal")]
    Interrupted,
    /// The terminal or session that the process belongs to ended.
    #[error(
        "interrupted: the terminal or session that it ran in ended (SIGHUP); start it with nohup or setsid to have it go on"
    )]
    HungUp,
}

/// A step of the Dockerfile that failed.
#[derive(Debug)]
pub struct StepFailure {
    /// What failed, with the lines of the Dockerfile.
    pub diagnostic: Diagnostic,
    /// The step's name.
    pub step: String,
    /// The exit code of its process, if it had one.
    pub exit_code: Option<u32>,
    /// The platforms that the build was asked for.
    pub platforms: Vec<String>,
    /// The platform of buildkitd's machine; empty where that is not known.
    pub own_platform: String,
    /// The most memory that the build gives a step, in bytes.
    pub memory_limit: Option<u64>,
    /// What is kept of its log.
    pub log: LogTail,
}

impl From<NoBuilder> for Error {
    fn from(error: NoBuilder) -> Self {
        match error {
            NoBuilder::Interrupted => Self::Interrupted,
            other => Self::NoBuilder(other),
        }
    }
}

impl Error {
    /// Returns whether the fault lies in flags or variables, so that the exit code is 2.
    pub fn is_usage(&self) -> bool {
        match self {
            Self::TargetWithDigest
            | Self::UnbuiltBaseWithDigest
            | Self::PushWithoutName
            | Self::AttestedPushByProxy
            | Self::AttestedDockerArchive
            | Self::Address(_)
            | Self::AddressVariable { .. }
            | Self::Setting(_)
            | Self::Reference { .. }
            | Self::Credentials(_)
            | Self::Engine(
                EngineError::NoContext { .. }
                | EngineError::Address { .. }
                | EngineError::NoCertificates { .. },
            )
            | Self::NoBuilder(NoBuilder::Client(buildkit::Error::Address(_))) => true,
            Self::Workspace(error) => error.is_usage(),
            Self::Secret(error) => !matches!(error, SecretError::File { .. }),
            Self::Ssh(error) => !matches!(error, SshError::Unreadable { .. }),
            _ => false,
        }
    }

    /// Returns whether the fault is in the Dockerfile: it is rejected, or one of its steps failed.
    pub const fn is_in_dockerfile(&self) -> bool {
        matches!(self, Self::Conversion(_) | Self::Step(_))
    }

    /// Returns what the build checks found before the Dockerfile was rejected.
    pub fn warnings(&self) -> &[Warning] {
        match self {
            Self::Conversion(failure) => failure.warnings(),
            _ => &[],
        }
    }
}
