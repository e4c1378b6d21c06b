//! `type=image`: an image that stays at buildkitd, or is pushed (`push=true`).

use super::{Attributes, OutputType, SETTING};
use crate::job::{Destination, Exporter};

pub(super) const TYPE: OutputType =
    OutputType { name: "image", exporter: Exporter::IMAGE, own_attributes: &[], destination };

#[expect(clippy::unnecessary_wraps, reason = "other types may refuse")]
pub(super) fn destination(attrs: &mut Attributes) -> Result<Destination, String> {
    // As in buildx, which says nothing of it.
    if attrs.remove("dest").is_some() {
        tracing::warn!("{SETTING}: an image goes to buildkitd or a registry, and dest= is ignored");
    }
    Ok(Destination::Daemon)
}
