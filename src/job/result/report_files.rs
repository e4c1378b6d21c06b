//! Reports of a build in files (`--report`), written while it runs and at its end.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bollard_buildkit_proto::moby::buildkit::v1::StatusResponse;
use llb::Definition;

use super::report_graph::graph_steps;
use super::whole_files::{RewrittenFile, WriteError};
use crate::buildkit::SessionOptions;
use crate::job::error::Error;
use crate::progress::report::{Collector, Ending, Layer};

/// The least time between two writings of a report while the build runs.
const INTERVAL: Duration = Duration::from_secs(2);
/// How many times as long as a writing took the next one waits, so that reports cost little beside any build.
const PAUSE_FACTOR: u32 = 20;

/// A file that a report of the build is written to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportFile {
    path: PathBuf,
    form: Form,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Html,
    Json,
}

/// A name that does not say in which form the report is to be.
#[derive(Debug, thiserror::Error)]
#[error(
    "the report {} has no form: the name of its file must end in .html or .json",
    crate::diag::visible_path(path)
)]
pub struct UnknownReportForm {
    path: PathBuf,
}

impl ReportFile {
    /// Returns the file at `path`, whose ending says the form.
    ///
    /// # Errors
    /// [`UnknownReportForm`].
    pub fn new(path: &Path) -> Result<Self, UnknownReportForm> {
        let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
        let form = match ending.as_deref() {
            Some("html" | "htm") => Form::Html,
            Some("json") => Form::Json,
            _ => return Err(UnknownReportForm { path: path.to_owned() }),
        };
        Ok(Self { path: path.to_owned(), form })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Where a build tells what its reports are made of; clones are the same one. Without files it does nothing.
#[derive(Debug, Clone, Default)]
pub(crate) struct Recorder(Option<Arc<Recording>>);

#[derive(Debug)]
struct Recording {
    collector: Mutex<Collector>,
    /// The reports; none once the build has ended. Locked while they are written, so that a writing that was begun before
    /// the build's end is not the last one.
    files: Mutex<Vec<(RewrittenFile, Form)>>,
    has_news: AtomicBool,
}

impl Recorder {
    /// Begins a recording for `files`.
    ///
    /// # Errors
    /// [`WriteError`] of a file that could not be written.
    pub(crate) fn begin(files: &[ReportFile]) -> Result<Self, WriteError> {
        if files.is_empty() {
            return Ok(Self::default());
        }
        let rewritten = files.iter().map(|file| Ok((RewrittenFile::new(&file.path)?, file.form)));
        let rewritten: Vec<(RewrittenFile, Form)> = rewritten.collect::<Result<_, WriteError>>()?;
        Ok(Self(Some(Arc::new(Recording {
            collector: Mutex::new(Collector::begin()),
            files: Mutex::new(rewritten),
            has_news: AtomicBool::new(true),
        }))))
    }

    /// Leaves the reports, which are replaced again and again, and what they are before that out of all contexts.
    pub(crate) fn withhold_from(&self, session: &mut SessionOptions) {
        let Some(recording) = &self.0 else { return };
        for (file, _) in recording.files().iter() {
            session.withheld_files.push(file.path().to_owned());
            session.withheld_dirs.push(file.temporary_folder().to_owned());
        }
    }

    /// Takes note of a message of the status stream.
    pub(crate) fn note(&self, message: &StatusResponse) {
        self.change(|collector| collector.apply(message));
    }

    /// Takes note of a graph that buildkitd is given.
    pub(crate) fn know(&self, definition: &Definition) {
        self.change(|collector| collector.know(graph_steps(definition)));
    }

    /// Takes note of the layers of the result.
    pub(crate) fn set_layers(&self, layers: Vec<Layer>) {
        self.change(|collector| collector.set_layers(layers));
    }

    /// Whether there is a report to write.
    pub(crate) const fn is_recording(&self) -> bool {
        self.0.is_some()
    }

    /// Writes the reports from time to time, and never ends.
    pub(crate) async fn keep_writing<T>(&self) -> T {
        let Some(recording) = &self.0 else { return std::future::pending().await };
        loop {
            let began = Instant::now();
            if recording.has_news.swap(false, Ordering::AcqRel) {
                let recording = Arc::clone(recording);
                let written = tokio::task::spawn_blocking(move || recording.write()).await;
                if let Ok(Err(error)) = written {
                    tracing::debug!(error = &error as &dyn std::error::Error, "a report was not written yet");
                }
            }
            tokio::time::sleep(INTERVAL.max(began.elapsed() * PAUSE_FACTOR)).await;
        }
    }

    /// Writes the reports of a build that has ended so.
    ///
    /// # Errors
    /// [`WriteError`] of the first file that cannot be written; the others are.
    pub(crate) fn end<T>(&self, outcome: &Result<T, Error>) -> Result<(), WriteError> {
        let Some(recording) = &self.0 else { return Ok(()) };
        let ending = match outcome {
            Ok(_) => Ending::Succeeded,
            Err(Error::Interrupted | Error::HungUp) => Ending::Cancelled,
            Err(error) => Ending::Failed(error.report()),
        };
        recording.lock().end(ending);
        let written = recording.write();
        recording.files().clear();
        written
    }

    fn change(&self, change: impl FnOnce(&mut Collector)) {
        if let Some(recording) = &self.0 {
            change(&mut recording.lock());
            recording.has_news.store(true, Ordering::Release);
        }
    }
}

impl Recording {
    fn lock(&self) -> MutexGuard<'_, Collector> {
        self.collector.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn files(&self) -> MutexGuard<'_, Vec<(RewrittenFile, Form)>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> Result<(), WriteError> {
        let files = self.files();
        if files.is_empty() {
            return Ok(());
        }
        let report = self.lock().report();
        let written = files.iter().map(|(file, form)| {
            let text = match form {
                Form::Html => report.to_html(),
                Form::Json => report.to_json(),
            };
            file.write(text.as_bytes())
        });
        written.fold(Ok(()), Result::and)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ending_says_the_form() {
        for (name, form) in [("a.html", Form::Html), ("x/a.b.HTM", Form::Html), ("a.json", Form::Json)] {
            assert_eq!(ReportFile::new(Path::new(name)).unwrap().form, form, "{name}");
        }
        for name in ["", "html", ".json", "a.txt", "a.html.gz", "a."] {
            let error = ReportFile::new(Path::new(name)).unwrap_err().to_string();
            assert!(error.ends_with("must end in .html or .json"), "{error}");
        }
    }

    #[test]
    fn a_build_that_ends_badly_has_its_reports() {
        let dir = tempfile::tempdir().unwrap();
        let files = ["a.html", "a.json"].map(|name| ReportFile::new(&dir.path().join(name)).unwrap());
        for (outcome, state) in [
            (Err(Error::PushWithoutName), "failed"),
            (Err(Error::Interrupted), "cancelled"),
            (Err(Error::HungUp), "cancelled"),
            (Ok(()), "succeeded"),
        ] {
            Recorder::begin(&files).unwrap().end(&outcome).unwrap();
            assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2, "nothing else is left");
            let json = std::fs::read(files[1].path()).unwrap();
            let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
            assert_eq!(json["state"], state);
            let page = std::fs::read_to_string(files[0].path()).unwrap();
            assert!(page.contains(&format!("<title>Build report: {state}</title>")));
            assert_eq!(page.contains("give one with --tag"), state == "failed");
        }
    }

    #[test]
    fn a_writing_that_comes_late_does_not_replace_the_report_of_the_end() {
        let dir = tempfile::tempdir().unwrap();
        let file = ReportFile::new(&dir.path().join("a.json")).unwrap();
        let recorder = Recorder::begin(std::slice::from_ref(&file)).unwrap();
        recorder.end(&Ok(())).unwrap();
        std::fs::write(file.path(), "looked at").unwrap();
        recorder.0.unwrap().write().unwrap();
        assert_eq!(std::fs::read_to_string(file.path()).unwrap(), "looked at");
    }

    #[tokio::test]
    async fn a_report_is_there_while_the_build_runs() {
        let dir = tempfile::tempdir().unwrap();
        let file = ReportFile::new(&dir.path().join("a.json")).unwrap();
        let recorder = Recorder::begin(std::slice::from_ref(&file)).unwrap();
        let there = async {
            while !file.path().exists() {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            () = recorder.keep_writing() => {}
            () = there => {}
        }
        let text = std::fs::read_to_string(file.path()).unwrap();
        assert!(text.contains("\"state\": \"running\""), "{text}");
    }
}
