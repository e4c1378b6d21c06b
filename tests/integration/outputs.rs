//! What becomes of a result: engines, layouts, folders, several outputs at once, the ways to push.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::support::{Engine, Project, Registry, tool};

const LOADED: &str = "{\"stream\":\"Loaded image: x:y\\n\"}\r\n";

fn project() -> Project {
    let project = Project::new(&[
        ("Dockerfile", "FROM scratch AS one\nARG A=1\nLABEL a=$A\nCOPY f /d/f\nFROM one\nCOPY g /\n"),
        ("f", "of f"),
        ("g", "of g"),
    ]);
    // One of its own, so that tests side by side do not share results.
    fs::write(project.path().join("g"), project.path().as_os_str().as_encoded_bytes()).expect("a file");
    project
}

/// What BuildKit's own client and frontend write to standard output or to a folder of `output`.
fn buildctl(project: &Project, args: &[&str]) -> Vec<u8> {
    project.buildctl(&[&["--opt", "build-arg:SOURCE_DATE_EPOCH=0"], args].concat()).stdout
}

/// The names in an archive.
fn names(archive: &[u8]) -> Vec<String> {
    let file = tempfile::NamedTempFile::new().expect("a file");
    fs::write(file.path(), archive).expect("written");
    let output = Command::new("tar").arg("-tf").arg(file.path()).output().expect("tar runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

const EPOCH: [&str; 2] = ["--build-arg", "SOURCE_DATE_EPOCH=0"];

#[test]
fn an_image_is_loaded_into_docker_as_buildkit_s_client_writes_it() {
    let (project, engine) = (project(), Engine::start(false, LOADED));
    let outcome =
        project.build(&["--load", "-t", "x:y"]).args(&EPOCH).env("DOCKER_HOST", engine.host()).succeed();
    assert!(outcome.stderr.contains("loading into docker"), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("sending the image"), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("Loaded image: x:y"), "{}", outcome.stderr);
    let [loaded] = engine.loaded().try_into().expect("one load");
    assert!(names(&loaded).contains(&"manifest.json".to_owned()));
    assert!(loaded == buildctl(&project, &["--output", "type=docker,name=x:y"]), "the same bytes");
}

#[test]
fn an_engine_with_containerd_s_store_gets_a_layout_of_all_platforms() {
    let (project, engine) = (project(), Engine::start(true, LOADED));
    project
        .build(&["--load", "-t", "x:y", "--platform", "linux/amd64,linux/arm64", "--iidfile", "id"])
        .args(&["--metadata-file", "meta.json"])
        .args(&EPOCH)
        .env("DOCKER_HOST", engine.host())
        .succeed();
    let [loaded] = engine.loaded().try_into().expect("one load");
    let names = names(&loaded);
    assert!(names.contains(&"index.json".to_owned()) && !names.contains(&"manifest.json".to_owned()));
    let output = ["--opt", "platform=linux/amd64,linux/arm64", "--output", "type=oci,name=x:y"];
    assert!(loaded == buildctl(&project, &output), "the same bytes");
    let metadata: Value =
        serde_json::from_slice(&fs::read(project.path().join("meta.json")).expect("the file")).expect("JSON");
    let id = fs::read_to_string(project.path().join("id")).expect("the file");
    assert_eq!(metadata["containerimage.digest"], id.as_str());
    assert!(metadata.get("containerimage.config.digest").is_none(), "{metadata}");
}

#[test]
fn attestations_in_containerd_s_store_are_artifacts_unless_a_variable_says_otherwise() {
    let project = project();
    for (variable, is_artifact) in [("0", true), ("1", false)] {
        let engine = Engine::start(true, LOADED);
        project
            .build(&["--load", "-t", "x:y", "--provenance=true"])
            .env("BUILDX_NO_DEFAULT_OCI_ARTIFACT", variable)
            .env("DOCKER_HOST", engine.host())
            .succeed();
        let [loaded] = engine.loaded().try_into().expect("one load");
        let text = String::from_utf8_lossy(&loaded);
        assert!(text.contains("attestation-manifest"));
        assert_eq!(text.contains("artifactType"), is_artifact);
    }
}

#[test]
fn what_an_engine_says_against_an_image_is_the_reason() {
    let project = project();
    let engine = Engine::start(false, "{\"errorDetail\":{\"message\":\"no space left\"}}\n");
    let outcome = project.build(&["-o", "type=docker"]).env("DOCKER_HOST", engine.host()).fail(1);
    let reason = "does not take the image: no space left";
    assert!(
        outcome.stderr.contains(&format!("error: docker at {} {reason}", engine.host())),
        "{}",
        outcome.stderr
    );
    let outcome = project.build(&["--load"]).env("DOCKER_HOST", "unix:///nowhere.sock").fail(1);
    assert!(outcome.stderr.contains("cannot reach docker at unix:///nowhere.sock"), "{}", outcome.stderr);
    assert!(!outcome.stderr.contains("COPY"), "it is found out before anything is built: {}", outcome.stderr);
    let outcome = project.build(&["-o", "type=docker,context=nope"]).fail(2);
    assert!(outcome.stderr.contains("there is no docker context \"nope\""), "{}", outcome.stderr);
}

#[test]
fn a_build_that_fails_leaves_no_folder_that_it_made() {
    let project = Project::new(&[("Dockerfile", "FROM scratch\nCOPY f /f\n"), ("f", "text")]);
    let places = ["-o", "type=oci,tar=false,dest=new/layout", "--cache-to", "type=local,dest=new/cache"];
    let broken = Project::new(&[("Dockerfile", "FROM scratch\nCOPY missing /f\n")]);
    broken.build(&places).fail(1);
    assert!(!broken.path().join("new").exists());
    // Here the image is written before the push fails.
    let push = ["-t", "localhost:1/x", "-o", "type=image,push=true"];
    project.build(&places).args(&push).fail(1);
    assert!(!project.path().join("new").exists());
    project.build(&places).succeed();
    assert!(project.path().join("new/layout/index.json").exists());
    assert!(project.path().join("new/cache/index.json").exists());
    project.build(&places).args(&push).fail(1);
    assert!(project.path().join("new/layout/index.json").exists(), "what was there before stays");
}

#[test]
fn two_outputs_do_not_go_to_one_place() {
    let project = project();
    let build = |args: &[&str]| project.build(args).fail(2).stderr;
    let said = build(&["-o", "type=tar,dest=a.tar", "-o", "type=oci,dest=./a.tar"]);
    assert!(said.contains("--output dest=a.tar and --output dest=./a.tar write to the same place"), "{said}");
    let said = build(&["-o", "type=tar,dest=a.tar", "--metadata-file", "a.tar"]);
    assert!(said.contains("--output dest=a.tar and --metadata-file a.tar write to the same place"), "{said}");
    let said = build(&["-o", "-", "-o", "type=oci,dest=-"]);
    assert!(said.contains("--output - and --output - write to the same place"), "{said}");
    assert!(!project.path().join("a.tar").exists());
}

#[test]
fn a_layout_in_a_folder_has_the_images_of_all_builds() {
    let project = project();
    let layout = ["-o", "type=oci,tar=false,dest=new/layout"];
    project.build(&layout).args(&["-t", "x:one"]).args(&EPOCH).succeed();
    project.build(&layout).args(&["-t", "x:two", "--build-arg", "A=2"]).args(&EPOCH).succeed();
    let output = Command::new(tool("skopeo"))
        .args(["inspect", "--config", &format!("oci:{}:two", project.path().join("new/layout").display())])
        .output()
        .expect("skopeo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let config: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(config["config"]["Labels"]["a"], "2");
    // The digest is that of BuildKit's client, which adds its own image beside them.
    buildctl(&project, &["--output", "type=oci,tar=false,dest=new/layout,name=x:three"]);
    let index = fs::read(project.path().join("new/layout/index.json")).expect("the file");
    let index: Value = serde_json::from_slice(&index).expect("JSON");
    let digest = |position: usize| index["manifests"][position]["digest"].as_str().expect("a digest");
    assert_eq!(digest(0), digest(2));
    assert_eq!(index["manifests"].as_array().map(Vec::len), Some(3));
    let mut left: Vec<_> = fs::read_dir(project.path().join("new/layout"))
        .expect("the folder")
        .map(|entry| entry.expect("an entry").file_name())
        .filter(|name| name != "ingest")
        .collect();
    left.sort();
    assert_eq!(left, ["blobs", "index.json", "oci-layout"]);
}

#[test]
fn several_outputs_come_of_one_build_into_folders_that_are_made() {
    let (project, registry) = (project(), Registry::shared());
    let reference = registry.reference("outputs/several:v1");
    project
        .build(&["-o", "a/b", "-o", "type=tar,dest=c/d.tar", "-o", "type=oci,dest=e/f.tar"])
        .args(&["-o", "type=cacheonly", "--push", "-t", &reference])
        .succeed();
    let at = |path: &str| project.path().join(path);
    assert_eq!(fs::read_to_string(at("a/b/d/f")).expect("the file"), "of f");
    assert!(names(&fs::read(at("c/d.tar")).expect("the file")).contains(&"d/f".to_owned()));
    assert!(names(&fs::read(at("e/f.tar")).expect("the file")).contains(&"index.json".to_owned()));
    assert!(registry.storage().join("repositories/outputs/several/_manifests/tags/v1").exists());

    fs::write(at("Dockerfile"), "FROM scratch\nCOPY missing /\n").expect("a file");
    project.build(&["-o", "k/h", "-o", "type=tar,dest=i/j.tar", "-o", "a/b"]).fail(1);
    assert!(!at("k").exists() && !at("i").exists(), "nothing is left of a build that fails");
    assert_eq!(fs::read_to_string(at("a/b/d/f")).expect("the file"), "of f");
}

#[test]
fn old_files_are_removed_from_a_folder_where_that_is_asked_for() {
    let project = project();
    let write = |path: &Path| {
        fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
        fs::write(path, "old").expect("a file");
    };
    let out = project.path().join("out");
    write(&out.join("old"));
    write(&out.join("d/old"));
    project.build(&["-o", "type=local,dest=out", "--platform", "linux/amd64"]).succeed();
    assert!(out.join("old").exists() && out.join("d/f").exists());
    let both = ["--platform", "linux/amd64,linux/arm64"];
    project.build(&["-o", "type=local,dest=out,mode=delete"]).args(&both).succeed();
    let mut left: Vec<_> =
        fs::read_dir(&out).expect("the folder").map(|entry| entry.expect("an entry").file_name()).collect();
    left.sort();
    assert_eq!(left, ["linux_amd64", "linux_arm64"]);
    assert!(out.join("linux_arm64/d/f").exists());
    let outcome = project.build(&["-o", "type=local,dest=.,mode=delete"]).fail(2);
    assert!(outcome.stderr.contains("--allow buildx.local.delete"), "{}", outcome.stderr);
}

#[test]
fn an_image_is_pushed_by_its_digest_alone_through_the_proxy_too() {
    let (project, registry) = (project(), Registry::shared_secured());
    let name = registry.reference("outputs/by-digest");
    let outcome = project
        .build(&["-o", &format!("type=image,name={name},push=true,push-by-digest=true")])
        .args(&["--metadata-file", "meta.json", "--push-via", "proxy"])
        .env("DOCKER_AUTH_CONFIG", registry.docker_config())
        .env("SSL_CERT_FILE", registry.ca())
        .succeed();
    let metadata: Value =
        serde_json::from_slice(&fs::read(project.path().join("meta.json")).expect("the file")).expect("JSON");
    assert_eq!(metadata["image.name"], name.as_str());
    let digest = metadata["containerimage.digest"].as_str().expect("a digest").replace(':', "/");
    let manifests = registry.storage().join("repositories/outputs/by-digest/_manifests");
    assert!(manifests.join("revisions").join(digest).exists(), "{}", outcome.stderr);
    assert!(!manifests.join("tags").exists());
    let shown = outcome.stderr.lines().any(|line| line.contains("pushing sha256:") && line.contains("B / "));
    assert!(shown, "the bytes that are pushed are shown: {}", outcome.stderr);
}

#[test]
fn a_certificate_is_not_checked_where_that_is_asked_for() {
    let (project, registry) = (project(), Registry::shared_secured());
    let name = registry.reference("outputs/insecure");
    let push = |attributes: &str| {
        project
            .build(&["-o", &format!("type=registry,name={name}{attributes}"), "--push-via", "proxy"])
            .env("DOCKER_AUTH_CONFIG", registry.docker_config())
    };
    push("").fail(1);
    push(",registry.insecure=true").succeed();
    assert!(registry.storage().join("repositories/outputs/insecure/_manifests/tags/latest").exists());
}
