//! Builds that the machine ends: for memory, for a full disk, with the daemon.

use std::process::Command;
use std::time::Duration;

use crate::support::{Buildkitd, Image, Outcome, Project, Registry, endless_seconds, processes};

#[test]
fn a_step_that_the_kernel_kills_for_its_memory_says_so() {
    let source = Image::push_source(Registry::shared(), "failures/greedy:latest");
    let project = Project::new(&[("Dockerfile", &format!("FROM {source}\nRUN busybox tail /dev/zero\n"))]);
    let stderr = project.build(&["--resource", "memory=24m"]).fail(1).stderr;
    let (_, report) = stderr.split_once("\nerror: ").expect("a report");
    let first = report.lines().next().expect("a line");
    // buildkitd knows of the kernel's act where the machine has cgroups of version 2.
    let is_told = first.starts_with(
        "killed by SIGKILL, most likely because it needed more than the 24 MiB that --resource memory gives a step",
    ) || first.starts_with("out of memory: the step used more than it may, and was killed");
    assert!(is_told && first.ends_with("(exit code: 137)"), "{report}");
}

#[test]
fn a_disk_of_buildkitd_that_is_full_says_so() {
    let source = Image::push_source(Registry::shared(), "failures/large:latest");
    let project = Project::new(&[("Dockerfile", &format!("FROM {source}\nRUN cat /dev/zero > /x\n"))]);
    let daemon = Buildkitd::with_disk("24m");
    let stderr = project.build_on(&daemon, &[]).fail(1).stderr;
    let (_, report) = stderr.split_once("\nerror: ").expect("a report");
    assert!(
        report.contains("disk") && report.contains("is full") && report.contains("bob prune"),
        "{report}"
    );
    assert!(
        report.contains("no space left on device") || report.contains("No space left on device"),
        "{report}"
    );
}

#[test]
fn a_buildkitd_that_is_killed_in_a_step_says_so() {
    let source = Image::push_source(Registry::shared(), "failures/killed:latest");
    let seconds = endless_seconds();
    let project = Project::new(&[("Dockerfile", &format!("FROM {source}\nRUN sleep {seconds}\n"))]);
    // What a killed daemon leaves mounted ends with its own mounts.
    let daemon = Buildkitd::with_disk("64m");
    let mut build = project.build_on(&daemon, &[]).start();
    let socket = daemon.folder().join("sock").display().to_string();
    let sleeps = || !processes(|arguments| arguments == ["sleep", seconds.as_str()]).is_empty();
    while !sleeps() {
        assert!(build.try_wait().expect("a status").is_none(), "the build ended before its step slept");
        std::thread::sleep(Duration::from_millis(20));
    }
    let is_daemon = |arguments: &[&str]| {
        arguments[0].ends_with("buildkitd") && arguments.iter().any(|argument| argument.ends_with(&socket))
    };
    for process in processes(is_daemon) {
        Command::new("kill").args(["-KILL", &process.to_string()]).status().expect("kill runs");
    }
    let outcome = Outcome::of(build);
    for process in processes(|arguments| arguments == ["sleep", seconds.as_str()]) {
        Command::new("kill").args(["-KILL", &process.to_string()]).status().expect("kill runs");
    }
    assert_eq!(outcome.status.code(), Some(1), "{}", outcome.stderr);
    assert!(
        outcome.stderr.contains("what to do: buildkitd ended or cannot be reached any more"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn the_platform_of_buildkitd_s_own_machine_is_not_called_foreign() {
    let daemon =
        Buildkitd::start_with(&["--oci-worker-platform=linux/arm64", "--oci-worker-platform=linux/amd64"]);
    let project = Project::new(&[
        ("Dockerfile", "FROM scratch\nCOPY --chmod=755 program /program\nRUN [\"/program\"]\n"),
        ("program", "no program"),
    ]);
    for (platform, named) in [("linux/arm64", false), ("linux/amd64", true)] {
        let report = project.build_on(&daemon, &["--platform", platform]).fail(1).stderr;
        let (_, reason) = report.split_once("wrong architecture: ").unwrap_or_else(|| panic!("{report}"));
        let reason = reason.lines().next().unwrap_or_default();
        assert_eq!(reason.contains(platform), named, "{platform}: {reason}");
    }
}
