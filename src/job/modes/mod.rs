//! What a job may be: a build outside of a workspace, a workspace image, a graph only, a daemon with a warm cache, a look
//! at the cache.

pub(super) mod cache;
pub(super) mod distributed;
pub(super) mod graph;
pub(super) mod image_graph;
pub(super) mod plain;
pub(super) mod warm_up;
mod workspace_dockerfile;
pub(super) mod workspace_image;

use super::error::Error;
use crate::image::Reference;

/// Returns the reference that a setting names, with the default tag where it names none.
fn reference(setting: &'static str, text: &str) -> Result<Reference, Error> {
    let parsed = Reference::parse(text);
    let parsed = parsed.map_err(|source| Error::Reference { setting, text: text.to_owned(), source })?;
    Ok(parsed.with_default_tag())
}
