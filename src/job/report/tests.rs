//! Reports of steps: what they say besides the reason.

use super::step_report::StepReport;
use crate::diag::{Diagnostic, LogTail, Source, Span};
use crate::job::error::StepFailure;

const OWN: &str = "linux/amd64";

fn report(dockerfile: &str, line: u32, step: &str, log: &[&str], platforms: &[&str]) -> String {
    let source = Source::new("Dockerfile", dockerfile);
    let mut tail = LogTail::default();
    log.iter().for_each(|line| tail.push(line));
    let last = u32::try_from(dockerfile.lines().count()).unwrap();
    let failure = StepFailure {
        diagnostic: Diagnostic::error("exit code: 1").at(&source, [Span::new(line, last)]),
        step: step.to_owned(),
        exit_code: Some(1),
        platforms: platforms.iter().map(|platform| (*platform).to_owned()).collect(),
        own_platform: OWN.to_owned(),
        memory_limit: None,
        log: tail,
    };
    StepReport::of(&failure).text()
}

#[test]
fn the_platform_of_a_build_for_several_is_named() {
    let of = |step| report("FROM a\nRUN x\n", 2, step, &["error: x"], &[]);
    assert!(
        of("[linux/arm64 2/2] RUN x").starts_with("RUN failed (exit code: 1) for linux/arm64: error: x\n")
    );
    let cross = of("[linux/amd64->arm64 2/2] RUN x");
    assert!(cross.starts_with("RUN failed (exit code: 1) for linux/amd64 → arm64: error: x\n"), "{cross}");
    assert!(of("[build 2/2] RUN x").starts_with("RUN failed (exit code: 1): error: x\n"));
}

#[test]
fn the_own_platform_of_the_machine_is_not_said_to_be_foreign() {
    let log = ["exec /arm: exec format error"];
    let of = |step, platforms: &[&str]| report("FROM a\nRUN [\"/arm\"]\n", 2, step, &log, platforms);
    let own =
        "wrong architecture: the program is not for the processor of buildkitd's machine, or is a script";
    for (step, platform) in
        [("[2/2] RUN", OWN), ("[linux/amd64 2/2] RUN", ""), ("[linux/amd64->arm64 2/2] RUN", "")]
    {
        assert!(of(step, &[platform]).starts_with(own), "{step}");
    }
    let foreign = of("[2/2] RUN", &["linux/arm64"]);
    assert!(foreign.starts_with("wrong architecture: the step is for linux/arm64, which"), "{foreign}");
}

#[test]
fn an_instruction_of_the_base_image_is_named() {
    let of = |step| report("FROM a\n", 1, step, &["sh: npm: not found"], &[]);
    assert!(of("[3/4] RUN npm ci").contains("\nan ONBUILD of the base image failed: RUN npm ci\n"));
    assert!(!of("[1/4] FROM a").contains("ONBUILD"));
}

#[test]
fn the_interpreter_of_a_here_document_is_named() {
    let dockerfile = "FROM a\nRUN <<EOF\n#!/usr/bin/env python3\nprint(1)\nEOF\n";
    let source = Source::new("Dockerfile", dockerfile);
    let mut log = LogTail::default();
    log.push("/bin/sh: /dev/pipes/EOF: not found");
    let failure = StepFailure {
        diagnostic: Diagnostic::error("exit code: 127").at(&source, [Span::new(2, 5)]),
        step: "[2/2] RUN".to_owned(),
        exit_code: Some(127),
        platforms: Vec::new(),
        own_platform: OWN.to_owned(),
        memory_limit: None,
        log,
    };
    let report = StepReport::of(&failure).text();
    let expected =
        "the image does not have what the here-document's first line names: #!/usr/bin/env python3";
    assert!(report.starts_with(expected), "{report}");
}
