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
use crate::progress::displays::text::bytes;

const STYLE: &str = include_str!("../../../../templates/report.css");
/// Units of the width of a timeline.
const WIDTH: f64 = 1000.0;
/// The narrowest bar, in those units.
const NARROWEST: f64 = 2.0;

#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    report: &'a Report,
    style: &'static str,
    style_hash: String,
    totals: Vec<(&'static str, String)>,
    rows: Vec<Row<'a>>,
    path: Vec<PathRow<'a>>,
    why: Vec<Why<'a>>,
    layers: Vec<LayerRow<'a>>,
    graph: Option<Picture>,
}

/// A step in the timeline and among the steps.
struct Row<'a> {
    step: &'a Step,
    class: String,
    aria: String,
    bars: Vec<Bar>,
    span: String,
    /// Why it ran again.
    because: String,
    /// The inputs.
    waited_for: Vec<&'a Step>,
    /// When the last of them was there.
    ready: String,
    /// How long after that, or after the start of the build, the step began.
    after: String,
    transfers: Vec<TransferRow<'a>>,
}

struct Bar {
    x: String,
    width: String,
}

struct PathRow<'a> {
    number: usize,
    name: &'a str,
    seconds: String,
    because: &'static str,
}

/// Steps that ran again for the same reasons.
struct Why<'a> {
    steps: Vec<&'a Step>,
    because: String,
}

struct TransferRow<'a> {
    name: &'a str,
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
        let by_digest: BTreeMap<&str, &Step> =
            self.steps.iter().map(|step| (step.digest.as_str(), step)).collect();
        let path = self.critical_path.parts.iter().filter_map(|part| {
            let step = by_digest.get(part.digest.as_str())?;
            let because = match part.because {
                "input" => "the last of its inputs was there",
                "time" => "the step before it had ended",
                _ => "the build began",
            };
            Some(PathRow { number: step.number, name: &step.name, seconds: spanned(part.seconds), because })
        });
        let mut rows: Vec<Row<'_>> =
            self.steps.iter().map(|step| row(step, &by_digest, self.totals.seconds)).collect();
        // Steps that never began stand last.
        let start = |row: &Row<'_>| row.step.after_seconds.unwrap_or(f64::INFINITY);
        rows.sort_by(|a, b| start(a).total_cmp(&start(b)));
        let page = Page {
            report: self,
            style: STYLE,
            style_hash: STANDARD.encode(Sha256::digest(STYLE)),
            totals: totals(self),
            rows,
            path: path.collect(),
            why: why(self.ran_again.iter().filter_map(|digest| by_digest.get(digest.as_str()).copied())),
            layers: self.layers.iter().map(layer).collect(),
            graph: Picture::of(&self.steps),
        };
        page.render().expect("a page of texts and numbers is written to memory")
    }
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

fn row<'a>(step: &'a Step, by_digest: &BTreeMap<&str, &'a Step>, whole: f64) -> Row<'a> {
    let waited_for: Vec<&Step> =
        step.inputs.iter().filter_map(|input| by_digest.get(input.as_str()).copied()).collect();
    let span = match step.state {
        "waiting" => "never ran".to_owned(),
        "cached" => "cached".to_owned(),
        _ => spanned(step.seconds),
    };
    let start = step.after_seconds.unwrap_or(0.0);
    let ready = step.inputs_ready_after_seconds;
    let is_waiting = step.after_seconds.is_some() && ready.is_some();
    Row {
        step,
        class: class(step),
        because: step.ran_because.join("\n"),
        aria: format!("{}, began after {}, {span}", step.state, spanned(start)),
        bars: step.spans.iter().map(|(from, to)| bar(*from, *to, whole)).collect(),
        span,
        waited_for: if is_waiting { waited_for } else { Vec::new() },
        ready: spanned(ready.unwrap_or(0.0)),
        after: spanned((start - ready.unwrap_or(0.0)).max(0.0)),
        transfers: step.transfers.iter().map(transfer).collect(),
    }
}

/// Returns the reasons for which steps ran again, each with its steps.
fn why<'a>(steps: impl Iterator<Item = &'a Step>) -> Vec<Why<'a>> {
    let mut groups: Vec<Why<'_>> = Vec::new();
    for step in steps {
        let because = step.ran_because.join("\n");
        match groups.iter_mut().find(|group| group.because == because) {
            Some(group) => group.steps.push(step),
            None => groups.push(Why { steps: vec![step], because }),
        }
    }
    groups
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
fn transfer(part: &Transfer) -> TransferRow<'_> {
    let moved = match (part.current, part.total) {
        (0, 0) => String::new(),
        (current, total) if total > 0 => format!("{} of {}", bytes(current), bytes(total)),
        (current, _) => bytes(current),
    };
    let rate = part.bytes_per_second.map(|rate| format!("{}/s", bytes(rate as i64)));
    TransferRow {
        name: &part.name,
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
