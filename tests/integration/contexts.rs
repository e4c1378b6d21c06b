//! Odd build contexts: they are sent as BuildKit's own client sends them, or named in one clear error.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::net::UnixListener;
use std::process::Command;

use super::support::{Image, Project, Registry, tool};

fn source() -> String {
    format!("BASE={}", Image::push_source(Registry::shared(), "contexts/source:latest"))
}

fn run(program: &str, args: &[&str]) {
    assert!(
        Command::new(tool(program)).args(args).status().expect("it runs").success(),
        "{program} {args:?}"
    );
}

#[test]
fn links_pipes_devices_and_sockets_arrive_as_what_they_are() {
    let project = Project::new(&[
        (
            "Dockerfile",
            "ARG BASE\nFROM $BASE\nCOPY ctx /ctx\nRUN cd /ctx && { [ -L loop ] && [ -L dangling ] && [ -p pipe ] && [ -c device ] && [ -f socket ] && ls -l mode && stat -c %h one && cat two && stat -c '%u:%g' owned; } > /seen\n",
        ),
        ("ctx/one", "linked\n"),
        ("ctx/mode", "m"),
        ("ctx/owned", "o"),
    ]);
    let at = |name: &str| project.path().join("ctx").join(name);
    symlink("loop", at("loop")).expect("a loop");
    symlink("/nowhere", at("dangling")).expect("a dangling link");
    fs::hard_link(at("one"), at("two")).expect("a hard link");
    fs::set_permissions(at("mode"), fs::Permissions::from_mode(0o4751)).expect("a mode");
    run("mkfifo", &[&at("pipe").display().to_string()]);
    run("mknod", &[&at("device").display().to_string(), "c", "1", "3"]);
    run("chown", &["1000:1001", &at("owned").display().to_string()]);
    let _socket = UnixListener::bind(at("socket")).expect("a socket");
    project.build(&["--build-arg", &source(), "-o", "out"]).succeed();
    let seen = fs::read_to_string(project.path().join("out/seen")).expect("the file");
    assert!(seen.starts_with("-rwsr-x--x"), "{seen}");
    assert!(seen.contains("2\nlinked\n"), "two names of one file: {seen}");
    assert!(seen.ends_with("0:0\n"), "files of the context belong to root: {seen}");
}

#[test]
fn a_context_that_changes_between_builds_never_gives_old_content() {
    let project =
        Project::new(&[("Dockerfile", "ARG BASE\nFROM $BASE\nCOPY . /c\n"), ("gone", "g"), ("kept", "k")]);
    let base = source();
    project.build(&["--build-arg", &base, "-o", "first"]).succeed();
    assert!(project.path().join("first/c/gone").exists());
    fs::remove_file(project.path().join("gone")).expect("a file is removed");
    fs::remove_dir_all(project.path().join("first")).expect("the output is removed");
    project.build(&["--build-arg", &base, "-o", "second"]).succeed();
    assert!(!project.path().join("second/c/gone").exists());
    assert!(project.path().join("second/c/kept").exists());
}

#[test]
fn a_dockerfile_changed_within_its_size_and_time_is_read_anew() {
    let project = Project::new(&[("Dockerfile", "FROM scratch\nCOPY a /f\n"), ("a", "aaa"), ("b", "bbb")]);
    project.build(&["-o", "one"]).succeed();
    let dockerfile = project.path().join("Dockerfile");
    let time = fs::metadata(&dockerfile).and_then(|m| m.modified()).expect("a time");
    fs::write(&dockerfile, "FROM scratch\nCOPY b /f\n").expect("a change");
    let file = fs::File::options().write(true).open(&dockerfile).expect("the file");
    file.set_modified(time).expect("the old time");
    project.build(&["-o", "two"]).succeed();
    assert_eq!(fs::read_to_string(project.path().join("two/f")).expect("the file"), "bbb");
}

#[test]
fn a_context_folder_that_is_missing_is_named() {
    let project = Project::new(&[("Dockerfile", "FROM scratch\n")]);
    let outcome = project.build(&[]).args(&["--", "extra"]).run();
    assert_eq!(outcome.status.code(), Some(2), "two contexts are wrong usage: {}", outcome.stderr);
    let missing = super::support::Bob::new(["build", "no-such-folder"]).current_dir(project.path()).run();
    assert!(!missing.status.success());
    assert!(missing.stderr.contains("no-such-folder"), "{}", missing.stderr);
}

#[test]
fn a_copy_of_what_is_not_there_names_the_line() {
    let project = Project::new(&[("Dockerfile", "FROM scratch\n\nCOPY absent /x\n")]);
    let outcome = project.build(&["-o", "out"]).fail(1);
    assert!(
        outcome.stderr.contains("/absent") && outcome.stderr.contains("Dockerfile:3"),
        "{}",
        outcome.stderr
    );
    assert!(
        !project.path().join("out").exists()
            || fs::read_dir(project.path().join("out")).expect("a folder").next().is_none()
    );
}
