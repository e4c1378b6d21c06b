//! Why a step of a build ran again: two records of builds, compared.
//!
//! A [`Record`] holds what a build was made of: its [steps](Step) with the parts that they run for, and the files of the
//! contexts that were sent. [`explain`] compares two and says for every step that ran what changed, in the user's
//! terms. Pure: nothing here reads files, the clock or the environment.

mod compare;
mod files;
mod listing;
mod matching;
mod parts;
mod record;
mod seal;
mod steps;
mod words;

pub use compare::{Explanation, Reason, StepExplanation, explain, graph_difference};
pub use files::{FileChange, How};
pub use listing::{FileEntry, Listing};
pub use record::{MAX_RECORD_BYTES, Outcome, Record, RecordError, Step};
pub use seal::Salt;
pub use steps::add_steps;
pub use words::{Told, diff_text, explanation_text, note, told};

#[cfg(test)]
mod tests;
