//! Why a part of a job fails: converting a Dockerfile, looking something up, solving on a buildkitd, copying an image.
//!
//! [`report`](super::report) makes the [`Error`](super::Error) that the user sees out of each.

use tonic::Code;

use super::context::fetch::FetchFailure;
use super::dockerfile_origin::DockerfileOrigin;
use super::report::registry_message::RegistryMessage;
use super::report::warnings::source_location;
use crate::buildkit::proto::rpc;
use crate::buildkit::{self, DaemonError, GatewayFailure};
use crate::converter::lint::Warning;
use crate::converter::{MarshalError, Rejected};
use crate::image::ReferenceError;
use crate::registry::ClientError;

/// Why a Dockerfile did not become a graph.
#[derive(Debug, thiserror::Error)]
pub enum ConversionFailure {
    /// The Dockerfile is not UTF-8.
    #[error("{name} is not valid UTF-8 (line {line}); save it as UTF-8")]
    NotUtf8 {
        /// The Dockerfile.
        name: String,
        /// The line of the first wrong byte, from 1.
        line: usize,
    },
    /// The Dockerfile is rejected.
    #[error("{}", rejected.error.message)]
    Rejected {
        /// Why, and what build checks found before that.
        rejected: Rejected,
        /// The file in messages to buildkitd.
        origin: DockerfileOrigin,
    },
    /// The graph cannot be encoded.
    #[error(transparent)]
    Encoding(#[from] MarshalError),
}

/// Why buildkitd could not look something up.
#[derive(Debug, thiserror::Error)]
pub enum LookupFailure {
    /// The registry of an image does not give it. The text is to be put after the image's name.
    #[error("{}", message.of_lookup(reference))]
    Image {
        /// The image, under the name that the user knows.
        reference: String,
        /// What is wrong.
        message: RegistryMessage,
    },
    /// The connection to buildkitd.
    #[error(transparent)]
    Daemon(#[from] buildkit::Error),
    /// buildkitd took another image, whose reference is none.
    #[error(transparent)]
    Reference(#[from] ReferenceError),
    /// An image has no program that lists contents (SBOM). The text is to be put after the image's name.
    #[error("{reference} cannot list the contents of an image: {fault}; name another generator with --sbom")]
    Scanner {
        /// The image.
        reference: String,
        /// What is wrong with it.
        fault: String,
    },
    /// What is not built yet.
    #[error("{0} is not supported yet")]
    NotYet(&'static str),
    /// The graph of a source cannot be encoded.
    #[error(transparent)]
    Encoding(#[from] MarshalError),
}

/// Why a build on a buildkitd has no result.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SolveFailure {
    /// The Dockerfile did not become a graph.
    #[error(transparent)]
    Conversion(#[from] ConversionFailure),
    /// buildkitd could not fetch the Dockerfile or the context.
    #[error(transparent)]
    Fetch(#[from] FetchFailure),
    /// The image of a graph without a Dockerfile cannot be looked up.
    #[error(transparent)]
    Lookup(#[from] LookupFailure),
    /// buildkitd failed, or the connection to it.
    #[error(transparent)]
    Daemon(#[from] buildkit::Error),
    /// Bob's own buildkitd ended during the build.
    #[error(transparent)]
    DaemonEnded(DaemonError),
    /// The user interrupted.
    #[error("the build was interrupted")]
    Interrupted,
}

/// Why an image was not copied from one repository to another.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CopyFailure {
    /// The source did not give a blob.
    #[error("the image cannot be read")]
    Read(#[source] ClientError),
    /// The target did not take something.
    #[error("the image cannot be written")]
    Write(#[source] ClientError),
}

impl ConversionFailure {
    /// Returns what the build checks found before the Dockerfile was rejected.
    pub fn warnings(&self) -> &[Warning] {
        match self {
            Self::Rejected { rejected, .. } => &rejected.warnings,
            Self::NotUtf8 { .. } | Self::Encoding(_) => &[],
        }
    }
}

impl From<MarshalError> for SolveFailure {
    fn from(error: MarshalError) -> Self {
        Self::Conversion(error.into())
    }
}

impl CopyFailure {
    /// Returns the error of the registry, without which side it was on.
    pub(crate) const fn client_error(&self) -> &ClientError {
        match self {
            Self::Read(error) | Self::Write(error) => error,
        }
    }
}

impl SolveFailure {
    /// Returns what buildkitd or the connection to it said, where that was it.
    const fn daemon_error(&self) -> Option<&buildkit::Error> {
        match self {
            Self::Daemon(error) | Self::Lookup(LookupFailure::Daemon(error)) => Some(error),
            Self::Fetch(failure) => failure.daemon_error(),
            _ => None,
        }
    }
}

impl GatewayFailure for SolveFailure {
    fn is_disconnection(&self) -> bool {
        self.daemon_error().is_some_and(buildkit::Error::is_disconnection)
    }

    fn to_status(&self) -> rpc::Status {
        if let Some(error) = self.daemon_error() {
            return error.to_status();
        }
        let failure = buildkit::DaemonFailure::new(Code::Unknown, self.to_string());
        match self {
            Self::Conversion(ConversionFailure::Rejected { rejected, origin }) => {
                match &rejected.error.location {
                    Some(location) => {
                        let place = source_location(&location.source, &location.spans, origin);
                        failure.with_source(place).to_status()
                    }
                    None => failure.to_status(),
                }
            }
            _ => failure.to_status(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::converter::plan::Options;
    use crate::diag::{Diagnostic, Source, Span};

    #[test]
    fn a_rejection_tells_buildkitd_the_lines() {
        let source = Source::new("sub/Dockerfile", "FROM a\nFRMO b \\\n c\n");
        let error = Diagnostic::error("unknown instruction: FRMO").at(&source, [Span::new(2, 3)]);
        let rejected = Rejected { error: Box::new(error), warnings: Vec::new() };
        let options = Options { session: Some("s1".to_owned()), ..Options::default() };
        let origin = DockerfileOrigin::of_folder(&options).unwrap();
        let failure = ConversionFailure::Rejected { rejected, origin };
        let status = SolveFailure::from(failure).to_status();
        assert_eq!(status.message, "unknown instruction: FRMO");
        let detail: serde_json::Value = serde_json::from_slice(&status.details[0].value).unwrap();
        assert_eq!(detail["info"]["filename"], "Dockerfile");
        assert_eq!(detail["info"]["definition"]["def"].as_array().unwrap().len(), 2);
        assert_eq!(detail["ranges"][0]["start"]["line"], 2);
        assert_eq!(detail["ranges"][1]["start"]["line"], 3);
    }
}
