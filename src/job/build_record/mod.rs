//! Records of builds on disk, and what they say of a build that ended.

mod store;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

use sha2::{Digest as _, Sha256};

use store::Store;
pub use store::StoreError;

use super::progress_link::ProgressLink;
use super::report::workflow::for_log;
use super::request::{DockerfileInput, ParsedDockerfile};
use super::result::report_files::Recorder;
use crate::buildkit::{Client, FileFacts, ListedFile, SentFiles, SentFolder};
use crate::converter::plan::Context;
use crate::diag::{redact, with_causes};
use crate::explain::{
    Explanation, FileEntry, Listing, Outcome, Record, Salt, Told, add_steps, explain, explanation_text, note,
    told,
};
use crate::workspace::variables;

/// Where records of builds are kept, and whether what they say is told.
#[derive(Debug, Clone, Default)]
pub struct RecordSettings {
    /// The folder of the user's; `None` where there is none, so that every build counts as the first.
    pub folder: Option<PathBuf>,
    /// Whether the build says at its end why steps ran again.
    pub is_explained: bool,
}

/// What a build is of: what records belong together by.
#[derive(Debug, Clone, Copy)]
pub enum BuildContext<'a> {
    /// A folder of this machine.
    Folder(&'a Path),
    /// The URL of a Git repository or an archive.
    Url(&'a str),
    /// An archive or a Dockerfile on standard input, of a build in the current folder.
    StandardInput,
}

impl<'a> BuildContext<'a> {
    fn of(input: &'a DockerfileInput) -> Self {
        let files = &input.files;
        match (&input.options.context, &files.context) {
            _ if files.upload.is_some() || files.empty_context.is_some() => Self::StandardInput,
            (Context::Git(url) | Context::Http { url, .. }, _) => Self::Url(url),
            (Context::Local, folder) => Self::Folder(folder.as_deref().unwrap_or(Path::new(""))),
        }
    }

    /// Names the context.
    fn key(self) -> String {
        match self {
            Self::Folder(folder) => key([folder_text(folder).as_bytes()]),
            Self::Url(url) => key([b"url".as_slice(), url.as_bytes()]),
            Self::StandardInput => key([b"input".as_slice(), folder_text(Path::new(".")).as_bytes()]),
        }
    }

    /// What people are told that it is.
    fn shown(self) -> String {
        match self {
            Self::Folder(folder) => folder_text(folder),
            Self::Url(url) => redact(url).into_owned(),
            Self::StandardInput => "standard input".to_owned(),
        }
    }
}

/// Notes what a build is made of while it runs.
#[derive(Debug)]
pub(super) struct BuildRecorder<'a> {
    settings: &'a RecordSettings,
    store: Option<Store>,
    sent: SentFiles,
    /// The record of the build before, which is read while this one runs.
    before: Option<JoinHandle<Option<Record>>>,
}

impl<'a> BuildRecorder<'a> {
    /// Begins with a build of `input`.
    pub(super) fn new(settings: &'a RecordSettings, input: &DockerfileInput) -> Self {
        let context = BuildContext::of(input);
        let store =
            settings.folder.as_deref().map(|folder| Store::new(folder, &context.key(), &build_key(input)));
        let is_explained = settings.is_explained;
        let before = store.clone().map(|store| std::thread::spawn(move || read(&store, is_explained)));
        Self { settings, store, sent: SentFiles::default(), before }
    }

    /// Returns where a session notes the files that it sends; `None` where nothing would come of it.
    pub(super) fn sent_files(&self) -> Option<SentFiles> {
        self.store.is_some().then(|| self.sent.clone())
    }

    /// Compares a build by `client` that ended, well or not, with the record of the one before, puts its own record in the
    /// place of that, tells `reports` why steps ran again, and writes it to standard error where that is asked for. A record
    /// that cannot be read or written fails no build.
    pub(super) fn finish(
        self,
        dockerfile: &ParsedDockerfile<'_>,
        link: &ProgressLink,
        client: &Client,
        reports: &Recorder,
    ) {
        if dockerfile.graphs().is_empty() {
            return;
        }
        let before = self.before.and_then(|reading| reading.join().ok()).flatten();
        let salt = before.as_ref().map_or_else(|| Salt::new(rand::random()), |record| record.salt().clone());
        let mut record = Record::new(salt);
        record.folder = BuildContext::of(dockerfile.input).shown();
        dockerfile.filename().clone_into(&mut record.dockerfile);
        client.worker_id().unwrap_or_default().clone_into(&mut record.daemon);
        record.ended = seconds_now();
        for graph in dockerfile.graphs() {
            add_steps(&mut record, graph);
        }
        let outcomes = link.outcomes();
        for step in &mut record.steps {
            step.outcome = outcomes.get(&step.digest).copied().unwrap_or(Outcome::NotReached);
        }
        record.contexts = contexts(self.sent.take(), before.as_ref());
        let explanation = explain(before.as_ref(), &record);
        record.explanation = explanation_text(&explanation, &record);
        let unknown = self.store.is_none().then(no_folder);
        tell(reports, &explanation, &record, unknown.as_deref());
        if self.settings.is_explained {
            let text = unknown.as_deref().unwrap_or(&record.explanation);
            let _ = write!(std::io::stderr().lock(), "\n{}", for_log(text));
        }
        if let Some(store) = &self.store
            && let Err(error) = store.write(&record)
        {
            let what = "this build leaves no record, so the next one has nothing to compare with";
            log(&error, what, self.settings.is_explained);
        }
    }
}

/// Reads the record of the build before.
fn read(store: &Store, is_explained: bool) -> Option<Record> {
    store.read().unwrap_or_else(|error| {
        log(&error, "the record of the last build is not used", is_explained);
        None
    })
}

/// Logs what is wrong with a record: as a warning where somebody asked why steps ran again.
fn log(error: &StoreError, what: &str, is_explained: bool) {
    let error = with_causes(error);
    if is_explained {
        tracing::warn!(error, "{what}");
    } else {
        tracing::info!(error, "{what}");
    }
}

/// Tells reports why steps ran again, or that it is not known.
fn tell(reports: &Recorder, explanation: &Explanation, record: &Record, unknown: Option<&str>) {
    if !reports.is_recording() {
        return;
    }
    if let Some(note) = unknown.or(note(explanation)) {
        reports.set_cache_note(note.trim_end());
        return;
    }
    for Told { steps, lines } in told(explanation, record) {
        for step in steps {
            reports.explain(&record.steps[step].digest, &lines);
        }
    }
}

/// Returns the last record in `folder` of the builds of a context.
///
/// # Errors
/// [`StoreError`] where there is one that cannot be read.
pub fn last_build(folder: &Path, context: BuildContext<'_>) -> Result<Option<Record>, StoreError> {
    Store::new(folder, &context.key(), "").read_last()
}

/// Returns the listings of the contexts that were sent, with the contents that were known before.
fn contexts(
    sent: BTreeMap<String, Option<SentFolder>>,
    before: Option<&Record>,
) -> BTreeMap<String, Option<Listing>> {
    let listing = |(name, folder): (String, Option<SentFolder>)| {
        let before = before.and_then(|record| record.contexts.get(&name)).and_then(Option::as_ref);
        let listing = folder.and_then(|folder| Listing::new(folder.files().map(entry), before));
        (name, listing)
    };
    sent.into_iter().map(listing).collect()
}

fn entry(file: ListedFile<'_>) -> (Cow<'_, str>, FileEntry) {
    let FileFacts { mode, size, modified, content } = file.facts;
    let link = String::from_utf8_lossy(file.link).into_owned();
    (String::from_utf8_lossy(file.path), FileEntry { mode, size, modified, content, link })
}

/// What is told a user who has no folder for records.
fn no_folder() -> String {
    let variable = variables::XDG_STATE_HOME.name;
    format!("Why steps ran again is not known: there is no folder for records of builds; set {variable}.\n")
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
