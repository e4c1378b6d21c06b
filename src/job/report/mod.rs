//! From how a build ended to the words that a user reads.

pub(super) mod client_error;
mod error_report;
pub(super) mod excluded_file;
pub(super) mod outcome;
pub(super) mod registry_message;
pub(super) mod warnings;
