//! What the build checks found, on standard error and in buildkitd's history.

use std::io::Write as _;

use crate::buildkit::proto::pb;
use crate::buildkit::{LineRange, SourceLocation, Warning};
use crate::converter::lint;
use crate::diag::{Source, Span};
use crate::job::dockerfile_origin::DockerfileOrigin;

/// Writes warnings to standard error.
pub(crate) fn show_warnings(warnings: &[lint::Warning], source: &Source) {
    let mut stderr = std::io::stderr().lock();
    for warning in warnings {
        let _ = writeln!(stderr, "{}", warning.diagnostic(source).render().trim_end());
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
