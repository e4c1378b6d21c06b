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
    assert_eq!(
        check(&["--call", "lint,ignorestatus=1"]).succeed().stdout,
        check(&["--check"]).fail(1).stdout
    );
    fs::write(project.path().join("Dockerfile"), "FROM scratch\nCOPY Dockerfile /\n").expect("a Dockerfile");
    assert_eq!(check(&["--check"]).succeed().stdout, "the checks found nothing\n");
}

#[test]
fn what_a_base_sets_is_known_to_the_build_checks() {
    let base = Image::push_source(Registry::shared(), "check/source:latest");
    let project = Project::new(&[
        ("Dockerfile", &format!("FROM {base}\nENV HERE=$PATH:$NOWHERE\n")),
        ("triggers", &format!("FROM {base}\nONBUILD RUN echo $TYPO\n")),
    ]);
    let addr = Buildkitd::shared().addr();
    let found = Bob::new(["check", "--addr", &addr, "."]).current_dir(project.path()).fail(1).stdout;
    assert!(found.contains("NOWHERE") && !found.contains("PATH is not set"), "{found}");
    let missing = Bob::new(["check", "--addr", "unix:///nonexistent/buildkitd.sock", "."]);
    let missing = missing.current_dir(project.path()).fail(1).stderr;
    assert!(missing.contains("/nonexistent/buildkitd.sock"), "{missing}");
}

#[test]
fn questions_about_a_dockerfile_are_answered_for_people_and_for_programs() {
    let project = Project::new(&[(
        "Dockerfile",
        "ARG V=1\n# app is the program\nFROM scratch AS app\n# V of it\nARG V\nRUN --mount=type=secret,id=token x\n\
         FROM scratch\n",
    )]);
    let call = |value: &str| {
        let answer = Bob::new(["build", "--call", value, "--target=app", "."]).current_dir(project.path());
        answer.succeed().stdout
    };
    assert_eq!(
        call("targets"),
        "TARGET      BASE      DESCRIPTION\napp         scratch   is the program\n(default)   scratch\n"
    );
    assert_eq!(
        call("outline"),
        "TARGET   DESCRIPTION\napp      is the program\n\nBUILD ARG   VALUE   DESCRIPTION\nV           1\n\n\
         SECRET   REQUIRED\ntoken    no\n"
    );
    assert!(call("subrequests.describe").contains("outline"));
    for method in ["targets", "outline", "subrequests.describe"] {
        serde_json::from_str::<serde_json::Value>(&call(&format!("{method},format=json"))).expect("JSON");
    }
    // As in buildx, the metadata has the answer, and there is no image with an id.
    let path = |name: &str| project.path().join(name);
    fs::write(path("id"), "old").expect("a file");
    let answer = ["build", "--call", "targets", "--metadata-file", "meta.json", "--iidfile", "id", "."];
    Bob::new(answer).current_dir(project.path()).succeed();
    let metadata = fs::read(path("meta.json")).expect("the file");
    let metadata: serde_json::Value = serde_json::from_slice(&metadata).expect("JSON");
    assert_eq!(metadata["result.json"]["targets"][0]["name"], "app", "{metadata}");
    assert!(metadata["result.txt"].is_string() && metadata.get("result.statuscode").is_none(), "{metadata}");
    assert_eq!(fs::read_to_string(path("id")).expect("the file"), "");
}
