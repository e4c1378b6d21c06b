//! The record of one build, and how it is written and read.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::listing::Listing;
use super::seal::Salt;
use super::words::TOO_MANY_STEPS;

/// The largest record that is written or read, in bytes.
pub const MAX_RECORD_BYTES: usize = 8 << 20;
/// Steps of one record, at most.
pub(super) const MAX_STEPS: usize = 5000;
/// The form of a record; one of another form is not read.
const FORMAT: u32 = 3;

/// What a build was made of.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Record {
    format: u32,
    /// Hides values that may be secrets.
    pub(super) salt: Salt,
    /// The context folder, for people.
    pub folder: String,
    /// The Dockerfile's name, for people.
    pub dockerfile: String,
    /// What the buildkitd calls itself that built; empty where that is not known.
    pub daemon: String,
    /// When the build ended, in seconds since 1970.
    pub ended: i64,
    /// The steps, inputs first.
    pub steps: Vec<Step>,
    /// Whether the build had more steps than a record holds, so that none of them is in it.
    #[serde(default)]
    pub(super) are_steps_left_out: bool,
    /// The files of each context by its name; `None` where there were too many to note.
    pub contexts: BTreeMap<String, Option<Listing>>,
    /// What was said of this build, for those who ask later.
    pub explanation: String,
}

/// One op of a graph.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// The op's digest.
    pub digest: String,
    /// The instruction, without its number.
    pub name: String,
    /// The stage and the platform, as the step's number names them.
    pub(super) stage: String,
    /// First and last line in the Dockerfile; `None` where it comes from no line.
    pub lines: Option<(i32, i32)>,
    pub(super) kind: Kind,
    /// The steps that it reads, by their place in the record.
    pub(super) inputs: Vec<usize>,
    /// What it runs for.
    pub(super) parts: Vec<Part>,
    /// Stands for all of the op that its result depends on, its inputs left out.
    pub(super) whole: String,
    /// The context files that it reads.
    pub(super) reads: Vec<Read>,
    /// Whether it was asked to run whatever the cache holds.
    pub(super) ignores_cache: bool,
    /// How it went.
    pub outcome: Outcome,
}

/// What an op does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Kind {
    Exec,
    File,
    /// An image.
    Image,
    /// A folder of the client.
    Local,
    /// Anything else that is fetched: a URL or a Git repository.
    Remote,
    /// The same, where the graph says by a digest what is fetched.
    Pinned,
    #[default]
    Other,
}

impl Kind {
    /// Whether buildkitd can have the result of such a step in its cache.
    pub(super) const fn is_cacheable(self) -> bool {
        matches!(self, Self::Exec | Self::File | Self::Other)
    }
}

/// How a step went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// The build ended before it was reached, or did not need it.
    #[default]
    NotReached,
    /// It began and did not end well.
    Failed,
    /// It ran.
    Ran,
    /// Its result was in the cache.
    Cached,
}

/// What a difference in a part means to people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum Class {
    Instruction,
    Variable,
    Option,
    Platform,
    Base,
}

/// One thing that a step runs for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Part {
    pub(super) class: Class,
    /// What it is: unique in its step and class.
    pub(super) label: String,
    /// As much of the value as may be shown.
    pub(super) value: String,
    /// Stands for the whole value where not all of it is shown; else empty.
    pub(super) seal: String,
}

/// What a step reads of a context.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Read {
    /// The name of the context.
    pub(super) context: String,
    /// A path below its root, without slashes around it; empty for all.
    pub(super) path: String,
    /// Whether the path is a pattern.
    pub(super) is_pattern: bool,
    pub(super) include: Vec<String>,
    pub(super) exclude: Vec<String>,
}

/// Why some bytes are no record.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// They are too many.
    #[error("the record is larger than {MAX_RECORD_BYTES} bytes")]
    TooLarge,
    /// They are no JSON of a record.
    #[error("the record of the last build cannot be understood")]
    Json(#[from] serde_json::Error),
    /// They are JSON, but of no record that Bob writes.
    #[error("the record of the last build is not one of this version of Bob")]
    Form,
}

impl Record {
    /// Returns an empty record whose secrets are hidden with `salt`.
    pub fn new(salt: Salt) -> Self {
        Self { format: FORMAT, salt, ..Self::default() }
    }

    /// Returns what hides values in it.
    pub fn salt(&self) -> &Salt {
        &self.salt
    }

    /// Returns the record as it is written. Listings are left out where it would be too large with them, and the steps
    /// where they are too many or still too large: what was said of the build is there to be asked for in any case.
    ///
    /// # Errors
    /// [`RecordError::TooLarge`] where it is too large without either.
    pub fn to_bytes(&self) -> Result<Vec<u8>, RecordError> {
        if self.steps.len() <= MAX_STEPS {
            let whole = serde_json::to_vec(self)?;
            if whole.len() <= MAX_RECORD_BYTES {
                return Ok(whole);
            }
            let contexts = self.contexts.keys().map(|name| (name.clone(), None)).collect();
            let short = serde_json::to_vec(&Self { contexts, ..self.clone() })?;
            if short.len() <= MAX_RECORD_BYTES {
                return Ok(short);
            }
        }
        let least = serde_json::to_vec(&self.without_steps())?;
        if least.len() <= MAX_RECORD_BYTES { Ok(least) } else { Err(RecordError::TooLarge) }
    }

    /// Returns a record that only says what was said of the build.
    fn without_steps(&self) -> Self {
        let is_long = self.explanation.len() > MAX_RECORD_BYTES / 4;
        let explanation = if is_long { format!("{TOO_MANY_STEPS}\n") } else { self.explanation.clone() };
        Self {
            format: self.format,
            salt: self.salt.clone(),
            folder: self.folder.clone(),
            dockerfile: self.dockerfile.clone(),
            daemon: self.daemon.clone(),
            ended: self.ended,
            are_steps_left_out: true,
            explanation,
            ..Self::default()
        }
    }

    /// Reads a record that anybody may have written.
    ///
    /// # Errors
    /// [`RecordError`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, RecordError> {
        if bytes.len() > MAX_RECORD_BYTES {
            return Err(RecordError::TooLarge);
        }
        let record: Self = serde_json::from_slice(bytes)?;
        let is_in_order = |(index, step): (usize, &Step)| step.inputs.iter().all(|input| *input < index);
        let is_sound = record.format == FORMAT
            && record.steps.len() <= MAX_STEPS
            && record.steps.iter().enumerate().all(is_in_order);
        if is_sound { Ok(record) } else { Err(RecordError::Form) }
    }
}
