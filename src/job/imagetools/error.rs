//! Why an image was not looked at or not made.

use super::source::SourceError;
use crate::http::body::BoxError;
use crate::image::ReferenceError;
use crate::job::context::LayoutError;
use crate::registry::HostError;

/// Why an image was not looked at or not made.
#[derive(Debug, thiserror::Error)]
pub enum ImageToolsError {
    /// A reference that is none.
    #[error("{text:?} is not an image reference")]
    Reference {
        /// What was given.
        text: String,
        /// What is wrong with it.
        source: ReferenceError,
    },
    /// A place in an OCI layout whose digest is none.
    #[error("{text:?} names no image in an OCI layout")]
    LayoutName {
        /// What was given.
        text: String,
        /// What is wrong with it.
        source: LayoutError,
    },
    /// A reference whose domain is no registry.
    #[error("{reference} names no registry")]
    Host {
        /// The reference.
        reference: String,
        /// What is wrong with it.
        source: HostError,
    },
    /// A source that is none.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A digest or descriptor that may lie in any of several repositories.
    #[error(
        "there are several repositories, so {text} has to say in which one it is: write REPOSITORY@DIGEST"
    )]
    NoRepository {
        /// The source.
        text: String,
    },
    /// A registry did not do what was asked.
    #[error("{reference}: cannot {action} it: {fault}")]
    Registry {
        /// What was to be done with it.
        action: &'static str,
        /// The image.
        reference: String,
        /// Why not.
        fault: String,
    },
    /// A registry does not have it.
    #[error("{reference}: its registry has no such image")]
    Missing {
        /// The image.
        reference: String,
    },
    /// It cannot be read or written where it is.
    #[error("cannot {action} {place}")]
    Place {
        /// What was to be done with it.
        action: &'static str,
        /// The image.
        place: String,
        /// Why not.
        source: BoxError,
    },
    /// A document that is not what it should be.
    #[error("{reference} is no {wanted} that can be read")]
    Document {
        /// The image.
        reference: String,
        /// What it should be.
        wanted: &'static str,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// An index of more configurations than are read.
    #[error(
        "the images of {reference} have configurations of more than {limit} bytes, which is the most that is read"
    )]
    TooManyConfigs {
        /// The index.
        reference: String,
        /// The most that is read, in bytes.
        limit: usize,
    },
    /// An image in Docker's old format.
    #[error(
        "{reference} is an image in Docker's format of 2015 (schema 1), which has no place in an index: push it again"
    )]
    OldFormat {
        /// The image.
        reference: String,
    },
    /// A descriptor that says something else than its registry.
    #[error("{reference} has {found} bytes, where its descriptor says {said}")]
    Size {
        /// The image.
        reference: String,
        /// Its size.
        found: u64,
        /// What the descriptor says.
        said: i64,
    },
    /// No image is left.
    #[error("no image is for {wanted}; there are images for {found}")]
    NoPlatform {
        /// The platforms that were asked for.
        wanted: String,
        /// Those that there are.
        found: String,
    },
    /// An annotation that an index has no place for.
    #[error(
        "the annotation {key:?} is for {place}: an index takes index:KEY=VALUE and manifest-descriptor:KEY=VALUE"
    )]
    Annotation {
        /// The annotation.
        key: String,
        /// What it is for.
        place: String,
    },
    /// A target that names another digest.
    #[error("{reference} names another digest than the image has, which is {digest}")]
    TargetDigest {
        /// The target.
        reference: String,
        /// The digest of the image.
        digest: String,
    },
    /// The user interrupted.
    #[error("interrupted by a signal")]
    Interrupted,
}

impl ImageToolsError {
    /// Returns whether the fault lies in what was typed, so that the exit code is 2.
    pub const fn is_usage(&self) -> bool {
        matches!(
            self,
            Self::Reference { .. }
                | Self::LayoutName { .. }
                | Self::Host { .. }
                | Self::Source(_)
                | Self::NoRepository { .. }
                | Self::Annotation { .. }
        )
    }
}
