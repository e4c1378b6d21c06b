//! Records of builds on disk, and what they say of a build that ended.

mod store;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use store::Store;
pub use store::StoreError;

use super::progress_link::ProgressLink;
use super::report::workflow::for_log;
use super::request::{DockerfileInput, ParsedDockerfile};
use crate::buildkit::{ListedFile, SentFiles};
use crate::converter::plan::Context;
use crate::diag::with_causes;
use crate::explain::{FileEntry, Listing, Outcome, Record, Salt, add_steps, explain, explanation_text};
use crate::workspace::variables;

/// Where records of builds are kept, and whether what they say is told.
#[derive(Debug, Clone, Default)]
pub struct RecordSettings {
    /// The folder of the user's; `None` where there is none, so that every build counts as the first.
    pub folder: Option<PathBuf>,
    /// Whether the build says at its end why steps ran again.
    pub is_explained: bool,
}

/// Notes what a build is made of while it runs.
#[derive(Debug)]
pub(super) struct BuildRecorder<'a> {
    settings: &'a RecordSettings,
    store: Option<Store>,
    sent: SentFiles,
}

impl<'a> BuildRecorder<'a> {
    /// Begins with a build of `input`.
    pub(super) fn new(settings: &'a RecordSettings, input: &DockerfileInput) -> Self {
        let store = settings
            .folder
            .as_deref()
            .map(|folder| Store::new(folder, &folder_key(input), &build_key(input)));
        Self { settings, store, sent: SentFiles::default() }
    }

    /// Returns where a session notes the files that it sends; `None` where nothing would come of it.
    pub(super) fn sent_files(&self) -> Option<SentFiles> {
        self.store.is_some().then(|| self.sent.clone())
    }

    /// Compares a build that ended, well or not, with the record of the one before, puts its own record in the place of that,
    /// and writes to standard error why steps ran again, where that is asked for. A record that cannot be read or written
    /// fails no build.
    pub(super) fn finish(&self, dockerfile: &ParsedDockerfile<'_>, link: &ProgressLink) {
        if dockerfile.graphs().is_empty() {
            return;
        }
        let Some(store) = &self.store else {
            self.tell(&no_folder());
            return;
        };
        let before = store.read().unwrap_or_else(|error| {
            self.note(&error, "the record of the last build is not used");
            None
        });
        let salt = before.as_ref().map_or_else(|| Salt::new(rand::random()), |record| record.salt().clone());
        let mut record = Record::new(salt);
        record.folder = dockerfile.input.files.context.as_deref().map(folder_text).unwrap_or_default();
        dockerfile.filename().clone_into(&mut record.dockerfile);
        record.ended = seconds_now();
        for graph in dockerfile.graphs() {
            add_steps(&mut record, graph);
        }
        let outcomes = link.outcomes();
        for step in &mut record.steps {
            step.outcome = outcomes.get(&step.digest).copied().unwrap_or(Outcome::NotReached);
        }
        record.contexts = contexts(self.sent.take(), before.as_ref());
        record.explanation = explanation_text(&explain(before.as_ref(), &record), &record);
        self.tell(&record.explanation);
        if let Err(error) = store.write(&record) {
            self.note(&error, "this build leaves no record, so the next one has nothing to compare with");
        }
    }

    /// Logs what is wrong with a record: as a warning where somebody asked why steps ran again.
    fn note(&self, error: &dyn std::error::Error, what: &str) {
        let error = with_causes(error);
        if self.settings.is_explained {
            tracing::warn!(error, "{what}");
        } else {
            tracing::info!(error, "{what}");
        }
    }

    /// Writes to standard error why steps ran again, where that is asked for.
    fn tell(&self, explanation: &str) {
        if self.settings.is_explained {
            let _ = write!(std::io::stderr().lock(), "\n{}", for_log(explanation));
        }
    }
}

/// Returns the last record in `folder` of the builds of a context folder.
///
/// # Errors
/// [`StoreError`] where there is one that cannot be read.
pub fn last_build(folder: &Path, context: &Path) -> Result<Option<Record>, StoreError> {
    Store::new(folder, &key([folder_text(context).as_bytes()]), "").read_last()
}

/// Returns the listings of the contexts that were sent, with the contents that were known before.
fn contexts(
    sent: BTreeMap<String, BTreeMap<Vec<u8>, ListedFile>>,
    before: Option<&Record>,
) -> BTreeMap<String, Option<Listing>> {
    let old = |name: &str| before.and_then(|record| record.contexts.get(name)).and_then(Option::as_ref);
    let listing = |(name, files): (String, BTreeMap<Vec<u8>, ListedFile>)| {
        let entry = |(path, file): (Vec<u8>, ListedFile)| {
            let ListedFile { mode, size, modified, content } = file;
            (String::from_utf8_lossy(&path).into_owned(), FileEntry { mode, size, modified, content })
        };
        let mut listing = Listing::new(files.into_iter().map(entry));
        if let (Some(listing), Some(old)) = (&mut listing, old(&name)) {
            listing.carry_over(old);
        }
        (name, listing)
    };
    sent.into_iter().map(listing).collect()
}

/// What is told a user who has no folder for records.
fn no_folder() -> String {
    let variable = variables::XDG_STATE_HOME.name;
    format!("Why steps ran again is not known: there is no folder for records of builds; set {variable}.\n")
}

/// Names the context of a build.
fn folder_key(input: &DockerfileInput) -> String {
    match (&input.options.context, &input.files.context) {
        (Context::Local, Some(folder)) => key([folder_text(folder).as_bytes()]),
        (context, _) => key([b"remote", format!("{context:?}").as_bytes()]),
    }
}

/// Names the other things that make builds of one folder different builds.
fn build_key(input: &DockerfileInput) -> String {
    use super::context::fetch::DockerfileSource;
    let options = &input.options;
    let dockerfile = match &input.source {
        DockerfileSource::Text(source) => folder_text(Path::new(source.name())),
        other => format!("{other:?}"),
    };
    let platforms: Vec<String> = options.platforms.iter().map(ToString::to_string).collect();
    key([dockerfile.as_bytes(), options.target.as_bytes(), platforms.join(",").as_bytes()])
}

fn folder_text(path: &Path) -> String {
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    path.display().to_string()
}

fn key<'b>(texts: impl IntoIterator<Item = &'b [u8]>) -> String {
    let mut hash = Sha256::new();
    for text in texts {
        hash.update(text);
        hash.update([0]);
    }
    hex::encode(&hash.finalize()[..12])
}

fn seconds_now() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(0, |now| i64::try_from(now.as_secs()).unwrap_or(i64::MAX))
}
