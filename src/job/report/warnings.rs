//! What the build checks found, on standard error and in buildkitd's history.

use std::io::Write as _;

use sha2::{Digest as _, Sha256};

use crate::buildkit::proto::pb;
use crate::buildkit::{LineRange, SourceLocation, Warning};
use crate::converter::lint;
use crate::diag::{Source, Span};

/// Writes warnings to standard error.
pub(crate) fn show_warnings(warnings: &[lint::Warning], source: &Source) {
    let mut stderr = std::io::stderr().lock();
    for warning in warnings {
        let _ = writeln!(stderr, "{}", warning.diagnostic(source).render().trim_end());
    }
}

/// Returns the lines of a Dockerfile as buildkitd keeps them, which calls it `filename`.
pub(crate) fn source_location(source: &Source, spans: &[Span], filename: &str) -> SourceLocation {
    let line = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
    let range =
        |number| LineRange { start_line: line(number), end_line: line(number), ..LineRange::default() };
    SourceLocation {
        filename: filename.to_owned(),
        language: "Dockerfile".to_owned(),
        data: source.bytes().to_vec(),
        ranges: spans.iter().flat_map(|span| span.lines()).map(range).collect(),
    }
}

/// Returns a warning for buildkitd's history, in the words of BuildKit's linter
/// (`frontend/dockerfile/linter/linter.go`). Its vertex stands for the Dockerfile itself.
pub(crate) fn warning_message(warning: &lint::Warning, source: &Source, filename: &str) -> Warning {
    let first = warning.span.map_or(0, Span::first);
    let place = source_location(source, warning.span.as_slice(), filename);
    let position = |line| Some(pb::Position { line, character: 0 });
    let range =
        |range: &LineRange| pb::Range { start: position(range.start_line), end: position(range.end_line) };
    let digest = Sha256::digest(source.bytes());
    Warning {
        vertex: digest.iter().fold("sha256:".to_owned(), |text, byte| text + &format!("{byte:02x}")),
        level: 1,
        short: format!("{}: {} (line {first})", warning.rule.name, warning.message),
        detail: vec![warning.rule.summary.to_owned()],
        url: String::new(),
        ranges: place.ranges.iter().map(range).collect(),
        source: Some(pb::SourceInfo {
            filename: place.filename,
            data: place.data,
            language: place.language,
            ..pb::SourceInfo::default()
        }),
    }
}
