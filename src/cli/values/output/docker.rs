//! `type=docker`: an archive that `docker load` takes; without `dest` an image that is loaded into docker or podman.

use super::{Attributes, OutputType, SETTING, archive, is_folder};
use crate::job::{Destination, Exporter};

/// The attribute that names the docker context to load into.
const CONTEXT: &str = "context";

pub(super) const TYPE: OutputType =
    OutputType { name: "docker", exporter: Exporter::DOCKER, own_attributes: &[], destination };

fn destination(attrs: &mut Attributes) -> Result<Destination, String> {
    if is_folder(attrs) {
        return Err("docker has archives only; type=oci,tar=false,dest=FOLDER writes a folder".to_owned());
    }
    if attrs.get("dest").is_none_or(String::is_empty) {
        attrs.remove("dest");
        // It stays among the attributes: the history of builds shows it.
        let context = attrs.get(CONTEXT).filter(|context| !context.is_empty());
        return Ok(Destination::Engine(context.cloned()));
    }
    if attrs.contains_key(CONTEXT) {
        tracing::warn!("{SETTING}: an image that is written to dest= is not loaded, and context= is ignored");
    }
    Ok(archive(attrs))
}
