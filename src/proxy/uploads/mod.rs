//! Uploads under way: their locations, and waiting for their end.

pub(super) mod seal;
pub(super) mod sessions;
