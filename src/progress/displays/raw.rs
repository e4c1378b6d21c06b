//! One `SolveStatus` a line, as buildctl's `--progress=rawjson` prints it
//! (BuildKit: `client/graph.go`).

use std::borrow::Cow;
use std::io::Write;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bollard_buildkit_proto::google::protobuf::Timestamp;
use bollard_buildkit_proto::moby::buildkit::v1::{
    StatusResponse, Vertex, VertexLog, VertexStatus, VertexWarning,
};
use bollard_buildkit_proto::pb;
use serde_json::{Map, Value, json};

use super::{Display, Form, write_quietly};
use crate::diag::{json_without_commands, redact, redact_in_columns};
use crate::progress::time::{self, Nanos};
use crate::progress::trace::Trace;

pub(super) const FORM: Form =
    Form { name: "rawjson", other_names: &[], open: || Box::new(JsonLines::new(std::io::stderr())) };

/// Writes each message as a line of JSON.
pub(super) struct JsonLines<W> {
    out: W,
}

impl<W: Write> JsonLines<W> {
    pub(super) fn new(out: W) -> Self {
        Self { out }
    }
}

impl<W: Write + Send> Display for JsonLines<W> {
    fn message(&mut self, message: &StatusResponse) {
        let line = format!("{}\n", solve_status(message));
        write_quietly(&mut self.out, &json_without_commands(&line));
    }

    fn refresh(&mut self, _trace: &mut Trace, _now: Nanos) {}

    fn finish(&mut self, _trace: &mut Trace, _now: Nanos) {}
}

fn solve_status(message: &StatusResponse) -> Value {
    object([
        ("vertexes", list(&message.vertexes, vertex)),
        ("statuses", list(&message.statuses, status)),
        ("logs", list(&message.logs, log)),
        ("warnings", list(&message.warnings, warning)),
    ])
}

fn vertex(vertex: &Vertex) -> Value {
    object([
        ("digest", text(&vertex.digest)),
        ("inputs", list(&vertex.inputs, |input| json!(input))),
        ("name", words(&vertex.name)),
        ("started", instant(vertex.started.as_ref())),
        ("completed", instant(vertex.completed.as_ref())),
        ("cached", vertex.cached.then_some(Value::Bool(true))),
        ("error", words(&vertex.error)),
        ("progressGroup", vertex.progress_group.as_ref().map(group)),
    ])
}

fn group(group: &pb::ProgressGroup) -> Value {
    object([
        ("id", text(&group.id)),
        ("name", words(&group.name)),
        ("weak", group.weak.then_some(Value::Bool(true))),
    ])
}

fn status(status: &VertexStatus) -> Value {
    object([
        ("id", Some(json!(redact(&status.id)))),
        ("vertex", text(&status.vertex)),
        ("name", words(&status.name)),
        ("total", number(status.total)),
        ("current", Some(json!(status.current))),
        ("timestamp", Some(moment(status.timestamp.as_ref()))),
        ("started", instant(status.started.as_ref())),
        ("completed", instant(status.completed.as_ref())),
    ])
}

fn log(log: &VertexLog) -> Value {
    object([
        ("vertex", text(&log.vertex)),
        ("stream", number(log.stream)),
        ("data", Some(bytes(&redacted(&log.msg)))),
        ("timestamp", Some(moment(log.timestamp.as_ref()))),
    ])
}

/// A warning as the JSON of BuildKit's client has it (`VertexWarning` in `client/graph.go`).
pub(in crate::progress) fn warning(warning: &VertexWarning) -> Value {
    object([
        ("vertex", text(&warning.vertex)),
        ("level", number(warning.level)),
        ("short", (!warning.short.is_empty()).then(|| bytes(&redacted(&warning.short)))),
        ("detail", list(&warning.detail, |line| bytes(&redacted(line)))),
        ("url", text(&warning.url)),
        ("sourceInfo", warning.info.as_ref().map(source)),
        ("range", list(&warning.ranges, range)),
    ])
}

fn source(source: &pb::SourceInfo) -> Value {
    object([
        ("filename", text(&source.filename)),
        ("data", (!source.data.is_empty()).then(|| bytes(&redacted(&source.data)))),
        ("language", text(&source.language)),
    ])
}

fn range(range: &pb::Range) -> Value {
    object([("start", range.start.map(position)), ("end", range.end.map(position))])
}

fn position(position: pb::Position) -> Value {
    object([("line", number(position.line.into())), ("character", number(position.character.into()))])
}

/// An object of the fields that are there, in this order.
fn object<const N: usize>(fields: [(&str, Option<Value>); N]) -> Value {
    let present = fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(present.collect::<Map<_, _>>())
}

fn list<T>(items: &[T], one: impl Fn(&T) -> Value) -> Option<Value> {
    (!items.is_empty()).then(|| Value::Array(items.iter().map(one).collect()))
}

fn text(text: &str) -> Option<Value> {
    (!text.is_empty()).then(|| json!(text))
}

/// Words of others without the credentials of URLs. Control characters stay: JSON has its own way to write them, and
/// the reader is a program.
fn words(words: &str) -> Option<Value> {
    text(&redact(words))
}

/// Bytes without the credentials of URLs; columns stay where they are, since ranges may point at them.
fn redacted(bytes: &[u8]) -> Cow<'_, [u8]> {
    match std::str::from_utf8(bytes).map(redact_in_columns) {
        Ok(Cow::Owned(redacted)) => Cow::Owned(redacted.into_bytes()),
        _ => Cow::Borrowed(bytes),
    }
}

fn number(number: i64) -> Option<Value> {
    (number != 0).then(|| json!(number))
}

fn bytes(bytes: &[u8]) -> Value {
    json!(STANDARD.encode(bytes))
}

fn instant(timestamp: Option<&Timestamp>) -> Option<Value> {
    timestamp.map(|timestamp| json!(time::rfc3339(timestamp)))
}

fn moment(timestamp: Option<&Timestamp>) -> Value {
    json!(time::rfc3339(&timestamp.copied().unwrap_or_default()))
}
