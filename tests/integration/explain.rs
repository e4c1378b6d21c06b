//! Why steps ran again, on a real buildkitd: a change, a touched file, and a cache that was emptied.

use std::fs;

use super::support::{Bob, Buildkitd, Image, Project, Registry};

#[test]
fn what_changed_is_told_and_what_was_pruned_too() {
    let registry = Registry::shared();
    let daemon = Buildkitd::start();
    let base = Image::push_source(registry, "explain/source:latest");
    let dockerfile = format!(
        "FROM {base}\nARG EXPLAIN_TOKEN\nCOPY src /src\nRUN cat /src/a.txt > /one\nRUN echo two > /two\n"
    );
    let project =
        Project::new(&[("Dockerfile", &dockerfile), ("src/a.txt", "first\n"), ("unread.txt", "first\n")]);
    let state = tempfile::tempdir().expect("a folder");
    let build = |token: &str| {
        let token = format!("EXPLAIN_TOKEN={token}");
        let args = ["--explain-cache", "-o", "type=cacheonly", "--build-arg", &token];
        project.build_on(&daemon, &args).env("XDG_STATE_HOME", state.path()).succeed().stderr
    };
    let explained = |stderr: &str| {
        let at = stderr.find("\nWhy steps ran again:").or_else(|| stderr.find("\nNo step ran again"));
        stderr[at.unwrap_or_else(|| panic!("no explanation:\n{stderr}"))..].to_owned()
    };

    let first = build("hidden-value-1");
    assert!(first.contains("There is no record of a build before this one"), "{first}");
    assert_eq!(explained(&build("hidden-value-1")), "\nNo step ran again: all results were in the cache.\n");

    fs::write(project.path().join("unread.txt"), "second\n").expect("written");
    fs::write(project.path().join("src/a.txt"), "first\n").expect("written again");
    let touched = build("hidden-value-1");
    assert_eq!(explained(&touched), "\nNo step ran again: all results were in the cache.\n");

    fs::write(project.path().join("src/a.txt"), "other\n").expect("written");
    let changed = build("hidden-value-1");
    let copy = "  Dockerfile:3 COPY src /src\n    1 file that it reads changed:\n      src/a.txt (content)\n";
    let runs = "  Dockerfile:4 RUN cat /src/a.txt > /one\n  Dockerfile:5 RUN echo two > /two\n    a step before it \
                ran again: Dockerfile:3 COPY src /src\n";
    assert_eq!(explained(&changed), format!("\nWhy steps ran again:\n{copy}{runs}"));

    let secret = build("hidden-value-2");
    let told = explained(&secret);
    assert!(told.contains("ENV or ARG EXPLAIN_TOKEN changed: its value is not shown\n"), "{told}");

    Bob::new(["prune", "--all", "--force", "--addr", &daemon.addr()]).succeed();
    let pruned = explained(&build("hidden-value-2"));
    let lost =
        "  Dockerfile:3 COPY src /src\n    nothing changed: buildkitd and the imported caches no longer have";
    assert!(pruned.contains(lost), "{pruned}");
    assert!(pruned.contains(runs), "{pruned}");

    let asked = Bob::new(["explain"]).arg(project.path()).env("XDG_STATE_HOME", state.path()).succeed();
    assert!(asked.stdout.ends_with(pruned.trim_start()), "{}", asked.stdout);
    for entry in fs::read_dir(state.path().join("bob/builds")).expect("the records") {
        let text = fs::read_to_string(entry.expect("a record").path()).expect("text");
        assert!(!text.contains("hidden-value"), "{text}");
    }
    let other = tempfile::tempdir().expect("a folder");
    let none = Bob::new(["explain"]).arg(other.path()).env("XDG_STATE_HOME", state.path()).fail(1);
    assert!(none.stderr.starts_with("error: there is no record of a build of "), "{}", none.stderr);
}

#[test]
fn who_asks_is_told_where_no_record_can_be_kept() {
    let project =
        Project::new(&[("Dockerfile", "FROM scratch\nCOPY f /f\n"), ("f", "text"), ("no-folder", "")]);
    let build = |args: &[&str]| {
        let state = project.path().join("no-folder");
        project.build(args).env("XDG_STATE_HOME", state).succeed().stderr
    };
    let told = build(&["--explain-cache", "-o", "type=cacheonly"]);
    assert!(told.contains("this build leaves no record"), "{told}");
    let silent = build(&["-o", "type=cacheonly"]);
    assert!(!silent.contains("record"), "{silent}");
}
