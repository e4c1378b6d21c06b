//! A small client of the distribution API.

pub(super) mod api;
pub(super) mod digest;
pub(super) mod error;
pub(super) mod follow;
pub(super) mod names;
