//! The report of a failed job: the text that the user sees of an [`Error`].

use super::step_report::{self, StepReport};
use super::workflow::Place;
use crate::buildkit::{self, DaemonError};
use crate::diag::{redact, visible_lines, with_causes};
use crate::job::error::Error;
use crate::job::failure::ConversionFailure;

impl Error {
    /// Returns the report as plain text without a final line break: what went wrong in one line, what to do, where it is,
    /// and what was logged last. It fits into `bob.log`. It shows no credential of a URL and holds no control character, wherever its
    /// parts come from.
    pub fn report(&self) -> String {
        step_report::bounded(&visible_lines(&redact(&self.text())))
    }

    fn text(&self) -> String {
        match self {
            Self::Conversion(ConversionFailure::Rejected { rejected, .. }) => {
                step_report::of_rejection(&rejected.error)
            }
            Self::Step(failure) => StepReport::of(failure).text(),
            Self::Daemon(failure) => step_report::of_daemon(&failure.message),
            other => {
                let mut text = with_causes(other);
                if let Some(advice) = other.advice() {
                    let (first, rest) = text.split_once("; its last log lines:").unwrap_or((&text, ""));
                    let mut out = format!("{first}\n");
                    step_report::write_advice(&mut out, advice);
                    text = if rest.is_empty() { out } else { format!("{out}its last log lines:{rest}") };
                }
                text.trim_end().to_owned()
            }
        }
    }

    /// Returns what to do about a failure whose words do not say it.
    fn advice(&self) -> Option<&'static str> {
        match self {
            Self::DaemonEnded(DaemonError::Exited { status, .. }) if status.contains("signal: 9") => Some(
                "something killed buildkitd, most likely because the machine had no memory left (dmesg says so): give it more, or let fewer steps run at once",
            ),
            Self::DaemonEnded(_) => Some("buildkitd's own last words say why it ended"),
            Self::Connection(buildkit::Error::Disconnected { .. }) => Some(
                "buildkitd ended or cannot be reached any more: look at its log, and at the machine's memory (dmesg)",
            ),
            _ => None,
        }
    }

    /// Returns where it went wrong: the Dockerfile, the first and the last line.
    pub fn place(&self) -> Option<Place> {
        let (location, marked) = match self {
            Self::Conversion(ConversionFailure::Rejected { rejected, .. }) => {
                (rejected.error.location.as_ref(), None)
            }
            Self::Step(failure) => (failure.diagnostic.location.as_ref(), StepReport::of(failure).marked()),
            _ => (None, None),
        };
        let whole = Place::of(location?)?;
        Some(match marked {
            Some(line) => Place { first: line, last: line, ..whole },
            None => whole,
        })
    }

    /// Returns the report for `bob.log`: a fault of the Dockerfile begins with `build failed:`.
    pub fn workspace_report(&self) -> String {
        let report = self.report();
        if self.is_in_dockerfile() { format!("build failed: {report}") } else { report }
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use bollard_buildkit_proto::google::protobuf::Timestamp;
    use bollard_buildkit_proto::moby::buildkit::v1::{StatusResponse, Vertex, VertexLog};
    use tonic::Code;

    use super::*;
    use crate::buildkit::{self, LineRange, SourceLocation};
    use crate::diag::Source;
    use crate::image::ReferenceError;
    use crate::job::report::outcome::failed_at_daemon;
    use crate::progress::{self, Journal};

    const DOCKERFILE: &str = "FROM base\n\nRUN make \\\n    all\n";

    async fn journal() -> Journal {
        let (sender, receiver) = tokio::sync::mpsc::channel(4);
        let vertex = Vertex {
            digest: "sha256:1".into(),
            name: "[2/2] RUN make     all".into(),
            started: Some(Timestamp::default()),
            ..Vertex::default()
        };
        let log = VertexLog {
            vertex: "sha256:1".into(),
            msg: b"compiling\nno rule\n".to_vec(),
            ..VertexLog::default()
        };
        let message = StatusResponse { vertexes: vec![vertex], logs: vec![log], ..StatusResponse::default() };
        sender.send(message).await.unwrap();
        drop(sender);
        progress::follow(progress::Mode::QUIET, receiver).await
    }

    fn failing_step() -> buildkit::DaemonFailure {
        let mut failure = buildkit::DaemonFailure::new(
            Code::Unknown,
            "process \"make all\" did not complete successfully: exit code: 2",
        );
        failure.vertex = Some("sha256:1".into());
        failure.exit_code = Some(2);
        failure.with_source(SourceLocation {
            filename: "Dockerfile".into(),
            language: "Dockerfile".into(),
            data: DOCKERFILE.into(),
            ranges: vec![LineRange { start_line: 3, end_line: 4, ..LineRange::default() }],
            definition: None,
        })
    }

    #[tokio::test]
    async fn a_failing_step_shows_its_lines_and_its_log() {
        let dockerfile = Source::new("sub/Dockerfile", DOCKERFILE);
        let error = failed_at_daemon(failing_step(), &journal().await, Some(&dockerfile));
        let report = error.report();
        assert!(report.starts_with("RUN failed (exit code: 2): no rule\n"), "{report}");
        assert!(report.contains("--> sub/Dockerfile:3\n"), "{report}");
        assert!(report.contains("3 | RUN make \\") && report.contains("4 |     all"), "{report}");
        assert!(report.ends_with("last lines of [2/2]:\n  compiling\n  no rule"), "{report}");
        assert!(error.workspace_report().starts_with("build failed: RUN failed"));
        assert_eq!(error.place(), Some(Place { file: "sub/Dockerfile".to_owned(), first: 3, last: 4 }));
        assert!(!error.is_usage());
    }

    #[tokio::test]
    async fn a_step_that_failed_for_another_build_too_has_its_line() {
        let mut failure = failing_step();
        failure.sources.clear();
        let dockerfile = Source::new("Dockerfile", "FROM base\nRUN make all\n");
        let report = failed_at_daemon(failure, &journal().await, Some(&dockerfile)).report();
        assert!(report.contains("--> Dockerfile:2\n") && report.contains("2 | RUN make all"), "{report}");
    }

    #[tokio::test]
    async fn a_failure_without_a_place_is_its_message() {
        let failure = buildkit::DaemonFailure::new(Code::Unknown, "no space left on device");
        let error = failed_at_daemon(failure, &journal().await, None);
        let report = error.report();
        assert!(report.starts_with("the disk is full: no space left on device\nwhat to do: "), "{report}");
        assert!(report.contains("bob prune"), "{report}");
        assert_eq!(error.workspace_report(), report);
        let other = buildkit::DaemonFailure::new(Code::Unknown, "something new");
        assert_eq!(failed_at_daemon(other, &journal().await, None).report(), "something new");
    }

    #[tokio::test]
    async fn a_failure_in_other_words_keeps_those_of_buildkitd() {
        let words = "failed to calculate checksum of ref a::b: \"/srv/x\": not found";
        let mut failure = failing_step();
        (failure.message, failure.exit_code) = (words.to_owned(), None);
        let dockerfile = Source::new("Dockerfile", DOCKERFILE);
        let report = failed_at_daemon(failure, &journal().await, Some(&dockerfile)).report();
        assert!(report.starts_with("/srv/x does not exist in what this step copies from\n"), "{report}");
        assert!(report.contains(&format!("\nbuildkitd says: {words}\n")), "{report}");
    }

    #[test]
    fn every_report_fits_and_begins_with_its_first_line() {
        let words = format!("{}\n{}", "x".repeat(5_000), "y\n".repeat(5_000));
        let source = io::Error::other(words.clone());
        let long = Error::Read { what: "the Dockerfile", path: "x".into(), source };
        for error in [long, Error::Setting(words.into())] {
            let report = error.workspace_report();
            assert!(report.len() <= crate::workspace::MAX_LOG_BYTES, "{}", report.len());
        }
    }

    #[test]
    fn causes_follow_the_message() {
        let source = io::Error::from(io::ErrorKind::PermissionDenied);
        let error = Error::Read { what: "the Dockerfile", path: "x".into(), source };
        assert_eq!(error.report(), "cannot read the Dockerfile x: permission denied");
    }

    #[tokio::test]
    async fn no_words_of_others_drive_the_terminal_or_show_a_credential() {
        let hostile = "\u{1b}]52;c;ZXZpbA==\u{7}\u{9b}2J https://user:s3cr3t@host/x\r\u{202e}";
        let mut failure = failing_step();
        failure.message = hostile.to_owned();
        let mut hidden = failure.clone();
        (hidden.sources, hidden.exit_code) = (Vec::new(), None);
        let dockerfile = Source::new(hostile, DOCKERFILE);
        let journal = journal().await;
        let text = hostile.to_owned();
        let source = ReferenceError::Format;
        for error in [
            failed_at_daemon(failure, &journal, Some(&dockerfile)),
            failed_at_daemon(hidden, &journal, None),
            Error::Reference { setting: "--tag", text, source },
            Error::Setting(hostile.into()),
            Error::Read { what: "the context", path: hostile.into(), source: io::ErrorKind::NotFound.into() },
        ] {
            let report = error.workspace_report();
            assert!(!report.contains(crate::diag::is_forbidden), "{report:?}");
            assert!(!report.contains("s3cr3t"), "{report:?}");
        }
    }

    #[test]
    fn a_reference_with_a_password_is_not_shown_whole() {
        for text in ["user:s3cr3t@registry/x", "https://user:s3cr3t@r/x", "us,er=\"s3cr3t@r:1/x", "s3cr3t@r"]
        {
            let source = ReferenceError::Format;
            let report = Error::Reference { setting: "--tag", text: text.to_owned(), source }.report();
            assert!(report.starts_with("--tag \"") && report.contains("***@r"), "{report}");
            assert!(!report.contains("s3cr3t"), "{report}");
        }
    }
}
