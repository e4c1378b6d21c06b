//! Progress as a live view: what is done is written above it, for good; what runs stays below with its transfers and
//! the end of its log. With several platforms, what runs is grouped by them.

pub(in crate::progress) mod above;
mod frame;
mod palette;
mod screen;

use std::cmp::Reverse;
use std::collections::{BTreeMap, VecDeque};
use std::io::Write;

use indexmap::IndexMap;

pub(super) use self::palette::warn_of_environment;

use self::above::Above;
use self::palette::{Look, Style};
use self::screen::{Line, Screen, Size};
use super::{Display, Form};
use crate::progress::time::Nanos;
use crate::progress::trace::{Row, Trace};

pub(in crate::progress) const FORM: Form =
    Form { name: "tty", other_names: &[], open: || Box::new(Live::on_stderr()) };

/// The narrowest layout, in columns.
const NARROWEST: usize = 20;

/// The live view.
pub(super) struct Live<W> {
    screen: Screen<W>,
    log_lines: usize,
    size: Box<dyn Fn() -> Size + Send>,
    /// What steps that run have shown so far, by their positions in the trace.
    running: BTreeMap<usize, Shown>,
    begun: Option<Nanos>,
    /// The lines of others that go to the same terminal.
    above: Option<Above>,
}

/// What a running step has to show beside its name.
#[derive(Debug, Default)]
struct Shown {
    log: VecDeque<String>,
    warnings: Vec<String>,
}

/// A step in the live part.
struct Step {
    platform: Option<String>,
    line: Line,
    details: Vec<Line>,
}

impl Live<std::io::Stderr> {
    fn on_stderr() -> Self {
        let live = Self::new(std::io::stderr(), Look::of_environment(), Box::new(Size::of_stderr));
        Self { above: Some(Above::begin()), ..live }
    }
}

impl<W: Write> Live<W> {
    fn new(out: W, look: Look, size: Box<dyn Fn() -> Size + Send>) -> Self {
        let screen = Screen::new(out, look.palette);
        Self { screen, log_lines: look.log_lines, size, running: BTreeMap::new(), begun: None, above: None }
    }

    fn update(&mut self, trace: &mut Trace, now: Nanos, is_last: bool) {
        let size = (self.size)();
        // A line that fills its row ends differently on different terminals.
        let width = size.columns.max(NARROWEST) - 1;
        let now = trace.remote(now);
        let positions: Vec<usize> = trace.rows().map(|(position, _)| position).collect();
        let mut counts: IndexMap<Option<String>, (usize, usize)> = IndexMap::new();
        let (mut finished, mut steps, mut has_failed) = (Vec::new(), Vec::new(), false);
        for position in positions {
            let Some(row) = trace.row_at(position) else { continue };
            let (platform, name) = match frame::platform(&row.name) {
                Some((platform, name)) => (Some(platform), name),
                None => (None, row.name.clone()),
            };
            let (done, total) = counts.entry(platform.clone()).or_default();
            *total += 1;
            has_failed |= !row.error.is_empty();
            if !row.is_completed() || row.has_open_status() && !is_last {
                self.take_news(position, row);
                steps.push((position, platform, name));
                continue;
            }
            *done += 1;
            if row.fresh.changed || self.running.contains_key(&position) {
                finished.push((row.ended(), position));
            }
        }
        finished.sort_unstable();
        let others = self.above.as_ref().map(Above::take).unwrap_or_default();
        let mut scrolled: Vec<Line> =
            others.into_iter().map(|text| Line { text, style: Style::Plain }).collect();
        for (_, position) in finished {
            let Some(row) = trace.row_at(position) else { continue };
            self.take_news(position, row);
            scrolled.extend(frame::done(row, now, width));
            let shown = self.running.remove(&position).unwrap_or_default();
            scrolled.extend(shown.warnings.iter().map(|words| frame::warning(words, width)));
        }
        let is_grouped = counts.keys().flatten().count() > 1;
        let mut live = vec![self.head(&counts, now, is_last && !has_failed, width)];
        let steps = steps.into_iter().filter_map(|(position, platform, name)| {
            let row = trace.row_at(position)?;
            let name = if is_grouped { &name } else { &row.name };
            let line = frame::running(name, row, now, width);
            Some(Step {
                platform: platform.filter(|_| is_grouped),
                line,
                details: self.details(position, row, width),
            })
        });
        let steps: Vec<Step> = steps.collect();
        live.extend(arranged(steps, &counts, size.rows.saturating_sub(2).max(1), width));
        self.screen.draw(&scrolled, live, size);
    }

    /// Keeps what a step has to say that was not shown yet.
    fn take_news(&mut self, position: usize, row: &mut Row) {
        let fresh = std::mem::take(&mut row.fresh);
        let shown = self.running.entry(position).or_default();
        shown.warnings.extend(fresh.warnings);
        shown.log.extend(fresh.lines.into_iter().map(|line| line.text));
        let surplus = shown.log.len().saturating_sub(self.log_lines);
        shown.log.drain(..surplus);
    }

    /// The lines below a running step.
    fn details(&self, position: usize, row: &Row, width: usize) -> Vec<Line> {
        let mut lines = frame::transfers(row, width);
        if let Some(shown) = self.running.get(&position) {
            lines.extend(shown.warnings.iter().map(|words| frame::warning(words, width)));
            lines.extend(
                shown.log.iter().filter(|line| !line.trim().is_empty()).map(|line| frame::log(line, width)),
            );
        }
        lines
    }

    fn head(
        &mut self,
        counts: &IndexMap<Option<String>, (usize, usize)>,
        now: Nanos,
        is_finished: bool,
        width: usize,
    ) -> Line {
        let begun = *self.begun.get_or_insert(now);
        let took = frame::seconds(now.saturating_sub(begun));
        let (done, total) = counts.values().fold((0, 0), |sum, count| (sum.0 + count.0, sum.1 + count.1));
        let end = if is_finished && done == total { " FINISHED" } else { "" };
        frame::aligned(&format!("[+] Building {took} ({done}/{total}){end}"), "", width, Style::Plain)
    }

    #[cfg(test)]
    fn into_inner(self) -> W {
        self.screen.into_inner()
    }
}

/// The steps that run in at most `rows` lines: those of no platform first, then each platform's below its heading.
/// Where there is too little room, logs and transfers go first.
fn arranged(
    mut steps: Vec<Step>,
    counts: &IndexMap<Option<String>, (usize, usize)>,
    rows: usize,
    width: usize,
) -> Vec<Line> {
    let place = |platform: &Option<String>| platform.as_ref().map(|_| counts.get_index_of(platform));
    steps.sort_by_key(|step| place(&step.platform));
    let headings = {
        let mut platforms: Vec<&String> = steps.iter().filter_map(|step| step.platform.as_ref()).collect();
        platforms.dedup();
        platforms.len()
    };
    let all = steps.len();
    if all + headings > rows {
        // Headings go as well; which of the steps began first is of no use to somebody who waits.
        steps.truncate(rows.saturating_sub(1));
        let hidden = all - steps.len();
        let lines = steps.into_iter().map(|step| step.line);
        return lines.chain(frame::more(hidden, " running", width)).collect();
    }
    let mut room = rows - all - headings;
    let mut shares = vec![0; all];
    // Those that need least get all that they need.
    let mut by_need: Vec<usize> = (0..all).collect();
    by_need.sort_by_key(|index| Reverse(steps[*index].details.len()));
    while let Some(index) = by_need.pop() {
        shares[index] = steps[index].details.len().min(room / (by_need.len() + 1));
        room -= shares[index];
    }
    let mut lines = Vec::new();
    let mut last = None;
    for (step, share) in steps.into_iter().zip(shares) {
        if let Some(platform) = &step.platform
            && last.as_ref() != Some(platform)
        {
            let (done, total) = counts.get(&step.platform).copied().unwrap_or_default();
            let text = format!("{platform} ({done}/{total})");
            lines.push(frame::aligned(&text, "", width, Style::Plain));
            last = Some(platform.clone());
        }
        lines.push(step.line);
        // The end of a log says more than its beginning.
        let skipped = step.details.len() - share;
        lines.extend(step.details.into_iter().skip(skipped));
    }
    lines
}

impl<W: Write + Send> Display for Live<W> {
    fn refresh(&mut self, trace: &mut Trace, now: Nanos) {
        self.update(trace, now, false);
    }

    fn finish(&mut self, trace: &mut Trace, now: Nanos) {
        self.update(trace, now, true);
    }
}

#[cfg(test)]
pub(super) mod tests;
