//! Why a step failed, told from what it left: buildkitd's message, the exit code and the log.
//!
//! One file a kind of failure, one line in [`KINDS`]. All of it is pure: text in, words out.

mod architecture;
mod checksum;
mod disk_full;
mod entitlement;
mod evidence;
mod exit_code;
mod line_ends;
mod missing_file;
mod missing_library;
mod missing_package;
mod missing_program;
mod name_lookup;
mod network;
mod not_executable;
mod out_of_memory;
mod permission;
mod program_faults;
mod refusal;
mod syntax;
mod time_out;
mod tls;

pub(super) use evidence::{Evidence, cause_of};
pub(super) use missing_file::absent_path;

/// What went wrong, in words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Reason {
    /// What went wrong, without the exit code.
    pub(super) what: String,
    /// The words that say so, from the log or from buildkitd.
    pub(super) words: Option<String>,
    /// What to do about it.
    pub(super) advice: Option<String>,
    /// The program, file or package that it is about.
    pub(super) subject: Option<String>,
}

impl Reason {
    fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), ..Self::default() }
    }

    fn words(mut self, words: &str) -> Self {
        self.words = Some(words.trim().to_owned());
        self
    }

    fn advice(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }

    fn about(mut self, subject: Option<impl Into<String>>) -> Self {
        self.subject = subject.map(Into::into);
        self
    }
}

/// Every kind of failure that is told apart. The first one that finds something has it: those that leave no doubt come
/// before those that are told by words of a log.
const KINDS: [fn(&Evidence<'_>) -> Option<Reason>; 20] = [
    out_of_memory::find,
    disk_full::find,
    architecture::find,
    line_ends::find,
    missing_library::find,
    missing_program::find,
    not_executable::find,
    time_out::find,
    entitlement::find,
    name_lookup::find,
    checksum::find,
    tls::find,
    program_faults::find,
    refusal::find,
    network::find,
    missing_package::find,
    syntax::find,
    missing_file::find,
    permission::find,
    exit_code::find,
];

/// Returns why a step failed, if that is known.
pub(super) fn find(evidence: &Evidence<'_>) -> Option<Reason> {
    KINDS.iter().find_map(|kind| kind(evidence))
}

#[cfg(test)]
mod tests;
