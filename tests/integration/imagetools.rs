//! `bob imagetools` on real registries.

use std::fs;
use std::io::{self, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::support::{Bob, Image, Project, Registry, head, pull, raw_manifest};

/// Pushes an image without layers of its own for `platform` under `name`, and returns its reference.
fn push(registry: &Registry, name: &str, platform: &str) -> String {
    let base = Image::push_source(registry, "imagetools/source:latest");
    let project = Project::new(&[(
        "Dockerfile",
        &format!("FROM {base}\nCOPY Dockerfile /{}\n", platform.replace('/', "-")),
    )]);
    let reference = registry.reference(name);
    project.build(&["--platform", platform, "-t", &reference, "--push"]).succeed();
    reference
}

fn imagetools(args: &[&str]) -> Bob {
    Bob::new([&["imagetools"], args].concat())
}

fn digest(reference: &str) -> String {
    imagetools(&["inspect", reference, "--format", "{{.Manifest.Digest}}"]).succeed().stdout
}

fn parsed(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).expect("JSON")
}

fn platforms(index: &Value) -> Vec<String> {
    let entries = index["manifests"].as_array().expect("manifests");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    entries
        .iter()
        .map(|entry| text(&entry["platform"]["architecture"]) + &text(&entry["platform"]["variant"]))
        .collect()
}

#[test]
fn images_pushed_by_digest_become_an_index() {
    let registry = Registry::shared();
    let amd64 = push(registry, "imagetools/index:amd64", "linux/amd64");
    let arm = push(registry, "imagetools/index:arm", "linux/arm/v7");
    let (one, other) = (digest(&amd64), digest(&arm));
    let target = registry.reference("imagetools/index:all");
    // Digests alone: there is one repository only.
    let shown = imagetools(&["create", "--dry-run", "-t", &target, &one, &other]).succeed().stdout;
    assert_eq!(platforms(&parsed(shown.as_bytes())), ["amd64", "armv7"]);
    let folder = tempfile::tempdir().expect("a folder");
    let metadata = folder.path().join("metadata");
    let file = folder.path().join("source");
    fs::write(&file, format!("{other}\n")).expect("a source");
    let args =
        ["create", "-t", &target, "--annotation", "index:a=b", "-f", file.to_str().expect("UTF-8"), &one];
    imagetools(&args).args(&["--metadata-file", metadata.to_str().expect("UTF-8")]).succeed();
    let raw = raw_manifest(&target);
    let index = parsed(&raw);
    assert_eq!(
        (platforms(&index), index["annotations"]["a"].as_str()),
        (vec!["armv7".into(), "amd64".into()], Some("b"))
    );
    let metadata = parsed(&fs::read(&metadata).expect("the metadata file"));
    assert_eq!(metadata["containerimage.descriptor"]["digest"], digest(&target));
    assert_eq!(metadata["image.name"], target.trim_end_matches(":all"));

    let raw_shown = imagetools(&["inspect", "--raw", &target]).succeed().stdout;
    assert_eq!(raw_shown.as_bytes(), raw);
    let shown = imagetools(&["inspect", &target]).succeed().stdout;
    let head = format!(
        "Name:      {target}\nMediaType: application/vnd.oci.image.index.v1+json\nDigest:    {}\n\nManifests:\n",
        digest(&target)
    );
    assert!(shown.starts_with(&head), "{shown}");
    assert!(shown.contains(&format!("  Name:      {target}@{other}\n")), "{shown}");
    assert!(shown.contains("  Platform:  linux/arm/v7\n"), "{shown}");
    let variable =
        imagetools(&["inspect", &target, "--format", r#"{{json (index .Image "linux/arm/v7").Config.Env}}"#]);
    assert_eq!(
        parsed(variable.succeed().stdout.as_bytes()),
        serde_json::json!(["PATH=/bin", "FROM_SOURCE=yes"])
    );

    // One platform of it, and one more.
    let only = registry.reference("imagetools/index:only");
    imagetools(&["create", "-t", &only, "--platform", "linux/arm/v7", &target]).succeed();
    assert_eq!(platforms(&parsed(&raw_manifest(&only))), ["armv7"]);
    imagetools(&["create", "-t", &only, "--append", &amd64]).succeed();
    assert_eq!(platforms(&parsed(&raw_manifest(&only))), ["armv7", "amd64"]);
    let copied = registry.reference("imagetools/index:copied");
    imagetools(&["create", "-t", &copied, "--prefer-index=false", &amd64]).succeed();
    assert_eq!(raw_manifest(&copied), raw_manifest(&amd64));
}

#[test]
fn no_layer_travels_within_a_registry_and_all_do_between_two() {
    let registry = Registry::open();
    let from = push(&registry, "imagetools/from:v1", "linux/amd64");
    let before = registry.log();
    let target = registry.reference("imagetools/to:v1");
    imagetools(&["create", "-t", &target, "--progress", "plain", &from]).succeed();
    let log = registry.log();
    let requests = &log[before.len()..];
    assert!(requests.contains("mount=sha256"), "{requests}");
    assert!(
        !requests.contains("\"PATCH ") && !requests.contains("\"PUT /v2/imagetools/to/blobs"),
        "{requests}"
    );
    assert_eq!(pull(&registry, &target).run("ls /linux-amd64"), "/linux-amd64\n");

    let other = Registry::shared_secured();
    let far = other.reference("imagetools/far:v1");
    let home = tempfile::tempdir().expect("a folder");
    fs::write(home.path().join("config.json"), other.docker_config()).expect("logins");
    let copy = |config: &std::path::Path| {
        imagetools(&["create", "-t", &far, &from])
            .env("DOCKER_CONFIG", config)
            .env("SSL_CERT_FILE", other.ca())
    };
    copy(home.path()).succeed();
    assert_eq!(pull(other, &far).run("ls /linux-amd64"), "/linux-amd64\n");
    let refused = copy(std::path::Path::new("/nonexistent")).fail(1).stderr;
    assert!(refused.contains("401") && refused.contains("no credentials"), "{refused}");
    assert!(!refused.contains(Registry::PASSWORD));
}

/// A descriptor of `content`.
fn descriptor(content: &[u8], media_type: &str) -> Value {
    let digest = format!("sha256:{}", hex::encode(Sha256::digest(content)));
    json!({ "mediaType": format!("application/vnd.oci.image.{media_type}.v1+json"), "digest": digest, "size": content.len() })
}

#[test]
fn the_configurations_of_an_index_have_an_end() {
    let registry = Registry::shared();
    let config = format!(r#"{{"os":"linux","config":{{"Labels":{{"k":"{}"}}}}}}"#, "v".repeat(12 << 20));
    let described = descriptor(config.as_bytes(), "config");
    let digest = described["digest"].as_str().expect("a digest");
    let (_, encoded) = digest.split_once(':').expect("a digest");
    let storage = registry.storage();
    let links = storage.join("repositories/imagetools/large/_layers/sha256").join(encoded);
    let blob = storage.join("blobs/sha256").join(&encoded[..2]).join(encoded);
    for (folder, name, content) in [(&blob, "data", config.as_str()), (&links, "link", digest)] {
        fs::create_dir_all(folder).expect("a folder of the registry");
        fs::write(folder.join(name), content).expect("a file of the registry");
    }
    let manifest = json!({ "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": described, "layers": [] });
    let manifest = manifest.to_string();
    registry.put_manifest("imagetools/large:one", "application/vnd.oci.image.manifest.v1+json", &manifest);
    let entry = |variant: &str| {
        let mut entry = descriptor(manifest.as_bytes(), "manifest");
        entry["platform"] = json!({ "os": "linux", "architecture": "arm", "variant": variant });
        entry
    };
    let inspected = |variants: &[&str]| {
        let manifests: Vec<Value> = variants.iter().map(|variant| entry(variant)).collect();
        let media_type = "application/vnd.oci.image.index.v1+json";
        let index = json!({ "schemaVersion": 2, "mediaType": media_type, "manifests": manifests });
        registry.put_manifest("imagetools/large:all", media_type, &index.to_string());
        imagetools(&["inspect", &registry.reference("imagetools/large:all"), "--format", "{{json .Image}}"])
    };
    assert!(inspected(&["v6", "v7"]).succeed().stdout.len() > 24 << 20);
    let outcome = inspected(&["v5", "v6", "v7"]).fail(1);
    assert!(outcome.stderr.contains("have configurations of more than 33554432 bytes"), "{}", outcome.stderr);
}

#[test]
fn what_is_wrong_with_images_is_named() {
    let registry = Registry::shared();
    let missing = registry.reference("imagetools/nothing:here");
    let outcome = imagetools(&["inspect", &missing]).fail(1);
    assert_eq!(outcome.stderr, format!("error: {missing}: its registry has no such image\n"));
    for (args, words) in [
        (&["create", "-t", "r.example/a"][..], "there are no images to put together"),
        (&["create", "r.example/a"], "the new image has no name"),
        (&["create", "-t", "r.example/a", "UPPER"], "\"UPPER\" is no source"),
        (
            &["create", "-t", "r.example/a", "--annotation", "k=v", "r.example/b"],
            "an index takes index:KEY=VALUE",
        ),
        (&["inspect", "r.example/a", "--raw", "--format", "x"], "cannot be used with"),
    ] {
        let outcome = imagetools(args).fail(2);
        assert!(outcome.stderr.contains(words), "{}", outcome.stderr);
    }
}

#[test]
fn images_in_layouts_are_looked_at_and_put_together_like_those_at_registries() {
    let registry = Registry::shared();
    let base = Image::push_source(registry, "imagetools/layouts:source");
    let project = Project::new(&[("Dockerfile", &format!("FROM {base}\nCOPY Dockerfile /made\n"))]);
    let built = project.path().join("built");
    let output = format!("type=oci,tar=false,name=x:built,dest={}", built.display());
    let platforms = ["--platform", "linux/amd64,linux/arm64"];
    project.build(&["-o", &output, "--provenance=mode=max"]).args(&platforms).succeed();
    let layout = |name: &str| format!("oci-layout://{}", project.path().join(name).display());
    let source = format!("{}:built", layout("built"));
    let shown = imagetools(&["inspect", &source]).succeed().stdout;
    let digest_of_source = digest(&source);
    assert!(shown.starts_with(&format!("Name:      {source}\n")), "{shown}");
    assert!(shown.contains(&format!("  Name:      {}@sha256:", layout("built"))), "{shown}");
    let env = r#"{{json (index .Image "linux/arm64").Config.Env}}"#;
    let env = imagetools(&["inspect", &source, "--format", env]).succeed().stdout;
    assert_eq!(parsed(env.as_bytes()), json!(["PATH=/bin", "FROM_SOURCE=yes"]));
    let provenance = r#"{{json (index .Provenance "linux/arm64").SLSA.buildDefinition.buildType}}"#;
    let provenance = imagetools(&["inspect", &source, "--format", provenance]).succeed().stdout;
    assert!(provenance.contains("buildkit"), "{provenance}");
    assert_eq!(imagetools(&["inspect", &source, "--format", "{{json .SBOM}}"]).succeed().stdout, "{}");

    // To a registry, back into another layout, and between layouts: the same bytes everywhere.
    let pushed = registry.reference("imagetools/layouts:v1");
    imagetools(&["create", "-t", &pushed, &source]).succeed();
    assert_eq!(digest(&pushed), digest_of_source);
    assert_eq!(pull(registry, &pushed).run("ls /made"), "/made\n");
    let fetched = format!("{}:v2", layout("fetched"));
    imagetools(&["create", "-t", &fetched, &pushed]).succeed();
    let copied = layout("copied");
    let metadata = project.path().join("metadata").display().to_string();
    imagetools(&["create", "-t", &copied, &fetched, "--metadata-file", &metadata]).succeed();
    let read = |reference: &str| imagetools(&["inspect", "--raw", reference]).succeed().stdout;
    assert!(read(&fetched) == read(&source) && read(&format!("{copied}:latest")) == read(&source));
    assert_eq!(read(&format!("{copied}@{digest_of_source}")), read(&source));
    let metadata = parsed(&fs::read(&metadata).expect("the metadata file"));
    assert_eq!(metadata["image.name"], project.path().join("copied").display().to_string());
    let blobs = |name: &str| {
        let entries = fs::read_dir(project.path().join(name).join("blobs/sha256")).expect("blobs");
        let mut names: Vec<_> = entries.map(|entry| entry.expect("an entry").file_name()).collect();
        names.sort();
        names
    };
    assert_eq!(blobs("copied"), blobs("built"));

    // An index of both kinds of sources, and one platform of it with its attestation.
    let only = format!("{}:only", layout("copied"));
    imagetools(&["create", "-t", &only, "--platform", "linux/arm64", &source]).succeed();
    assert_eq!(platforms_of(&only), ["arm64", "unknown"]);
    let mixed = registry.reference("imagetools/layouts:mixed");
    let arm = push(registry, "imagetools/layouts:arm", "linux/arm/v7");
    imagetools(&["create", "-t", &mixed, &arm, &only]).succeed();
    assert_eq!(platforms_of(&mixed), ["armv7", "arm64", "unknown"]);

    let missing = imagetools(&["inspect", &format!("{}:none", layout("copied"))]).fail(1).stderr;
    assert!(missing.contains("has no image with the tag \"none\", but these: latest, only"), "{missing}");
    let missing = imagetools(&["inspect", "oci-layout://nowhere:v1"]).fail(1).stderr;
    assert!(missing.contains("nowhere is not an OCI layout"), "{missing}");
    let blob = project.path().join("copied/blobs").join(digest_of_source.replace(':', "/"));
    fs::write(&blob, "{}").expect("a file");
    let broken = imagetools(&["inspect", &copied]).fail(1).stderr;
    assert!(broken.contains("has another digest"), "{broken}");
}

fn platforms_of(reference: &str) -> Vec<String> {
    platforms(&parsed(imagetools(&["inspect", "--raw", reference]).succeed().stdout.as_bytes()))
}

#[test]
fn signatures_and_attestations_go_with_the_image_that_they_refer_to() {
    let registry = Registry::shared();
    let image = push(registry, "imagetools/signed:v1", "linux/amd64");
    let raw = raw_manifest(&image);
    let media_type = "application/vnd.oci.image.manifest.v1+json";
    let subject = descriptor(&raw, "manifest");
    // The registry has no list of what refers to an image: clients keep it under a tag.
    let mut list = Vec::new();
    for (tag, kind) in [
        ("signature", "application/vnd.dev.cosign.artifact.sig.v1+json"),
        ("attestation", "application/vnd.docker.attestation.manifest.v1+json"),
        ("other", "application/example"),
    ] {
        let manifest = json!({
            "schemaVersion": 2, "mediaType": media_type, "artifactType": kind,
            "config": parsed(&raw)["config"], "layers": [], "subject": subject,
        });
        registry.put_manifest(&format!("imagetools/signed:{tag}"), media_type, &manifest.to_string());
        let mut entry = descriptor(manifest.to_string().as_bytes(), "manifest");
        entry["artifactType"] = json!(kind);
        list.push(entry);
    }
    let tag = subject["digest"].as_str().expect("a digest").replace(':', "-");
    let index_type = "application/vnd.oci.image.index.v1+json";
    let index = json!({ "schemaVersion": 2, "mediaType": index_type, "manifests": list });
    registry.put_manifest(&format!("imagetools/signed:{tag}"), index_type, &index.to_string());
    let digests = |index: &Value| -> Vec<Value> {
        let entries = index["manifests"].as_array().expect("an index").iter();
        entries.map(|entry| entry["digest"].clone()).collect()
    };
    let carried = [list[0]["digest"].clone(), list[1]["digest"].clone()];

    // An image copied as it is has them at its new place, where they are listed.
    let copied = registry.reference("imagetools/signed-copy:v1");
    imagetools(&["create", "-t", &copied, "--prefer-index=false", &image]).succeed();
    let list = parsed(&raw_manifest(&registry.reference(&format!("imagetools/signed-copy:{tag}"))));
    assert_eq!(digests(&list), carried);
    let folder = tempfile::tempdir().expect("a folder");
    let layout = format!("oci-layout://{}", folder.path().display());
    imagetools(&["create", "-t", &layout, "--prefer-index=false", &copied]).succeed();
    let index = parsed(&fs::read(folder.path().join("index.json")).expect("an index"));
    assert_eq!(digests(&index), [vec![subject["digest"].clone()], carried.to_vec()].concat());
    assert_eq!(index["manifests"][1]["annotations"]["io.containerd.manifest.subject"], subject["digest"]);
    let back = registry.reference("imagetools/signed-back:v1");
    imagetools(&["create", "-t", &back, "--prefer-index=false", &layout]).succeed();
    let list = parsed(&raw_manifest(&registry.reference(&format!("imagetools/signed-back:{tag}"))));
    assert_eq!(digests(&list), carried);

    // An index names the attestation itself.
    let index = registry.reference("imagetools/signed-index:v1");
    imagetools(&["create", "-t", &index, &image]).succeed();
    let made = parsed(&raw_manifest(&index));
    assert_eq!(digests(&made), [subject["digest"].clone(), carried[1].clone()]);
    let entry = &made["manifests"][1];
    assert_eq!(entry["annotations"]["vnd.docker.reference.digest"], subject["digest"]);
    assert_eq!((&entry["platform"]["os"], &entry["artifactType"]), (&json!("unknown"), &Value::Null));
}

/// Starts a registry that lists by itself what refers to `digest`, which Debian's does not: all else is answered by
/// `upstream`. Returns its `127.0.0.1:PORT`.
fn listing_registry(upstream: &str, digest: &str, list: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let (upstream, digest, list) = (upstream.to_owned(), digest.to_owned(), list.to_owned());
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let (upstream, digest, list) = (upstream.clone(), digest.clone(), list.clone());
            std::thread::spawn(move || listed(&client, &upstream, &digest, &list));
        }
    });
    format!("127.0.0.1:{port}")
}

/// Answers the one request of a connection.
fn listed(client: &TcpStream, upstream: &str, digest: &str, list: &str) -> io::Result<()> {
    let mut reader = BufReader::new(client);
    let (line, length, headers) = head(&mut reader)?;
    let mut writer = client;
    if line.contains("/referrers/") {
        let empty = r#"{"schemaVersion":2,"manifests":[]}"#;
        let body = if line.contains(digest) { list } else { empty };
        let kind = "application/vnd.oci.image.index.v1+json";
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        return writer.write_all((head + body).as_bytes());
    }
    let registry = TcpStream::connect(upstream)?;
    (&registry).write_all(format!("{line}\r\n{headers}Connection: close\r\n\r\n").as_bytes())?;
    io::copy(&mut reader.by_ref().take(length), &mut &registry)?;
    io::copy(&mut &registry, &mut writer)?;
    Ok(())
}

#[test]
fn a_registry_that_lists_what_refers_to_an_image_is_asked_for_it() {
    let registry = Registry::shared();
    let image = push(registry, "imagetools/listed:v1", "linux/amd64");
    let raw = raw_manifest(&image);
    let (media_type, kind) =
        ("application/vnd.oci.image.manifest.v1+json", "application/vnd.dev.sigstore.bundle.v0.3+json");
    let subject = descriptor(&raw, "manifest");
    let digest = subject["digest"].as_str().expect("a digest");
    let bundle = json!({
        "schemaVersion": 2, "mediaType": media_type, "artifactType": kind,
        "config": parsed(&raw)["config"], "layers": [], "subject": subject,
    });
    registry.put_manifest("imagetools/listed:bundle", media_type, &bundle.to_string());
    let mut entry = descriptor(bundle.to_string().as_bytes(), "manifest");
    entry["artifactType"] = json!(kind);
    let list = json!({ "schemaVersion": 2, "manifests": [entry] });
    let listing = listing_registry(&registry.host, digest, &list.to_string());
    let [from, to] = ["listed:v1", "listed-copy:v1"].map(|name| format!("{listing}/imagetools/{name}"));
    imagetools(&["create", "-t", &to, "--prefer-index=false", &from]).succeed();
    let manifests = registry.storage().join("repositories/imagetools/listed-copy/_manifests");
    let bundle = entry["digest"].as_str().expect("a digest").replace(':', "/");
    assert!(manifests.join("revisions").join(bundle).exists());
    let tags: Vec<_> = fs::read_dir(manifests.join("tags")).expect("tags").flatten().collect();
    assert_eq!(tags.len(), 1, "the registry lists it, so that no tag has to: {tags:?}");
}

#[test]
fn what_is_said_to_refer_to_itself_is_copied_once() {
    let registry = Registry::shared();
    let image = push(registry, "imagetools/circle:v1", "linux/amd64");
    let mut entry = descriptor(&raw_manifest(&image), "manifest");
    let tag = entry["digest"].as_str().expect("a digest").replace(':', "-");
    entry["artifactType"] = json!("application/vnd.dev.cosign.artifact.sig.v1+json");
    let index_type = "application/vnd.oci.image.index.v1+json";
    let index = json!({ "schemaVersion": 2, "mediaType": index_type, "manifests": [entry] });
    registry.put_manifest(&format!("imagetools/circle:{tag}"), index_type, &index.to_string());
    let copied = registry.reference("imagetools/circle-copy:v1");
    imagetools(&["create", "-t", &copied, &image]).succeed();
    assert_eq!(platforms_of(&copied), ["amd64"]);
}

#[test]
fn a_form_of_progress_that_does_not_exist_is_wrong_usage() {
    let create = || imagetools(&["create", "-t", "localhost:1/x", "localhost:1/y"]);
    let said = create().args(&["--progress", "loud"]).fail(2).stderr;
    assert!(said.contains("'loud' for '--progress <MODE>'"), "{said}");
    for progress in [&[][..], &["--progress=auto"]] {
        let said = create().args(progress).env("BUILDKIT_PROGRESS", "loud").fail(2).stderr;
        assert!(said.starts_with("error: BUILDKIT_PROGRESS \"loud\": "), "{said}");
    }
    create().args(&["--progress=quiet"]).env("BUILDKIT_PROGRESS", "loud").fail(1);
}

#[test]
fn completions_and_manual_pages_name_every_command() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = Bob::new(["completion", shell]).succeed().stdout;
        assert!(script.contains("imagetools") && script.contains("metadata-file"), "{shell}");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let pages = folder.path().join("man1");
    Bob::new(["man"]).arg(&pages).succeed();
    let build = fs::read_to_string(pages.join("bob-build.1")).expect("a page");
    assert!(build.contains("metadata\\-file") && build.contains(".TH bob-build 1"), "{build}");
    for page in ["bob.1", "bob-du.1", "bob-prune.1", "bob-imagetools.1", "bob-imagetools-create.1"] {
        assert!(pages.join(page).is_file(), "{page}");
    }
    assert!(!pages.join("bob-help.1").exists());
}
