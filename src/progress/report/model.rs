//! The report as data: what its JSON form is, and what its page is made of.
//!
//! Times are RFC 3339 in UTC, spans are seconds, sizes are bytes.

use std::collections::BTreeMap;

use bollard_buildkit_proto::google::protobuf::Timestamp;
use bollard_buildkit_proto::moby::buildkit::v1::VertexStatus;
use serde::Serialize;

use super::chain::{Chain, Times};
use super::claims::{self, Claim};
use super::collector::{Collector, Ending, StepState};
use super::graph::LineSpan;
use crate::progress::journal::is_cancellation;
use crate::progress::time::{self, Nanos};

/// Version of the form. It grows when something in it is renamed, removed or means something else.
const VERSION: u32 = 1;

/// A build at one moment.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    pub(super) version: u32,
    /// `running`, `succeeded`, `failed` or `cancelled`.
    pub(super) state: &'static str,
    /// What the user is told of a failure; empty where there is none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) error: String,
    pub(super) started: Option<String>,
    pub(super) completed: Option<String>,
    pub(super) totals: Totals,
    pub(super) critical_path: CriticalPath,
    pub(super) claims: Vec<Claim>,
    pub(super) steps: Vec<Step>,
    pub(super) warnings: Vec<Warning>,
    pub(super) warnings_left_out: usize,
    pub(super) layers: Vec<Layer>,
}

/// Sums over the steps.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Totals {
    /// From the start of the first step to the end of the last one.
    pub(super) seconds: f64,
    /// The time of all runs of all steps.
    pub(super) seconds_of_steps: f64,
    pub(super) steps: usize,
    pub(super) cached: usize,
    pub(super) failed: usize,
    pub(super) cancelled: usize,
    pub(super) unfinished: usize,
    pub(super) never_started: usize,
    pub(super) context_bytes: i64,
    pub(super) pulled_bytes: i64,
    pub(super) pushed_bytes: i64,
}

/// The steps that followed each other, each of which the next one waited for.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct CriticalPath {
    pub(super) seconds: f64,
    pub(super) parts: Vec<PathPart>,
}

/// One step of the critical path.
#[derive(Debug, Clone, Serialize)]
pub(super) struct PathPart {
    pub(super) digest: String,
    /// How much of the path the step took.
    pub(super) seconds: f64,
    /// `input` where the step used the result of the one before it; `time` where it began when that one had ended, and
    /// the graph does not say why; `start` for the first one.
    pub(super) because: &'static str,
}

/// A step.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Step {
    /// Position of the step in the order in which they appeared, from 1.
    pub(super) number: usize,
    pub(super) digest: String,
    pub(super) name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) file: String,
    pub(super) lines: Vec<LineSpan>,
    pub(super) inputs: Vec<String>,
    /// The input whose result came last.
    pub(super) waited_for: Option<String>,
    /// How long after the first step's start the last input was there.
    pub(super) inputs_ready_after_seconds: Option<f64>,
    pub(super) started: Option<String>,
    pub(super) completed: Option<String>,
    pub(super) runs: Vec<Run>,
    /// Start and end of each run, in seconds after the start of the first step.
    #[serde(skip)]
    pub(super) spans: Vec<(f64, f64)>,
    /// The time of all runs, overlapping ones counted once.
    pub(super) seconds: f64,
    /// From the start of the first step to the start of this one.
    pub(super) after_seconds: Option<f64>,
    pub(super) state: &'static str,
    pub(super) cached: bool,
    pub(super) error: String,
    pub(super) on_critical_path: bool,
    pub(super) transfers: Vec<Transfer>,
    pub(super) log: Vec<String>,
    pub(super) log_lines_left_out: usize,
}

/// One run of a step: it may be looked up in the cache first and run later.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Run {
    pub(super) started: String,
    pub(super) completed: Option<String>,
}

/// A transfer or another part of a step.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Transfer {
    pub(super) name: String,
    pub(super) current: i64,
    pub(super) total: i64,
    pub(super) started: Option<String>,
    pub(super) completed: Option<String>,
    pub(super) seconds: f64,
    /// `None` where too little time has passed to tell.
    pub(super) bytes_per_second: Option<f64>,
}

/// What a build check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Warning {
    pub(super) message: String,
    pub(super) detail: Vec<String>,
    pub(super) url: String,
    pub(super) file: String,
    pub(super) lines: Vec<LineSpan>,
    pub(super) step: String,
}

/// A layer of the result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Layer {
    /// The digest of what is pushed.
    pub digest: String,
    /// Its size, compressed as it is pushed.
    pub bytes: u64,
    /// What made it, as the image's history has it; empty where that is not known.
    pub created_by: String,
}

impl Collector {
    /// Returns the report of what is known so far.
    pub fn report(&self) -> Report {
        let times = Times::of(self);
        let chain = Chain::find(self, &times);
        let steps: Vec<Step> = self
            .steps
            .iter()
            .enumerate()
            .map(|(index, (digest, state))| self.step(index + 1, digest, state, &times, &chain))
            .collect();
        let (state, error) = match &self.ending {
            Ending::Running => ("running", String::new()),
            Ending::Succeeded => ("succeeded", String::new()),
            Ending::Failed(words) => ("failed", words.clone()),
            Ending::Cancelled => ("cancelled", String::new()),
        };
        Report {
            version: VERSION,
            state,
            error,
            started: self.began.as_ref().map(time::rfc3339),
            completed: self.ended.as_ref().map(time::rfc3339),
            totals: totals(&steps, &times),
            claims: claims::of(self, &steps, &times, &chain),
            critical_path: chain.path,
            steps,
            warnings: self.warnings.clone(),
            warnings_left_out: self.warnings_left_out,
            layers: self.layers.clone(),
        }
    }

    fn step(&self, number: usize, digest: &str, state: &StepState, times: &Times, chain: &Chain) -> Step {
        let known = self.graph.get(digest);
        let waited_for = times.last_input(state);
        let ready = waited_for.and_then(|input| times.end(input));
        let starts = state.runs.values().map(|(start, _)| start);
        let ends = state.runs.values().map(|(_, end)| end.as_ref());
        let is_open = ends.clone().any(|end| end.is_none());
        let completed = if is_open { None } else { ends.flatten().max_by_key(|end| time::nanos(end)) };
        Step {
            number,
            digest: digest.to_owned(),
            name: state.name.clone(),
            file: known.map(|step| step.file.clone()).unwrap_or_default(),
            lines: known.map(|step| step.lines.clone()).unwrap_or_default(),
            inputs: state.inputs.clone(),
            waited_for: waited_for.map(str::to_owned),
            inputs_ready_after_seconds: ready.map(|ready| seconds(ready.saturating_sub(times.first))),
            started: starts.min_by_key(|start| time::nanos(start)).map(time::rfc3339),
            completed: completed.map(time::rfc3339),
            runs: state.runs.values().map(|(start, end)| run(start, end.as_ref())).collect(),
            spans: state
                .runs
                .iter()
                .map(|(start, (_, end))| {
                    let end = end.as_ref().map_or(times.last, time::nanos);
                    (seconds(start.saturating_sub(times.first)), seconds(end.saturating_sub(times.first)))
                })
                .collect(),
            seconds: seconds(times.busy(state)),
            after_seconds: state.runs.keys().next().map(|start| seconds(start.saturating_sub(times.first))),
            state: state_of(state, is_open, self.ended.is_some()),
            cached: state.cached,
            error: state.error.clone(),
            on_critical_path: chain.holds(digest),
            transfers: state.transfers.iter().map(|(name, status)| transfer(name, status)).collect(),
            log: state.log.lines(),
            log_lines_left_out: state.log.left_out(),
        }
    }
}

fn state_of(state: &StepState, is_open: bool, is_over: bool) -> &'static str {
    if is_cancellation(&state.error) || is_open && is_over {
        "cancelled"
    } else if !state.error.is_empty() {
        "failed"
    } else if state.runs.is_empty() {
        "waiting"
    } else if is_open {
        "running"
    } else if state.cached {
        "cached"
    } else {
        "done"
    }
}

fn run(start: &Timestamp, end: Option<&Timestamp>) -> Run {
    Run { started: time::rfc3339(start), completed: end.map(time::rfc3339) }
}

/// Seconds, never below zero.
pub(super) fn seconds(nanos: Nanos) -> f64 {
    time::seconds(nanos.max(0))
}

#[expect(clippy::cast_precision_loss, reason = "a rate")]
fn transfer(name: &str, status: &VertexStatus) -> Transfer {
    let start = status.started.as_ref().map(time::nanos);
    let end = status.completed.or(status.timestamp).as_ref().map(time::nanos);
    let span = start.zip(end).map_or(0, |(start, end)| end.saturating_sub(start));
    let seconds = seconds(span);
    let is_known = seconds >= 0.001 && status.current > 0;
    Transfer {
        name: name.to_owned(),
        current: status.current,
        total: status.total,
        started: status.started.as_ref().map(time::rfc3339),
        completed: status.completed.as_ref().map(time::rfc3339),
        seconds,
        bytes_per_second: is_known.then(|| status.current as f64 / seconds),
    }
}

fn totals(steps: &[Step], times: &Times) -> Totals {
    let count = |state: &str| steps.iter().filter(|step| step.state == state).count();
    let mut totals = Totals {
        seconds: seconds(times.last.saturating_sub(times.first)),
        seconds_of_steps: steps.iter().map(|step| step.seconds).sum(),
        steps: steps.len(),
        cached: count("cached"),
        failed: count("failed"),
        cancelled: count("cancelled"),
        unfinished: count("running"),
        never_started: count("waiting"),
        ..Totals::default()
    };
    // A blob that several platforms share is pulled and pushed once.
    let (mut pulled, mut pushed) = (BTreeMap::new(), BTreeMap::new());
    for transfer in steps.iter().flat_map(|step| &step.transfers) {
        let (name, bytes) = (transfer.name.as_str(), transfer.current);
        if name.starts_with("transferring ") {
            totals.context_bytes = totals.context_bytes.saturating_add(bytes);
        } else if let Some(digest) = name.strip_prefix("pushing sha256:") {
            pushed.insert(digest, bytes);
        } else if let Some(digest) = name.strip_prefix("sha256:") {
            pulled.insert(digest, bytes);
        }
    }
    let sum =
        |bytes: &BTreeMap<&str, i64>| bytes.values().fold(0_i64, |sum, bytes| sum.saturating_add(*bytes));
    (totals.pulled_bytes, totals.pushed_bytes) = (sum(&pulled), sum(&pushed));
    totals
}

impl Report {
    /// Returns the report as a JSON text.
    pub fn to_json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("strings, numbers and lists are JSON");
        text.push('\n');
        text
    }
}
