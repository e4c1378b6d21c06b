//! From how a build ended to the words that a user reads.

pub(super) mod client_error;
pub(super) mod failure;
pub(super) mod outcome;
pub(super) mod registry_message;
