//! `type=registry`: a cache that is an image of its own (BuildKit: `cache/remotecache/registry`).

use super::{Attributes, Backend, pass_on};
use crate::job::CacheEntry;

pub(super) const BACKEND: Backend = Backend { name: "registry", complete: pass_on };

/// The cache in the image `reference`.
pub(super) fn entry(reference: &str) -> CacheEntry {
    let attrs = Attributes::from([("ref".to_owned(), reference.to_owned())]);
    CacheEntry { kind: BACKEND.name.to_owned(), attrs }
}
