//! What goes wrong in a workspace: one clear error, the same in `bob.log`, nothing left behind.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::thread::JoinHandle;
use std::time::Duration;

use super::support::{
    Buildkitd, Image, Outcome, Registry, Workspace, endless_seconds, processes, refusing_registry, tool,
};

/// A workspace with a Dockerfile of its own text, on the shared buildkitd.
struct Fault {
    workspace: Workspace,
    base: String,
}

impl Fault {
    fn new(dockerfile: &str) -> Self {
        let source = Image::push_source(Registry::shared(), "faults/source:latest");
        let text = dockerfile.replace("$SOURCE", &source);
        Self {
            workspace: Workspace::new(&[("Dockerfile", &text), ("file", "text\n")]),
            base: Registry::shared().reference("faults/base:v1"),
        }
    }

    fn command(&self) -> super::support::Bob {
        self.workspace
            .build(&self.base, &Registry::shared().reference("faults/target:v1"))
            .env("BOB_BUILD_BASE", "true")
            .env("BOB_DOCKERFILE_PATH", self.workspace.at("Dockerfile"))
            .env("BOB_EXTERNAL_BUILDKITD", Buildkitd::shared().addr())
    }

    /// Checks that the error is in the log that the user sees, whole and without a second one.
    #[track_caller]
    fn expect(&self, outcome: &Outcome, code: i32, phrases: &[&str]) {
        let log = self.workspace.log();
        #[expect(clippy::print_stdout, reason = "the test runner shows it where it is asked to")]
        {
            println!("--- exit code {code}, bob.log:\n{log}");
        }
        assert_eq!(outcome.status.code(), Some(code), "{}\n{}", outcome.stdout, outcome.stderr);
        for phrase in phrases {
            assert!(
                log.contains(phrase),
                "bob.log does not say {phrase:?}:\n{log}\n--- stderr:\n{}",
                outcome.stderr
            );
        }
        let errors = outcome.stderr.lines().filter(|line| line.starts_with("error: ")).count();
        assert_eq!(errors, 1, "one error:\n{}", outcome.stderr);
        assert!(log.len() <= 4096);
        let left: Vec<_> = fs::read_dir(self.workspace.path().join(".gitpod"))
            .expect("the folder")
            .map(|entry| entry.expect("an entry").file_name())
            .filter(|name| name != "ready" && name != "bob.log")
            .collect();
        assert!(left.is_empty(), "left behind: {left:?}");
    }
}

const GOOD: &str = "FROM $SOURCE\nRUN echo built > /built\n";

#[test]
fn a_missing_dockerfile_is_named_relative_to_the_workspace() {
    let fault = Fault::new(GOOD);
    let outcome = fault.command().env("BOB_DOCKERFILE_PATH", fault.workspace.at("sub/Dockerfile")).run();
    fault.expect(&outcome, 1, &["sub/Dockerfile", "image.file", ".gitpod.yml"]);
    assert!(!fault.workspace.log().contains(&fault.workspace.path().display().to_string()));
}

#[test]
fn a_dockerfile_outside_the_workspace_is_refused() {
    let outside = tempfile::tempdir().expect("a folder");
    fs::write(outside.path().join("Dockerfile"), GOOD).expect("a file");
    let fault = Fault::new(GOOD);
    symlink(outside.path().join("Dockerfile"), fault.workspace.path().join("link")).expect("a link");
    let sibling = format!("{}foo", fault.workspace.path().display());
    fs::create_dir(&sibling).expect("a folder");
    fs::write(format!("{sibling}/Dockerfile"), GOOD).expect("a file");
    for path in [
        outside.path().join("Dockerfile").display().to_string(),
        fault.workspace.at("link"),
        format!("{sibling}/Dockerfile"),
        fault.workspace.at("../etc/passwd"),
    ] {
        let outcome = fault.command().env("BOB_DOCKERFILE_PATH", &path).run();
        assert!(matches!(outcome.status.code(), Some(1 | 2)), "{path}: {}", outcome.stderr);
        assert!(fault.workspace.log().contains("BOB_DOCKERFILE_PATH"), "{path}: {}", fault.workspace.log());
    }
    fs::remove_dir_all(sibling).expect("the folder is removed");
}

#[test]
fn a_folder_in_place_of_the_dockerfile_is_refused() {
    let fault = Fault::new(GOOD);
    fs::create_dir(fault.workspace.path().join("folder")).expect("a folder");
    let outcome = fault.command().env("BOB_DOCKERFILE_PATH", fault.workspace.at("folder")).run();
    fault.expect(&outcome, 1, &["folder", "not a file"]);
}

#[test]
fn a_dockerfile_that_is_not_utf8_is_refused() {
    let fault = Fault::new(GOOD);
    fs::write(fault.workspace.path().join("Dockerfile"), b"FROM scratch\nENV A=\xff\xfe\n").expect("a file");
    let outcome = fault.command().run();
    fault.expect(&outcome, 1, &["UTF-8", "Dockerfile"]);
}

#[test]
fn a_parse_error_begins_with_build_failed_and_shows_the_line() {
    let fault = Fault::new("FROM $SOURCE\nRNU true\n");
    let outcome = fault.command().run();
    fault.expect(&outcome, 1, &["build failed:", "unknown instruction: RNU", "Dockerfile:2", "2 | RNU true"]);
    assert!(fault.workspace.log().starts_with("build failed:"));
}

#[test]
fn a_failing_step_shows_the_line_the_exit_code_and_the_log() {
    let fault = Fault::new("FROM $SOURCE\n\nRUN echo the reason; exit 9\n");
    let outcome = fault.command().run();
    fault.expect(
        &outcome,
        1,
        &["build failed:", "exit code: 9", "the reason", "Dockerfile:3", "3 | RUN echo"],
    );
}

#[test]
fn a_base_image_that_does_not_exist_is_said_to() {
    let missing = Registry::shared().reference("faults/never:made");
    let fault = Fault::new(&format!("FROM {missing}\n"));
    let outcome = fault.command().run();
    fault.expect(&outcome, 1, &["base image does not exist", &missing]);

    let workspace = Workspace::new(&[]);
    let outcome = workspace
        .build(&missing, &Registry::shared().reference("faults/target:v2"))
        .env("BOB_EXTERNAL_BUILDKITD", Buildkitd::shared().addr())
        .run();
    assert_eq!(outcome.status.code(), Some(1), "{}", outcome.stderr);
    assert!(workspace.log().contains("base image does not exist"), "{}", workspace.log());
}

#[test]
fn a_registry_that_refuses_the_push_is_named_with_its_reason() {
    for status in [401, 403, 500] {
        let mut fault = Fault::new(GOOD);
        let host = refusing_registry(status);
        fault.base = format!("{host}/faults/base:v1");
        let outcome = fault.command().run();
        fault.expect(&outcome, 1, &[&host, &status.to_string()]);
    }
}

#[test]
fn a_registry_that_refuses_a_copied_workspace_image_is_named_with_its_reason() {
    let base = Image::push_source(Registry::shared(), "faults/copied:v1");
    for status in [401, 403] {
        let (workspace, host) = (Workspace::new(&[]), refusing_registry(status));
        let outcome = workspace.build(&base, &format!("{host}/faults/target:v1")).fail(1);
        for text in [workspace.log(), outcome.stderr] {
            assert!(text.contains(&format!("registry {host} refused the push")), "{text}");
            assert!(text.contains(&status.to_string()) && text.contains("not today"), "{text}");
        }
    }
}

#[test]
fn a_registry_that_is_not_there_is_named() {
    let mut fault = Fault::new(GOOD);
    fault.base = "127.0.0.1:1/faults/base:v1".into();
    let outcome = fault.command().run();
    fault.expect(&outcome, 1, &["127.0.0.1:1", "refused"]);
}

#[test]
fn malformed_credentials_and_keys_are_refused_without_being_shown() {
    let fault = Fault::new(GOOD);
    for (auth, key) in
        [("{\"host\": topsecret", ""), ("dG9wc2VjcmV0", "too short"), ("!topsecret!", &"k".repeat(32))]
    {
        let mut command = fault.command().env("BOB_BASELAYER_AUTH", auth);
        if !key.is_empty() {
            command = command.env("BOB_AUTH_KEY", key);
        }
        let outcome = command.run();
        assert!(matches!(outcome.status.code(), Some(1 | 2)), "{}", outcome.stderr);
        let log = fault.workspace.log();
        assert!(log.contains("BOB_BASELAYER_AUTH") || log.contains("BOB_AUTH_KEY"), "{log}");
        for text in [&log, &outcome.stderr] {
            assert!(!text.contains("topsecret") && !text.contains("dG9wc2"), "{text}");
        }
    }
}

#[test]
fn invalid_references_are_refused_by_name() {
    let workspace = Workspace::new(&[]);
    let outcome = workspace.build("UPPER/case:!", "localhost:1/target:x").run();
    assert_eq!(outcome.status.code(), Some(2), "{}", outcome.stderr);
    assert!(workspace.log().contains("BOB_BASE_REF"), "{}", workspace.log());
}

#[test]
fn a_ready_file_that_never_comes_ends_the_wait() {
    let fault = Fault::new(GOOD);
    fs::remove_file(fault.workspace.path().join(".gitpod/ready")).expect("the ready file is removed");
    let outcome = fault.command().args(&["--ready-timeout", "1s"]).run();
    fault.expect(&outcome, 1, &["ready", "1s"]);
}

#[test]
fn a_machine_without_buildkitd_is_told_how_to_get_one() {
    let fault = Fault::new(GOOD);
    let outcome = fault.command().env("BOB_EXTERNAL_BUILDKITD", "").env("PATH", "/nonexistent").run();
    fault.expect(&outcome, 1, &["buildkitd", "PATH", "--buildkitd"]);
}

/// A program that stands in for a buildkitd with a fault.
fn faulty_buildkitd(folder: &Path, script: &str) -> String {
    let path = folder.join("faulty-buildkitd");
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("a script");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("a mode");
    path.display().to_string()
}

#[test]
fn a_buildkitd_that_exits_at_once_shows_its_last_words() {
    let fault = Fault::new(GOOD);
    let folder = tempfile::tempdir().expect("a folder");
    let path = faulty_buildkitd(folder.path(), "echo cannot do it >&2; exit 3");
    let outcome = fault.command().env("BOB_EXTERNAL_BUILDKITD", "").args(&["--buildkitd", &path]).run();
    fault.expect(&outcome, 1, &["buildkitd", "cannot do it"]);
}

#[test]
fn a_buildkitd_that_never_becomes_ready_is_given_up() {
    let fault = Fault::new(GOOD);
    let folder = tempfile::tempdir().expect("a folder");
    let seconds = endless_seconds();
    let path = faulty_buildkitd(folder.path(), &format!("echo still thinking >&2; exec sleep {seconds}"));
    let runs = || !processes(|arguments| arguments == ["sleep", seconds.as_str()]).is_empty();
    let child = fault
        .command()
        .env("BOB_EXTERNAL_BUILDKITD", "")
        .args(&["--buildkitd", &path, "--buildkitd-timeout", "10s"])
        .start();
    let done = std::thread::spawn(move || Outcome::of(child));
    wait_until("the faulty buildkitd sleeps", &done, runs);
    let outcome = done.join().expect("bob ends");
    fault.expect(&outcome, 1, &["buildkitd", "within 10 s", "still thinking"]);
    assert!(!runs(), "the faulty buildkitd still runs");
}

#[test]
fn a_buildkitd_that_dies_in_mid_build_is_noticed_at_once() {
    let seconds = endless_seconds();
    let fault = Fault::new(&format!("FROM $SOURCE\nRUN echo begun; sleep {seconds}\n"));
    let folder = tempfile::tempdir().expect("a folder");
    let pid_file = folder.path().join("pid");
    let script = format!("echo $$ > {}; exec {} \"$@\"", pid_file.display(), tool("buildkitd"));
    let path = faulty_buildkitd(folder.path(), &script);
    let child = fault.command().env("BOB_EXTERNAL_BUILDKITD", "").args(&["--buildkitd", &path]).start();
    let done = std::thread::spawn(move || Outcome::of(child));
    wait_until("the step sleeps", &done, || {
        !processes(|arguments| arguments == ["sleep", seconds.as_str()]).is_empty()
    });
    let pid = fs::read_to_string(&pid_file).expect("the pid");
    std::process::Command::new("kill").args(["-KILL", pid.trim()]).status().expect("kill runs");
    let outcome = done.join().expect("bob ends");
    fault.expect(&outcome, 1, &["buildkitd", "signal: 9", "what to do: something killed buildkitd"]);
}

/// Waits until `is_so` while a build runs, which has a bound of its own.
fn wait_until(what: &str, build: &JoinHandle<Outcome>, is_so: impl Fn() -> bool) {
    while !is_so() {
        assert!(!build.is_finished(), "the build ended before {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
