//! Attestations: provenance and lists of contents that go with an image. buildkitd makes them; what it has to be told
//! for that is here.

mod checkout;
mod scan;

use std::collections::BTreeMap;

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

/// An image whose program lists the contents of a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SbomGenerator {
    /// The image.
    pub image: crate::image::Reference,
    /// What the program is told, by name: it sees `BUILDKIT_SCAN_NAME`.
    pub parameters: BTreeMap<String, String>,
}
