//! `bob build --report`: where the time went, of builds on a real buildkitd.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use base64::Engine as _;
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

/// Holds the steps of a report to the messages of `--progress rawjson`: names, times, transfers, logs.
fn assert_equal_numbers(report: &Value, told: &[Value]) {
    let all = |name: &'static str| told.iter().flat_map(move |message| list(message, name));

    let steps = list(report, "steps");
    let mut vertices: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
    for vertex in all("vertexes") {
        vertices.entry(vertex["digest"].as_str().expect("a digest")).or_default().push(vertex);
    }
    assert_eq!(steps.len(), vertices.len());
    for step in steps {
        let digest = step["digest"].as_str().expect("a digest");
        let of_step = &vertices[digest];
        // Of one that has run, a duplicate that did not says nothing.
        let last = of_step.iter().rfind(|vertex| vertex["started"].is_string());
        let last = last.or(of_step.last()).expect("a vertex");
        let inputs = of_step.iter().map(|vertex| list(vertex, "inputs")).rfind(|inputs| !inputs.is_empty());
        assert_eq!(step["name"], last["name"]);
        assert_eq!(step["cached"], last.get("cached").cloned().unwrap_or(false.into()), "{digest}");
        assert_eq!(list(step, "inputs"), inputs.unwrap_or_default(), "{digest}");
        for run in list(step, "runs") {
            let is_run = |vertex: &&&Value| vertex["started"] == run["started"];
            let told = of_step.iter().rfind(is_run).expect("a run that was told");
            assert_eq!(run["completed"], told["completed"], "{digest}");
        }
        let log = all("logs").filter(|log| log["vertex"] == digest);
        let log: Vec<u8> = log.flat_map(|log| decoded(log["data"].as_str().expect("base64"))).collect();
        let log = String::from_utf8(log).expect("text");
        assert_eq!(
            sorted(list(step, "log").iter().filter_map(Value::as_str)),
            sorted(log.lines()),
            "{digest}"
        );
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
    let cached = steps.iter().filter(|step| step["cached"] == true).count();
    let totals = &report["totals"];
    assert_eq!((&totals["steps"], &totals["cached"]), (&steps.len().into(), &cached.into()));
}

fn decoded(text: &str) -> Vec<u8> {
    base64::engine::general_purpose::STANDARD.decode(text).expect("base64")
}

/// Lines of standard output and standard error may come in another order.
fn sorted<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut lines: Vec<&str> = lines.collect();
    lines.sort_unstable();
    lines
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
    assert_equal_numbers(&report, &told);
    let steps = list(&report, "steps");
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

/// 40 steps with lines of the Dockerfile in three stages, each with a file of its own and one with a log.
fn forty_steps(base: &str) -> String {
    let stage = |name: &str| {
        let copies: Vec<_> = (0..9).map(|number| format!("COPY {name} /{name}{number}\n")).collect();
        let copies = copies.concat();
        format!(
            "FROM {base} AS {name}\nWORKDIR /work/{name}\n{copies}RUN cat /{name}0; echo done >&2\nRUN mkdir made\n"
        )
    };
    format!("{}{}{}COPY --from=one /work /one\n", stage("one"), stage("two"), stage("three"))
        + "COPY --from=two /two0 /from-two\nCOPY --link three /last\nRUN echo last\n"
}

#[test]
fn a_build_of_forty_steps_has_its_numbers_and_says_why_steps_ran_again() {
    let base = Image::push_source(Registry::shared(), "reports/forty:latest");
    let files = [("one", "1\n"), ("two", "2\n"), ("three", "3\n")];
    let project = Project::new(&[&[("Dockerfile", &*forty_steps(&base))], &files[..]].concat());
    let state = tempfile::tempdir().expect("a folder");
    let build = |more: &[&str]| {
        let args = ["--progress=rawjson", "--report=r.json", "--report=r.html"];
        let build = project.build(&[&args, more].concat()).env("XDG_STATE_HOME", state.path());
        let stderr = build.succeed().stderr;
        let report = json(&project, "r.json");
        assert_equal_numbers(&report, &messages(&stderr));
        let page = fs::read_to_string(project.path().join("r.html")).expect("a page");
        let log: usize = list(&report, "steps").iter().flat_map(|step| list(step, "log")).count();
        assert!(page.len() - 100 * log <= 300_000, "{} bytes", page.len());
        (report, page, stderr)
    };
    let of_dockerfile = |report: &Value| {
        let steps = list(report, "steps").iter();
        steps.filter(|step| !list(step, "lines").is_empty()).cloned().collect::<Vec<_>>()
    };
    let (first, page, _) = build(&["--no-cache"]);
    assert!(of_dockerfile(&first).len() >= 40, "{}", of_dockerfile(&first).len());
    let note = "There is no record of a build before this one with the same folder";
    assert!(first["cache_note"].as_str().is_some_and(|words| words.starts_with(note)), "{first}");
    assert!(page.contains(note));

    fs::write(project.path().join("two"), "other\n").expect("written");
    let (second, page, told) = build(&["--explain-cache"]);
    let steps = of_dockerfile(&second);
    let (ran, cached): (Vec<_>, Vec<_>) = steps.iter().partition(|step| step["cached"] == false);
    assert!(ran.len() >= 10 && cached.len() >= 20, "{} {}", ran.len(), cached.len());
    assert!(cached.iter().all(|step| list(step, "ran_because").is_empty()));
    let reasons = |name: &str| {
        let step = ran.iter().find(|step| step["name"].as_str().is_some_and(|own| own.ends_with(name)));
        list(step.unwrap_or_else(|| panic!("no {name}")), "ran_because").to_vec()
    };
    let root = ["1 file that it reads changed:", "  two (content)"];
    assert_eq!(reasons("COPY two /two0"), root);
    let chain = reasons("COPY --from=two /two0 /from-two");
    assert!(
        chain[0].as_str().is_some_and(|line| line.starts_with("a step before it ran again: ")),
        "{chain:?}"
    );
    for line in root.iter().copied().chain(chain.iter().filter_map(Value::as_str)) {
        assert!(told.contains(&format!("    {line}\n")), "{line}\n{told}");
        assert!(page.contains(&line.replace('"', "&#34;")), "{line}");
    }
    assert_eq!(second["cache_note"], "");
    // No word of it on standard error where it is not asked for, and in the report all the same.
    let (third, _, quiet) = build(&[]);
    assert_eq!(third["cache_note"], "No step ran again: all results were in the cache.");
    assert!(!quiet.contains("ran again"), "{quiet}");
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
    let seconds = endless_seconds();
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
