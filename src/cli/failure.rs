//! How a subcommand fails: the text that the user sees and the exit code.

use std::error::Error;
use std::time::Duration;

use super::usage::UsageError;
use crate::diag::{redact, visible_lines, with_causes};
use crate::job::{self, Place, Workflow};

/// A failed subcommand. `main` prints it once, on standard error.
#[derive(Debug)]
pub enum Failure {
    /// Wrong usage: exit code 2.
    Usage(UsageError),
    /// A job failed: exit code 2 where the fault lies in flags or variables, else 1.
    Job {
        /// What the user is told of it.
        report: String,
        /// Whether the fault lies in flags or variables.
        is_usage: bool,
        /// The lines of the Dockerfile that it is about.
        place: Option<Place>,
    },
    /// The work failed: exit code 1. Already rendered for people (`error: …` and what follows it).
    Rendered(String),
    /// The work failed: exit code 1. Shown as `error: …` followed by its sources.
    Failed(Box<dyn Error + Send + Sync>),
    /// Another failure after which the process stays for a while, so that its output is read.
    Lingering(Box<Failure>, Duration),
}

impl Failure {
    /// The exit code of the process: 2 for wrong usage, 1 for everything else.
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) | Self::Job { is_usage: true, .. } => 2,
            Self::Job { is_usage: false, .. } | Self::Rendered(_) | Self::Failed(_) => 1,
            Self::Lingering(failure, _) => failure.exit_code(),
        }
    }

    /// Returns the failure of a job.
    pub fn of_job(error: &job::Error) -> Self {
        Self::Job { report: error.report(), is_usage: error.is_usage(), place: error.place() }
    }

    /// Returns the failure of a Dockerfile, as `report` says it, which begins with `error: `.
    pub(super) fn of_report(report: &str, place: Option<Place>) -> Self {
        let report = report.strip_prefix("error: ").unwrap_or(report).to_owned();
        Self::Job { report, is_usage: false, place }
    }

    /// The lines of the Dockerfile that it is about, where there are some.
    pub(super) const fn place(&self) -> Option<&Place> {
        match self {
            Self::Job { place, .. } => place.as_ref(),
            Self::Lingering(failure, _) => failure.place(),
            _ => None,
        }
    }

    /// The report as it is printed: in the form of a workflow, where the process is a step of one.
    pub fn shown(&self) -> String {
        match Workflow::of_process() {
            Some(workflow) => {
                let token = format!("{:032x}", rand::random::<u128>());
                workflow.failure(&self.render(), self.place(), &token)
            }
            None => self.render(),
        }
    }

    /// This failure, after which the process stays for `time`.
    #[must_use]
    pub fn lingering(self, time: Duration) -> Self {
        if time.is_zero() { self } else { Self::Lingering(Box::new(self), time) }
    }

    /// How long the process stays after the report.
    pub const fn linger(&self) -> Duration {
        match self {
            Self::Lingering(_, time) => *time,
            _ => Duration::ZERO,
        }
    }

    /// The whole report as plain text, without a final line break. Whoever's words it holds, it shows no credential of a
    /// URL and drives no terminal.
    pub fn render(&self) -> String {
        visible_lines(&redact(&self.text())).into_owned()
    }

    fn text(&self) -> String {
        match self {
            Self::Usage(error) => format!("error: {}", with_causes(error)),
            Self::Job { report, .. } => format!("error: {report}").trim_end().to_owned(),
            Self::Rendered(text) => text.trim_end().to_owned(),
            Self::Lingering(failure, _) => failure.text(),
            Self::Failed(error) => format!("error: {}", with_causes(&**error)),
        }
    }
}

/// The failure that `error` is; `is_usage` where the fault lies in what was typed.
pub(super) fn with_usage(error: &(dyn Error + 'static), is_usage: bool) -> Failure {
    Failure::Job { report: with_causes(error), is_usage, place: None }
}

impl<E: Error + Send + Sync + 'static> From<E> for Failure {
    /// Wrong usage stays what it is, and its exit code with it.
    fn from(error: E) -> Self {
        let error: Box<dyn Error + Send + Sync> = Box::new(error);
        match error.downcast::<UsageError>() {
            Ok(error) => Self::Usage(*error),
            Err(error) => Self::Failed(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot read the file")]
    struct Unreadable(#[source] Refused);

    #[derive(Debug, thiserror::Error)]
    #[error("the disk refused")]
    struct Refused(#[source] std::io::Error);

    #[test]
    fn causes_follow_on_the_same_line() {
        let failure = Failure::from(Unreadable(Refused(std::io::Error::other("it is worn out"))));
        assert_eq!(failure.render(), "error: cannot read the file: the disk refused: it is worn out");
        assert_eq!(failure.exit_code(), 1);
    }

    #[test]
    fn wrong_usage_has_its_exit_code_however_it_becomes_a_failure() {
        let wrong = || -> Result<(), Failure> { Err(UsageError::NoContext)? };
        let failure = wrong().unwrap_err();
        assert_eq!(failure.exit_code(), 2);
        assert!(failure.render().starts_with("error: the build context is missing: "));
        let source = std::io::Error::from(std::io::ErrorKind::PermissionDenied);
        let error = job::Error::Read { what: "the Dockerfile", path: "x".into(), source };
        assert_eq!(Failure::of_job(&error).exit_code(), 1);
        assert_eq!(
            Failure::of_job(&error).render(),
            "error: cannot read the Dockerfile x: permission denied"
        );
        assert_eq!(Failure::of_job(&job::Error::PushWithoutName).exit_code(), 2);
    }

    #[test]
    fn a_lingering_failure_keeps_text_and_code() {
        let wrong = || Failure::from(UsageError::StandardInputEmpty);
        let failure = wrong().lingering(Duration::from_secs(10));
        assert_eq!((failure.render(), failure.exit_code()), (wrong().render(), 2));
        assert_eq!(failure.linger(), Duration::from_secs(10));
        assert_eq!(wrong().lingering(Duration::ZERO).linger(), Duration::ZERO);
    }

    #[test]
    fn no_words_of_others_drive_the_terminal_or_show_a_credential() {
        let hostile = "https://user:s3cr3t@host\u{1b}]0;t\u{7}\u{9b}2J";
        let usage = || UsageError::Missing { what: String::new(), variable: "", flag: hostile };
        for failure in [
            usage().into(),
            Failure::Job { report: hostile.into(), is_usage: true, place: None },
            Failure::Rendered(hostile.into()),
            Failure::from(std::io::Error::other(hostile)),
            Failure::from(usage()).lingering(Duration::from_secs(1)),
        ] {
            let text = failure.render();
            assert!(text.ends_with("https://***@host\u{fffd}]0;t\u{fffd}\u{fffd}2J"), "{text:?}");
        }
    }
}
