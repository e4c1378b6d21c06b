//! Progress as lines of text: each step with a number, its output below its name.
//!
//! Output of steps that run at once is not mixed line by line: one step has the floor until it is done
//! or others have waited for [`PATIENCE`].

use std::fmt::Write as _;
use std::io::Write;

use indexmap::IndexMap;

use super::environment::{has_no_colour, is_workflow};
use super::tty::warn_of_environment;
use super::{Display, Form, text, write_quietly};
use crate::diag::{Colours, log_line, without_commands};
use crate::progress::journal::is_cancellation;
use crate::progress::time::{self, Nanos};
use crate::progress::trace::{LogLine, Row, Status, Trace};

/// How long a running step keeps the floor while others have something to say.
const PATIENCE: Nanos = 5_000_000_000;

/// A transfer is shown again once it has moved by this part of its total …
const STEP_PART: f64 = 0.05;
/// … or this much time has passed.
const STEP_TIME: Nanos = 5_000_000_000;

pub(in crate::progress) const FORM: Form = Form {
    name: "plain",
    other_names: &[],
    open: || {
        warn_of_environment();
        Box::new(Printer::new(std::io::stderr(), colours(), is_workflow()))
    },
};

/// What becomes of the colours that steps log. They also stay where standard error is no terminal: logs of CI systems
/// show them.
fn colours() -> Colours {
    if has_no_colour() { Colours::Drop } else { Colours::Keep }
}

/// Prints a build's steps to `out`.
pub(super) struct Printer<W> {
    out: W,
    /// What becomes of the colours of steps.
    colours: Colours,
    /// Whether the reader is the runner of a GitHub workflow, which obeys what lines say.
    is_workflow: bool,
    /// Position in the trace of the row that has the floor, and since when.
    floor: Option<(usize, Nanos)>,
    last_index: usize,
    begun: bool,
    /// What was last shown of each transfer, by row and id.
    shown: IndexMap<(usize, String), Status>,
}

impl<W: Write> Printer<W> {
    pub(super) fn new(out: W, colours: Colours, is_workflow: bool) -> Self {
        Self { out, colours, is_workflow, floor: None, last_index: 0, begun: false, shown: IndexMap::new() }
    }

    /// Prints what is new in the row at `position`, and gives it the floor if it still runs.
    fn print(&mut self, trace: &mut Trace, position: usize, now: Nanos) {
        let mut text = String::new();
        if self.floor.is_none_or(|(floor, _)| floor != position) {
            self.change_floor(trace, &mut text);
            let Some(row) = trace.row_at(position) else {
                return;
            };
            if row.index == 0 {
                self.last_index += 1;
                row.index = self.last_index;
            }
            let _ = writeln!(text, "#{} {}", row.index, row.name);
            self.floor = Some((position, now));
        }
        let Some(row) = trace.row_at(position) else {
            return;
        };
        self.news(row, position, &mut text);
        if row.is_completed() && !row.has_open_status() {
            let _ = writeln!(text, "#{} {}", row.index, outcome(row, now));
            self.floor = None;
        }
        let text = if self.is_workflow { without_commands(&text) } else { text.into() };
        write_quietly(&mut self.out, &text);
    }

    /// Writes what separates one row's output from the next one's.
    fn change_floor(&mut self, trace: &mut Trace, text: &mut String) {
        if let Some((floor, _)) = self.floor.take()
            && let Some(row) = trace.row_at(floor)
        {
            let _ = writeln!(text, "#{} ...", row.index);
        }
        if self.begun {
            text.push('\n');
        }
        self.begun = true;
    }

    /// Writes a row's transfers, warnings and log lines that were not shown yet.
    fn news(&mut self, row: &mut Row, position: usize, text: &mut String) {
        let fresh = std::mem::take(&mut row.fresh);
        for id in fresh.statuses {
            let Some(status) = row.statuses.get(&id) else {
                continue;
            };
            let key = (position, id);
            if status.started.is_some()
                && self.shown.get(&key).is_none_or(|last| is_worth_showing(last, status))
            {
                let _ = writeln!(text, "#{} {}{}", row.index, key.1, text::transfer(status));
                self.shown.insert(key, status.clone());
            }
        }
        for warning in fresh.warnings {
            let _ = writeln!(text, "#{} WARN: {warning}", row.index);
        }
        for LogLine { at, text: line } in fresh.lines {
            let line = match self.colours {
                Colours::Keep => line,
                Colours::Drop => log_line(&line, Colours::Drop),
            };
            let _ = writeln!(text, "#{} {} {line}", row.index, text::elapsed(at));
        }
    }

    fn step(&mut self, trace: &mut Trace, now: Nanos) {
        let mut done = Vec::new();
        let mut running = Vec::new();
        for (position, row) in trace.rows() {
            let has_news = !row.fresh.statuses.is_empty() || !row.fresh.lines.is_empty() || row.fresh.changed;
            if has_news && row.is_completed() {
                done.push((self.floor.is_none_or(|(floor, _)| floor != position), row.ended(), position));
            } else if has_news {
                running.push(position);
            }
        }
        // The row that has the floor ends first, the others by the time at which they ended.
        done.sort_unstable();
        for (_, _, position) in done {
            self.print(trace, position, now);
        }
        match self.floor {
            Some((floor, _)) if running.contains(&floor) => self.print(trace, floor, now),
            _ => {}
        }
        let others =
            running.into_iter().find(|position| self.floor.is_none_or(|(floor, _)| floor != *position));
        let may_change = self.floor.is_none_or(|(_, since)| now.saturating_sub(since) > PATIENCE);
        if let Some(position) = others
            && may_change
        {
            self.print(trace, position, now);
        }
    }
}

impl<W: Write + Send> Display for Printer<W> {
    fn refresh(&mut self, trace: &mut Trace, now: Nanos) {
        let now = trace.remote(now);
        self.step(trace, now);
    }

    fn finish(&mut self, trace: &mut Trace, now: Nanos) {
        self.refresh(trace, now);
    }
}

/// `DONE 0.3s`, `CACHED`, `CANCELED` or `ERROR: …`.
fn outcome(row: &Row, now: Nanos) -> String {
    if is_cancellation(&row.error) {
        "CANCELED".to_owned()
    } else if !row.error.is_empty() {
        format!("ERROR: {}", row.error)
    } else if row.cached {
        "CACHED".to_owned()
    } else {
        format!("DONE {:.1}s", time::seconds(row.duration(now)))
    }
}

#[expect(clippy::cast_precision_loss, reason = "a threshold")]
fn is_worth_showing(last: &Status, status: &Status) -> bool {
    let moved = if status.total > 0 {
        status.current.saturating_sub(last.current) as f64 / status.total as f64
    } else {
        0.0
    };
    (status.completed.is_some() && last.completed.is_none())
        || moved >= STEP_PART
        || status.timestamp.saturating_sub(last.timestamp) >= STEP_TIME
}
