//! What is left of a build's progress once it is over.

use std::collections::BTreeMap;

use bollard_buildkit_proto::moby::buildkit::v1::VertexWarning;

use super::displays::warning_json;
use crate::diag::LogTail;

/// The steps of a finished build, by vertex digest.
#[derive(Debug, Clone, Default)]
pub struct Journal {
    steps: BTreeMap<String, StepRecord>,
    warnings: Vec<VertexWarning>,
}

/// One step of a finished build.
#[derive(Debug, Clone, Default)]
pub struct StepRecord {
    /// The step's name, such as `[2/3] RUN make`.
    pub name: String,
    /// What buildkitd says went wrong; empty where nothing did.
    pub error: String,
    /// Whether its result came from the cache.
    pub cached: bool,
    tail: LogTail,
}

impl StepRecord {
    /// The last lines that the step logged, oldest first.
    pub fn log_tail(&self) -> impl ExactSizeIterator<Item = &str> {
        self.tail.last().map(|line| line.text.as_str())
    }

    /// What is kept of the step's log.
    pub const fn log(&self) -> &LogTail {
        &self.tail
    }
}

impl Journal {
    /// The warnings of the build in the order in which they came, as the JSON of BuildKit's client has them.
    pub fn warnings(&self) -> Vec<serde_json::Value> {
        self.warnings.iter().map(warning_json).collect()
    }

    pub(super) fn warn(&mut self, warning: &VertexWarning) {
        self.warnings.push(warning.clone());
    }

    /// The step with this vertex digest.
    pub fn step(&self, digest: &str) -> Option<&StepRecord> {
        self.steps.get(digest)
    }

    /// The steps that failed of themselves, not because the build was cancelled.
    pub fn failed(&self) -> impl Iterator<Item = &StepRecord> {
        self.steps.values().filter(|step| !step.error.is_empty() && !is_cancellation(&step.error))
    }

    /// All steps.
    pub fn steps(&self) -> impl Iterator<Item = &StepRecord> {
        self.steps.values()
    }

    pub(super) fn entry(&mut self, digest: &str) -> &mut StepRecord {
        if !self.steps.contains_key(digest) {
            self.steps.insert(digest.to_owned(), StepRecord::default());
        }
        self.steps.get_mut(digest).expect("was inserted above")
    }

    pub(super) fn log(&mut self, digest: &str, line: &str) {
        self.entry(digest).tail.push(line);
    }
}

/// Whether a step's error only says that the build was cancelled (Go's `context.Canceled`).
pub(super) fn is_cancellation(error: &str) -> bool {
    error.ends_with("context canceled")
}
