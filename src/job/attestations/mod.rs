//! Attestations: provenance and lists of contents that go with an image. buildkitd makes them; what it has to be told
//! for that is here.

mod checkout;
mod scan;

use std::collections::BTreeMap;

use tempfile::TempDir;

use super::context::fetch::DockerfileSource;
use super::error::Error;
use super::request::DockerfileInput;

pub(super) use checkout::without_login;
pub use checkout::{Checkout, CheckoutError};
pub(super) use scan::{Scanner, scan};

/// The attestations that a build asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attestations {
    /// Attributes for buildkitd: `attest:TYPE` with the fields of the type as CSV.
    pub attributes: BTreeMap<String, String>,
    /// The program that lists the contents (SBOM), where one is asked for: by an attribute or by a build argument.
    pub generator: Option<SbomGenerator>,
    /// Whether any is asked for.
    pub are_requested: bool,
}

impl Attestations {
    /// Returns a folder with the Dockerfile of `input` alone, where buildkitd has to read it itself so that provenance has
    /// it as a source of the build.
    ///
    /// # Errors
    /// [`Error::DockerfileCopy`] where there is no room for it.
    pub(super) fn dockerfile_folder(&self, input: &DockerfileInput) -> Result<Option<TempDir>, Error> {
        let DockerfileSource::Text(source) = &input.source else { return Ok(None) };
        if !self.are_requested {
            return Ok(None);
        }
        let written = tempfile::tempdir().and_then(|folder| {
            std::fs::write(folder.path().join(&input.options.filename), source.bytes())?;
            Ok(folder)
        });
        written.map(Some).map_err(Error::DockerfileCopy)
    }
}

/// An image whose program lists the contents of a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SbomGenerator {
    /// The image.
    pub image: crate::image::Reference,
    /// What the program is told, by name: it sees `BUILDKIT_SCAN_NAME`.
    pub parameters: BTreeMap<String, String>,
}
