//! What buildkitd is told of a build, and keeps in its history: beside what `buildctl` tells it of the same build.

use std::process::Command;

use serde_json::{Value, json};

use super::support::{Buildkitd, Project, tool};

/// The standard output of `buildctl`.
fn buildctl(daemon: &Buildkitd, args: &[&str]) -> Vec<u8> {
    let output = Command::new(tool("buildctl")).args(["--addr", &daemon.addr()]).args(args).output();
    output.expect("buildctl runs").stdout
}

/// The record of the build whose image was to have the label `who`.
fn record(daemon: &Buildkitd, who: &str) -> Value {
    let records = buildctl(daemon, &["debug", "histories", "--format", "{{json .}}"]);
    let events = serde_json::Deserializer::from_slice(&records).into_iter::<Value>();
    let records = events.map(|event| event.expect("JSON")["record"].clone());
    let found = records.filter(|record| record["FrontendAttrs"]["label:who"] == who);
    found.last().unwrap_or_else(|| panic!("no build of {who}"))
}

/// The attributes of a build, without its label.
fn attributes(record: &Value) -> Value {
    let mut attributes = record["FrontendAttrs"].clone();
    attributes.as_object_mut().expect("attributes").remove("label:who");
    attributes
}

/// The details of the error of a build, by their types.
fn error_details(daemon: &Buildkitd, record: &Value) -> String {
    let digest = record["externalError"]["digest"].as_str().expect("an error");
    String::from_utf8_lossy(&buildctl(daemon, &["debug", "get", digest])).into_owned()
}

#[test]
fn buildkitd_is_told_the_same_as_by_its_own_client() {
    let daemon = Buildkitd::shared();
    let project = Project::new(&[
        ("ops.Dockerfile", "ARG A\nFROM scratch AS One\nCOPY file /\nFROM scratch\n"),
        ("file", "text"),
    ]);
    let both = |ours: &[&str], theirs: &[(&str, &str)]| {
        let folder = project.path().display();
        project.build_on(daemon, &[&["--label", "who=same-bob"], ours].concat()).succeed();
        let mut args = vec!["build".to_owned(), "--frontend=dockerfile.v0".to_owned()];
        for name in ["context", "dockerfile"] {
            args.extend(["--local".to_owned(), format!("{name}={folder}")]);
        }
        for (name, value) in [&[("label:who", "same-buildctl")], theirs].concat() {
            args.extend(["--opt".to_owned(), format!("{name}={value}")]);
        }
        buildctl(daemon, &args.iter().map(String::as_str).collect::<Vec<_>>());
        [record(daemon, "same-bob"), record(daemon, "same-buildctl")]
    };
    let [ours, theirs] = both(
        &["-f", "ops.Dockerfile", "--target=one", "--platform=linux/amd64,linux/arm64", "--build-arg=A=1"],
        &[
            ("filename", "ops.Dockerfile"),
            ("target", "one"),
            ("platform", "linux/amd64,linux/arm64"),
            ("build-arg:A", "1"),
        ],
    );
    assert_eq!(attributes(&ours), attributes(&theirs));
    // One check finds something, and that two platforms were asked for is known.
    assert_eq!((&ours["numWarnings"], &ours["numWarnings"]), (&json!(1), &theirs["numWarnings"]));
}

#[test]
fn the_commit_of_a_context_is_kept() {
    let daemon = Buildkitd::shared();
    let project = Project::new(&[("Dockerfile", "FROM scratch\nCOPY Dockerfile /\n")]);
    let git = |args: &[&str]| {
        let mut git = Command::new("git");
        git.args(["-c", "user.name=A", "-c", "user.email=a@example.test"]).args(args);
        let output = git.current_dir(project.path()).env("GIT_CONFIG_GLOBAL", "/dev/null").output();
        let output = output.expect("git runs");
        assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("UTF-8").trim().to_owned()
    };
    git(&["init", "-q"]);
    git(&["remote", "add", "origin", "https://u:SECRET@git.example/r.git"]);
    git(&["add", "."]);
    git(&["commit", "-q", "-m", "one"]);
    // Git's hooks have such a variable; the context alone says which repository is meant.
    project.build_on(daemon, &["--label", "who=committed"]).env("GIT_DIR", "/no/such/repository").succeed();
    let kept = attributes(&record(daemon, "committed"));
    assert_eq!(kept["vcs:revision"], git(&["rev-parse", "HEAD"]), "{kept}");
    let source = kept["vcs:source"].as_str().expect("a source");
    assert!(source.contains("git.example/r.git") && !source.contains("SECRET"), "{source}");
}

#[test]
fn a_failure_is_kept_with_its_step_and_its_lines() {
    let daemon = Buildkitd::shared();
    let project = Project::new(&[("Dockerfile", "FROM scratch AS One\nCOPY missing /\n")]);
    project.build_on(daemon, &["--label", "who=failing"]).fail(1);
    let failed = record(daemon, "failing");
    let details = error_details(daemon, &failed);
    for part in
        ["errdefs.Vertex+json", "errdefs.Source+json", "\"filename\":\"Dockerfile\"", "\"definition\":{"]
    {
        assert!(details.contains(part), "{part}: {details}");
    }
    assert_eq!(failed["numWarnings"], 1, "{failed}");
}

#[test]
fn a_dockerfile_that_does_not_parse_is_kept_with_what_the_checks_found_before() {
    let daemon = Buildkitd::shared();
    let project = Project::new(&[("Dockerfile", "FROM scratch AS One\nMAINTAINER me\nFRMO x\n")]);
    let shown = project.build_on(daemon, &["--label", "who=rejected"]).fail(1).stderr;
    assert!(shown.contains("warning[StageNameCasing]") && shown.contains("FRMO"), "{shown}");
    let rejected = record(daemon, "rejected");
    assert_eq!(rejected["numWarnings"], 2, "{rejected}");
    let details = error_details(daemon, &rejected);
    assert!(details.contains("\"definition\":{") && details.contains("\"line\":3"), "{details}");
}

#[test]
fn a_build_without_a_platform_is_for_the_first_one_of_the_daemon() {
    let daemon =
        Buildkitd::start_with(&["--oci-worker-platform=linux/arm64", "--oci-worker-platform=linux/amd64"]);
    let project = Project::new(&[(
        "Dockerfile",
        "FROM scratch\nARG BUILDPLATFORM\nARG TARGETPLATFORM\nENV P=$BUILDPLATFORM,$TARGETPLATFORM\n",
    )]);
    project.build_on(&daemon, &["-o", "type=oci,dest=image.tar,tar=true", "--label", "who=first"]).succeed();
    let unpacked = Command::new("tar").args(["-xf", "image.tar"]).current_dir(project.path()).status();
    assert!(unpacked.expect("tar runs").success());
    let blobs = std::fs::read_dir(project.path().join("blobs/sha256")).expect("blobs");
    let read = |blob: std::io::Result<std::fs::DirEntry>| std::fs::read(blob.expect("a blob").path()).ok();
    let json = blobs.filter_map(read).filter_map(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
    let config = json.filter(|value| value["config"]["Env"].is_array()).last().expect("a configuration");
    assert_eq!(config["architecture"], "arm64");
    let env = config["config"]["Env"].to_string();
    assert!(env.contains("P=linux/arm64,linux/arm64"), "{env}");
}

#[test]
fn the_metadata_file_has_the_provenance_that_buildkitd_recorded() {
    let daemon = Buildkitd::shared();
    let project = Project::new(&[("Dockerfile", "FROM scratch\nCOPY Dockerfile /\n")]);
    let metadata = |detail: &str, args: &[&str]| -> Value {
        let build = project.build_on(daemon, &["--metadata-file", "meta.json"]).args(args);
        build.env("BUILDX_METADATA_PROVENANCE", detail).succeed();
        let written = std::fs::read(project.path().join("meta.json")).expect("a metadata file");
        serde_json::from_slice(&written).expect("JSON")
    };
    let least = &metadata("", &[])["buildx.build.provenance"];
    assert_eq!(least["buildType"], "https://mobyproject.org/buildkit@v1", "{least}");
    assert_eq!(least["invocation"]["parameters"]["locals"][0]["name"], "context", "{least}");
    assert!(least.get("metadata").is_none() && least.get("buildConfig").is_none(), "{least}");
    let all = metadata("max", &["--platform=linux/amd64,linux/arm64"]);
    for platform in ["linux/amd64", "linux/arm64"] {
        let provenance = &all[format!("buildx.build.provenance/{platform}")];
        assert!(provenance["metadata"]["buildStartedOn"].is_string(), "{platform}: {all}");
        assert!(provenance["buildConfig"]["llbDefinition"].is_array(), "{platform}: {all}");
    }
    let none = metadata("disabled", &[]);
    assert!(none.get("buildx.build.provenance").is_none() && none["buildx.build.ref"].is_string(), "{none}");
}
