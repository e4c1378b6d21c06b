//! What can be known of a Dockerfile without building it: its graph, its build checks.

use std::fs;

use super::support::{Bob, Buildkitd, Image, Project, Registry};

#[test]
fn the_graph_of_a_dockerfile_is_printed_with_what_buildkitd_looks_up() {
    let registry = Registry::shared();
    let source = Image::push_source(registry, "llb/source:latest");
    let project = Project::new(&[("Dockerfile", &format!("FROM {source}\nRUN true\n"))]);
    let llb = |addr: &str, file: &str| {
        Bob::new(["llb", "--format=json", "--addr", addr, "--image-lock-out", "lock.json", "-f", file, "."])
            .current_dir(project.path())
    };
    let looked_up = llb(&Buildkitd::shared().addr(), "Dockerfile").succeed().stdout;
    assert!(looked_up.contains(&format!("docker-image://{source}@sha256:")), "{looked_up}");
    let locked =
        Bob::new(["llb", "--format=json", "--image-lock", "lock.json", "."]).current_dir(project.path());
    assert_eq!(locked.succeed().stdout, looked_up);

    fs::write(project.path().join("scratch"), "FROM scratch\nCOPY Dockerfile /\n").expect("a Dockerfile");
    llb("unix:///nonexistent/buildkitd.sock", "scratch").succeed();
    let missing = llb("unix:///nonexistent/buildkitd.sock", "Dockerfile").fail(1);
    assert!(missing.stderr.contains("/nonexistent/buildkitd.sock"), "{}", missing.stderr);
}

#[test]
fn the_build_checks_run_alone() {
    let project = Project::new(&[("Dockerfile", "FROM scratch AS One\nCOPY Dockerfile /\n")]);
    let check = |args: &[&str]| Bob::new(["build"]).args(args).arg(".").current_dir(project.path());
    let found = check(&["--check"]).fail(1);
    assert!(found.stdout.contains("warning[StageNameCasing]"), "{}", found.stdout);
    let found = check(&["--call", "check,format=json"]).fail(1);
    assert!(found.stdout.contains("\"ruleName\": \"StageNameCasing\""), "{}", found.stdout);
    check(&["--call", "outline"]).fail(2);
    fs::write(project.path().join("Dockerfile"), "FROM scratch\nCOPY Dockerfile /\n").expect("a Dockerfile");
    check(&["--check"]).succeed();
}
