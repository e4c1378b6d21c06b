//! What a report says could be faster.

use super::*;

/// The claims of a kind, as their gain and their steps.
fn claims(report: &Report, kind: &str) -> Vec<(f64, Vec<String>)> {
    let claims = report.claims.iter().filter(|claim| claim.kind == kind);
    claims.map(|claim| (claim.seconds, claim.steps.clone())).collect()
}

#[test]
fn a_copy_that_waited_for_what_it_does_not_read_is_worth_what_the_schedule_says() {
    let build = |kind: StepKind| {
        let mut collector = of_vertices(vec![
            vertex("base", "FROM base", &[], (0, 100)),
            vertex("other", "RUN make", &["base"], (100, 2100)),
            vertex("run", "RUN slow", &["base"], (100, 3100)),
            vertex("copy", "COPY --from=other / /x", &["run", "other"], (3100, 4600)),
        ]);
        collector.know([
            known("other", 2, run("base", "make")),
            known("run", 4, run("base", "slow")),
            known("copy", 5, kind),
        ]);
        collector.report()
    };
    // The copy would have been done at 3.6 s, beside a step that ends at 3.1 s.
    let report = build(copy("run", "other", "/x"));
    assert_eq!(claims(&report, "copy_with_link"), [(1.0, vec!["run".to_owned(), "copy".to_owned()])]);
    let text = &report.claims.iter().find(|claim| claim.kind == "copy_with_link").unwrap().text;
    assert!(
        text.contains("“COPY --from=other / /x” (Dockerfile:5) waited for “RUN slow” (Dockerfile:4)"),
        "{text}"
    );
    let linked = StepKind::Copy { base: None, sources: vec!["other".into()], targets: vec!["/x".into()] };
    assert_eq!(claims(&build(linked), "copy_with_link"), []);
    assert_eq!(claims(&build(copy("run", "run", "/x")), "copy_with_link"), []);
}

#[test]
fn commands_one_after_the_other_are_worth_the_shorter_one() {
    let mut collector = of_vertices(vec![
        vertex("base", "FROM base", &[], (0, 100)),
        vertex("one", "RUN one", &["base"], (100, 2100)),
        vertex("two", "RUN two", &["one"], (2100, 3100)),
        vertex("export", "exporting to image", &[], (3100, 3500)),
    ]);
    collector.know([known("one", 2, run("base", "one")), known("two", 3, run("one", "two"))]);
    let report = collector.report();
    assert_eq!(claims(&report, "beside_each_other"), [(1.0, vec!["one".to_owned(), "two".to_owned()])]);
    let cached = Vertex { cached: true, ..vertex("two", "RUN two", &["one"], (2100, 3100)) };
    collector.apply(&StatusResponse { vertexes: vec![cached], ..StatusResponse::default() });
    assert_eq!(claims(&collector.report(), "beside_each_other"), []);
}

#[test]
fn a_copy_above_an_installation_that_reads_nothing_of_it_is_named() {
    let build = |target: &str, command: &str| {
        let mut collector = of_vertices(vec![
            vertex("ctx", "load build context", &[], (0, 50)),
            vertex("base", "FROM base", &[], (0, 100)),
            vertex("copy", "COPY . /app", &["base", "ctx"], (100, 200)),
            vertex("run", "RUN install", &["copy"], (200, 5200)),
        ]);
        collector.know([
            known("ctx", 0, StepKind::Context),
            known("copy", 2, copy("base", "ctx", target)),
            known("run", 3, run("copy", command)),
        ]);
        claims(&collector.report(), "copy_before_install")
    };
    let install = "apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends git \\\n curl && rm -rf /var/lib/apt/lists/*";
    let found = [(5.0, vec!["copy".to_owned(), "run".to_owned()])];
    assert_eq!(build("/app", install), found);
    assert_eq!(build("/app", "set -eux; apk add --no-cache git"), found);
    for (target, command) in [
        ("/", install),
        ("/etc/apt", install),
        ("/app/../etc", install),
        ("/app", "apt-get install -y ./tool.deb"),
        ("/app", "apt-get install -y $(cat packages)"),
        ("/app", "apt-get update && apt-get install -y git && make"),
        ("/app", "apt-get update"),
        ("/app", "xargs apt-get install -y < packages"),
        ("/app", "rm -rf /var/cache/../../app && apt-get install -y git"),
        ("/app", "pip install -r requirements.txt"),
    ] {
        assert_eq!(build(target, command), [], "{target} {command}");
    }
}
