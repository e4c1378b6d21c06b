//! `bob build --report`: where the time went, of builds on a real buildkitd.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::support::{Image, Outcome, Project, Registry, endless_seconds};

fn json(project: &Project, name: &str) -> Value {
    serde_json::from_slice(&fs::read(project.path().join(name)).expect("a report")).expect("JSON")
}

/// The messages of `--progress rawjson`.
fn messages(stderr: &str) -> Vec<Value> {
    let lines = stderr.lines().filter(|line| line.starts_with('{'));
    lines.map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// The items of a list that may be missing.
fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value[name].as_array().map(Vec::as_slice).unwrap_or_default()
}

#[test]
fn the_numbers_are_those_of_the_status_stream() {
    let base = Image::push_source(Registry::shared(), "reports/source:latest");
    let target = Registry::shared().reference("reports/target:latest");
    let dockerfile = format!(
        "FROM {base} as one\nRUN echo first; echo second >&2\nFROM {base}\nCOPY file /file\n\
         RUN echo made > /made\nCOPY --from=one /etc /etc-of-one\n"
    );
    let project = Project::new(&[("Dockerfile", &dockerfile), ("file", &"x".repeat(300_000))]);
    let args = [
        "--no-cache",
        "--progress=rawjson",
        "--report=r.json",
        "--report",
        "r.html",
        "-t",
        &target,
        "--push",
    ];
    let outcome = project.build(&args).succeed();
    let (told, report) = (messages(&outcome.stderr), json(&project, "r.json"));
    assert_eq!(report["state"], "succeeded");
    let all = |name: &'static str| told.iter().flat_map(move |message| list(message, name));

    let steps = list(&report, "steps");
    let mut vertices: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
    for vertex in all("vertexes") {
        vertices.entry(vertex["digest"].as_str().expect("a digest")).or_default().push(vertex);
    }
    assert_eq!(steps.len(), vertices.len());
    for step in steps {
        let digest = step["digest"].as_str().expect("a digest");
        let of_step = &vertices[digest];
        let last = of_step.last().expect("a vertex");
        assert_eq!(step["name"], last["name"]);
        assert_eq!(step["cached"], last.get("cached").cloned().unwrap_or(false.into()), "{digest}");
        assert_eq!(step["inputs"].as_array().map(Vec::as_slice), Some(list(last, "inputs")), "{digest}");
        for run in list(step, "runs") {
            let is_run = |vertex: &&&Value| vertex["started"] == run["started"];
            let told = of_step.iter().rfind(is_run).expect("a run that was told");
            assert_eq!(run["completed"], told["completed"], "{digest}");
        }
        let starts: std::collections::BTreeSet<&str> =
            of_step.iter().filter_map(|vertex| vertex["started"].as_str()).collect();
        assert_eq!(list(step, "runs").len(), starts.len(), "{digest}");
        let mut parts: BTreeMap<&str, &Value> = BTreeMap::new();
        for status in all("statuses").filter(|status| status["vertex"] == digest) {
            parts.insert(status["id"].as_str().expect("an id"), status);
        }
        assert_eq!(list(step, "transfers").len(), parts.len(), "{digest}");
        for transfer in list(step, "transfers") {
            let part = parts[transfer["name"].as_str().expect("a name")];
            assert_eq!(transfer["current"], part["current"], "{transfer}");
            assert_eq!(transfer["total"], part.get("total").cloned().unwrap_or(0.into()), "{transfer}");
            assert_eq!(transfer["completed"], part["completed"], "{transfer}");
        }
    }
    let step = |name: &str| {
        let found = steps.iter().find(|step| step["name"].as_str().is_some_and(|own| own.contains(name)));
        found.unwrap_or_else(|| panic!("no step {name} in {report:#}"))
    };
    let first = step("RUN echo first");
    let mut log: Vec<_> = list(first, "log").iter().filter_map(Value::as_str).collect();
    log.sort_unstable();
    assert_eq!(log, ["first", "second"]);
    assert_eq!((&first["file"], &first["lines"][0]["first"]), (&"Dockerfile".into(), &2.into()));
    assert!(report["totals"]["context_bytes"].as_u64() >= Some(300_000), "{}", report["totals"]);
    let last = list(&report["critical_path"], "parts").last().expect("a chain");
    assert_eq!(last["digest"], step("exporting to image")["digest"]);
    assert_eq!(report["claims"][0]["kind"], "longest_chain");
    let warning = &report["warnings"][0];
    assert!(warning["message"].as_str().is_some_and(|words| words.contains("FromAsCasing")), "{warning}");
    assert_eq!(warning["lines"][0]["first"], 1);
    let layers = list(&report, "layers");
    assert!(layers.len() >= 4 && layers.iter().all(|layer| layer["bytes"].as_u64() > Some(0)), "{layers:#?}");
    assert!(
        layers.last().expect("layers")["created_by"]
            .as_str()
            .is_some_and(|words| words.contains("/etc-of-one"))
    );

    let page = fs::read_to_string(project.path().join("r.html")).expect("a page");
    for number in [&report["totals"]["seconds"], &report["critical_path"]["seconds"], &first["seconds"]] {
        let shown = format!("{:.2} s", number.as_f64().expect("a number"));
        assert!(page.contains(&shown), "{shown}");
    }
    assert!(page.len() < 300_000);
}

#[test]
fn a_build_that_fails_has_its_page_and_one_that_does_not_parse_too() {
    let base = Image::push_source(Registry::shared(), "reports/failing:latest");
    let project = Project::new(&[("Dockerfile", &format!("FROM {base}\nRUN echo '<b>why</b>'; exit 7\n"))]);
    project.build(&["--no-cache", "--report=r.html", "--report=r.json"]).fail(1);
    let page = fs::read_to_string(project.path().join("r.html")).expect("a page");
    assert!(page.contains("&#60;b&#62;why&#60;/b&#62;") && !page.contains("<b>"), "{page}");
    let report = json(&project, "r.json");
    assert_eq!((&report["state"], &report["totals"]["failed"]), (&"failed".into(), &1.into()));
    assert!(
        report["error"].as_str().is_some_and(|words| words.contains("exit code: 7")),
        "{}",
        report["error"]
    );

    let project = Project::new(&[("Dockerfile", "FROM scratch\nNONSENSE\n")]);
    project.build(&["--report=r.json"]).fail(1);
    let report = json(&project, "r.json");
    assert!(report["error"].as_str().is_some_and(|words| words.contains("NONSENSE")), "{}", report["error"]);
}

#[test]
fn a_report_that_cannot_be_is_refused_before_the_build() {
    let project = Project::new(&[("Dockerfile", "FROM scratch\nCOPY Dockerfile /\n")]);
    for (args, words) in [
        (&["--report=r.txt"][..], "must end in .html or .json"),
        (&["--report="], "must end in .html or .json"),
        (&["--report=r.html", "--check"], "--report tells of a build, and --call check builds nothing"),
    ] {
        let outcome = project.build(args).fail(2);
        assert!(outcome.stderr.contains(words), "{}", outcome.stderr);
    }
    let made = Command::new("mkfifo").arg(project.path().join("pipe.html")).status().expect("mkfifo runs");
    assert!(made.success());
    for (name, words) in [
        ("missing/r.html", "cannot write missing/r.html"),
        ("pipe.html", "cannot write pipe.html: what is there is no regular file"),
    ] {
        let outcome = project.build(&["--report", name]).fail(1);
        assert!(outcome.stderr.contains(words), "{}", outcome.stderr);
        assert!(!outcome.stderr.contains("COPY"), "{}", outcome.stderr);
    }
}

#[test]
fn reports_in_the_context_are_no_part_of_it() {
    let project = Project::new(&[("Dockerfile", "FROM scratch\nCOPY . /\n"), ("sub/file", "x")]);
    let out = tempfile::tempdir().expect("a temporary folder");
    let output = format!("type=local,dest={}", out.path().display());
    for is_cached in [false, true] {
        project.build(&["--report=r.json", "--report=sub/r.html", "-o", &output]).succeed();
        let report = json(&project, "r.json");
        let is_copy = |step: &&Value| step["name"].as_str().is_some_and(|name| name.contains("COPY . /"));
        let copy = list(&report, "steps").iter().find(is_copy).expect("a copy");
        assert_eq!(copy["cached"], is_cached, "{copy:#}");
        assert_eq!(names(out.path()), ["Dockerfile", "sub", "sub/file"]);
    }
    assert_eq!(names(project.path()), ["Dockerfile", "r.json", "sub", "sub/file", "sub/r.html"]);
}

/// The paths of all that lies in a folder.
fn names(folder: &Path) -> Vec<String> {
    let mut names = Vec::new();
    let mut rest = vec![folder.to_owned()];
    while let Some(next) = rest.pop() {
        for entry in fs::read_dir(next).expect("a folder") {
            let path = entry.expect("an entry").path();
            names.push(path.strip_prefix(folder).expect("a path below it").display().to_string());
            rest.extend(path.is_dir().then_some(path));
        }
    }
    names.sort();
    names
}

#[test]
fn a_build_that_is_interrupted_has_its_report_before_and_after() {
    let base = Image::push_source(Registry::shared(), "reports/interrupted:latest");
    let seconds = endless_seconds(70);
    let dockerfile = format!("FROM {base}\nRUN echo begun; sleep {seconds}\n");
    let project = Project::new(&[("Dockerfile", &dockerfile)]);
    let child = project.build(&["--report=r.json"]).start();
    let pid = child.id().to_string();
    let done = std::thread::spawn(move || Outcome::of(child));
    let start = Instant::now();
    let has_begun = || {
        let text = fs::read(project.path().join("r.json")).ok()?;
        let report: Value = serde_json::from_slice(&text).expect("a report is there whole or not at all");
        let mut steps = list(&report, "steps").iter();
        let log = serde_json::json!(["begun"]);
        steps.any(|step| step["log"] == log && step["state"] == "running").then_some(report["state"].clone())
    };
    let state = loop {
        if let Some(state) = has_begun() {
            break state;
        }
        assert!(start.elapsed() < Duration::from_secs(60) && !done.is_finished(), "no report of the step");
        std::thread::sleep(Duration::from_millis(20));
    };
    assert_eq!(state, "running");
    Command::new("kill").args(["-INT", pid.as_str()]).status().expect("kill runs");
    done.join().expect("bob ends");
    let report = json(&project, "r.json");
    assert_eq!((&report["state"], &report["totals"]["cancelled"]), (&"cancelled".into(), &1.into()));
}
