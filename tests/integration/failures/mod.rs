//! Why a build failed: real failures on a real buildkitd, and what `bob.log` says of each.

mod github_workflow;
mod machine_limits;
mod of_programs;
mod of_sources;
mod pushes;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use self::of_programs::of_programs;
use self::of_sources::of_sources;
use super::support::{Buildkitd, Image, Registry, Workspace, tool};

/// What the reader of `bob.log` takes of it, in bytes.
const LIMIT: usize = 4096;
/// In how many bytes the reason has to stand.
const FIRST: usize = 300;

/// A failure: its name, the Dockerfile behind `FROM`, what stands in the first bytes, what else stands in the log.
struct Failure {
    name: &'static str,
    dockerfile: String,
    first: &'static str,
    also: &'static [&'static str],
}

fn failure(
    name: &'static str,
    dockerfile: impl Into<String>,
    first: &'static str,
    also: &'static [&'static str],
) -> Failure {
    Failure { name, dockerfile: dockerfile.into(), first, also }
}

#[test]
fn every_failure_begins_with_its_reason_and_fits() {
    let source = Image::push_source(Registry::shared(), "failures/source:latest");
    let daemon = Buildkitd::shared().addr();
    let failures: Vec<Failure> = of_programs().into_iter().chain(of_sources()).collect();
    let problems: Vec<String> = std::thread::scope(|scope| {
        let (source, daemon) = (&source, &daemon);
        let runs: Vec<_> = failures
            .chunks(failures.len().div_ceil(4))
            .map(|some| {
                let work = move || some.iter().filter_map(|one| problem(one, source, daemon)).collect();
                scope.spawn(work)
            })
            .collect();
        runs.into_iter()
            .flat_map(|run| run.join().unwrap_or_else(|_| vec!["a thread failed".to_owned()]))
            .collect()
    });
    assert!(problems.is_empty(), "{}", problems.join("\n=====\n"));
}

/// Makes a failure and returns what is wrong with its report.
fn problem(failure: &Failure, source: &str, daemon: &str) -> Option<String> {
    let dockerfile = format!("FROM {source}\n{}\n", failure.dockerfile);
    let workspace = Workspace::new(&[
        ("Dockerfile", &dockerfile),
        (".dockerignore", "*.log\n"),
        ("secret.log", "x"),
        ("bash.sh", "#!/bin/bash\necho begun\n"),
        ("crlf.sh", "echo begun\r\nnope\r\n"),
    ]);
    let program = fs::read(tool("busybox")).expect("busybox");
    // The machine in the header becomes AArch64.
    let foreign: Vec<u8> = [&program[..18], &[0xb7, 0], &program[20..4096]].concat();
    let path = workspace.path().join("arm");
    fs::write(&path, foreign).expect("a file");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("a mode");
    let registry = Registry::shared();
    let outcome = workspace
        .build(&registry.reference("failures/base:v1"), &registry.reference("failures/target:v1"))
        .env("BOB_BUILD_BASE", "true")
        .env("BOB_DOCKERFILE_PATH", workspace.at("Dockerfile"))
        .env("BOB_EXTERNAL_BUILDKITD", daemon)
        .run();
    let log = workspace.log();
    #[expect(clippy::print_stdout, reason = "the test runner shows it where it is asked to")]
    {
        println!("--- {}\n{log}", failure.name);
    }
    let first = &log[..log.floor_char_boundary(FIRST)];
    let is_well = outcome.status.code() == Some(1)
        && log.len() <= LIMIT
        && first.contains(failure.first)
        && failure.also.iter().all(|phrase| log.contains(phrase))
        && outcome.stderr.contains(log.lines().next()?.trim_start_matches("build failed: "));
    (!is_well).then(|| {
        format!(
            "{}: expected {:?} and {:?} in {} bytes:\n{log}",
            failure.name,
            failure.first,
            failure.also,
            log.len()
        )
    })
}
