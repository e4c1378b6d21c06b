//! The state of a build, as the status stream tells it.
//!
//! A vertex comes first unstarted, then whole again at each change. It may complete (when its cache key
//! is probed) and start once more, so runs are kept by their start time. Vertices of one progress group
//! make one row, which stays hidden while only weak members have run
//! (BuildKit: `util/progress/progressui/display.go`).
//!
//! Words of others come in here, and are kept as they may be shown: without credentials, and without what would drive
//! a terminal. Only log lines keep their colours, for the display to decide.

use std::collections::BTreeMap;

use bollard_buildkit_proto::moby::buildkit::v1::{StatusResponse, Vertex, VertexLog, VertexStatus};
use indexmap::{IndexMap, IndexSet};

use super::journal::Journal;
use super::lines::LineBuffer;
use super::time::{self, Nanos};
use crate::diag::{Colours, log_line, redact, visible, visible_lines};

/// All rows in the order of their first appearance.
#[derive(Debug, Default)]
pub(super) struct Trace {
    rows: IndexMap<String, Row>,
    /// Vertex digest → key of its row.
    row_of: BTreeMap<String, String>,
    journal: Journal,
    skew: Option<Nanos>,
}

/// One line of the display: a vertex or a progress group.
#[derive(Debug, Default)]
pub(super) struct Row {
    pub(super) name: String,
    pub(super) cached: bool,
    pub(super) error: String,
    pub(super) statuses: IndexMap<String, Status>,
    members: BTreeMap<String, Member>,
    is_group: bool,
    /// What a display has not shown yet.
    pub(super) fresh: Fresh,
    /// Number that the plain display gave this row, from 1; 0 where none yet.
    pub(super) index: usize,
    last_log: Nanos,
}

/// What changed in a row since a display last took it.
#[derive(Debug, Default)]
pub(super) struct Fresh {
    pub(super) changed: bool,
    pub(super) statuses: IndexSet<String>,
    pub(super) lines: Vec<LogLine>,
    pub(super) warnings: Vec<String>,
}

#[derive(Debug)]
pub(super) struct LogLine {
    /// Time since the row began.
    pub(super) at: Nanos,
    /// The line, perhaps with colours.
    pub(super) text: String,
}

/// A transfer or another part of a step.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Status {
    pub(super) current: i64,
    pub(super) total: i64,
    pub(super) timestamp: Nanos,
    pub(super) started: Option<Nanos>,
    pub(super) completed: Option<Nanos>,
}

impl Status {
    /// How long it has taken so far.
    pub(super) fn span(&self) -> Nanos {
        self.started.map_or(0, |started| self.completed.unwrap_or(self.timestamp).saturating_sub(started))
    }
}

/// A vertex of a row; a row that is no group has one.
#[derive(Debug, Default)]
struct Member {
    /// Start → end of each run.
    runs: BTreeMap<Nanos, Option<Nanos>>,
    cached: bool,
    error: String,
    weak: bool,
    log: LineBuffer,
}

impl Row {
    pub(super) fn is_started(&self) -> bool {
        self.members.values().any(|member| !member.runs.is_empty())
    }

    /// Whether nothing of it runs now. It may start again.
    pub(super) fn is_completed(&self) -> bool {
        self.is_started() && self.runs().all(|(_, end)| end.is_some())
    }

    /// Whether it is to be shown: started, and not a group of weak members only.
    pub(super) fn is_visible(&self) -> bool {
        let strong = |member: &Member| !member.weak && !member.runs.is_empty();
        self.is_started() && (!self.is_group || !self.error.is_empty() || self.members.values().any(strong))
    }

    /// When it last ended, if it is complete.
    pub(super) fn ended(&self) -> Option<Nanos> {
        self.runs().filter_map(|(_, end)| end).max()
    }

    /// The time it has run, overlapping runs counted once; running ones until `now`.
    pub(super) fn duration(&self, now: Nanos) -> Nanos {
        let mut runs: Vec<_> = self.runs().map(|(start, end)| (start, end.unwrap_or(now))).collect();
        runs.sort_unstable();
        let mut total: Nanos = 0;
        let mut covered = Nanos::MIN;
        for (start, end) in runs {
            let start = start.max(covered);
            if end > start {
                total = end.saturating_sub(start).saturating_add(total);
                covered = end;
            }
        }
        total
    }

    /// Whether some part of it is still moving.
    pub(super) fn has_open_status(&self) -> bool {
        self.statuses.values().any(|status| status.started.is_some() && status.completed.is_none())
    }

    fn runs(&self) -> impl Iterator<Item = (Nanos, Option<Nanos>)> {
        self.members.values().flat_map(|member| member.runs.iter().map(|(start, end)| (*start, *end)))
    }

    fn first_start(&self) -> Option<Nanos> {
        self.runs().map(|(start, _)| start).min()
    }

    fn refresh_from_members(&mut self) {
        self.cached = self.members.values().all(|member| member.cached);
        self.error = self
            .members
            .values()
            .find(|member| !member.error.is_empty())
            .map(|m| m.error.clone())
            .unwrap_or_default();
    }

    fn add_line(&mut self, text: String) {
        let at = self.first_start().map_or(0, |start| self.last_log.saturating_sub(start));
        self.fresh.lines.push(LogLine { at, text });
    }
}

/// A name as it is shown, on one line.
fn shown(name: &str) -> String {
    visible(&redact(name)).into_owned()
}

/// An error or a warning as it is shown.
fn shown_lines(text: &str) -> String {
    visible_lines(&redact(text)).into_owned()
}

impl Trace {
    /// Takes in one message; `now` is this machine's clock.
    pub(super) fn apply(&mut self, message: &StatusResponse, now: Nanos) {
        for vertex in &message.vertexes {
            self.vertex(vertex, now);
        }
        for status in &message.statuses {
            self.status(status);
        }
        for warning in &message.warnings {
            self.journal.warn(warning);
            let text = shown_lines(&String::from_utf8_lossy(&warning.short));
            if let Some(row) = self.row_mut(&warning.vertex) {
                row.fresh.warnings.push(text);
            }
        }
        for log in &message.logs {
            self.log(log);
        }
        for vertex in message.vertexes.iter().filter(|vertex| vertex.completed.is_some()) {
            self.flush_log(&vertex.digest);
        }
    }

    /// Closes the books at the end of the stream: what still runs was cancelled.
    pub(super) fn end(&mut self, now: Nanos) {
        let now = self.remote(now);
        let digests: Vec<_> = self.row_of.keys().cloned().collect();
        for digest in &digests {
            self.flush_log(digest);
        }
        for row in self.rows.values_mut() {
            for member in row.members.values_mut() {
                let open = member.runs.values_mut().filter(|end| end.is_none());
                for end in open {
                    *end = Some(now);
                    "context canceled".clone_into(&mut member.error);
                    row.fresh.changed = true;
                }
            }
            row.refresh_from_members();
        }
    }

    /// The rows, in the order in which they appeared.
    pub(super) fn rows(&self) -> impl Iterator<Item = (usize, &Row)> {
        self.rows.values().enumerate().filter(|(_, row)| row.is_visible())
    }

    pub(super) fn row_at(&mut self, position: usize) -> Option<&mut Row> {
        self.rows.get_index_mut(position).map(|(_, row)| row)
    }

    /// This machine's `now` on buildkitd's clock.
    pub(super) fn remote(&self, now: Nanos) -> Nanos {
        now.saturating_sub(self.skew.unwrap_or(0))
    }

    pub(super) fn into_journal(self) -> Journal {
        self.journal
    }

    fn row_mut(&mut self, digest: &str) -> Option<&mut Row> {
        let key = self.row_of.get(digest)?;
        self.rows.get_mut(key)
    }

    fn vertex(&mut self, vertex: &Vertex, now: Nanos) {
        let started = vertex.started.as_ref().map(time::nanos);
        if let Some(started) = started {
            self.skew.get_or_insert(now.saturating_sub(started));
        }
        let (key, name, weak) = match &vertex.progress_group {
            Some(group) => (&group.id, &group.name, group.weak),
            None => (&vertex.digest, &vertex.name, false),
        };
        self.row_of.insert(vertex.digest.clone(), key.clone());
        let row = self.rows.entry(key.clone()).or_default();
        row.name = shown(name);
        row.is_group = vertex.progress_group.is_some();
        let member = row.members.entry(vertex.digest.clone()).or_default();
        member.weak = weak;
        // An unstarted duplicate of a vertex that has run says nothing new.
        if started.is_some() || member.runs.is_empty() {
            member.cached = vertex.cached;
            member.error = shown_lines(&vertex.error);
        }
        if let Some(started) = started {
            member.runs.insert(started, vertex.completed.as_ref().map(time::nanos));
            row.fresh.changed = true;
        }
        row.refresh_from_members();
        let record = self.journal.entry(&vertex.digest);
        record.name = shown(&vertex.name);
        record.cached = vertex.cached;
        if !vertex.error.is_empty() {
            record.error = shown_lines(&vertex.error);
        }
    }

    fn status(&mut self, status: &VertexStatus) {
        let Some(row) = self.row_mut(&status.vertex) else {
            return;
        };
        let state = Status {
            current: status.current,
            total: status.total,
            timestamp: status.timestamp.as_ref().map_or(0, time::nanos),
            started: status.started.as_ref().map(time::nanos),
            completed: status.completed.as_ref().map(time::nanos),
        };
        let id = shown(&status.id);
        let before = row.statuses.insert(id.clone(), state.clone());
        if before.as_ref() != Some(&state) {
            row.fresh.statuses.insert(id);
        }
    }

    fn log(&mut self, log: &VertexLog) {
        let time = log.timestamp.as_ref().map(time::nanos);
        self.with_log(&log.vertex, |row, buffer, lines| {
            row.last_log = time.unwrap_or(row.last_log);
            buffer.push(&log.msg, |line| lines.push(line));
        });
    }

    /// Takes what a vertex logged after its last line break as a line.
    fn flush_log(&mut self, digest: &str) {
        self.with_log(digest, |_, buffer, lines| buffer.flush(|line| lines.push(line)));
    }

    fn with_log(&mut self, digest: &str, work: impl FnOnce(&mut Row, &mut LineBuffer, &mut Vec<String>)) {
        let Some(key) = self.row_of.get(digest) else {
            return;
        };
        let Some(row) = self.rows.get_mut(key) else {
            return;
        };
        let Some(mut buffer) = row.members.get_mut(digest).map(|member| std::mem::take(&mut member.log))
        else {
            return;
        };
        let mut lines = Vec::new();
        work(row, &mut buffer, &mut lines);
        for line in lines {
            let line = log_line(&redact(&line), Colours::Keep);
            self.journal.log(digest, &log_line(&line, Colours::Drop));
            row.add_line(line);
        }
        if let Some(member) = row.members.get_mut(digest) {
            member.log = buffer;
        }
    }
}
