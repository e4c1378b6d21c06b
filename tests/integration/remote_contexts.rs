//! Contexts that buildkitd fetches, archives on standard input, OCI layouts: each builds what BuildKit's own frontend
//! builds of it, step for step.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use super::support::{Bob, Buildkitd, Outcome, Project, Web, archive, digest_in_layout, source_layout, tool};

/// What one build did: its steps by digest and name, and the image's digest.
#[derive(Debug, PartialEq, Eq)]
struct Built {
    steps: BTreeSet<(String, String)>,
    image: String,
}

/// The files that all tests read.
static WEB: LazyLock<Web> = LazyLock::new(|| {
    let web = Web::start();
    let dockerfile = "FROM scratch\nCOPY hello.txt /\n";
    let files = [
        ("Dockerfile", dockerfile),
        ("hello.txt", "main\n"),
        (".dockerignore", "hello.txt\n"),
        ("sub/dockerfile", "FROM scratch\nCOPY hello.txt /sub\n"),
        ("sub/hello.txt", "sub\n"),
    ];
    let other = [("hello.txt", "dev\n")];
    web.put_repository("repo.git", &[("main", &files), ("dev", &other)]);
    web.put_repository("private/repo.git", &[("main", &files)]);
    web.put_archive("context.tar.gz", "gzip", &files);
    web.put("Dockerfile.alone", b"FROM scratch\nCOPY context /d\n");
    web.put("Dockerfile.other", b"FROM scratch\nCOPY hello.txt /other\n");
    web
});

/// The steps in a log of `--progress rawjson`, without what the exporters do.
fn steps(log: &str) -> BTreeSet<(String, String)> {
    let mut steps = BTreeSet::new();
    for line in log.lines().filter(|line| line.starts_with('{')) {
        let status: serde_json::Value = serde_json::from_str(line).expect("JSON");
        for vertex in status["vertexes"].as_array().into_iter().flatten() {
            let text = |key: &str| vertex[key].as_str().unwrap_or_default().to_owned();
            if !text("name").starts_with("exporting") {
                steps.insert((text("digest"), text("name")));
            }
        }
    }
    steps
}

fn built(log: &str, metadata: &tempfile::NamedTempFile) -> Built {
    let metadata: serde_json::Value =
        serde_json::from_slice(&fs::read(metadata.path()).expect("metadata")).expect("JSON");
    let image = metadata["containerimage.digest"].as_str().expect("a digest").to_owned();
    let steps = steps(log);
    assert!(!steps.is_empty(), "{log}");
    Built { steps, image }
}

fn with_bob(args: &[&str]) -> Built {
    let metadata = tempfile::NamedTempFile::new().expect("a temporary file");
    let outcome = Bob::new(["build", "--progress=rawjson", "--addr", &Buildkitd::shared().addr()])
        .args(&["-o", "type=image", "--metadata-file"])
        .arg(metadata.path())
        .args(args)
        .succeed();
    built(&outcome.stderr, &metadata)
}

fn with_buildctl(args: &[&str]) -> Built {
    let metadata = tempfile::NamedTempFile::new().expect("a temporary file");
    let output = Command::new(tool("buildctl"))
        .args(["--addr", &Buildkitd::shared().addr(), "build", "--progress=rawjson"])
        .args(["--frontend=dockerfile.v0", "--output", "type=image", "--metadata-file"])
        .arg(metadata.path())
        .args(args)
        .output()
        .expect("buildctl runs");
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{args:?}: {log}");
    built(&log, &metadata)
}

/// `bob build ARGS` with `input` on standard input.
fn with_input(args: &[&str], input: &[u8]) -> Outcome {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bob"));
    let mut child = command
        .args(["build", "--progress=plain", "--addr", &Buildkitd::shared().addr()])
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("bob starts");
    // Where bob does not read to the end, it ended before.
    let _ = child.stdin.take().expect("piped").write_all(input);
    Outcome::of(child)
}

#[test]
fn remote_contexts_build_what_buildkit_builds_of_them_step_for_step() {
    let url = |name: &str| WEB.url(name);
    let epoch = ["--build-arg", "SOURCE_DATE_EPOCH=context"];
    let cases: [(String, &[&str], &[&str]); 8] = [
        (url("repo.git"), &[], &[]),
        (url("repo.git#dev:sub"), &[], &[]),
        (url("repo.git?branch=dev&subdir=sub&keep-git-dir=1"), &[], &[]),
        (url("repo.git"), &["-f", "sub/Dockerfile"], &["--opt", "filename=sub/Dockerfile"]),
        (url("repo.git"), &epoch, &["--opt", "build-arg:SOURCE_DATE_EPOCH=context"]),
        (url("context.tar.gz"), &[], &[]),
        (url("context.tar.gz"), &epoch, &["--opt", "build-arg:SOURCE_DATE_EPOCH=context"]),
        (url("Dockerfile.alone"), &[], &[]),
    ];
    for (context, ours, theirs) in cases {
        let option = format!("context={context}");
        let expected = with_buildctl(&[&["--opt", &option], theirs].concat());
        assert_eq!(with_bob(&[ours, &[&context]].concat()), expected, "{context}");
    }
}

#[test]
fn named_contexts_build_what_buildkit_builds_of_them() {
    let project = Project::new(&[("Dockerfile", "FROM base\nCOPY --from=files hello.txt /\n")]);
    let (context, layout) = (project.path().display().to_string(), source_layout().display().to_string());
    let git = WEB.url("repo.git#dev");
    let digest = digest_in_layout(source_layout(), "source");
    let expected = with_buildctl(&[
        "--local",
        &format!("context={context}"),
        "--local",
        &format!("dockerfile={context}"),
        "--oci-layout",
        &format!("store={layout}"),
        "--opt",
        &format!("context:base=oci-layout:store@{digest}"),
        "--opt",
        &format!("context:files={git}"),
    ]);
    for base in [format!("{layout}:source"), layout.clone(), format!("{layout}@{digest}")] {
        let base = format!("base=oci-layout://{base}");
        let found =
            with_bob(&["--build-context", &base, "--build-context", &format!("files={git}"), &context]);
        assert_eq!(found.image, expected.image, "{base}");
        let fetched = |built: &Built| {
            let mut of_git = built.steps.iter().filter(|(_, name)| name.contains("load git source"));
            of_git.next().cloned().expect("the step")
        };
        assert_eq!(fetched(&found), fetched(&expected));
    }
}

#[test]
fn standard_input_is_an_archive_or_a_dockerfile() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = |name: &str| folder.path().join(name).display().to_string();
    let files =
        [("Dockerfile", "FROM scratch\nCOPY a /x\n"), ("a", "text"), ("D", "FROM scratch\nCOPY a /y\n")];
    for (index, program) in ["", "gzip", "bzip2", "xz"].into_iter().enumerate() {
        let to = out(&index.to_string());
        let outcome = with_input(&["-o", &to, "-"], &archive(program, &files));
        assert!(outcome.status.success(), "{program}: {}", outcome.stderr);
        assert_eq!(fs::read_to_string(format!("{to}/x")).expect("the file"), "text");
    }
    let to = out("named");
    let outcome = with_input(&["-o", &to, "-f", "D", "-"], &archive("gzip", &files));
    assert!(outcome.status.success() && fs::exists(format!("{to}/y")).unwrap_or_default());

    let to = out("text");
    let outcome = with_input(&["-o", &to, "-"], b"FROM scratch\nCOPY <<EOF /z\nhere\nEOF\n");
    assert!(outcome.status.success(), "{}", outcome.stderr);
    assert_eq!(fs::read_to_string(format!("{to}/z")).expect("the file"), "here\n");
    let outcome = with_input(&["-"], b"FROM scratch\nCOPY a /\n");
    assert_eq!(outcome.status.code(), Some(1));
    assert!(outcome.stderr.contains(" --> standard input:2"), "{}", outcome.stderr);
    let project = Project::new(&[("a", "text")]);
    let to = out("beside");
    let outcome = with_input(
        &["-o", &to, "-f", "-", &project.path().display().to_string()],
        b"FROM scratch\nCOPY a /w\n",
    );
    assert!(outcome.status.success() && fs::exists(format!("{to}/w")).unwrap_or_default());
    for (args, input, words) in [
        (&["-"][..], &b""[..], "standard input is empty"),
        (&["-f", "-", "-"], b"FROM scratch", "both the context and the Dockerfile"),
        (&["-f", "D", "-"], b"FROM scratch", "--file names another one"),
    ] {
        let outcome = with_input(args, input);
        assert_eq!(outcome.status.code(), Some(2), "{args:?}: {}", outcome.stderr);
        assert!(outcome.stderr.contains(words), "{args:?}: {}", outcome.stderr);
    }
}

#[test]
fn a_dockerfile_may_lie_elsewhere_than_its_remote_context() {
    let project = Project::new(&[("hello.txt", "here"), ("local", "FROM scratch\nCOPY hello.txt /local\n")]);
    let (other, git) = (WEB.url("Dockerfile.other"), WEB.url("repo.git#dev"));
    let local = project.path().join("local").display().to_string();
    for (file, context, made, text) in [
        (&other, ".", "other", "here"),
        (&other, git.as_str(), "other", "dev\n"),
        (&local, git.as_str(), "local", "dev\n"),
    ] {
        let out = format!("{made}-{}", context.len());
        Bob::new(["build", "--progress=plain", "--addr", &Buildkitd::shared().addr()])
            .args(&["-o", &out, "-f", file, context])
            .current_dir(project.path())
            .succeed();
        let made = project.path().join(out).join(made);
        assert_eq!(fs::read_to_string(made).expect("the file"), text);
    }
}

#[test]
fn a_repository_with_a_password_is_fetched_with_the_secret_of_git() {
    let build = |args: &[&str]| {
        Bob::new(["build", "--progress=plain", "--addr", &Buildkitd::shared().addr()])
            .args(args)
            .env("TOKEN", Web::TOKEN)
            .arg(WEB.url("private/repo.git"))
    };
    let refused = build(&[]).fail(1);
    let words = format!("cannot fetch the build context {}", WEB.url("private/repo.git"));
    assert!(refused.stderr.contains(&words), "{}", refused.stderr);
    let outcome = build(&["--secret", "id=GIT_AUTH_TOKEN,env=TOKEN"]).succeed();
    assert!(!outcome.stderr.contains(Web::TOKEN), "{}", outcome.stderr);
}

#[test]
fn what_cannot_be_fetched_is_named() {
    let build = |args: &[&str]| {
        Bob::new(["build", "--progress=plain", "--addr", &Buildkitd::shared().addr()])
            .args(args)
            .fail(1)
            .stderr
    };
    for (context, words) in [
        ("repo.git#:nowhere", "invalid subdir nowhere"),
        ("repo.git#nobranch", "nobranch"),
        ("none.git", "none.git"),
        ("none.tar", "404"),
    ] {
        let (context, stderr) = (WEB.url(context), build(&[&WEB.url(context)]));
        let error = stderr.split("error: ").last().unwrap_or_default();
        let named = format!("cannot fetch the build context {context}");
        assert!(error.contains(&named) && error.contains(words), "{stderr}");
    }
    let missing = build(&["-f", "nope", &WEB.url("repo.git")]);
    assert!(missing.contains("the Dockerfile nope is not in the context"), "{missing}");
    let rejected = build(&[&WEB.url("Dockerfile.alone"), "--target", "x"]);
    assert!(rejected.contains("target stage \"x\" could not be found"), "{rejected}");
}

#[test]
fn a_remote_context_is_looked_at_with_the_dockerfile_in_it() {
    let llb = |args: &[&str]| Bob::new(["llb", "--addr", &Buildkitd::shared().addr()]).args(args);
    let tree = llb(&[&WEB.url("repo.git#dev")]).succeed().stdout;
    assert!(tree.contains("COPY hello.txt /") && tree.contains("git://127.0.0.1"), "{tree}");
    let lock = tempfile::NamedTempFile::new().expect("a temporary file");
    fs::write(lock.path(), r#"{"images":[]}"#).expect("a lock");
    let lock = lock.path().display().to_string();
    let refused = llb(&["--image-lock", &lock, &WEB.url("repo.git")]).fail(2);
    assert!(refused.stderr.contains("is fetched by buildkitd"), "{}", refused.stderr);

    let address = Buildkitd::shared().addr();
    Bob::new(["check", "--addr", &address]).arg(WEB.url("repo.git")).succeed();
    let call = |method: &str| {
        let url = WEB.url("repo.git#:sub");
        Bob::new(["build", "--addr", &address, "--call", method, &url]).succeed().stdout
    };
    assert!(call("targets,format=json").contains("\"targets\""));
    assert!(call("check,format=json").contains("\"filename\": \"Dockerfile\""));
}

#[test]
fn a_copy_of_what_is_left_out_names_the_line_that_leaves_it_out() {
    let project = Project::new(&[
        ("Dockerfile", "FROM scratch\nCOPY d/hello.txt /\n"),
        (".dockerignore", "# text\n!d\n**/hello*\n"),
        ("d/hello.txt", ""),
    ]);
    let failed = project.build(&["-o", "out"]).fail(1).stderr;
    let help =
        "what to do: d/hello.txt is left out of the build context by line 3 of .dockerignore: **/hello*";
    assert!(failed.contains(help), "{failed}");
    fs::write(project.path().join(".dockerignore"), "# text\n").expect("an ignore file");
    project.build(&["-o", "out"]).succeed();
}
