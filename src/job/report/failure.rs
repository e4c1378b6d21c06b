//! How a build fails: every cause, and the report that the user sees.

use std::fmt::Write as _;
use std::io;
use std::path::PathBuf;

use crate::buildkit::{self, DaemonError};
use crate::diag::{Diagnostic, Source, Span, redact, redact_reference, visible_lines, with_causes};
use crate::image::ReferenceError;
use crate::job::csv::ValueError;
use crate::job::daemon::builder::NoBuilder;
use crate::job::result::output::OutputError;
use crate::job::result::whole_files::WriteError;
use crate::job::session::secrets::SecretError;
use crate::progress::Journal;
use crate::proxy::ServeError;
use crate::registry::{CredentialsError, RootsError};
use crate::workspace;

/// Why a build did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Flags that do not go together, or that say what is not built yet.
    #[error("{0}")]
    Usage(String),
    /// A flag's value.
    #[error(transparent)]
    Value(#[from] ValueError),
    /// A secret or an SSH agent.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// An output.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// A file of results.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// A reference in a flag or a variable.
    #[error("{setting} {shown:?} is not an image reference", shown = redact_reference(text))]
    Reference {
        /// The flag or variable.
        setting: &'static str,
        /// What it holds.
        text: String,
        /// What is wrong with it.
        source: ReferenceError,
    },
    /// The workspace or its variables.
    #[error(transparent)]
    Workspace(#[from] workspace::Error),
    /// Credentials.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// Certificate authorities.
    #[error(transparent)]
    Roots(#[from] RootsError),
    /// The in-process proxy.
    #[error("cannot start the proxy that keeps the credentials")]
    Proxy(#[from] ServeError),
    /// The in-process proxy's socket.
    #[error("cannot listen on a loopback port for the proxy that keeps the credentials")]
    Listen(#[source] io::Error),
    /// Signals.
    #[error("cannot listen for signals")]
    Signals(#[source] io::Error),
    /// There is no buildkitd.
    #[error(transparent)]
    NoBuilder(NoBuilder),
    /// Bob's own buildkitd ended during the build.
    #[error(transparent)]
    DaemonEnded(DaemonError),
    /// The connection to buildkitd.
    #[error(transparent)]
    Connection(buildkit::Error),
    /// The Dockerfile or the context cannot be read.
    #[error("cannot read {what} {path}", path = path.display())]
    Read {
        /// What it is.
        what: &'static str,
        /// Where it is.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The Dockerfile is not UTF-8.
    #[error("{name} is not valid UTF-8 (line {line}); save it as UTF-8")]
    NotUtf8 {
        /// The Dockerfile.
        name: String,
        /// The line of the first wrong byte, from 1.
        line: usize,
    },
    /// The Dockerfile is rejected.
    #[error("{}", .0.message)]
    Rejected(Box<Diagnostic>),
    /// A step failed.
    #[error("{}", .0.diagnostic.message)]
    Step(Box<StepFailure>),
    /// A registry refused, or buildkitd failed outside of any step.
    #[error("{0}")]
    Daemon(String),
    /// The user interrupted.
    #[error("the build was interrupted")]
    Interrupted,
}

/// A step of the Dockerfile that failed.
#[derive(Debug)]
pub struct StepFailure {
    /// What failed, with the lines of the Dockerfile.
    pub diagnostic: Diagnostic,
    /// The step's name.
    pub step: String,
    /// The last lines that it logged.
    pub log: Vec<String>,
}

impl From<NoBuilder> for Error {
    fn from(error: NoBuilder) -> Self {
        match error {
            NoBuilder::Interrupted => Self::Interrupted,
            other => Self::NoBuilder(other),
        }
    }
}

impl Error {
    /// Whether the fault lies in flags or variables, so that the exit code is 2.
    pub fn is_usage(&self) -> bool {
        match self {
            Self::Usage(_)
            | Self::Value(_)
            | Self::Reference { .. }
            | Self::Credentials(_)
            | Self::NoBuilder(NoBuilder::Client(buildkit::Error::Address(_))) => true,
            Self::Workspace(error) => error.is_usage(),
            Self::Secret(error) => !matches!(error, SecretError::File { .. } | SecretError::Agent { .. }),
            _ => false,
        }
    }

    /// Whether the fault is in the Dockerfile: it is rejected, or one of its steps failed.
    pub const fn is_in_dockerfile(&self) -> bool {
        matches!(self, Self::Rejected(_) | Self::Step(_) | Self::NotUtf8 { .. })
    }

    /// The report as plain text without a final line break: the message, where it is, and what was
    /// logged last. It begins with the message itself. Whoever's words it holds, it shows no credential of a URL and
    /// drives no terminal.
    pub fn report(&self) -> String {
        visible_lines(&redact(&self.text())).into_owned()
    }

    fn text(&self) -> String {
        match self {
            Self::Rejected(diagnostic) => without_level(diagnostic),
            Self::Step(failure) => failure.report(),
            other => with_causes(other),
        }
    }

    /// The report for `bob.log`: a fault of the Dockerfile begins with `build failed:`.
    pub fn workspace_report(&self) -> String {
        let report = self.report();
        if self.is_in_dockerfile() { format!("build failed: {report}") } else { report }
    }

    /// What buildkitd's `failure` means to the user, given what the steps logged. `dockerfile` is the
    /// Dockerfile under the name that the user knows.
    pub(crate) fn of_daemon(
        failure: &buildkit::Failure,
        journal: &Journal,
        dockerfile: Option<&Source>,
    ) -> Self {
        let record = failure.vertex.as_deref().and_then(|digest| journal.step(digest));
        let message = failure.message.trim();
        let location = failure.sources.iter().find(|source| !source.ranges.is_empty());
        if location.is_none() && failure.exit_code.is_none() {
            return Self::Daemon(message.to_owned());
        }
        let mut diagnostic = Diagnostic::error(message);
        if let Some(found) = location {
            let own_source = dockerfile.filter(|own_source| own_source.bytes() == found.data);
            let source = own_source
                .cloned()
                .unwrap_or_else(|| Source::new(found.filename.clone(), found.data.clone()));
            let line = |number: i32| u32::try_from(number).unwrap_or(1).max(1);
            let spans =
                found.ranges.iter().map(|range| Span::new(line(range.start_line), line(range.end_line)));
            diagnostic = diagnostic.at(&source, spans);
        }
        Self::Step(Box::new(StepFailure {
            diagnostic,
            step: record.map(|record| record.name.clone()).unwrap_or_default(),
            log: record.map(|record| record.log_tail().map(str::to_owned).collect()).unwrap_or_default(),
        }))
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
    use bollard_buildkit_proto::google::protobuf::Timestamp;
    use bollard_buildkit_proto::moby::buildkit::v1::{StatusResponse, Vertex, VertexLog};
    use tonic::Code;

    use super::*;
    use crate::buildkit::{LineRange, SourceLocation};
    use crate::progress;

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
        progress::follow(progress::Mode::Quiet, receiver).await
    }

    fn failing_step() -> buildkit::Failure {
        let mut failure =
            buildkit::Failure::new(Code::Unknown, "process \"make all\" did not complete: exit code: 2");
        failure.vertex = Some("sha256:1".into());
        failure.exit_code = Some(2);
        failure.with_source(SourceLocation {
            filename: "Dockerfile".into(),
            language: "Dockerfile".into(),
            data: DOCKERFILE.into(),
            ranges: vec![LineRange { start_line: 3, end_line: 4, ..LineRange::default() }],
        })
    }

    #[tokio::test]
    async fn a_failing_step_shows_its_lines_and_its_log() {
        let dockerfile = Source::new("sub/Dockerfile", DOCKERFILE);
        let error = Error::of_daemon(&failing_step(), &journal().await, Some(&dockerfile));
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
        let failure = buildkit::Failure::new(Code::Unknown, "no space left on device");
        let error = Error::of_daemon(&failure, &journal().await, None);
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
            Error::of_daemon(&failure, &journal, Some(&dockerfile)),
            Error::of_daemon(&hidden, &journal, None),
            Error::Reference { setting: "--tag", text, source },
            Error::Value(ValueError::new("--output", hostile, hostile)),
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
