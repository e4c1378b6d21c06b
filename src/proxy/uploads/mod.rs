//! Uploads that have started: their locations, and their sessions.

pub(super) mod sealed_location;
pub(super) mod sessions;
