//! Progress as a live view: what is done scrolls up, what runs stays below with its transfers and the
//! end of its log.

use std::time::Duration;

use indexmap::IndexMap;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{Display, Form, text};
use crate::progress::journal::is_cancellation;
use crate::progress::time::{self, Nanos};
use crate::progress::trace::{Row, Trace};

/// Log lines shown of a running step.
const TAIL: usize = 5;
/// Transfers shown of a running step.
const TRANSFERS: usize = 6;
/// Running steps shown at once.
const STEPS: usize = 10;

pub(in crate::progress) const FORM: Form =
    Form { name: "tty", other_names: &[], open: || Box::new(Live::new()) };

/// The live view on standard error.
pub(super) struct Live {
    screen: MultiProgress,
    head: ProgressBar,
    steps: IndexMap<usize, RunningStep>,
    begun: Option<Nanos>,
}

/// The bars of one running step.
struct RunningStep {
    line: ProgressBar,
    transfers: IndexMap<String, ProgressBar>,
    tail: Vec<String>,
    tail_lines: Vec<ProgressBar>,
}

impl Live {
    pub(super) fn new() -> Self {
        Self::on(ProgressDrawTarget::stderr_with_hz(10))
    }

    pub(super) fn on(target: ProgressDrawTarget) -> Self {
        let screen = MultiProgress::with_draw_target(target);
        let head = screen.add(text_line());
        Self { screen, head, steps: IndexMap::new(), begun: None }
    }

    /// What the lines of running steps say.
    #[cfg(test)]
    pub(super) fn messages(&self) -> Vec<String> {
        let lines = self
            .steps
            .values()
            .flat_map(|step| [&step.line].into_iter().chain(step.transfers.values()).chain(&step.tail_lines));
        lines.map(ProgressBar::message).collect()
    }

    /// Columns of the terminal; 80 where it does not know.
    fn width() -> usize {
        let columns = rustix::termios::tcgetwinsize(std::io::stderr()).map_or(0, |size| size.ws_col);
        if columns == 0 { 80 } else { usize::from(columns.max(20)) }
    }

    fn update(&mut self, trace: &mut Trace, now: Nanos, is_last: bool) {
        let width = Self::width();
        let now = trace.remote(now);
        let visible: Vec<usize> = trace.rows().map(|(position, _)| position).collect();
        let mut done = 0;
        for &position in &visible {
            let Some(row) = trace.row_at(position) else {
                continue;
            };
            if !row.is_completed() || row.has_open_status() && !is_last {
                self.show_running(position, row, now, width);
            } else {
                done += 1;
                if row.fresh.changed || self.steps.contains_key(&position) {
                    self.retire(position, row, now, width);
                }
            }
        }
        let begun = *self.begun.get_or_insert(now);
        let elapsed = time::seconds(now.saturating_sub(begun));
        let total = visible.len();
        let state = if is_last { "Finished" } else { "Building" };
        self.head.set_message(format!("[+] {state} {elapsed:.1}s ({done}/{total})"));
    }

    /// Writes a finished step above the live part.
    fn retire(&mut self, position: usize, row: &mut Row, now: Nanos, width: usize) {
        if let Some(step) = self.steps.shift_remove(&position) {
            step.clear(&self.screen);
        }
        let fresh = std::mem::take(&mut row.fresh);
        let took = format!("{:.1}s", time::seconds(row.duration(now)));
        let (mark, name) = match () {
            () if is_cancellation(&row.error) => (" => CANCELED ", &row.name),
            () if !row.error.is_empty() => (" => ERROR ", &row.name),
            () if row.cached => (" => CACHED ", &row.name),
            () => (" => ", &row.name),
        };
        let _ = self.screen.println(aligned(&format!("{mark}{name}"), &took, width));
        for warning in fresh.warnings {
            let _ = self.screen.println(text::one_row(&format!(" => => WARN: {warning}"), width));
        }
    }

    fn show_running(&mut self, position: usize, row: &mut Row, now: Nanos, width: usize) {
        let fresh = std::mem::take(&mut row.fresh);
        if !self.steps.contains_key(&position) {
            if self.steps.len() >= STEPS {
                row.fresh = fresh;
                return;
            }
            let line = self.screen.insert_before(&self.head, text_line());
            self.steps.insert(
                position,
                RunningStep { line, transfers: IndexMap::new(), tail: Vec::new(), tail_lines: Vec::new() },
            );
        }
        let Some(step) = self.steps.get_mut(&position) else {
            return;
        };
        let took = format!("{:.1}s", time::seconds(row.duration(now)));
        step.line.set_message(aligned(&format!(" => {}", row.name), &took, width));
        step.show_transfers(&self.screen, row);
        step.tail.extend(fresh.lines.into_iter().map(|line| line.text));
        let surplus = step.tail.len().saturating_sub(TAIL);
        step.tail.drain(..surplus);
        step.show_tail(&self.screen, width);
    }
}

impl RunningStep {
    fn last_bar(&self) -> &ProgressBar {
        self.transfers.last().map_or(&self.line, |(_, bar)| bar)
    }

    fn show_transfers(&mut self, screen: &MultiProgress, row: &Row) {
        for (id, status) in row.statuses.iter().filter(|(_, status)| status.started.is_some()) {
            if status.completed.is_some() {
                if let Some(bar) = self.transfers.shift_remove(id) {
                    screen.remove(&bar);
                }
                continue;
            }
            if !self.transfers.contains_key(id) {
                if self.transfers.len() >= TRANSFERS {
                    continue;
                }
                let bar = screen.insert_after(self.last_bar(), ProgressBar::no_length());
                self.transfers.insert(id.clone(), bar);
            }
            let Some(bar) = self.transfers.get(id) else {
                continue;
            };
            let known = u64::try_from(status.total).ok().filter(|total| *total > 0);
            bar.set_style(if known.is_some() { bar_style() } else { count_style() });
            bar.set_length(known.unwrap_or(0));
            bar.set_position(u64::try_from(status.current).unwrap_or(0));
            bar.set_message(text::one_row(id, 48));
        }
    }

    fn show_tail(&mut self, screen: &MultiProgress, width: usize) {
        while self.tail_lines.len() < self.tail.len() {
            let after = self.tail_lines.last().unwrap_or_else(|| self.last_bar()).clone();
            self.tail_lines.push(screen.insert_after(&after, text_line()));
        }
        for (bar, line) in self.tail_lines.iter().zip(&self.tail) {
            bar.set_message(format!(" => => {}", text::one_row(line, width.saturating_sub(8))));
        }
    }

    fn clear(self, screen: &MultiProgress) {
        for bar in self.tail_lines.iter().chain(self.transfers.values()).chain([&self.line]) {
            screen.remove(bar);
        }
    }
}

impl Display for Live {
    fn refresh(&mut self, trace: &mut Trace, now: Nanos) {
        self.update(trace, now, false);
        self.head.tick();
    }

    fn finish(&mut self, trace: &mut Trace, now: Nanos) {
        self.update(trace, now, true);
        self.head.finish();
    }
}

/// `left` and `right` at the two ends of a terminal row.
fn aligned(left: &str, right: &str, width: usize) -> String {
    let room = width.saturating_sub(right.len() + 2);
    let left = text::one_row(left, room);
    format!("{left:<room$} {right}")
}

fn text_line() -> ProgressBar {
    ProgressBar::new_spinner().with_style(style("{msg}")).with_elapsed(Duration::ZERO)
}

fn bar_style() -> ProgressStyle {
    style(" => => {msg:48} [{bar:20}] {decimal_bytes}/{decimal_total_bytes}").progress_chars("=> ")
}

fn count_style() -> ProgressStyle {
    style(" => => {msg:48} {decimal_bytes}")
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the templates above are well formed")
}
