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
