//! `type=docker`: an archive that `docker load` takes.

use super::{Attributes, OutputType, archive};
use crate::job::{Destination, Exporter};

pub(super) const TYPE: OutputType =
    OutputType { name: "docker", exporter: Exporter::of_images("docker"), own_attributes: &[], destination };

fn destination(attrs: &mut Attributes) -> Result<Destination, String> {
    if attrs.get("dest").is_none_or(String::is_empty) {
        return Err("loading into docker is not supported yet; give dest=FILE".to_owned());
    }
    Ok(archive(attrs))
}
