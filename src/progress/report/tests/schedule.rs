//! When steps ran, and which of them the build waited for.

use super::*;

#[test]
fn the_chain_goes_from_input_to_input_and_over_pauses_that_no_input_explains() {
    let collector = of_vertices(vec![
        vertex("meta", "load metadata", &[], (0, 500)),
        vertex("base", "FROM base", &[], (500, 1500)),
        vertex("ctx", "load context", &[], (500, 700)),
        vertex("copy", "COPY a /a", &["base", "ctx"], (1500, 1600)),
        vertex("run", "RUN make", &["copy"], (1600, 4600)),
        vertex("side", "RUN other", &["base"], (1500, 2500)),
        vertex("export", "exporting to image", &[], (4600, 5000)),
    ]);
    let report = json(&collector.report());
    let parts = report["critical_path"]["parts"].as_array().unwrap();
    let parts: Vec<_> = parts
        .iter()
        .map(|part| (part["digest"].as_str().unwrap(), part["because"].as_str().unwrap()))
        .collect();
    let expected =
        [("meta", "start"), ("base", "time"), ("copy", "input"), ("run", "input"), ("export", "time")];
    assert_eq!(parts, expected);
    assert_eq!(report["critical_path"]["seconds"], 5.0);
    assert_eq!(report["totals"]["seconds"], 5.0);
    assert_eq!(report["steps"][3]["waited_for"], "base");
    assert_eq!(report["steps"][5]["on_critical_path"], false);
}

#[test]
fn the_chain_of_a_failed_build_ends_where_it_failed() {
    let failed = Vertex { error: "exit code: 1".into(), ..vertex("bad", "RUN false", &["base"], (100, 300)) };
    let stopped =
        Vertex { error: "context canceled".into(), ..vertex("other", "RUN sleep", &["base"], (100, 900)) };
    let mut collector = of_vertices(vec![vertex("base", "FROM base", &[], (0, 100)), failed, stopped]);
    collector.end(Ending::Failed("error: \u{1b}[31mRUN\u{1b}[0m failed <b>".into()));
    let report = collector.report();
    let told = json(&report);
    assert_eq!((&told["state"], &told["error"]), (&"failed".into(), &"error: RUN failed <b>".into()));
    assert_eq!(told["critical_path"]["parts"][1]["digest"], "bad");
    assert_eq!(told["steps"][2]["state"], "cancelled");
    assert!(report.to_html().contains("error: RUN failed &#60;b&#62;"), "{}", report.to_html());
}

#[test]
fn a_step_that_still_runs_lasts_until_something_was_last_heard() {
    let mut collector = Collector::begin();
    let open = Vertex { completed: None, ..vertex("a", "RUN a", &[], (0, 0)) };
    let status =
        VertexStatus { id: "x".into(), vertex: "a".into(), timestamp: Some(at(700)), ..Default::default() };
    let never =
        Vertex { digest: "b".into(), name: "RUN b".into(), inputs: vec!["a".into()], ..Vertex::default() };
    collector.apply(&StatusResponse {
        vertexes: vec![open, never],
        statuses: vec![status],
        ..StatusResponse::default()
    });
    let told = json(&collector.report());
    assert_eq!((&told["state"], &told["steps"][0]["state"]), (&"running".into(), &"running".into()));
    assert_eq!((&told["steps"][0]["seconds"], &told["steps"][0]["completed"]), (&0.7.into(), &Value::Null));
    assert_eq!(told["steps"][1]["state"], "waiting");
    collector.end(Ending::Cancelled);
    assert_eq!(json(&collector.report())["steps"][0]["state"], "cancelled");
}

#[test]
fn no_time_of_a_daemon_is_too_far_away() {
    let extremes = [(i64::MIN, i32::MIN), (i64::MAX, i32::MAX), (0, -1), (i64::MAX, 0), (i64::MIN, 0)];
    for (start, end) in extremes.iter().flat_map(|start| extremes.iter().map(move |end| (start, end))) {
        let time = |(seconds, nanos): (i64, i32)| Some(Timestamp { seconds, nanos });
        let open =
            Vertex { started: time(*start), completed: time(*end), ..vertex("a", "a", &["b"], (0, 0)) };
        let mut collector = of_vertices(vec![open, vertex("b", "b", &[], (0, 5))]);
        let status = VertexStatus {
            id: "x".into(),
            vertex: "a".into(),
            current: -1,
            total: i64::MAX,
            started: time(*start),
            timestamp: time(*end),
            ..VertexStatus::default()
        };
        collector.apply(&StatusResponse { statuses: vec![status], ..StatusResponse::default() });
        let report = collector.report();
        assert!(report.to_html().ends_with("</html>"));
    }
}
