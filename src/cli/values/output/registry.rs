//! `type=registry`: an image that is pushed, whatever `push` says; short for `type=image,push=true,unpack=false`.

use super::{Attributes, OutputType, image};
use crate::job::{Destination, Exporter};

pub(super) const TYPE: OutputType =
    OutputType { name: "registry", exporter: Exporter::IMAGE, own_attributes: &[], destination };

fn destination(attrs: &mut Attributes) -> Result<Destination, String> {
    attrs.insert("push".to_owned(), "true".to_owned());
    attrs.entry("unpack".to_owned()).or_insert_with(|| "false".to_owned());
    image::destination(attrs)
}
