//! Arguments that several subcommands share, and what they come to.

pub mod attestations;
pub(super) mod build_sources;
pub mod convert;
pub mod daemon;
mod dockerfile_place;
pub(super) mod image_lock;
mod older_limits;
