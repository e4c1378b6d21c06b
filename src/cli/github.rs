//! A failure as the log of a GitHub workflow shows it: an annotation at the line of the Dockerfile, and the report in a group.
//! (<https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands>)

use std::fmt::Write as _;
use std::path::{Path, PathBuf, absolute};

use super::Failure;
use crate::workspace::nonempty_process_variable;

/// The workflow that the process is a step of.
#[derive(Debug, Default)]
pub struct Workflow {
    /// The folder of the repository.
    folder: Option<PathBuf>,
}

/// The lines of a file that a failure is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file, as messages name it.
    pub file: String,
    /// The first line, from 1.
    pub first: u32,
    /// The last line.
    pub last: u32,
}

impl Workflow {
    /// Returns the workflow of `GITHUB_ACTIONS` and `GITHUB_WORKSPACE`, if the process is a step of one.
    pub fn of_process() -> Option<Self> {
        let is_step = nonempty_process_variable("GITHUB_ACTIONS")? == "true";
        is_step.then(|| Self { folder: nonempty_process_variable("GITHUB_WORKSPACE").map(PathBuf::from) })
    }

    /// Returns the report of a failure for the log of the workflow. Between the two lines with `token` the runner obeys
    /// nothing, so that no words of a step's log become commands.
    pub(super) fn report(&self, failure: &Failure, token: &str) -> String {
        let text = failure.render();
        let first = text.lines().next().unwrap_or_default();
        let reason = first.strip_prefix("error: ").unwrap_or(first);
        let mut out = "::error ".to_owned();
        if let Some(place) = failure.place() {
            let file = escaped_property(&self.in_repository(&place.file));
            let _ = write!(out, "file={file},line={},endLine={},", place.first, place.last);
        }
        let _ = writeln!(out, "title=bob::{}", escaped(reason));
        let _ = writeln!(out, "::group::{}", escaped(first));
        let _ = write!(out, "::stop-commands::{token}\n{text}\n::{token}::\n::endgroup::");
        out
    }

    /// Returns a file's path in the repository; one that lies elsewhere as it is.
    fn in_repository(&self, file: &str) -> String {
        let inside = self.folder.as_deref().and_then(|folder| {
            let path = absolute(Path::new(file)).ok()?;
            Some(path.strip_prefix(folder).ok()?.display().to_string())
        });
        inside.unwrap_or_else(|| file.to_owned())
    }
}

/// The text of a command.
fn escaped(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// The value of a property of a command.
fn escaped_property(text: &str) -> String {
    escaped(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(file: &str) -> Failure {
        Failure::Job {
            report: "RUN failed (exit code: 1): 100%\n::set-output name=x::y\n##[error]z".to_owned(),
            is_usage: false,
            place: Some(Place { file: file.to_owned(), first: 3, last: 4 }),
        }
    }

    #[test]
    fn a_failure_is_an_annotation_and_a_group_in_which_nothing_is_obeyed() {
        let report = Workflow::default().report(&failure("sub/a,b:c%\n::error::x"), "t0ken");
        assert_eq!(
            report,
            "::error file=sub/a%2Cb%3Ac%25%0A%3A%3Aerror%3A%3Ax,line=3,endLine=4,title=bob::RUN failed (exit code: 1): 100%25\n\
             ::group::error: RUN failed (exit code: 1): 100%25\n\
             ::stop-commands::t0ken\n\
             error: RUN failed (exit code: 1): 100%\n::set-output name=x::y\n##[error]z\n\
             ::t0ken::\n\
             ::endgroup::"
        );
    }

    #[test]
    fn a_file_is_named_from_the_folder_of_the_repository() {
        let workflow = Workflow { folder: Some(PathBuf::from("/home/runner/work/x/x")) };
        let report = workflow.report(&failure("/home/runner/work/x/x/ops/Dockerfile"), "t");
        assert!(report.starts_with("::error file=ops/Dockerfile,line=3,"), "{report}");
        let report = workflow.report(&failure("/elsewhere/Dockerfile"), "t");
        assert!(report.starts_with("::error file=/elsewhere/Dockerfile,line=3,"), "{report}");
        let report = workflow.report(&Failure::failed("x".to_owned()), "t");
        assert!(report.starts_with("::error title=bob::x\n"), "{report}");
    }
}
