//! `type=image`: an image that stays at buildkitd, or is pushed (`push=true`).

use super::{Attributes, OutputType};
use crate::job::{Destination, Exporter};

pub(super) const TYPE: OutputType =
    OutputType { name: "image", exporter: Exporter::IMAGE, own_attributes: &[], destination };

pub(super) fn destination(attrs: &mut Attributes) -> Result<Destination, String> {
    match attrs.remove("dest") {
        None => Ok(Destination::Daemon),
        Some(_) => Err("dest goes with local, tar, oci and docker".to_owned()),
    }
}
