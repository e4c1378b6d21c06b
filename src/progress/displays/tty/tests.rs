use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bollard_buildkit_proto::google::protobuf::Timestamp;
use bollard_buildkit_proto::moby::buildkit::v1::{
    StatusResponse, Vertex, VertexLog, VertexStatus, VertexWarning,
};
use bollard_buildkit_proto::pb::ProgressGroup;
use serde_json::Value;
use unicode_width::UnicodeWidthChar as _;

use super::palette::{Look, Palette};
use super::screen::Size;
use super::*;
use crate::progress::time;

/// A terminal that knows the few sequences that the live view may use. All that was ever on it stays to be read.
#[derive(Debug)]
pub(in crate::progress::displays) struct Terminal {
    columns: usize,
    rows: usize,
    /// Rows from the first on, each a cell a column; the second cell of a wide character is empty.
    cells: Vec<Vec<String>>,
    row: usize,
    column: usize,
    colours: Vec<String>,
}

impl Terminal {
    pub(in crate::progress::displays) fn new(columns: usize, rows: usize) -> Self {
        Self { columns, rows, cells: vec![Vec::new()], row: 0, column: 0, colours: Vec::new() }
    }

    /// Takes what a program writes. Anything but text, line ends and the sequences of the live view fails the test.
    #[track_caller]
    pub(in crate::progress::displays) fn feed(&mut self, text: &str) {
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            rest = &rest[c.len_utf8()..];
            match c {
                '\r' => self.column = 0,
                '\n' => {
                    (self.row, self.column) = (self.row + 1, 0);
                    while self.cells.len() <= self.row {
                        self.cells.push(Vec::new());
                    }
                }
                '\u{1b}' => {
                    let body = rest.strip_prefix('[').unwrap_or_else(|| panic!("a sequence: {rest:?}"));
                    let end = body.find(|c: char| c.is_ascii_alphabetic()).expect("an end");
                    self.sequence(&body[..end], &body[end..=end]);
                    rest = &body[end + 1..];
                }
                c => {
                    assert!(!crate::diag::is_forbidden(c), "{c:?} in {text:?}");
                    self.put(c);
                }
            }
        }
    }

    fn sequence(&mut self, parameters: &str, end: &str) {
        match (parameters, end) {
            ("?25l" | "?25h" | "?25", _) => {}
            (count, "A") => {
                let count: usize = count.parse().expect("a number");
                self.row = self.row.checked_sub(count).expect("not above the first row");
                let top = self.cells.len().saturating_sub(self.rows);
                assert!(self.row >= top, "the cursor left the terminal: {} above {top}", self.row);
            }
            ("", "K") => self.cells[self.row].truncate(self.column),
            ("", "J") => {
                self.cells[self.row].truncate(self.column);
                self.cells.truncate(self.row + 1);
            }
            (colour, "m") => self.colours.push(colour.to_owned()),
            other => panic!("an unknown sequence: {other:?}"),
        }
    }

    fn put(&mut self, c: char) {
        let width = c.width().unwrap_or(0);
        if width == 0 {
            let at = self.column.saturating_sub(1);
            if let Some(cell) = self.cells[self.row].get_mut(at) {
                cell.push(c);
            }
            return;
        }
        if self.column + width > self.columns {
            self.feed("\n");
        }
        let row = &mut self.cells[self.row];
        row.truncate(self.column);
        row.resize(self.column, " ".to_owned());
        row.push(c.to_string());
        row.extend((1..width).map(|_| String::new()));
        self.column += width;
    }

    /// What is to be read, from the first row on.
    pub(in crate::progress::displays) fn text(&self) -> String {
        let rows = self.cells.iter().map(|row| row.concat().trim_end().to_owned());
        rows.collect::<Vec<_>>().join("\n").trim_end().to_owned() + "\n"
    }
}

/// A live view on a terminal of this size, without colours.
pub(in crate::progress::displays) fn live(columns: usize, rows: usize) -> Live<Vec<u8>> {
    coloured(columns, rows, Palette::default())
}

fn coloured(columns: usize, rows: usize, palette: Palette) -> Live<Vec<u8>> {
    Live::new(Vec::new(), Look { palette, log_lines: 6 }, Box::new(move || Size { columns, rows }))
}

/// What a terminal shows of what was written to it.
#[track_caller]
pub(in crate::progress::displays) fn shown(live: Live<Vec<u8>>, columns: usize, rows: usize) -> Terminal {
    let mut terminal = Terminal::new(columns, rows);
    terminal.feed(&String::from_utf8(live.into_inner()).expect("UTF-8"));
    terminal
}

fn instant(value: &Value) -> Option<Timestamp> {
    let at: jiff::Timestamp = value.as_str()?.parse().expect("a time");
    Some(Timestamp { seconds: at.as_second(), nanos: at.subsec_nanosecond() })
}

/// A line of `--progress rawjson`.
fn message(line: &str) -> StatusResponse {
    let value: Value = serde_json::from_str(line).expect("JSON");
    let list = |name: &str| value[name].as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let bytes = |value: &Value| STANDARD.decode(text(value)).expect("base64");
    let number = |value: &Value| value.as_i64().unwrap_or_default();
    let vertex = |v: Value| Vertex {
        digest: text(&v["digest"]),
        name: text(&v["name"]),
        cached: v["cached"].as_bool().unwrap_or_default(),
        started: instant(&v["started"]),
        completed: instant(&v["completed"]),
        error: text(&v["error"]),
        progress_group: v.get("progressGroup").map(|group| ProgressGroup {
            id: text(&group["id"]),
            name: text(&group["name"]),
            weak: group["weak"].as_bool().unwrap_or_default(),
        }),
        ..Vertex::default()
    };
    let status = |s: Value| VertexStatus {
        id: text(&s["id"]),
        vertex: text(&s["vertex"]),
        name: text(&s["name"]),
        current: number(&s["current"]),
        total: number(&s["total"]),
        timestamp: instant(&s["timestamp"]),
        started: instant(&s["started"]),
        completed: instant(&s["completed"]),
    };
    let log = |l: Value| VertexLog {
        vertex: text(&l["vertex"]),
        timestamp: instant(&l["timestamp"]),
        stream: number(&l["stream"]),
        msg: bytes(&l["data"]),
    };
    let warning = |w: Value| VertexWarning {
        vertex: text(&w["vertex"]),
        short: bytes(&w["short"]),
        ..VertexWarning::default()
    };
    StatusResponse {
        vertexes: list("vertexes").into_iter().map(vertex).collect(),
        statuses: list("statuses").into_iter().map(status).collect(),
        logs: list("logs").into_iter().map(log).collect(),
        warnings: list("warnings").into_iter().map(warning).collect(),
    }
}

/// When a message was sent: the latest instant in it.
fn sent(message: &StatusResponse) -> Option<Nanos> {
    let vertices = message.vertexes.iter().flat_map(|v| [v.started, v.completed]);
    let statuses = message.statuses.iter().flat_map(|s| [s.timestamp, s.completed]);
    let logs = message.logs.iter().map(|log| log.timestamp);
    vertices.chain(statuses).chain(logs).flatten().map(|at| time::nanos(&at)).max()
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn recording(name: &str) -> Vec<StatusResponse> {
    let path = root().join("testdata/progress").join(format!("{name}.jsonl"));
    let text = fs::read_to_string(path).expect("a recording");
    text.lines().map(message).collect()
}

/// What the terminal shows of a recorded build `until` a time in milliseconds after its begin, or at its end. The view is
/// drawn every 100 ms.
#[track_caller]
fn replay(messages: &[StatusResponse], columns: usize, rows: usize, until: Option<i64>) -> Terminal {
    let begin = messages.iter().find_map(sent).expect("an instant");
    let (mut live, mut trace, mut tick) = (live(columns, rows), Trace::default(), begin);
    let mut now = begin;
    for message in messages {
        now = sent(message).unwrap_or(now).max(now);
        while tick <= now {
            if until.is_some_and(|until| tick - begin > until * 1_000_000) {
                return shown(live, columns, rows);
            }
            live.refresh(&mut trace, tick);
            tick += 100_000_000;
        }
        trace.apply(message, now);
    }
    trace.end(now);
    live.finish(&mut trace, now);
    shown(live, columns, rows)
}

#[test]
fn the_recordings_of_the_documentation_are_true() {
    let (platforms, failure) = (recording("platforms"), recording("failure"));
    let mut text = String::from(HEAD);
    let mut block = |title: &str, terminal: &Terminal| {
        let _ = write!(text, "\n## {title}\n\n```text\n{}```\n", terminal.text());
    };
    for columns in [40, 80, 160] {
        for (moment, until) in
            [("the base image is pulled", Some(PULL)), ("the steps run", Some(STEPS)), ("all is done", None)]
        {
            let title = format!("Two platforms at {columns} columns, when {moment}");
            block(&title, &replay(&platforms, columns, 30, until));
        }
    }
    block("A failure at 80 columns", &replay(&failure, 80, 30, None));
    let path = root().join("docs/progress.md");
    if std::env::var_os("BOB_UPDATE_DOCS").is_some() {
        fs::write(&path, &text).expect("written");
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(written == text, "docs/progress.md is not what the display shows: make docs writes it anew");
}

/// Moments of the recordings, in milliseconds after the begin of the build.
const PULL: i64 = 3_000;
const STEPS: i64 = 6_000;

const HEAD: &str = "\
# The live view

What `--progress tty` shows, without its colours: steps that are done scroll up and stay to be read, what runs is drawn
anew below them, by platforms where there are several. `make docs` writes this page from the status streams in
`testdata/progress`, which were recorded with `--progress rawjson`; a test holds it to the display.

What `bob build` writes after the last line of a failure, the error with the lines of the Dockerfile, is not part of it.
";

#[test]
fn what_scrolled_away_is_whole_and_in_order_at_every_width() {
    let messages = recording("platforms");
    for columns in [1, 19, 20, 21, 37, 79, 133, 300] {
        let terminal = replay(&messages, columns.max(20), 12, None);
        let text = terminal.text();
        assert!(text.lines().all(|line| crate::diag::columns(line) < columns.max(20)), "{text}");
        let last = text.lines().last().expect("a line");
        assert!(last.starts_with("[+] Building"), "{text}");
        assert_eq!(text.matches("[+] Building").count(), 1, "{text}");
    }
    let wide = replay(&messages, 200, 50, None).text();
    for step in ["[linux/amd64 stage-1 2/3]", "[linux/amd64->arm64 build 2/2] RUN"] {
        assert_eq!(wide.matches(step).count(), 1, "{step}: {wide}");
    }
}

fn vertex(digest: &str, name: &str, completed: Option<i64>) -> StatusResponse {
    let at = |second| Timestamp { seconds: second, nanos: 0 };
    let vertex = Vertex {
        digest: digest.into(),
        name: name.into(),
        started: Some(at(100)),
        completed: completed.map(at),
        ..Vertex::default()
    };
    StatusResponse { vertexes: vec![vertex], ..StatusResponse::default() }
}

fn log(digest: &str, text: &str) -> StatusResponse {
    let log = VertexLog { vertex: digest.into(), timestamp: None, stream: 1, msg: text.into() };
    StatusResponse { logs: vec![log], ..StatusResponse::default() }
}

const SECOND: Nanos = 1_000_000_000;

#[test]
fn a_terminal_that_becomes_narrower_keeps_no_rests() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    let columns = Arc::new(AtomicUsize::new(80));
    let seen = Arc::clone(&columns);
    let look = Look { palette: Palette::default(), log_lines: 6 };
    let size = move || Size { columns: seen.load(Ordering::Relaxed), rows: 24 };
    let mut live = Live::new(Vec::new(), look, Box::new(size));
    let mut trace = Trace::default();
    trace.apply(&vertex("a", &format!("[1/1] RUN {}", "x".repeat(60)), None), 100 * SECOND);
    live.refresh(&mut trace, 101 * SECOND);
    columns.store(30, Ordering::Relaxed);
    live.refresh(&mut trace, 102 * SECOND);
    let text = String::from_utf8(live.into_inner()).unwrap();
    // The two lines of 80 columns take one and three rows of 30.
    assert_eq!(text.matches("\u{1b}[4A").count(), 1, "{text:?}");
}

#[test]
fn there_is_never_more_than_the_terminal_has_rows() {
    let mut live = live(60, 10);
    let mut trace = Trace::default();
    for step in 0..40 {
        let id = format!("v{step}");
        trace.apply(
            &vertex(&id, &format!("[linux/{} 1/1] RUN {step}", ["amd64", "arm64"][step % 2]), None),
            100 * SECOND,
        );
        trace.apply(&log(&id, "one\ntwo\nthree\n"), 100 * SECOND);
        live.refresh(&mut trace, 101 * SECOND);
        live.refresh(&mut trace, 102 * SECOND);
    }
    let text = shown(live, 60, 10).text();
    assert!(text.ends_with(" => => and 33 more running\n"), "{text}");
}

#[test]
fn platforms_have_headings_and_their_steps_lose_the_prefix() {
    let mut live = live(60, 24);
    let mut trace = Trace::default();
    for (id, name) in
        [("a", "[linux/amd64 1/2] FROM a"), ("b", "[linux/arm64 1/2] FROM a"), ("c", "[internal] load x")]
    {
        trace.apply(&vertex(id, name, None), 100 * SECOND);
    }
    trace.apply(&vertex("d", "[linux/amd64 2/2] RUN 日本", Some(101)), 100 * SECOND);
    trace.apply(&log("b", "half\nlast line\n"), 100 * SECOND);
    live.refresh(&mut trace, 102 * SECOND);
    assert_eq!(
        shown(live, 60, 24).text(),
        "\x20=> [linux/amd64 2/2] RUN 日本                         1.0s
[+] Building 0.0s (1/4)
 => [internal] load x                                  2.0s
linux/amd64 (1/2)
 => [1/2] FROM a                                       2.0s
linux/arm64 (0/1)
 => [1/2] FROM a                                       2.0s
 => => # half
 => => # last line
"
    );
}

#[test]
fn outcomes_have_their_colours() {
    let mut live = coloured(60, 24, Palette::parse("run=green", &mut Vec::new()));
    let mut trace = Trace::default();
    trace.apply(&vertex("a", "done", Some(101)), 100 * SECOND);
    for (id, error) in [("b", "exit code: 1"), ("c", "x: context canceled")] {
        let mut failed = vertex(id, "broken", Some(101));
        failed.vertexes[0].error = error.into();
        trace.apply(&failed, 100 * SECOND);
    }
    live.finish(&mut trace, 102 * SECOND);
    let terminal = shown(live, 60, 24);
    assert_eq!(terminal.colours, ["32", "0", "31", "0", "33", "0"]);
    assert!(terminal.text().contains(" => ERROR broken") && terminal.text().contains(" => CANCELED broken"));
    assert!(!terminal.text().contains("FINISHED"), "{}", terminal.text());
}

/// Whether the folder of recordings holds nothing that no test reads.
#[test]
fn every_recording_is_replayed() {
    let mut names: Vec<_> = fs::read_dir(Path::new(&root()).join("testdata/progress"))
        .expect("the folder")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"))
        .collect();
    names.sort();
    assert_eq!(names, ["failure.jsonl", "platforms.jsonl"]);
}
