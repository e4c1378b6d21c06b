use bollard_buildkit_proto::google::protobuf::Timestamp;
use bollard_buildkit_proto::moby::buildkit::v1::{Vertex, VertexLog, VertexStatus, VertexWarning};
use bollard_buildkit_proto::pb::ProgressGroup;

use super::plain::Printer;
use super::raw::JsonLines;
use super::*;
use crate::diag::{Colours, is_forbidden, log_line};
use crate::progress::{Journal, Mode};

const SECOND: Nanos = 1_000_000_000;

/// A time in milliseconds after the start of the test's world.
fn at(millis: i64) -> Timestamp {
    Timestamp { seconds: 100 + millis / 1000, nanos: i32::try_from(millis % 1000).unwrap() * 1_000_000 }
}

fn vertex(digest: &str, name: &str, started: Option<i64>, completed: Option<i64>) -> Vertex {
    Vertex {
        digest: digest.into(),
        name: name.into(),
        started: started.map(at),
        completed: completed.map(at),
        ..Vertex::default()
    }
}

fn log(vertex: &str, millis: i64, text: &str) -> VertexLog {
    VertexLog { vertex: vertex.into(), timestamp: Some(at(millis)), stream: 1, msg: text.into() }
}

fn vertices(vertexes: Vec<Vertex>) -> StatusResponse {
    StatusResponse { vertexes, ..StatusResponse::default() }
}

fn logs(logs: Vec<VertexLog>) -> StatusResponse {
    StatusResponse { logs, ..StatusResponse::default() }
}

/// Plain output of `messages`, refreshed after each; the clock goes a second a message.
fn plain(messages: &[StatusResponse]) -> (String, Journal) {
    let mut out = Vec::new();
    let mut printer = Printer::new(&mut out, Colours::Keep, false);
    let mut trace = Trace::default();
    let mut now = 100 * SECOND;
    for message in messages {
        trace.apply(message, now);
        printer.refresh(&mut trace, now);
        now += SECOND;
    }
    trace.end(now);
    printer.finish(&mut trace, now);
    drop(printer);
    (String::from_utf8(out).unwrap(), trace.into_journal())
}

#[test]
fn steps_are_numbered_and_end_with_their_outcome() {
    let cached = Vertex { cached: true, ..vertex("b", "[2/3] RUN two", Some(10), Some(10)) };
    let failed =
        Vertex { error: "exit code: 7".into(), ..vertex("c", "[3/3] RUN three", Some(20), Some(900)) };
    let (text, journal) = plain(&[
        vertices(vec![vertex("a", "[1/3] FROM base", Some(0), Some(300))]),
        vertices(vec![cached]),
        vertices(vec![vertex("c", "[3/3] RUN three", Some(20), None)]),
        logs(vec![log("c", 143, "out"), log("c", 150, "put\nlast words")]),
        vertices(vec![failed]),
    ]);
    assert_eq!(
        text,
        "#1 [1/3] FROM base\n#1 DONE 0.3s\n\n\
         #2 [2/3] RUN two\n#2 CACHED\n\n\
         #3 [3/3] RUN three\n#3 0.130 output\n#3 0.130 last words\n#3 ERROR: exit code: 7\n"
    );
    let failed: Vec<_> = journal.failed().collect();
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0].name, "[3/3] RUN three");
    assert_eq!(failed[0].log_tail().collect::<Vec<_>>(), ["output", "last words"]);
}

#[test]
fn unstarted_vertices_are_not_shown_and_do_not_undo_a_start() {
    let (text, _) = plain(&[
        vertices(vec![vertex("a", "one", None, None), vertex("b", "never", None, None)]),
        vertices(vec![vertex("a", "one", Some(0), Some(100))]),
        vertices(vec![vertex("a", "one", None, None)]),
    ]);
    assert_eq!(text, "#1 one\n#1 DONE 0.1s\n");
}

#[test]
fn a_vertex_may_run_twice_and_overlapping_time_counts_once() {
    let mut trace = Trace::default();
    for (start, end) in [(0, Some(100)), (50, Some(200)), (1000, Some(1500))] {
        trace.apply(&vertices(vec![vertex("a", "one", Some(start), end)]), 0);
    }
    let (_, row) = trace.rows().next().unwrap();
    assert_eq!(row.duration(0), 700 * SECOND / 1000);
    assert!(row.is_completed());
    trace.apply(&vertices(vec![vertex("a", "one", Some(2000), None)]), 0);
    let (_, row) = trace.rows().next().unwrap();
    assert!(!row.is_completed());
}

#[test]
fn what_runs_at_the_end_was_cancelled() {
    let (text, journal) =
        plain(&[vertices(vec![vertex("a", "one", Some(0), None)]), logs(vec![log("a", 500, "half a line")])]);
    assert_eq!(text, "#1 one\n#1 0.500 half a line\n#1 CANCELED\n");
    assert_eq!(journal.failed().count(), 0);
}

#[test]
fn a_step_keeps_the_floor_until_others_have_waited() {
    let one = || vertices(vec![vertex("a", "one", Some(0), None)]);
    let mut messages = vec![one(), vertices(vec![vertex("b", "two", Some(1), None)])];
    for second in 1..7 {
        messages.push(logs(vec![log("a", second * 1000, "a\n"), log("b", second * 1000, "b\n")]));
    }
    let (text, _) = plain(&messages);
    let begin =
        "#1 one\n#1 1.00 a\n#1 2.00 a\n#1 3.00 a\n#1 4.00 a\n#1 5.00 a\n#1 ...\n\n#2 two\n#2 0.999 b\n";
    assert!(text.starts_with(begin), "{text}");
}

#[test]
fn transfers_show_their_id_and_size_but_not_every_byte() {
    let status = |current, completed: Option<i64>| StatusResponse {
        statuses: vec![VertexStatus {
            id: "sha256:abc".into(),
            vertex: "a".into(),
            name: "transferring".into(),
            current,
            total: 1_000_000,
            timestamp: Some(at(completed.unwrap_or(500))),
            started: Some(at(0)),
            completed: completed.map(at),
        }],
        ..StatusResponse::default()
    };
    let (text, _) = plain(&[
        vertices(vec![vertex("a", "pull", Some(0), None)]),
        status(100_000, None),
        status(110_000, None),
        status(1_000_000, Some(1500)),
        vertices(vec![vertex("a", "pull", Some(0), Some(1500))]),
    ]);
    assert_eq!(
        text,
        "#1 pull\n#1 sha256:abc 100.00kB / 1.00MB 0.5s\n#1 sha256:abc 1.00MB / 1.00MB 1.5s done\n#1 DONE 1.5s\n"
    );
}

#[test]
fn vertices_of_a_group_are_one_step_hidden_while_only_weak_ones_ran() {
    let member = |digest: &str, weak, started, completed| Vertex {
        progress_group: Some(ProgressGroup { id: "g".into(), name: "COPY a b".into(), weak }),
        ..vertex(digest, digest, started, completed)
    };
    let (text, _) = plain(&[vertices(vec![member("weak", true, Some(0), Some(100))])]);
    assert_eq!(text, "");
    let (text, _) = plain(&[
        vertices(vec![member("weak", true, Some(0), Some(100))]),
        vertices(vec![member("strong", false, Some(100), Some(200))]),
    ]);
    assert_eq!(text, "#1 COPY a b\n#1 DONE 0.2s\n");
}

#[test]
fn raw_json_has_the_fields_of_a_solve_status() {
    let mut out = Vec::new();
    let mut message =
        vertices(vec![Vertex { cached: true, ..vertex("sha256:a", "one", Some(0), Some(1500)) }]);
    message.logs = vec![log("sha256:a", 20, "hi\n")];
    JsonLines::new(&mut out).message(&message);
    let value: serde_json::Value = serde_json::from_slice(&out).unwrap();
    assert_eq!(
        value,
        serde_json::json!({
            "vertexes": [{
                "digest": "sha256:a", "name": "one", "cached": true,
                "started": "1970-01-01T00:01:40Z", "completed": "1970-01-01T00:01:41.5Z",
            }],
            "logs": [{"vertex": "sha256:a", "stream": 1, "data": "aGkK", "timestamp": "1970-01-01T00:01:40.02Z"}],
        })
    );
    assert_eq!(out.split(|byte| *byte == b'\n').count(), 2);
}

#[test]
fn an_unknown_mode_is_named_with_those_that_exist() {
    assert_eq!("plain".parse::<Mode>().unwrap(), Mode::PLAIN);
    let error = "fancy".parse::<Mode>().unwrap_err();
    assert_eq!(error.to_string(), "unknown progress mode \"fancy\"; use auto, plain, tty, rawjson or quiet");
}

/// What a hostile step, registry or daemon puts into its words.
const HOSTILE: &str = "a\u{1b}]52;c;ZXZpbA==\u{7}\u{1b}]0;title\u{1b}\\\u{1b}[2J\u{1b}[31m\u{9b}1;1H\u{8}\u{202e}b https://user:s3cr3t@host/x\r#9 DONE";

/// A message that has `words` wherever words can stand, the log in two pieces that part its sequences.
fn hostile(words: &str) -> StatusResponse {
    let (first, second) = words.split_at(words.floor_char_boundary(words.len() / 4));
    let group = ProgressGroup { id: "g".into(), name: words.into(), weak: false };
    StatusResponse {
        vertexes: vec![
            Vertex { error: words.into(), ..vertex("a", words, Some(0), None) },
            Vertex { progress_group: Some(group), ..vertex("b", words, Some(0), None) },
        ],
        statuses: vec![VertexStatus {
            id: words.into(),
            vertex: "a".into(),
            name: words.into(),
            started: Some(at(0)),
            ..VertexStatus::default()
        }],
        logs: vec![log("a", 1, first), log("a", 2, second), log("a", 3, "\n")],
        warnings: vec![VertexWarning { vertex: "a".into(), short: words.into(), ..VertexWarning::default() }],
    }
}

/// Asserts that `text` drives no terminal: its only sequences are colours, and each line ends without one.
fn assert_drives_no_terminal(text: &str) {
    for line in text.split('\n') {
        let kept = log_line(line, Colours::Keep);
        assert_eq!(kept, line, "would drive a terminal");
    }
}

#[test]
fn words_of_others_drive_no_terminal_and_show_no_credential() {
    let (text, journal) = plain(&[hostile(HOSTILE)]);
    assert_drives_no_terminal(&text);
    assert!(!text.contains("s3cr3t") && !text.contains("52;c;ZXZpbA==\u{7}"), "{text}");
    for step in journal.steps() {
        let words = [step.name.as_str(), &step.error].into_iter().chain(step.log_tail()).collect::<String>();
        assert!(!words.contains(is_forbidden) && !words.contains("s3cr3t"), "{words:?}");
    }
    let mut out = Vec::new();
    JsonLines::new(&mut out).message(&hostile(HOSTILE));
    assert!(!String::from_utf8(out).unwrap().contains("s3cr3t"));
}

#[test]
fn a_workflow_obeys_nothing_that_a_step_says() {
    let hostile = hostile("::error::a ##[add-mask]b\n::stop-commands::c");
    let mut trace = Trace::default();
    trace.apply(&hostile, 100 * SECOND);
    let mut out = Vec::new();
    Printer::new(&mut out, Colours::Keep, true).finish(&mut trace, 101 * SECOND);
    let text = String::from_utf8(out).unwrap();
    assert!(text.contains("# #[add-mask]b") && !text.contains("##["), "{text}");
    assert!(!text.lines().any(|line| line.trim_start().starts_with("::")), "{text}");
    let mut json = Vec::new();
    JsonLines::new(&mut json).message(&hostile);
    let json = String::from_utf8(json).unwrap();
    assert!(json.contains("#\\u0023[add-mask]b") && !json.contains("##["), "{json}");
}

#[test]
fn colours_of_a_step_stay_unless_they_are_not_wanted() {
    let messages = [
        vertices(vec![vertex("a", "one", Some(0), None)]),
        logs(vec![
            log("a", 500, "\u{1b}[3"),
            log("a", 500, "2mgreen\n10%\r99%\n\u{1b}]0;t"),
            log("a", 500, "\u{7}x\n"),
        ]),
    ];
    let (text, _) = plain(&messages);
    assert!(text.contains("#1 0.500 \u{1b}[32mgreen\u{1b}[0m\n#1 0.500 99%\n#1 0.500 x\n"), "{text:?}");
    let mut out = Vec::new();
    let mut trace = Trace::default();
    for message in &messages {
        trace.apply(message, 100 * SECOND);
    }
    Printer::new(&mut out, Colours::Drop, false).finish(&mut trace, 101 * SECOND);
    assert!(String::from_utf8(out).unwrap().contains("#1 0.500 green\n#1 0.500 99%\n"));
}

#[test]
fn the_live_view_drives_a_terminal_only_itself() {
    let mut live = tty::tests::live(80, 24);
    let mut trace = Trace::default();
    trace.apply(&hostile(HOSTILE), 100 * SECOND);
    live.refresh(&mut trace, 101 * SECOND);
    live.finish(&mut trace, 102 * SECOND);
    // The terminal of the tests refuses every sequence but those of the live view.
    let text = tty::tests::shown(live, 80, 24).text();
    assert!(text.lines().count() > 3 && !text.contains("s3cr3t"), "{text}");
}

#[test]
fn fuzz_no_status_message_drives_a_terminal() {
    let messages: Vec<Vec<u8>> = [
        hostile(HOSTILE),
        vertices(vec![vertex("a", "[1/2] RUN make", Some(0), Some(100))]),
        logs(vec![log("a", 143, "out\u{1b}[31m"), log("a", 150, "put\nlast words")]),
    ]
    .iter()
    .map(prost::Message::encode_to_vec)
    .collect();
    let seeds: Vec<&[u8]> = messages.iter().map(Vec::as_slice).collect();
    crate::fuzz::run(&seeds, |bytes| {
        let bytes = &bytes[..bytes.len().min(400)];
        let words = String::from_utf8_lossy(bytes);
        let mut messages = vec![hostile(&words)];
        messages.extend(<StatusResponse as prost::Message>::decode(bytes));
        let (text, journal) = plain(&messages);
        assert_drives_no_terminal(&text);
        for step in journal.steps() {
            let mut words = [step.name.as_str(), &step.error].into_iter().chain(step.log_tail());
            assert!(!words.any(|words| words.contains(is_forbidden)));
        }
        for message in &messages {
            JsonLines::new(Vec::new()).message(message);
        }
        // The live view says the same, but drawing takes its time.
        if bytes.len() > 150 {
            return;
        }
        let mut live = tty::tests::live(80, 24);
        let mut trace = Trace::default();
        for message in &messages {
            trace.apply(message, 100 * SECOND);
            live.refresh(&mut trace, 101 * SECOND);
        }
        live.finish(&mut trace, 102 * SECOND);
        tty::tests::shown(live, 80, 24);
    });
}
