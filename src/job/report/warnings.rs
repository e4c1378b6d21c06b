//! What the build checks found, on standard error and in buildkitd's history.

use std::io::Write as _;

use super::workflow::{Workflow, for_log};
use crate::buildkit::proto::pb;
use crate::buildkit::{LineRange, SourceLocation, Warning};
use crate::converter::lint;
use crate::diag::{Source, Span};
use crate::job::dockerfile_origin::DockerfileOrigin;

/// Warns on standard error.
pub(crate) fn warn(text: &str) {
    let _ = writeln!(std::io::stderr(), "warning: {}", for_log(text));
}

/// Writes warnings to standard error.
pub(crate) fn show_warnings(warnings: &[lint::Warning], source: &Source) {
    let text = shown(warnings, source, Workflow::of_process().as_ref());
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

/// Returns the text of warnings; in a workflow an annotation each in its place.
fn shown(warnings: &[lint::Warning], source: &Source, workflow: Option<&Workflow>) -> String {
    let text = |warning: &lint::Warning| warning.diagnostic(source).render().trim_end().to_owned() + "\n";
    match workflow {
        Some(workflow) => workflow.warnings_with_lines(warnings, source),
        None => warnings.iter().map(text).collect(),
    }
}

/// Returns the lines of a Dockerfile as buildkitd keeps them, which knows it by `origin`.
pub(crate) fn source_location(source: &Source, spans: &[Span], origin: &DockerfileOrigin) -> SourceLocation {
    let line = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
    let range =
        |number| LineRange { start_line: line(number), end_line: line(number), ..LineRange::default() };
    SourceLocation {
        filename: origin.filename.clone(),
        language: "Dockerfile".to_owned(),
        data: source.bytes().to_vec(),
        ranges: spans.iter().flat_map(|span| span.lines()).map(range).collect(),
        definition: origin.definition.as_ref().map(|definition| definition.to_pb()),
    }
}

/// Returns a warning for buildkitd's history, in the words of BuildKit's linter
/// (`frontend/dockerfile/linter/linter.go`). It belongs to the step that reads the Dockerfile.
pub(crate) fn warning_message(
    warning: &lint::Warning,
    source: &Source,
    origin: &DockerfileOrigin,
) -> Warning {
    let first = warning.span.map_or(0, Span::first);
    let place = source_location(source, warning.span.as_slice(), origin);
    let position = |line| Some(pb::Position { line, character: 0 });
    let range =
        |range: &LineRange| pb::Range { start: position(range.start_line), end: position(range.end_line) };
    Warning {
        vertex: origin.step(),
        level: 1,
        short: format!("{}: {} (line {first})", warning.rule.name, warning.message),
        detail: vec![warning.rule.summary.to_owned()],
        url: warning.rule.url.unwrap_or_default().to_owned(),
        ranges: place.ranges.iter().map(range).collect(),
        source: Some(pb::SourceInfo {
            filename: place.filename,
            data: place.data,
            language: place.language,
            definition: place.definition,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::converter::lint::{RULES, Warning};

    #[test]
    fn a_workflow_gets_an_annotation_each_with_the_lines_and_nothing_beside() {
        let source = Source::new("Dockerfile", "FROM x ##[group]\n");
        let warning = Warning { rule: RULES[0], message: "::error::m".to_owned(), span: Some(Span::line(1)) };
        let plain = shown(std::slice::from_ref(&warning), &source, None);
        assert!(plain.starts_with("warning[") && plain.contains("##[group]"), "{plain}");
        let text = shown(&[warning.clone(), warning], &source, Some(&Workflow::default()));
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 2, "{text}");
        for line in lines {
            assert!(line.starts_with("::warning file=Dockerfile,line=1,endLine=1,title="), "{line}");
            assert!(
                line.contains("::::error::m%0A --> Dockerfile:1%0A") && line.contains("FROM x # #[group]"),
                "{line}"
            );
        }
        assert_eq!(shown(&[], &source, Some(&Workflow::default())), "");
    }
}
