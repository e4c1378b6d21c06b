//! `type=cacheonly`: the result stays in buildkitd's cache.

use super::{Attributes, OutputType, SETTING};
use crate::job::{Destination, Exporter};

pub(super) const TYPE: OutputType =
    OutputType { name: "cacheonly", exporter: Exporter::NONE, own_attributes: &[], destination };

#[expect(clippy::unnecessary_wraps, reason = "other types may refuse")]
fn destination(attrs: &mut Attributes) -> Result<Destination, String> {
    // As in buildx, which says nothing of them.
    for name in attrs.keys() {
        tracing::warn!("{SETTING}: type=cacheonly exports nothing, and {name}= is ignored");
    }
    attrs.clear();
    Ok(Destination::Nowhere)
}
