//! A small client of the distribution API: what checking, copying and pushing an image needs.
//! (<https://github.com/opencontainers/distribution-spec/blob/main/spec.md>)
//!
//! [`api`] has the client and its reads, [`upload`] its uploads, [`follow`] the redirects of reads.

pub(super) mod api;
pub(super) mod digest;
pub(super) mod error;
pub(super) mod follow;
pub(super) mod names;
mod upload;
