mod bounds;
mod claims;
mod hostile_words;
mod schedule;

use bollard_buildkit_proto::google::protobuf::Timestamp;
use bollard_buildkit_proto::moby::buildkit::v1::{
    StatusResponse, Vertex, VertexLog, VertexStatus, VertexWarning,
};
use bollard_buildkit_proto::pb;
use serde_json::Value;

use self::hostile_words::hostile;
use super::*;
use crate::diag::is_forbidden;

/// A time in milliseconds after the start of the test's world.
fn at(millis: i64) -> Timestamp {
    Timestamp { seconds: 100 + millis / 1000, nanos: i32::try_from(millis % 1000).unwrap() * 1_000_000 }
}

fn vertex(digest: &str, name: &str, inputs: &[&str], run: (i64, i64)) -> Vertex {
    Vertex {
        digest: digest.into(),
        name: name.into(),
        inputs: inputs.iter().map(|input| (*input).to_owned()).collect(),
        started: Some(at(run.0)),
        completed: Some(at(run.1)),
        ..Vertex::default()
    }
}

fn of_vertices(vertexes: Vec<Vertex>) -> Collector {
    let mut collector = Collector::begin();
    collector.apply(&StatusResponse { vertexes, ..StatusResponse::default() });
    collector
}

fn json(report: &Report) -> Value {
    serde_json::from_str(&report.to_json()).unwrap()
}

fn known(digest: &str, line: u32, kind: StepKind) -> GraphStep {
    let lines = vec![LineSpan { first: line, last: line }];
    GraphStep { digest: digest.into(), file: "Dockerfile".into(), lines, kind }
}

fn run(base: &str, command: &str) -> StepKind {
    let arguments = ["/bin/sh", "-c", command].map(str::to_owned).into();
    StepKind::Run { base: Some(base.into()), arguments, has_mounts: false }
}

fn copy(base: &str, source: &str, target: &str) -> StepKind {
    StepKind::Copy { base: Some(base.into()), sources: vec![source.into()], targets: vec![target.into()] }
}

/// A build of 40 steps in 3 stages, with transfers and logs of `lines` lines.
fn forty_steps(lines: usize) -> Collector {
    let mut collector = Collector::begin();
    let long = "a command of many words && ".repeat(8);
    for index in 0..40_i64 {
        let digest = format!("sha256:{:064x}", index + 1);
        let input = |index: i64| format!("sha256:{:064x}", index + 1);
        let inputs: Vec<String> = if index < 3 {
            Vec::new()
        } else if index == 39 {
            vec![input(36), input(37), input(38)]
        } else {
            vec![input(index - 3), input(index % 3)]
        };
        let cached = index % 5 == 0;
        let (start, end) = (index * 400, index * 400 + if cached { 0 } else { 300 + index * 40 });
        let name = format!("[stage-{} {}/13] RUN {long}", index % 3, index / 3 + 1);
        collector.apply(&StatusResponse {
            vertexes: vec![Vertex { cached, inputs, ..vertex(&digest, &name, &[], (start, end)) }],
            statuses: (0..4)
                .map(|part| VertexStatus {
                    id: format!("sha256:{:064x}", index * 4 + part + 100),
                    vertex: digest.clone(),
                    current: 1_000_000 * part,
                    total: 3_000_000,
                    timestamp: Some(at(end)),
                    started: Some(at(start)),
                    completed: Some(at(end)),
                    ..VertexStatus::default()
                })
                .collect(),
            logs: (0..lines)
                .map(|line| VertexLog {
                    vertex: digest.clone(),
                    msg: format!("line {line} of the log\n").into_bytes(),
                    ..VertexLog::default()
                })
                .collect(),
            ..StatusResponse::default()
        });
        let line = u32::try_from(index).unwrap() + 2;
        collector.know([known(&digest, line, StepKind::Other)]);
    }
    collector.end(Ending::Succeeded);
    collector
}

fn run_kind(base: &str) -> StepKind {
    run(base, "apt-get install -y git")
}

#[test]
fn steps_that_ran_for_one_reason_are_named_together() {
    let mut collector = of_vertices(vec![
        vertex("a", "COPY a", &[], (0, 10)),
        vertex("b", "RUN b", &["a"], (10, 20)),
        vertex("c", "RUN c", &["b"], (20, 30)),
    ]);
    let lines = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
    collector.explain("a", &lines(&["1 file that it reads changed:", "  a (content)"]));
    for digest in ["b", "c"] {
        collector.explain(digest, &lines(&["a step before it ran again: COPY a"]));
    }
    let report = collector.report();
    assert_eq!(json(&report)["steps"][0]["ran_because"][1], "  a (content)");
    let page = report.to_html();
    assert_eq!(page.matches("1 file that it reads changed:\n  a (content)").count(), 2, "{page}");
    assert_eq!(page.matches("a step before it ran again: COPY a").count(), 3, "{page}");
    assert_eq!(page.matches("class=\"why\"").count(), 2);
    assert!(!of_vertices(Vec::new()).report().to_html().contains("id=\"why\""));
}

/// A build with reasons for the steps that ran, which ends in another way than well.
fn ended(ending: Ending) -> Collector {
    let mut collector = forty_steps(3);
    let is_failed = matches!(ending, Ending::Failed(_));
    let digest = |number: usize| format!("sha256:{number:064x}");
    let root = ["1 file that it reads changed:", "  src/main.c (content)"].map(str::to_owned);
    collector.explain(&digest(2), &root);
    for number in 3..12 {
        collector
            .explain(&digest(number), &["a step before it ran again: Dockerfile:3 COPY src /src".to_owned()]);
    }
    let open =
        Vertex { completed: None, ..vertex("sha256:open", "[stage-2 14/13] RUN make", &[], (19_000, 0)) };
    let error = "process \"/bin/sh -c make\" did not complete successfully: exit code: 2".to_owned();
    let last = if is_failed { Vertex { error, completed: Some(at(19_500)), ..open } } else { open };
    let waiting =
        Vertex { digest: "sha256:never".into(), name: "exporting to image".into(), ..Vertex::default() };
    collector.apply(&StatusResponse { vertexes: vec![last, waiting], ..StatusResponse::default() });
    collector.end(ending);
    collector
}

/// Writes the pages that `make report-browser` opens, where it names a folder for them.
#[test]
fn pages_for_the_browser() {
    let Some(folder) = std::env::var_os("BOB_REPORT_PAGES") else { return };
    let folder = std::path::PathBuf::from(folder);
    let failed = Ending::Failed("error: RUN failed (exit code: 2)\n --> Dockerfile:41\n".to_owned());
    for (name, collector) in [
        ("forty", forty_steps(30)),
        ("hostile", hostile()),
        ("failed", ended(failed)),
        ("cancelled", ended(Ending::Cancelled)),
    ] {
        std::fs::write(folder.join(format!("{name}.html")), collector.report().to_html()).unwrap();
    }
}
