//! `type=oci`: an OCI image layout, as an archive or (`tar=false`) in a folder.

use super::{Attributes, OutputType, archive, folder, is_folder};
use crate::job::{Destination, Exporter};

pub(super) const TYPE: OutputType =
    OutputType { name: "oci", exporter: Exporter::OCI, own_attributes: &[], destination };

fn destination(attrs: &mut Attributes) -> Result<Destination, String> {
    if is_folder(attrs) {
        return Ok(Destination::Layout(folder(attrs)?.into()));
    }
    Ok(archive(attrs))
}
