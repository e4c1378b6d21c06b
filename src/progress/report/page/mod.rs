//! The report as one HTML page that needs nothing else.
//!
//! The template escapes every word (askama does by the ending `.html`); the page allows itself no script, no picture and
//! no other place by its content security policy, and the one style sheet by its digest.

mod picture;

use std::collections::BTreeMap;

use askama::Template;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use self::picture::Picture;
use super::model::{Layer, Report, Step, Transfer};
use crate::diag::shorten;
use crate::progress::displays::text::bytes;

const STYLE: &str = include_str!("../../../../templates/report.css");
/// Units of the width of a timeline.
const WIDTH: f64 = 1000.0;
/// The narrowest bar, in those units.
const NARROWEST: f64 = 2.0;
/// Steps that are shown, at most.
const MOST_STEPS: usize = 1000;
/// Layers that are shown, at most.
const MOST_LAYERS: usize = 500;
/// Of one step: inputs and runs that are shown, at most.
const MOST_OF_STEP: usize = 50;
/// Transfers and parts of all steps that are shown, at most.
const MOST_TRANSFERS: usize = 10_000;
/// Bytes that are shown of a name in a row of its own.
const NAME_BYTES: usize = 240;

#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    report: &'a Report,
    style: &'static str,
    style_hash: String,
    totals: Vec<(&'static str, String)>,
    rows: Vec<Row<'a>>,
    path: Vec<PathRow>,
    layers: Vec<LayerRow<'a>>,
    layers_left_out: usize,
    graph: Option<Picture>,
}

/// A step in the timeline and among the steps.
struct Row<'a> {
    step: &'a Step,
    short_name: String,
    class: String,
    aria: String,
    bars: Vec<Bar>,
    span: String,
    /// Whether it had to wait for inputs before it began.
    is_waiting: bool,
    /// The inputs.
    inputs: Vec<&'a Step>,
    /// How many more there are.
    more_inputs: usize,
    /// When the last of them was there.
    ready: String,
    /// How long after that, or after the start of the build, the step began.
    after: String,
    transfers: Vec<TransferRow>,
}

struct Bar {
    x: String,
    width: String,
}

struct PathRow {
    number: usize,
    name: String,
    seconds: String,
    because: &'static str,
}

struct TransferRow {
    name: String,
    bytes: String,
    span: String,
    rate: String,
}

struct LayerRow<'a> {
    size: String,
    digest: &'a str,
    created_by: &'a str,
}

impl Report {
    /// Returns the report as an HTML page.
    pub fn to_html(&self) -> String {
        let steps = self.shown_steps();
        let by_digest: BTreeMap<&str, &Step> =
            steps.iter().map(|step| (step.digest.as_str(), *step)).collect();
        let path = self.critical_path.parts.iter().filter_map(|part| {
            let step = by_digest.get(part.digest.as_str())?;
            let because = match part.because {
                "input" => "the last of its inputs was there",
                "time" => "the step before it had ended",
                _ => "the build began",
            };
            Some(PathRow {
                number: step.number,
                name: short(&step.name),
                seconds: spanned(part.seconds),
                because,
            })
        });
        let mut room = MOST_TRANSFERS;
        let rows = steps.iter().map(|step| {
            let row = row(step, &by_digest, self.totals.seconds, room);
            room -= row.transfers.len();
            row
        });
        let rows = rows.collect();
        let page = Page {
            report: self,
            style: STYLE,
            style_hash: STANDARD.encode(Sha256::digest(STYLE)),
            totals: totals(self),
            rows,
            path: path.collect(),
            layers: self.layers.iter().take(MOST_LAYERS).map(layer).collect(),
            layers_left_out: self.layers.len().saturating_sub(MOST_LAYERS),
            graph: Picture::of(&self.steps),
        };
        page.render().expect("a page of texts and numbers is written to memory")
    }

    /// Returns the steps that are shown, by their start: of too many those that failed, then those of the critical path,
    /// then those that took longest.
    fn shown_steps(&self) -> Vec<&Step> {
        let mut steps: Vec<&Step> = self.steps.iter().collect();
        if steps.len() > MOST_STEPS {
            let rank = |step: &Step| (step.state == "failed", step.on_critical_path);
            steps.sort_by(|a, b| rank(b).cmp(&rank(a)).then(b.seconds.total_cmp(&a.seconds)));
            steps.truncate(MOST_STEPS);
            steps.sort_by_key(|step| step.number);
        }
        // Steps that never began stand last.
        let start = |step: &Step| step.after_seconds.unwrap_or(f64::INFINITY);
        steps.sort_by(|a, b| start(a).total_cmp(&start(b)));
        steps
    }
}

fn short(name: &str) -> String {
    shorten::in_middle(name, NAME_BYTES)
}

fn totals(report: &Report) -> Vec<(&'static str, String)> {
    let totals = &report.totals;
    let mut shown = vec![
        ("from first to last step", spanned(totals.seconds)),
        ("critical path", spanned(report.critical_path.seconds)),
        ("all steps together", spanned(totals.seconds_of_steps)),
        ("steps", totals.steps.to_string()),
        ("cached", totals.cached.to_string()),
    ];
    let counts = [
        ("failed", totals.failed),
        ("cancelled", totals.cancelled),
        ("running", totals.unfinished),
        ("never started", totals.never_started),
    ];
    shown.extend(
        counts.into_iter().filter(|(_, count)| *count > 0).map(|(name, count)| (name, count.to_string())),
    );
    let moved = [
        ("read from this machine", totals.context_bytes),
        ("pulled", totals.pulled_bytes),
        ("pushed", totals.pushed_bytes),
    ];
    shown.extend(moved.into_iter().filter(|(_, count)| *count > 0).map(|(name, count)| (name, bytes(count))));
    shown
}

/// Returns the row of a step, with at most `most_transfers` transfers.
fn row<'a>(
    step: &'a Step,
    by_digest: &BTreeMap<&str, &'a Step>,
    whole: f64,
    most_transfers: usize,
) -> Row<'a> {
    let inputs = step.inputs.iter().filter_map(|input| by_digest.get(input.as_str()).copied());
    let inputs: Vec<&Step> = inputs.take(MOST_OF_STEP).collect();
    let span = match step.state {
        "waiting" => "never ran".to_owned(),
        "cached" => "cached".to_owned(),
        _ => spanned(step.seconds),
    };
    let start = step.after_seconds.unwrap_or(0.0);
    let ready = step.inputs_ready_after_seconds;
    Row {
        step,
        short_name: short(&step.name),
        class: class(step),
        aria: format!("{}, began after {}, {span}", step.state, spanned(start)),
        bars: step.spans.iter().take(MOST_OF_STEP).map(|(from, to)| bar(*from, *to, whole)).collect(),
        span,
        more_inputs: step.inputs.len() - inputs.len(),
        is_waiting: step.after_seconds.is_some() && ready.is_some(),
        inputs,
        ready: spanned(ready.unwrap_or(0.0)),
        after: spanned((start - ready.unwrap_or(0.0)).max(0.0)),
        transfers: step.transfers.iter().take(most_transfers).map(transfer).collect(),
    }
}

/// The classes of a step in the style sheet.
fn class(step: &Step) -> String {
    if step.on_critical_path { format!("{} on-path", step.state) } else { step.state.to_owned() }
}

fn bar(from: f64, to: f64, whole: f64) -> Bar {
    let scale = if whole > 0.0 { WIDTH / whole } else { 0.0 };
    let width = ((to - from) * scale).clamp(NARROWEST, WIDTH);
    let x = (from * scale).clamp(0.0, WIDTH - width);
    Bar { x: format!("{x:.1}"), width: format!("{width:.1}") }
}

#[expect(clippy::cast_possible_truncation, reason = "a rate in bytes")]
fn transfer(part: &Transfer) -> TransferRow {
    let moved = match (part.current, part.total) {
        (0, 0) => String::new(),
        (current, total) if total > 0 => format!("{} of {}", bytes(current), bytes(total)),
        (current, _) => bytes(current),
    };
    let rate = part.bytes_per_second.map(|rate| format!("{}/s", bytes(rate as i64)));
    TransferRow {
        name: short(&part.name),
        bytes: moved,
        span: spanned(part.seconds),
        rate: rate.unwrap_or_default(),
    }
}

fn layer(layer: &Layer) -> LayerRow<'_> {
    let size = bytes(i64::try_from(layer.bytes).unwrap_or(i64::MAX));
    LayerRow { size, digest: &layer.digest, created_by: &layer.created_by }
}

/// Seconds for people.
fn spanned(seconds: f64) -> String {
    format!("{seconds:.2} s")
}
