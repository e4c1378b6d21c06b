//! Takes in the status stream of a build, for its report.

use std::collections::BTreeMap;

use bollard_buildkit_proto::google::protobuf::Timestamp;
use bollard_buildkit_proto::moby::buildkit::v1::{
    StatusResponse, Vertex, VertexLog, VertexStatus, VertexWarning,
};
use indexmap::IndexMap;

use super::graph::{GraphStep, LineSpan};
use super::log::BoundedLog;
use super::model::{Layer, Warning};
use crate::diag::{Colours, log_line, redact, shorten, visible, visible_lines};
use crate::progress::lines::LineBuffer;
use crate::progress::time::{self, Nanos};

/// How many bytes the logs of all steps may take together.
const LOG_BYTES: usize = 8 << 20;
/// How many bytes are kept of a name, a message or another word of others.
const WORD_BYTES: usize = 4096;
/// Warnings that are kept, at most.
const MOST_WARNINGS: usize = 500;
/// Lines of detail, and places, that are kept of a warning; places of a step.
const MOST_LINES: usize = 10;

/// How a build ended, as its report says it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Ending {
    /// It has not ended.
    #[default]
    Running,
    /// It succeeded.
    Succeeded,
    /// It failed, with what the user is told of it.
    Failed(String),
    /// It was interrupted.
    Cancelled,
}

/// What a build has told so far.
#[derive(Debug, Default)]
pub struct Collector {
    pub(super) steps: IndexMap<String, StepState>,
    pub(super) graph: BTreeMap<String, GraphStep>,
    pub(super) warnings: Vec<Warning>,
    /// How often a warning came for which there was no room any more.
    pub(super) warnings_left_out: usize,
    pub(super) layers: Vec<Layer>,
    pub(super) ending: Ending,
    pub(super) began: Option<Timestamp>,
    pub(super) ended: Option<Timestamp>,
    /// How many bytes of memory the logs take.
    log_bytes: usize,
    /// How often the bounds of the logs were halved, so that all of them have room.
    log_halvings: u32,
}

/// What is known of a step.
#[derive(Debug, Default)]
pub(super) struct StepState {
    pub(super) name: String,
    pub(super) inputs: Vec<String>,
    /// Start → start and end of each run.
    pub(super) runs: BTreeMap<Nanos, (Timestamp, Option<Timestamp>)>,
    pub(super) cached: bool,
    pub(super) error: String,
    pub(super) transfers: IndexMap<String, VertexStatus>,
    pub(super) log: BoundedLog,
    partial: LineBuffer,
}

/// Words of others as they may be shown: without credentials, control characters and what turns text around, and not
/// endless.
fn shown(text: &str) -> String {
    shorten::in_middle(&visible(&redact(text)), WORD_BYTES)
}

fn shown_lines(text: &str) -> String {
    shorten::in_middle(&visible_lines(&redact(&log_lines(text))), WORD_BYTES)
}

/// `text` without terminal sequences, line by line.
fn log_lines(text: &str) -> String {
    text.split('\n').map(|line| log_line(line, Colours::Drop)).collect::<Vec<_>>().join("\n")
}

impl Collector {
    /// Begins now.
    pub fn begin() -> Self {
        Self { began: Some(time::timestamp()), ..Self::default() }
    }

    /// Takes in one message of the status stream.
    pub fn apply(&mut self, message: &StatusResponse) {
        for vertex in &message.vertexes {
            self.vertex(vertex);
        }
        for status in &message.statuses {
            if let Some(step) = self.steps.get_mut(&shown(&status.vertex)) {
                step.transfers.insert(shown(&status.id), status.clone());
            }
        }
        for warning in &message.warnings {
            self.warning(warning);
        }
        for log in &message.logs {
            self.log(log);
        }
        let halvings = self.log_halvings;
        for vertex in message.vertexes.iter().filter(|vertex| vertex.completed.is_some()) {
            self.change_log(&shown(&vertex.digest), |step| step.flush_log(halvings));
        }
        self.bound_logs();
    }

    /// Takes in what is known of steps from their graph.
    pub fn know(&mut self, steps: impl IntoIterator<Item = GraphStep>) {
        let harmless = |mut step: GraphStep| {
            step.lines.truncate(MOST_LINES);
            GraphStep { file: shown(&step.file), ..step }
        };
        self.graph.extend(steps.into_iter().map(harmless).map(|step| (step.digest.clone(), step)));
    }

    /// Takes in the layers of the result.
    pub fn set_layers(&mut self, layers: Vec<Layer>) {
        let harmless = |layer: Layer| Layer {
            digest: shown(&layer.digest),
            created_by: shown(&layer.created_by),
            ..layer
        };
        self.layers = layers.into_iter().map(harmless).collect();
    }

    /// Ends now.
    pub fn end(&mut self, ending: Ending) {
        self.ended = Some(time::timestamp());
        self.ending = match ending {
            Ending::Failed(words) => Ending::Failed(shown_lines(&words)),
            other => other,
        };
        for step in self.steps.values_mut() {
            step.flush_log(self.log_halvings);
        }
        self.log_bytes = self.steps.values().map(|step| step.log.bytes()).sum();
        self.bound_logs();
    }

    fn vertex(&mut self, vertex: &Vertex) {
        let step = self.steps.entry(shown(&vertex.digest)).or_default();
        step.name = shown(&log_line(&vertex.name.replace(['\n', '\r'], " "), Colours::Drop));
        if !vertex.inputs.is_empty() {
            step.inputs = vertex.inputs.iter().map(|input| shown(input)).collect();
        }
        // An unstarted duplicate of a vertex that has run says nothing new.
        if vertex.started.is_some() || step.runs.is_empty() {
            step.cached = vertex.cached;
            step.error = shown_lines(&vertex.error);
        }
        if let Some(started) = vertex.started {
            step.runs.insert(time::nanos(&started), (started, vertex.completed));
        }
    }

    fn warning(&mut self, warning: &VertexWarning) {
        let text = |bytes: &[u8]| shown_lines(&String::from_utf8_lossy(bytes));
        let line = |position: Option<bollard_buildkit_proto::pb::Position>| {
            position.and_then(|position| u32::try_from(position.line).ok())
        };
        let spans = warning.ranges.iter().filter_map(|range| {
            let first = line(range.start)?;
            Some(LineSpan { first, last: line(range.end).unwrap_or(first).max(first) })
        });
        let made = Warning {
            message: text(&warning.short),
            detail: warning.detail.iter().take(MOST_LINES).map(|line| text(line)).collect(),
            url: shown(&warning.url),
            file: warning.info.as_ref().map(|info| shown(&info.filename)).unwrap_or_default(),
            lines: spans.take(MOST_LINES).collect(),
            step: shown(&warning.vertex),
        };
        if self.warnings.contains(&made) {
            return;
        }
        if self.warnings.len() < MOST_WARNINGS {
            self.warnings.push(made);
        } else {
            self.warnings_left_out += 1;
        }
    }

    fn log(&mut self, log: &VertexLog) {
        let halvings = self.log_halvings;
        self.change_log(&shown(&log.vertex), |StepState { partial, log: lines, .. }| {
            partial.push(&log.msg, |line| lines.push(log_words(&line), halvings));
        });
    }

    fn change_log(&mut self, digest: &str, change: impl FnOnce(&mut StepState)) {
        let Some(step) = self.steps.get_mut(digest) else { return };
        self.log_bytes -= step.log.bytes();
        change(step);
        self.log_bytes += step.log.bytes();
    }

    /// Halves the bounds of all logs until they have room together: the longest ones lose most.
    fn bound_logs(&mut self) {
        while self.log_bytes > LOG_BYTES {
            self.log_halvings += 1;
            for step in self.steps.values_mut() {
                step.log.shrink(self.log_halvings);
            }
            self.log_bytes = self.steps.values().map(|step| step.log.bytes()).sum();
        }
    }
}

/// A line of a log as it is kept.
fn log_words(line: &str) -> String {
    visible_lines(&redact(&log_line(line, Colours::Drop))).into_owned()
}

impl StepState {
    fn flush_log(&mut self, halvings: u32) {
        // Its memory is given back: a step that has ended logs no more.
        let mut partial = std::mem::take(&mut self.partial);
        partial.flush(|line| self.log.push(log_words(&line), halvings));
    }

    /// Start and end of the last run.
    pub(super) fn last_run(&self) -> Option<(Nanos, Option<Nanos>)> {
        let (start, (_, end)) = self.runs.last_key_value()?;
        Some((*start, end.as_ref().map(time::nanos)))
    }
}
