//! What the answers share in JSON: places in a Dockerfile, as BuildKit writes them.

use base64::Engine as _;
use serde::Serialize;

use crate::cli::Failure;
use crate::diag::{Source, Span, json_without_commands};

/// `pb.Location`: lines of the first source.
#[derive(Serialize)]
pub(super) struct Location {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ranges: Vec<Range>,
}

#[derive(Serialize)]
struct Range {
    start: Position,
    end: Position,
}

#[derive(Serialize)]
struct Position {
    line: u32,
}

impl Location {
    /// The lines of spans, a range for each line.
    pub(super) fn of(spans: impl IntoIterator<Item = Span>) -> Self {
        let range = |line| Range { start: Position { line }, end: Position { line } };
        Self { ranges: spans.into_iter().flat_map(Span::lines).map(range).collect() }
    }
}

/// The text of a Dockerfile as JSON has bytes.
pub(super) fn data(source: &Source) -> String {
    base64::engine::general_purpose::STANDARD.encode(source.bytes())
}

/// `value` as it is printed.
pub(super) fn to_bytes(value: &impl Serialize) -> Result<Vec<u8>, Failure> {
    let text = serde_json::to_string_pretty(value)? + "\n";
    Ok(json_without_commands(&text).into_owned().into_bytes())
}
