//! How images reach their registries, and what need not travel there.

pub(super) mod base_images;
pub(super) mod base_layers;
pub(super) mod copy;
pub(super) mod image_names;
pub(super) mod index;
pub(super) mod manifest;
pub(super) mod routes;
