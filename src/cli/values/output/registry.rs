//! `type=registry`: an image that is pushed; short for `type=image,push=true`.

use super::{Attributes, OutputType, image};
use crate::job::{Destination, Exporter};

pub(super) const TYPE: OutputType =
    OutputType { name: "registry", exporter: Exporter::IMAGE, own_attributes: &[], destination };

fn destination(attrs: &mut Attributes) -> Result<Destination, String> {
    attrs.entry("push".to_owned()).or_insert_with(|| "true".to_owned());
    image::destination(attrs)
}
