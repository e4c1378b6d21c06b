//! How large a report gets, whatever the build did.

use super::*;

#[test]
fn a_page_of_forty_steps_is_small_and_needs_nothing_else() {
    let page = forty_steps(0).report().to_html();
    assert!(page.len() < 300_000, "{} bytes", page.len());
    for outside in ["http:", "https:", "url(", "@import", "<script", "<link", " style="] {
        assert!(!page.contains(outside), "{outside}");
    }
    assert!(page.contains("default-src &#39;none&#39;") || page.contains("default-src 'none'"));
    assert_eq!(page.matches("<section class=\"step").count(), 40);
    assert_eq!(page.matches("class=\"node").count(), 40);
}

fn log_message(digest: &str, text: &str) -> StatusResponse {
    let log = VertexLog { vertex: digest.into(), msg: text.as_bytes().to_vec(), ..VertexLog::default() };
    StatusResponse { logs: vec![log], ..StatusResponse::default() }
}

#[test]
fn logs_of_many_steps_have_room_together_and_keep_their_ends() {
    let digests: Vec<String> = (0..60).map(|index| format!("step{index}")).collect();
    let vertices = digests.iter().map(|digest| vertex(digest, "RUN", &[], (0, 1000)));
    let mut collector = of_vertices(vertices.collect());
    let line = "x".repeat(5000);
    for digest in &digests {
        collector.apply(&log_message(digest, &format!("first\n{}", format!("{line}\n").repeat(40))));
        collector.apply(&log_message(digest, &format!("{}last\n", "\n".repeat(5000))));
    }
    collector.apply(&log_message("step0", "one more"));
    collector.end(Ending::Succeeded);
    let report = collector.report();
    let kept: usize = report.steps.iter().flat_map(|step| &step.log).map(|line| line.len() + 24).sum();
    // Not less than half of what there is room for.
    assert!((4_000_000..8_400_000).contains(&kept), "{kept}");
    for step in &report.steps {
        assert_eq!(step.log[0], "first");
        let is_first = step.number == 1;
        let end: &[&str] = if is_first { &["last", "one more"] } else { &["last"] };
        assert!(step.log.ends_with(&end.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>()));
        assert_eq!(step.log.len() - 1 + step.log_lines_left_out, 5042 + usize::from(is_first));
    }
    let page = report.to_html();
    assert!(page.len() < 9_000_000, "{}", page.len());
}

#[test]
fn a_page_of_a_hundred_thousand_steps_shows_those_that_matter() {
    const COUNT: i64 = 100_000;
    let name = format!("RUN {}", "<command> ".repeat(1000));
    let mut collector = Collector::begin();
    for index in 0..COUNT {
        let digest = format!("step{index}");
        let inputs = (1..=3).filter(|back| *back <= index).map(|back| format!("step{}", index - back));
        let inputs: Vec<String> = inputs.collect();
        let base = inputs.first().cloned().unwrap_or_default();
        // One that fails takes no time, and all of the others are one chain.
        let error = if index == 500 { "exit code: 1".to_owned() } else { String::new() };
        let end = if index == 500 { index * 1000 } else { (index + 1) * 1000 };
        let name = if index % 1000 == 0 { &name } else { "RUN x" };
        let run = (index * 1000, end);
        let mut made = Vertex { error, ..vertex(&digest, name, &[], run) };
        made.inputs = inputs;
        collector.apply(&StatusResponse { vertexes: vec![made], ..StatusResponse::default() });
        let kind = match index % 3 {
            0 => run_kind(&base),
            1 => copy(&base, "step0", "/x"),
            _ => StepKind::Context,
        };
        collector.know([known(&digest, 1, kind)]);
    }
    collector.end(Ending::Failed("it failed".into()));
    let report = collector.report();
    assert_eq!(report.steps.len(), usize::try_from(COUNT).unwrap());
    let page = report.to_html();
    assert!(page.len() < 10_000_000, "{}", page.len());
    assert_eq!(page.matches("<section class=\"step").count(), 1000);
    assert!(page.contains("1000 of 100000 steps are on this page"));
    assert!(page.contains("id=\"step-501\"") && page.contains("exit code: 1"));
    assert_eq!(page.matches("href=\"#step-").count(), links_within(&page));
}

/// How many links of a page lead to something that it has.
fn links_within(page: &str) -> usize {
    let ids: std::collections::BTreeSet<&str> =
        page.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    let targets = page.split("href=\"#").skip(1).filter_map(|rest| rest.split('"').next());
    targets.filter(|target| ids.contains(target)).count()
}

#[test]
fn what_one_step_has_is_bounded_and_what_is_left_out_is_counted() {
    let long = "<&\"".repeat(20_000);
    let inputs: Vec<String> = (0..3000).map(|index| format!("input{index}")).collect();
    let vertices = inputs.iter().map(|digest| vertex(digest, "FROM", &[], (0, 10)));
    let mut collector = of_vertices(vertices.collect());
    let position = |line| Some(pb::Position { line, character: 0 });
    let range = pb::Range { start: position(1), end: position(2) };
    let warning = |number: usize| VertexWarning {
        short: format!("{number} {long}").into_bytes(),
        detail: vec![b"detail".to_vec(); 1000],
        url: long.clone(),
        ranges: vec![range; 1000],
        ..VertexWarning::default()
    };
    collector.apply(&StatusResponse {
        vertexes: vec![Vertex {
            inputs,
            error: format!("{long}: context canceled"),
            ..vertex("all", &long, &[], (10, 20))
        }],
        statuses: (0..20_000)
            .map(|index| VertexStatus {
                id: format!("part {index}"),
                vertex: "all".into(),
                ..Default::default()
            })
            .collect(),
        warnings: (0..3).map(warning).collect(),
        ..StatusResponse::default()
    });
    for number in 0..1000 {
        let warning = VertexWarning { short: format!("w{number}").into_bytes(), ..VertexWarning::default() };
        collector.apply(&StatusResponse { warnings: vec![warning], ..StatusResponse::default() });
    }
    let layer = Layer { digest: "d".into(), bytes: 1, created_by: long.clone() };
    collector.set_layers(vec![layer; 600]);
    collector.know([GraphStep {
        file: long,
        lines: vec![LineSpan { first: 1, last: 1 }; 1000],
        ..known("all", 1, StepKind::Other)
    }]);
    collector.end(Ending::Cancelled);
    let report = collector.report();
    assert_eq!(json(&report)["steps"][3000]["state"], "cancelled");
    let page = report.to_html();
    assert!(page.len() < 15_000_000, "{}", page.len());
    for words in [
        "20000 transfers and parts, of which 10000 are here",
        "<p>503 more are left out.</p>",
        "<p>100 more are left out.</p>",
        "and 2950 not shown here",
    ] {
        assert!(page.contains(words), "{words}");
    }
}
