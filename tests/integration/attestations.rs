//! What goes with an image, what it may be made of, and caches in folders.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::support::{Bob, Buildkitd, Image, Project, Registry};

/// A blob of a registry.
fn blob(registry: &Registry, digest: &str) -> Value {
    let digest = digest.trim().strip_prefix("sha256:").expect("a digest");
    let path = registry.storage().join("blobs/sha256").join(&digest[..2]).join(digest).join("data");
    serde_json::from_slice(&fs::read(path).expect("a blob")).expect("JSON")
}

/// The statements that go with the image `name:latest`.
fn statements(registry: &Registry, name: &str) -> Vec<Value> {
    let link = format!("repositories/{name}/_manifests/tags/latest/current/link");
    let index = blob(registry, &fs::read_to_string(registry.storage().join(link)).expect("a tag"));
    let manifests = index["manifests"].as_array().expect("an index");
    let kind =
        |manifest: &&Value| manifest["annotations"]["vnd.docker.reference.type"] == "attestation-manifest";
    let digest = |value: &Value| value["digest"].as_str().expect("a digest").to_owned();
    let layers =
        |manifest: &Value| blob(registry, &digest(manifest))["layers"].as_array().expect("layers").clone();
    let layers = manifests.iter().filter(kind).flat_map(layers);
    layers.map(|layer| blob(registry, &digest(&layer))).collect()
}

#[test]
fn provenance_names_the_registry_and_what_was_read() {
    let registry = Registry::password_only();
    let reference = registry.reference("attested");
    let project = Project::new(&[("Dockerfile", "FROM scratch\nCOPY f /\n"), ("f", "1")]);
    let args = ["--provenance=mode=max", "-t", &reference, "--push"];
    project.build(&args).env("DOCKER_AUTH_CONFIG", registry.docker_config()).succeed();
    let [statement] = statements(&registry, "attested").try_into().expect("one statement");
    let subject = statement["subject"][0]["name"].as_str().expect("a subject");
    let host = reference.split('/').next().expect("a host").replace(':', "%3A");
    assert!(subject.starts_with(&format!("pkg:docker/{host}/attested@latest")), "{subject}");
    let parameters = &statement["predicate"]["buildDefinition"]["externalParameters"];
    let locals = parameters["request"]["locals"].as_array().expect("local sources");
    let names: Vec<_> = locals.iter().map(|local| local["name"].as_str().expect("a name")).collect();
    assert_eq!(names, ["context", "dockerfile"]);

    let refused = project.build(&args).args(&["--push-via", "proxy"]);
    let refused = refused.env("DOCKER_AUTH_CONFIG", registry.docker_config()).fail(2);
    assert!(refused.stderr.contains("leave out --push-via proxy"), "{}", refused.stderr);
}

const SCANNER: &str = r#"#!/bin/sh
list() { echo '{"_type":"https://in-toto.io/Statement/v0.1","predicateType":"https://spdx.dev/Document","predicate":{"name":"'$1'"}}'; }
list "$(ls $BUILDKIT_SCAN_SOURCE)" > $BUILDKIT_SCAN_DESTINATION/core.spdx.json
for extra in $(ls $BUILDKIT_SCAN_SOURCE_EXTRAS); do
  list "$(ls $BUILDKIT_SCAN_SOURCE_EXTRAS/$extra)" > $BUILDKIT_SCAN_DESTINATION/$extra.spdx.json
done
"#;

#[test]
fn contents_are_listed_of_the_result_and_of_stages_and_the_context() {
    let registry = Registry::shared();
    let source = Image::push_source(registry, "attestations/source:latest");
    let scanner = registry.reference("attestations/scanner");
    let dockerfile =
        format!("FROM {source}\nCOPY --chmod=755 scan /scan\nENTRYPOINT [\"/bin/sh\", \"/scan\"]\nCMD []\n");
    Project::new(&[("Dockerfile", &dockerfile), ("scan", SCANNER)])
        .build(&["-t", &scanner, "--push"])
        .succeed();
    let project = Project::new(&[
        (
            "Dockerfile",
            "ARG BUILDKIT_SBOM_SCAN_STAGE=true\nFROM scratch AS one\nCOPY f /of-one\n\
             FROM scratch\nARG BUILDKIT_SBOM_SCAN_CONTEXT=true\nCOPY --from=one /of-one /of-result\n",
        ),
        ("f", "1"),
    ]);
    project.build(&[&format!("--sbom=generator={scanner}"), "-o", "out"]).succeed();
    let listed = |name: &str| {
        let text = fs::read(project.path().join("out").join(name)).expect("a list");
        let list: Value = serde_json::from_slice(&text).expect("JSON");
        list["predicate"]["name"].as_str().expect("names").to_owned()
    };
    assert_eq!(listed("core.spdx.json"), "of-result");
    assert_eq!(listed("sbom-one.spdx.json"), "of-one");
    assert_eq!(listed("sbom-context.spdx.json"), "f");
}

#[test]
fn a_source_policy_holds_for_look_ups_and_sources() {
    let registry = Registry::shared();
    let source = Image::push_source(registry, "policy/source:latest");
    let rule = |action: &str, identifier: &str, to: &str| {
        format!(
            r#"{{"rules":[{{"action":{action},"selector":{{"identifier":"docker-image://{identifier}"}},"updates":{{"identifier":"{to}"}}}}]}}"#
        )
    };
    let project = Project::new(&[
        ("Dockerfile", "FROM none.invalid/base:1\nCOPY f /\n"),
        ("replaced", "FROM scratch AS other\nFROM scratch\nCOPY --from=other /g /\n"),
        ("f", "1"),
        ("folder/g", "2"),
        ("deny", &rule("1", "none.invalid/base:1", "")),
        ("convert", &rule("\"CONVERT\"", "none.invalid/base:1", &format!("docker-image://{source}"))),
        ("local", &rule("\"CONVERT\"", "none.invalid/base:1", "local://folder")),
    ]);
    let denied = project.build(&["--source-policy-file", "deny"]).fail(1);
    assert!(
        denied.stderr.contains("none.invalid/base:1") && denied.stderr.contains("polic"),
        "{}",
        denied.stderr
    );
    let variable = "EXPERIMENTAL_BUILDKIT_SOURCE_POLICY";
    for args in [&["--call=check", "--source-policy-file=deny"][..], &["--call=outline"]] {
        let denied = project.build(args).env(variable, "deny").fail(1).stderr;
        assert!(denied.contains("none.invalid/base:1") && denied.contains("polic"), "{args:?}: {denied}");
    }
    for command in ["check", "llb"] {
        let looked_up = Bob::new([command, "--addr", &Buildkitd::shared().addr(), "."]);
        looked_up.current_dir(project.path()).env(variable, "convert").succeed();
    }
    project.build(&["-o", "out"]).env(variable, "convert").succeed();
    assert!(project.path().join("out/bin/sh").exists() && project.path().join("out/f").exists());
    project
        .build(&["-f", "replaced", "-o", "other", "--source-policy-file", "local"])
        .args(&["--build-context", "other=docker-image://none.invalid/base:1"])
        .args(&["--build-context", "folder=folder"])
        .succeed();
    assert_eq!(fs::read_to_string(project.path().join("other/g")).expect("the file"), "2");
    let unreadable = project.build(&[]).env(variable, "f").fail(1);
    assert!(unreadable.stderr.contains("f is no source policy"), "{}", unreadable.stderr);
}

#[test]
fn a_cache_in_a_folder_is_read_by_another_daemon() {
    let source = Image::push_source(Registry::shared(), "cache/source:latest");
    let dockerfile =
        format!("FROM {source} AS make\nRUN date > /made\nFROM scratch\nCOPY --from=make /made /\n");
    let other = "FROM scratch\nCOPY other /\n";
    let project = Project::new(&[("Dockerfile", &dockerfile), ("other", other)]);
    let made = |folder: &str| fs::read_to_string(project.path().join(folder).join("made")).expect("the file");
    let folder = project.path().join("a/cache");
    let cache = |rest: &str| format!("type=local,{rest}={}", folder.display());
    let to = format!("{},mode=max,tag=v1", cache("dest"));
    project.build(&["--cache-to", &to, "-o", "first", "--no-cache"]).succeed();
    let blobs = || fs::read_dir(folder.join("blobs/sha256")).expect("blobs").count();
    assert!(Path::new(&folder).join("index.json").exists() && blobs() > 2);

    let other = Buildkitd::start();
    let from = format!("{},tag=v1", cache("src"));
    let outcome = project.build_on(&other, &["--cache-from", &from, "-o", "second"]).succeed();
    assert!(outcome.stderr.contains("CACHED"), "{}", outcome.stderr);
    assert_eq!(made("second"), made("first"));

    let missing = project.build(&["--cache-from", "type=local,src=nowhere"]).succeed();
    assert!(missing.stderr.contains("nowhere"), "{}", missing.stderr);
    let before = blobs();
    let to = format!("{},tag=v1,reset=true", cache("dest"));
    project.build(&["-f", "other", "--cache-to", &to]).succeed();
    assert!(blobs() < before, "the blobs of the first cache are gone");
}
