//! Options that do nothing in a build: each is said to.

use super::support::{Bob, Image, Project, Registry};

#[test]
fn options_that_name_what_the_dockerfile_does_not_have_are_warned_of() {
    let base = Image::push_source(Registry::shared(), "unused/source:latest");
    let project = Project::new(&[
        (
            "Dockerfile",
            "ARG BASE\nFROM $BASE AS one\nARG VERSION\nRUN --mount=type=secret,id=token true\n\
             FROM scratch AS two\nCOPY --from=one /etc /etc\nCOPY --from=files f /\n",
        ),
        ("f", "text"),
    ]);
    let base = format!("BASE={base}");
    let used = [
        "--build-arg",
        &base,
        "--build-context",
        "files=.",
        "--secret",
        "id=token,src=f",
        "--no-cache-filter",
        "ONE",
    ];
    let clean =
        project.build(&used).args(&["--build-arg", "VERSION=1", "-o", "type=cacheonly"]).succeed().stderr;
    assert!(!clean.contains("does nothing"), "{clean}");
    let unused = [
        "--no-cache-filter=three",
        "--build-arg",
        "VERSOIN=1",
        "--build-context",
        "tools=.",
        "--secret",
        "id=nope,src=f",
    ];
    let said = project.build(&used).args(&unused).succeed().stderr;
    for text in [
        "warning: --no-cache-filter \"three\" does nothing: no stage is called that; the stages are one, two\n",
        "warning: --build-arg VERSOIN does nothing: the Dockerfile declares no such ARG (did you mean VERSION?)\n",
        "warning: --build-context tools does nothing: the Dockerfile has no stage and no image of that name\n",
        "warning: --secret id=nope does nothing: no RUN mounts a secret of that id\n",
    ] {
        assert_eq!(said.matches(text).count(), 1, "{text}{said}");
    }
}

#[test]
fn an_annotation_without_an_image_is_warned_of() {
    let project = Project::new(&[("Dockerfile", "FROM scratch\nCOPY f /f\n"), ("f", "text")]);
    let text = "warning: --annotation does nothing, since no output makes an image: ";
    for output in [&["-o", "out"][..], &["-o", "type=cacheonly"], &[]] {
        let said = project.build(&["--annotation", "a=b"]).args(output).succeed().stderr;
        assert_eq!(said.matches(text).count(), 1, "{said}");
    }
    let said =
        project.build(&["--annotation", "a=b", "-o", "out", "-o", "type=oci,dest=f.tar"]).succeed().stderr;
    assert!(!said.contains("warning"), "{said}");
}

#[test]
fn what_the_variables_of_the_live_view_ask_in_vain_is_said_where_progress_is_text() {
    let project = Project::new(&[("Dockerfile", "FROM scratch\nCOPY f /f\n"), ("f", "text")]);
    let build = |progress: &str| {
        let bob: Bob = project.build(&["-o", "type=cacheonly", progress]);
        bob.env("BUILDKIT_COLORS", "run=pink").env("BUILDKIT_TTY_LOG_LINES", "many").succeed().stderr
    };
    for progress in ["--progress=plain", "--progress=auto", "--progress=tty"] {
        let said = build(progress);
        assert_eq!(said.matches("BUILDKIT_COLORS: \"run=pink\" is not used").count(), 1, "{said}");
        assert_eq!(said.matches("BUILDKIT_TTY_LOG_LINES=\"many\" is not used").count(), 1, "{said}");
    }
    for progress in ["--progress=rawjson", "--progress=quiet"] {
        let said = build(progress);
        assert!(!said.contains("is not used"), "{said}");
    }
}
