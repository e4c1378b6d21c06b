//! From how a build ended to the words that a user reads.

mod by_name;
pub(super) mod client_error;
mod error_report;
mod excerpt;
pub(super) mod excluded_file;
mod failing_line;
mod log_excerpt;
pub(super) mod outcome;
mod reason;
pub(super) mod registry_message;
mod step_report;
pub(super) mod unused_names;
pub(super) mod warnings;
pub(super) mod workflow;

#[cfg(test)]
mod tests;
