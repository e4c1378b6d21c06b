//! What Bob tells as the log of a GitHub workflow shows it: annotations at lines of the Dockerfile, and texts in groups.
//! (<https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands>)

use std::borrow::Cow;
use std::fmt::Write as _;
use std::path::{Path, PathBuf, absolute};

use crate::converter::lint;
use crate::diag::{
    Location, Source, command_message, command_property, redact, visible_lines, without_commands,
};
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

impl Place {
    /// Returns the lines that a location is about.
    pub(crate) fn of(location: &Location) -> Option<Self> {
        let (first, last) = (location.spans.first()?, location.spans.last()?);
        let file = location.source.name().to_owned();
        Some(Self { file, first: first.first(), last: last.last().max(first.first()) })
    }
}

impl Workflow {
    /// Returns the workflow of `GITHUB_ACTIONS` and `GITHUB_WORKSPACE`, if the process is a step of one.
    pub fn of_process() -> Option<Self> {
        let is_step = nonempty_process_variable("GITHUB_ACTIONS")? == "true";
        is_step.then(|| Self { folder: nonempty_process_variable("GITHUB_WORKSPACE").map(PathBuf::from) })
    }

    /// Returns the report `text` of a failure, which begins with `error: `, for the log of the workflow. Between the two lines
    /// with `token` the runner obeys nothing, so that no words of a step's log become commands.
    pub(crate) fn failure(&self, text: &str, place: Option<&Place>, token: &str) -> String {
        let first = text.lines().next().unwrap_or_default();
        let reason = first.strip_prefix("error: ").unwrap_or(first);
        let mut out = self.annotation("error", place, "bob", reason);
        let _ = write!(out, "\n::group::{}\n", command_message(first));
        let _ = write!(out, "::stop-commands::{token}\n{text}\n::{token}::\n::endgroup::");
        out
    }

    /// Returns what the build checks found in `source`: an annotation each. The runner shows the first ten of a step beside the
    /// lines, and all in the log, there without the place.
    pub(crate) fn warnings(&self, warnings: &[lint::Warning], source: &Source) -> String {
        self.warnings_with(warnings, source, |_| String::new())
    }

    /// Returns what the build checks found in `source`: an annotation each, which also shows the lines.
    pub(super) fn warnings_with_lines(&self, warnings: &[lint::Warning], source: &Source) -> String {
        self.warnings_with(warnings, source, |warning| {
            let text = warning.diagnostic(source).render();
            let lines = text.trim_end().split_once('\n').map_or("", |(_, lines)| lines);
            without_commands(lines).into_owned()
        })
    }

    fn warnings_with(
        &self,
        warnings: &[lint::Warning],
        source: &Source,
        lines: impl Fn(&lint::Warning) -> String,
    ) -> String {
        let annotation = |warning: &lint::Warning| {
            let place = warning.span.map(|span| Place {
                file: source.name().to_owned(),
                first: span.first(),
                last: span.last(),
            });
            let more = match warning.rule.url {
                Some(url) => url.to_owned(),
                None => format!("bob check --explain {} says more", warning.rule.name),
            };
            let parts = [warning.message.clone(), lines(warning), more];
            let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
            let message = parts.join("\n");
            let message = visible_lines(&redact(&message)).into_owned();
            self.annotation("warning", place.as_ref(), warning.rule.name, &message) + "\n"
        };
        warnings.iter().map(annotation).collect()
    }

    /// Returns a line that has the runner show `message` at a place of a file.
    fn annotation(&self, command: &str, place: Option<&Place>, title: &str, message: &str) -> String {
        let place = place.map(|place| {
            let file = command_property(&self.in_repository(&place.file));
            format!("file={file},line={},endLine={},", place.first, place.last)
        });
        let (place, title) = (place.unwrap_or_default(), command_property(title));
        format!("::{command} {place}title={title}::{}", command_message(message))
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

/// Returns words of others for standard output or standard error: in a workflow without what its runner would obey.
pub(crate) fn for_log(text: &str) -> Cow<'_, str> {
    if Workflow::of_process().is_some() { without_commands(text) } else { text.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::converter::lint::{RULES, Warning};
    use crate::diag::Span;

    const TEXT: &str = "error: RUN failed (exit code: 1): 100%\n::set-output name=x::y\n##[error]z";

    fn place(file: &str) -> Place {
        Place { file: file.to_owned(), first: 3, last: 4 }
    }

    #[test]
    fn a_failure_is_an_annotation_and_a_group_in_which_nothing_is_obeyed() {
        let report = Workflow::default().failure(TEXT, Some(&place("sub/a,b:c%\n::error::x")), "t0ken");
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
        let report = workflow.failure(TEXT, Some(&place("/home/runner/work/x/x/ops/Dockerfile")), "t");
        assert!(report.starts_with("::error file=ops/Dockerfile,line=3,"), "{report}");
        let report = workflow.failure(TEXT, Some(&place("/elsewhere/Dockerfile")), "t");
        assert!(report.starts_with("::error file=/elsewhere/Dockerfile,line=3,"), "{report}");
        let report = workflow.failure("error: x", None, "t");
        assert!(report.starts_with("::error title=bob::x\n"), "{report}");
    }

    #[test]
    fn what_a_check_found_is_an_annotation_that_no_words_break_out_of() {
        let source = Source::new("a,b/Dockerfile", "FROM x\n");
        let rule = &RULES.iter().find(|rule| rule.url.is_some()).unwrap();
        let message = "50% of\n::add-mask::x, ##[error]y\u{1b}[2J".to_owned();
        let found = Warning { rule, message, span: Some(Span::new(1, 2)) };
        let nowhere = Warning { rule, message: "z".to_owned(), span: None };
        let text = Workflow::default().warnings(&[found, nowhere], &source);
        let (name, url) = (rule.name, rule.url.unwrap());
        assert_eq!(
            text,
            format!(
                "::warning file=a%2Cb/Dockerfile,line=1,endLine=2,title={name}::50%25 of%0A::add-mask::x, ##[error]y\u{fffd}[2J%0A{url}\n\
                 ::warning title={name}::z%0A{url}\n"
            )
        );
    }
}
