//! `type=oci`: an archive of an OCI image layout.

use super::{OutputType, archive};
use crate::job::Exporter;

pub(super) const TYPE: OutputType = OutputType {
    name: "oci",
    exporter: Exporter::of_images("oci"),
    own_attributes: &[],
    destination: |attrs| Ok(archive(attrs)),
};
