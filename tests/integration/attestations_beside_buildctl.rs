//! What goes with an image beside what BuildKit's own client and Dockerfile frontend have go with it: the same files on
//! one buildkitd, equal but for what buildkitd says of a solve that names a frontend, which those of Bob do not.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::support::{Bob, Buildkitd, Image, Project, Registry, Web, files};

/// Reads a blob by its digest.
type Blobs<'a> = dyn Fn(&str) -> Vec<u8> + 'a;

/// What two builds never have in common: when they were, and which.
const OF_ONE_BUILD: [&str; 6] = [
    "/runDetails/metadata/invocationId",
    "/runDetails/metadata/startedOn",
    "/runDetails/metadata/finishedOn",
    "/metadata/buildInvocationID",
    "/metadata/buildStartedOn",
    "/metadata/buildFinishedOn",
];

/// What buildkitd says only of a solve that names a frontend (`getRefProvenance` in solver/llbsolver/provenance.go): its
/// name, its version and its attributes, also where they are told as a place or as the state of a checkout.
const OF_A_FRONTEND: [&str; 14] = [
    "/buildDefinition/externalParameters/configSource",
    "/buildDefinition/externalParameters/request/frontend",
    "/buildDefinition/externalParameters/request/args",
    "/buildDefinition/internalParameters/dockerfileVersion",
    "/runDetails/metadata/buildkit_completeness/request",
    "/runDetails/metadata/buildkit_metadata/vcs",
    "/invocation/configSource",
    "/invocation/parameters/frontend",
    "/invocation/parameters/args",
    "/invocation/environment/dockerfileVersion",
    "/metadata/completeness/parameters",
    "/metadata/https:~1~1mobyproject.org~1buildkit@v1#metadata/vcs",
    "/buildDefinition/externalParameters/request/root",
    "/invocation/parameters/root",
];

/// Whose build a provenance is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Client {
    Bob,
    Buildctl,
}

fn parsed(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).expect("JSON")
}

/// Removes the value at a JSON pointer and returns it.
fn take(value: &mut Value, pointer: &str) -> Option<Value> {
    let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
    let key = key.replace("~1", "/");
    value.pointer_mut(parent)?.as_object_mut()?.remove(&key)
}

/// Removes from a provenance what differs, and checks that it does.
fn make_comparable(predicate: &mut Value, client: Client) {
    let times = OF_ONE_BUILD.iter().filter(|pointer| take(predicate, pointer).is_some()).count();
    assert_eq!(times, 3, "an id and two times: {predicate:#}");
    let mut told = BTreeMap::new();
    for pointer in OF_A_FRONTEND {
        told.extend(take(predicate, pointer).map(|value| (pointer, value)));
    }
    let find = |end: &str| told.iter().find(|(pointer, _)| pointer.ends_with(end)).map(|(_, value)| value);
    let is_told = client == Client::Buildctl;
    assert_eq!(find("/frontend").and_then(Value::as_str), is_told.then_some("dockerfile.v0"));
    assert_eq!(find("/dockerfileVersion").is_some(), is_told);
    if !is_told {
        assert_eq!(find("/args"), None);
        assert_eq!(find("/configSource"), Some(&json!({})));
    }
    without_sessions(predicate);
}

/// Replaces the digests of steps, which have the id of a session where they read files of the client, by how many steps
/// there are.
fn without_sessions(value: &mut Value) {
    match value {
        Value::Array(list) => list.iter_mut().for_each(without_sessions),
        Value::Object(fields) => {
            for (key, value) in fields {
                if key == "digestMapping" {
                    let mut steps: Vec<Value> =
                        value.as_object().into_iter().flatten().map(|(_, step)| step.clone()).collect();
                    steps.sort_by_key(ToString::to_string);
                    *value = Value::Array(steps);
                } else {
                    without_sessions(value);
                }
            }
        }
        _ => {}
    }
}

fn is_provenance(statement: &Value) -> bool {
    statement["predicateType"].as_str().is_some_and(|kind| kind.starts_with("https://slsa.dev/provenance/"))
}

/// An index of images and of what goes with them, with manifests and statements in place of the digests that differ
/// because a provenance does.
fn attested(blobs: &Blobs<'_>, digest: &str, client: Client) -> Value {
    let content = |descriptor: &Value| parsed(&blobs(descriptor["digest"].as_str().expect("a digest")));
    let without_digest = |descriptor: &mut Value| {
        for key in ["digest", "size"] {
            take(descriptor, &format!("/{key}")).expect("a descriptor");
        }
    };
    let mut index = parsed(&blobs(digest));
    for entry in index["manifests"].as_array_mut().expect("an index") {
        if entry["annotations"]["vnd.docker.reference.type"] != "attestation-manifest" {
            continue;
        }
        let mut manifest = content(entry);
        let mut config = content(&manifest["config"]);
        without_digest(&mut manifest["config"]);
        for (position, layer) in manifest["layers"].as_array_mut().expect("layers").iter_mut().enumerate() {
            let mut statement = content(layer);
            if is_provenance(&statement) {
                make_comparable(&mut statement["predicate"], client);
                if let Some(id) = config.pointer_mut(&format!("/rootfs/diff_ids/{position}")) {
                    assert_eq!(*id, layer["digest"]);
                    *id = Value::Null;
                }
                without_digest(layer);
            }
            layer["content"] = statement;
        }
        manifest["config"]["content"] = config;
        without_digest(entry);
        entry["content"] = manifest;
    }
    index
}

/// Where two values differ, as JSON pointers with both sides.
fn differences(at: &str, bob: &Value, buildctl: &Value, found: &mut Vec<String>) {
    match (bob, buildctl) {
        (Value::Object(a), Value::Object(b)) => {
            let keys: std::collections::BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            for key in keys {
                differences(&format!("{at}/{key}"), &bob[key], &buildctl[key], found);
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (position, (a, b)) in a.iter().zip(b).enumerate() {
                differences(&format!("{at}/{position}"), a, b, found);
            }
        }
        _ if bob == buildctl => {}
        _ => found.push(format!("{at}\n  bob:      {bob}\n  buildctl: {buildctl}")),
    }
}

fn assert_same(what: &str, bob: &Value, buildctl: &Value) {
    let mut found = Vec::new();
    differences("", bob, buildctl, &mut found);
    assert!(found.is_empty(), "{what}:\n{}", found.join("\n"));
}

/// The image of the only build in an OCI layout.
fn of_layout(layout: &Path, client: Client) -> Value {
    let blobs = |digest: &str| {
        fs::read(layout.join("blobs").join(digest.replace(':', "/"))).expect("a blob of the layout")
    };
    let index = parsed(&fs::read(layout.join("index.json")).expect("an index"));
    let digest = index["manifests"][0]["digest"].as_str().expect("a digest").to_owned();
    let image = parsed(&blobs(&digest));
    // An image that nothing goes with is no index.
    if image["manifests"].is_null() { image } else { attested(&blobs, &digest, client) }
}

/// One way to ask both for the same.
#[derive(Default)]
struct Form<'a> {
    bob: &'a [&'a str],
    buildctl: &'a [&'a str],
    output: &'a str,
    /// A main context that is no folder.
    remote: Option<&'a str>,
}

/// What goes with the images that both make of a project, in OCI layouts.
fn both(project: &Project, form: &Form<'_>) -> [Value; 2] {
    let layout = tempfile::tempdir().expect("a folder");
    let to = |name: &str| layout.path().join(name);
    let output = |name: &str| {
        let name = to(name).display().to_string();
        format!("type=oci,tar=false,name=r.example/beside:v1,dest={name}{}", form.output)
    };
    let context = form.remote.map(|url| format!("context={url}"));
    let context: Vec<&str> = context.iter().flat_map(|context| ["--opt", context]).collect();
    project.buildctl(&[form.buildctl, &context, &["--output", &output("buildctl")]].concat());
    Bob::new(["build", "--progress=plain", "--addr", &Buildkitd::shared().addr()])
        .current_dir(project.path())
        .args(&[form.bob, &["-o", &output("bob"), form.remote.unwrap_or(".")]].concat())
        .succeed();
    [of_layout(&to("bob"), Client::Bob), of_layout(&to("buildctl"), Client::Buildctl)]
}

/// Every statement that goes with an image.
fn statements(image: &Value) -> Vec<&Value> {
    let manifests = image["manifests"].as_array().into_iter().flatten();
    let layers = manifests.filter_map(|entry| entry["content"]["layers"].as_array()).flatten();
    layers.map(|layer| &layer["content"]).collect()
}

#[test]
fn provenance_is_that_of_buildkit_s_frontend_in_every_form() {
    let source = Image::push_source(Registry::shared(), "beside/provenance:latest");
    let dockerfile = format!(
        "FROM {source} AS make\nARG A=1\nRUN --mount=type=secret,id=a --mount=type=ssh \
         cat /run/secrets/a > /made; echo $A >> /made\nRUN --network=none true\n\
         FROM {source}\nLABEL l=1\nCOPY f /\nCOPY --from=make /made /\n"
    );
    let project = Project::new(&[("Dockerfile", &dockerfile), ("f", "1"), ("secret", "s")]);
    let secret = ["--secret", "id=a,src=secret"];
    for (attributes, output) in [
        ("", ""),
        ("mode=min", ",oci-artifact=false"),
        ("mode=max", ""),
        ("mode=min,version=v0.2", ""),
        ("mode=max,version=v0.2", ",oci-artifact=false"),
        ("mode=min,version=v1,builder-id=https://b.example/1,reproducible=true", ""),
        ("mode=max,version=v1,capture-usage=false", ",compression=zstd"),
        ("mode=max,inline-only=true", ""),
        ("mode=max,inline-only=true", ",attestation-inline=true"),
    ] {
        let attributes = format!("type=provenance,{attributes}");
        let attributes = attributes.trim_end_matches(',');
        let opt = format!("attest:provenance={attributes}");
        let args = ["--attest", attributes, "--build-arg", "A=2", "--label", "m=2"];
        let opts = ["--opt", &opt, "--opt", "build-arg:A=2", "--opt", "label:m=2"];
        let form = Form {
            bob: &[&secret[..], &args].concat(),
            buildctl: &[&secret[..], &opts].concat(),
            output,
            remote: None,
        };
        let [bob, buildctl] = both(&project, &form);
        // What is to be in images alone is in no layout unless that is to be one.
        let count = usize::from(!attributes.contains("inline-only") || !output.is_empty());
        assert_eq!(statements(&bob).len(), count, "{attributes}{output}: {bob:#}");
        assert_same(&format!("{attributes}{output}"), &bob, &buildctl);
    }
    let argument = "BUILDKIT_ATTEST_PROVENANCE=mode=max";
    let [bob, buildctl] = both(
        &project,
        &Form {
            bob: &[&secret[..], &["--build-arg", argument]].concat(),
            buildctl: &[&secret[..], &["--opt", &format!("build-arg:{argument}")]].concat(),
            ..Form::default()
        },
    );
    assert_eq!(statements(&bob).len(), 1);
    assert_same(argument, &bob, &buildctl);
    // What is not asked for is not there.
    let disabled = [&secret[..], &["--provenance=disabled=true", "--sbom=false"]].concat();
    let [bob, buildctl] = both(&project, &Form { bob: &disabled, buildctl: &secret, ..Form::default() });
    assert_same("disabled", &bob, &buildctl);
    assert!(bob["config"].is_object(), "{bob}");
}

#[test]
fn provenance_names_the_contexts_that_buildkit_s_frontend_names() {
    let web = Web::start();
    let source = Image::push_source(Registry::shared(), "beside/contexts:latest");
    web.put("file", b"of http");
    let dockerfile = format!(
        "FROM {source}\nCOPY --from=files hello.txt /\nCOPY --from=other /bin/sh /sh\nADD {} /\n",
        web.url("file")
    );
    let files = [("Dockerfile", dockerfile.as_str()), ("hello.txt", "main\n")];
    web.put_repository("repo.git", &[("main", &files), ("dev", &[("hello.txt", "dev\n")])]);
    let project = Project::new(&files);
    let git = web.url("repo.git");
    let contexts = [format!("files={git}#dev"), format!("other=docker-image://{source}")];
    let ours = ["--build-context", &contexts[0], "--build-context", &contexts[1]];
    let [files, other] = contexts.each_ref().map(|context| format!("context:{context}"));
    let theirs = ["--opt", &files, "--opt", &other];
    for version in ["v1", "v0.2"] {
        for mode in ["min", "max"] {
            let attributes = format!("mode={mode},version={version}");
            let provenance = format!("--provenance={attributes}");
            let opt = format!("attest:provenance={attributes}");
            for remote in [None, Some(git.as_str())] {
                let form = Form {
                    bob: &[&ours[..], &[&provenance]].concat(),
                    buildctl: &[&theirs[..], &["--opt", &opt]].concat(),
                    remote,
                    ..Form::default()
                };
                let [bob, buildctl] = both(&project, &form);
                assert_same(&format!("{attributes}, {remote:?}"), &bob, &buildctl);
                let statement = statements(&bob)[0].to_string();
                assert!(statement.contains(&web.url("file")) && statement.contains(&git), "{statement}");
            }
        }
    }
}

/// A program that lists the names of the files that it sees.
const SCANNER: &str = r#"#!/bin/sh
list() { echo '{"_type":"https://in-toto.io/Statement/v0.1","predicateType":"https://spdx.dev/Document","predicate":{"name":"'$1'"}}'; }
list "$(ls $BUILDKIT_SCAN_SOURCE) $BUILDKIT_SCAN_extra" > $BUILDKIT_SCAN_DESTINATION/core.spdx.json
if [ -n "$BUILDKIT_SCAN_SOURCE_EXTRAS" ]; then for extra in $(ls $BUILDKIT_SCAN_SOURCE_EXTRAS); do
  list "$(ls $BUILDKIT_SCAN_SOURCE_EXTRAS/$extra)" > $BUILDKIT_SCAN_DESTINATION/$extra.spdx.json
done; fi
"#;

/// Pushes an image with a program that lists contents, and returns its reference.
fn scanner(registry: &Registry, name: &str) -> String {
    let source = Image::push_source(registry, "beside/scanned:latest");
    let scanner = registry.reference(name);
    let dockerfile = format!("FROM {source}\nCOPY --chmod=755 scan /\nENTRYPOINT [\"/bin/sh\", \"/scan\"]\n");
    Project::new(&[("Dockerfile", &(dockerfile + "CMD []\n")), ("scan", SCANNER)])
        .build(&["-t", &scanner, "--push"])
        .succeed();
    scanner
}

#[test]
fn lists_of_contents_are_those_of_buildkit_s_frontend_byte_by_byte() {
    let scanner = scanner(Registry::shared(), "beside/scanner:v1");
    let plain = "FROM scratch AS one\nCOPY f /of-one\nFROM scratch\nCOPY --from=one /of-one /of-result\n";
    let scanned = format!("ARG BUILDKIT_SBOM_SCAN_STAGE=true\nARG BUILDKIT_SBOM_SCAN_CONTEXT=true\n{plain}");
    let project =
        Project::new(&[("Dockerfile", plain), ("scanned", &scanned), ("f", "1"), (".dockerignore", "")]);
    let sbom = format!("type=sbom,generator={scanner},extra=e");
    let asked = ["--attest", &sbom];
    let opt = format!("attest:sbom={sbom}");
    let platforms = "linux/amd64,linux/arm64";
    let platform = format!("platform={platforms}");
    let by_argument = format!("BUILDKIT_ATTEST_SBOM=generator={scanner}");
    let argument = format!("build-arg:{by_argument}");
    let forms: [(&str, &[&str], &[&str], usize); 5] = [
        ("the result", &asked, &["--opt", &opt], 1),
        (
            "stages and context",
            &["--attest", &sbom, "-f", "scanned"],
            &["--opt", &opt, "--opt", "filename=scanned"],
            3,
        ),
        (
            "two platforms",
            &["--attest", &sbom, "--platform", platforms],
            &["--opt", &opt, "--opt", &platform],
            2,
        ),
        (
            "both kinds",
            &["--attest", &sbom, "--attest=type=provenance,mode=max", "--platform", platforms],
            &["--opt", &opt, "--opt", "attest:provenance=type=provenance,mode=max", "--opt", &platform],
            4,
        ),
        ("an argument", &["--build-arg", &by_argument], &["--opt", &argument], 1),
    ];
    for (what, ours, theirs, count) in forms {
        let [bob, buildctl] = both(&project, &Form { bob: ours, buildctl: theirs, ..Form::default() });
        assert_eq!(statements(&bob).len(), count, "{what}: {bob:#}");
        assert_same(what, &bob, &buildctl);
    }
}

#[test]
fn folders_have_the_attestations_that_buildkit_s_frontend_has_put_there() {
    let scanner = scanner(Registry::shared(), "beside/scanner:v2");
    let project = Project::new(&[("Dockerfile", "FROM scratch\nCOPY f /\n"), ("f", "1")]);
    let sbom = format!("type=sbom,generator={scanner}");
    for (provenance, output, platform, names) in [
        ("mode=max", "", "", vec!["core.spdx.json", "f", "provenance.json"]),
        ("mode=min,filename=p.json", ",attestation-prefix=x-", "", vec!["f", "x-core.spdx.json", "x-p.json"]),
        ("mode=min,inline-only=true", "", "", vec!["core.spdx.json", "f"]),
        (
            "mode=max,version=v0.2",
            "",
            "linux/arm64,linux/amd64",
            vec![
                "linux_amd64/core.spdx.json",
                "linux_amd64/f",
                "linux_amd64/provenance.json",
                "linux_arm64/core.spdx.json",
                "linux_arm64/f",
                "linux_arm64/provenance.json",
            ],
        ),
    ] {
        let provenance = format!("type=provenance,{provenance}");
        let opts = [format!("attest:provenance={provenance}"), format!("attest:sbom={sbom}")];
        let mut opts: Vec<&str> = opts.iter().flat_map(|opt| ["--opt", opt]).collect();
        let mut args = vec!["--attest", &provenance, "--attest", &sbom];
        let opt = format!("platform={platform}");
        if !platform.is_empty() {
            opts.extend(["--opt", &opt]);
            args.extend(["--platform", platform]);
        }
        let theirs = tempfile::tempdir().expect("a folder");
        let to = format!("type=local,dest={}{output}", theirs.path().display());
        project.buildctl(&[&opts[..], &["--output", &to]].concat());
        let ours = tempfile::tempdir().expect("a folder");
        let to = format!("type=local,dest={}{output}", ours.path().display());
        project.build(&[&args[..], &["-o", &to]].concat()).succeed();
        let (ours, theirs) = (files(ours.path()), files(theirs.path()));
        assert_eq!(ours.keys().collect::<Vec<_>>(), names);
        assert_eq!(theirs.keys().collect::<Vec<_>>(), names);
        for (name, content) in &ours {
            if Path::new(name).extension().is_some_and(|extension| extension == "json") {
                let of = |content: &[u8], client| {
                    let mut statement = parsed(content);
                    if is_provenance(&statement) {
                        make_comparable(&mut statement["predicate"], client);
                    }
                    statement
                };
                assert_same(name, &of(content, Client::Bob), &of(&theirs[name], Client::Buildctl));
            } else {
                assert_eq!(content, &theirs[name], "{name}");
            }
        }
    }
}

#[test]
fn a_pushed_image_has_the_attestations_and_subjects_that_buildkit_s_frontend_pushes() {
    let registry = Registry::shared();
    let scanner = scanner(registry, "beside/scanner:v3");
    let project = Project::new(&[("Dockerfile", "FROM scratch\nCOPY f /\n"), ("f", "pushed")]);
    let sbom = format!("type=sbom,generator={scanner}");
    let opt = format!("attest:sbom={sbom}");
    let provenance = "type=provenance,mode=max";
    let names = [registry.reference("beside/pushed:v1"), registry.reference("beside/other:v2")];
    let blobs = |digest: &str| {
        let digest = digest.trim_start_matches("sha256:");
        let path = registry.storage().join("blobs/sha256").join(&digest[..2]).join(digest).join("data");
        fs::read(path).expect("a blob of the registry")
    };
    let pushed = |client| {
        let link = "repositories/beside/other/_manifests/tags/v2/current/link";
        let digest = fs::read_to_string(registry.storage().join(link)).expect("a tag");
        let first = "repositories/beside/pushed/_manifests/tags/v1/current/link";
        assert_eq!(digest, fs::read_to_string(registry.storage().join(first)).expect("a tag"));
        attested(&blobs, &digest, client)
    };
    let output = format!("type=image,\"name={},{}\",push=true", names[0], names[1]);
    let opts = ["--opt", &opt, "--opt", "attest:provenance=type=provenance,mode=max"];
    project.buildctl(&[&opts[..], &["--output", &output]].concat());
    let buildctl = pushed(Client::Buildctl);
    let args = ["--attest", &sbom, "--attest", provenance, "-t", &names[0], "-t", &names[1], "--push"];
    project.build(&args).succeed();
    let bob = pushed(Client::Bob);
    assert_same("pushed", &bob, &buildctl);
    let subjects = statements(&bob)[0]["subject"].as_array().expect("subjects").clone();
    let subjects: Vec<_> = subjects.iter().map(|subject| subject["name"].as_str().expect("a name")).collect();
    assert_eq!(subjects.len(), 2, "{subjects:?}");
    let host = registry.host.replace(':', "%3A");
    assert!(subjects[0].starts_with(&format!("pkg:docker/{host}/beside/pushed@v1?")), "{subjects:?}");
    assert!(subjects[1].starts_with(&format!("pkg:docker/{host}/beside/other@v2?")), "{subjects:?}");
}
