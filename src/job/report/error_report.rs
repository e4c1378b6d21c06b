//! The report of a failed job: the text that the user sees of an [`Error`].

use std::fmt::Write as _;

use crate::diag::{Diagnostic, redact, visible_lines, with_causes};
use crate::job::error::{Error, StepFailure};
use crate::job::failure::ConversionFailure;

impl Error {
    /// Returns the report as plain text without a final line break: the message, where it is, and what was logged last.
    /// It begins with the message itself. It shows no credential of a URL and holds no control character, wherever its
    /// parts come from.
    pub fn report(&self) -> String {
        visible_lines(&redact(&self.text())).into_owned()
    }

    fn text(&self) -> String {
        match self {
            Self::Conversion(ConversionFailure::Rejected { rejected, .. }) => without_level(&rejected.error),
            Self::Step(failure) => failure.report(),
            other => with_causes(other),
        }
    }

    /// Returns the report for `bob.log`: a fault of the Dockerfile begins with `build failed:`.
    pub fn workspace_report(&self) -> String {
        let report = self.report();
        if self.is_in_dockerfile() { format!("build failed: {report}") } else { report }
    }
}

impl StepFailure {
    fn report(&self) -> String {
        let mut text = without_level(&self.diagnostic);
        if !self.log.is_empty() {
            let _ = write!(
                text,
                "\nlast lines of {}:",
                if self.step.is_empty() { "the step" } else { &self.step }
            );
            for line in &self.log {
                let _ = write!(text, "\n  {line}");
            }
        }
        text
    }
}

/// A rendered error without `error: ` before it.
fn without_level(diagnostic: &Diagnostic) -> String {
    let text = diagnostic.render();
    let text = text.trim_end();
    text.strip_prefix("error: ").unwrap_or(text).to_owned()
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
            "process \"make all\" did not complete: exit code: 2",
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
        assert!(report.starts_with("process \"make all\" did not complete: exit code: 2\n"), "{report}");
        assert!(report.contains("--> sub/Dockerfile:3\n"), "{report}");
        assert!(report.contains("3 | RUN make \\") && report.contains("4 |     all"), "{report}");
        assert!(
            report.ends_with("last lines of [2/2] RUN make     all:\n  compiling\n  no rule"),
            "{report}"
        );
        assert!(error.workspace_report().starts_with("build failed: process"));
        assert!(!error.is_usage());
    }

    #[tokio::test]
    async fn a_failure_without_a_place_is_its_message() {
        let failure = buildkit::DaemonFailure::new(Code::Unknown, "no space left on device");
        let error = failed_at_daemon(failure, &journal().await, None);
        assert_eq!(error.report(), "no space left on device");
        assert_eq!(error.workspace_report(), "no space left on device");
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
