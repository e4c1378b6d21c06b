//! `type=cacheonly`: the result stays in buildkitd's cache.

use super::{Attributes, OutputType};
use crate::job::{Destination, Exporter};

pub(super) const TYPE: OutputType =
    OutputType { name: "cacheonly", exporter: Exporter::NONE, own_attributes: &[], destination };

fn destination(attrs: &mut Attributes) -> Result<Destination, String> {
    match attrs.keys().next() {
        None => Ok(Destination::Nowhere),
        Some(name) => Err(format!("{name} says nothing here: nothing is exported")),
    }
}
