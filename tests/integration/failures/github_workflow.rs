//! What a workflow of GitHub is told: annotations and groups, and no command that a step wrote.

use crate::support::{Bob, Image, Project, Registry};

#[test]
fn a_workflow_of_github_obeys_nothing_of_a_step_and_gets_an_annotation_for_each_check() {
    let source = Image::push_source(Registry::shared(), "failures/checked:latest");
    let dockerfile =
        format!("FROM {source}\nMAINTAINER a ##[group]b\nRUN echo '::error::c'; echo 'x ##[add-mask]d'\n");
    let project = Project::new(&[("Dockerfile", &dockerfile)]);
    let folder = project.path().display().to_string();
    let in_workflow = |bob: Bob| bob.env("GITHUB_ACTIONS", "true").env("GITHUB_WORKSPACE", &folder);
    let annotation = "\n::warning file=Dockerfile,line=2,endLine=2,title=MaintainerDeprecated::MAINTAINER is";
    let built = in_workflow(project.build(&["--no-cache"])).succeed().stderr;
    assert!(built.contains(annotation), "{built}");
    assert!(built.contains("x # #[add-mask]d") && !built.contains("##["), "{built}");
    let commands: Vec<&str> = built
        .lines()
        .filter(|line| line.trim_start().starts_with("::"))
        .map(|line| line.split([' ', ':']).find(|word| !word.is_empty()).unwrap_or_default())
        .collect();
    assert_eq!(commands, ["warning"], "{built}");
    assert_eq!(built.matches("MAINTAINER is deprecated").count(), 1, "{built}");
    let raw = in_workflow(project.build(&["--no-cache", "--progress=rawjson"])).succeed().stderr;
    assert!(!raw.contains("##["), "{raw}");
    let checked = in_workflow(Bob::new(["check", "."]).current_dir(project.path())).fail(1);
    assert!(format!("\n{}", checked.stderr).contains(annotation), "{}", checked.stderr);
    assert!(checked.stdout.contains("# #[group]b") && !checked.stdout.contains("##["), "{}", checked.stdout);
}

#[test]
fn a_workflow_of_github_gets_an_annotation_at_the_line_and_a_group() {
    let source = Image::push_source(Registry::shared(), "failures/workflow:latest");
    let dockerfile = format!("FROM {source}\nRUN echo '::error::planted'; nope\n");
    let project = Project::new(&[("ops/Dockerfile", &dockerfile)]);
    let folder = project.path().display().to_string();
    let outcome = project
        .build(&["-f", "ops/Dockerfile"])
        .env("GITHUB_ACTIONS", "true")
        .env("GITHUB_WORKSPACE", folder)
        .fail(1);
    let (_, report) = outcome
        .stderr
        .split_once("\n::error file=ops/Dockerfile,line=2,endLine=2,title=bob::")
        .expect("the annotation");
    assert!(report.starts_with("the image has no program nope (exit code: 127)"), "{report}");
    let (_, group) = report.split_once("\n::group::error: the image has no program nope").expect("a group");
    let (_, stopped) = group.split_once("\n::stop-commands::").expect("commands are stopped");
    let token = stopped.lines().next().expect("a token");
    let (inside, after) = stopped.split_once(&format!("\n::{token}::\n")).expect("the token again");
    assert!(inside.contains("::error::planted") && after == "::endgroup::\n", "{report}");
    let plain = project.build(&["-f", "ops/Dockerfile"]).fail(1);
    assert!(plain.stderr.contains("\nerror: the image has no program nope"), "{}", plain.stderr);
}
