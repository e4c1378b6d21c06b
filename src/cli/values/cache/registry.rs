//! `type=registry`: a cache that is an image of its own (BuildKit: `cache/remotecache/registry`).

use super::{Attributes, Backend, Setting};
use crate::job::CacheEntry;

pub(super) const BACKEND: Backend = Backend {
    name: "registry",
    keys: &["image-manifest", "oci-mediatypes", "ref", "registry.insecure"],
    complete,
};

fn complete(_: &Setting<'_>, attrs: &mut Attributes) -> Result<bool, String> {
    if attrs.get("ref").is_none_or(String::is_empty) {
        return Err("ref= is missing; write type=registry,ref=IMAGE".to_owned());
    }
    Ok(true)
}

/// The cache in the image `reference`.
pub(super) fn entry(reference: &str) -> CacheEntry {
    let attrs = Attributes::from([("ref".to_owned(), reference.to_owned())]);
    CacheEntry { kind: BACKEND.name.to_owned(), attrs }
}
