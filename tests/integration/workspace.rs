//! Workspace mode: base layer and workspace image, pushed through `bob proxy`.

use std::collections::BTreeSet;
use std::fs;

use sha2::{Digest as _, Sha256};

use super::support::{Bob, Buildkitd, Image, Outcome, Proxy, Registry, Workspace, pull, raw_manifest};

/// What the target must share with the base: everything but how it came about.
fn assert_same_image(base: &Image, target: &Image) {
    assert_eq!(base.layers(), target.layers());
    assert_eq!(base.config["config"], target.config["config"]);
    assert_eq!(base.config["rootfs"], target.config["rootfs"]);
    for key in ["architecture", "os", "history"] {
        assert_eq!(base.config[key], target.config[key], "{key}");
    }
}

fn with_custom_dockerfile() -> Workspace {
    let source = Image::push_source(Registry::shared(), "workspace/source:latest");
    let dockerfile = format!("FROM {source}\nRUN echo custom > /custom\nCOPY greeting /\nENV CUSTOM=1\n");
    Workspace::new(&[("project/.gitpod.Dockerfile", &dockerfile), ("project/greeting", "hello\n")])
}

fn build_base(workspace: &Workspace, proxy: &Proxy) -> Bob {
    workspace
        .build(&proxy.reference("base:v1"), &proxy.reference("target:v1"))
        .env("BOB_PROXY_TOKEN", Proxy::TOKEN)
        .env("BOB_BUILD_BASE", "true")
        .env("BOB_DOCKERFILE_PATH", workspace.at("project/.gitpod.Dockerfile"))
        .env("BOB_CONTEXT_DIR", workspace.at("project"))
}

#[test]
fn a_custom_dockerfile_becomes_base_layer_and_workspace_image_and_then_only_the_latter() {
    let registry = Registry::shared_secured();
    let proxy = Proxy::start(registry, "one/base:v1", "one/target:v1");
    let workspace = with_custom_dockerfile();
    build_base(&workspace, &proxy).succeed();
    let base = pull(registry, &registry.reference("one/base:v1"));
    assert_eq!(base.run("cat /custom /greeting"), "custom\nhello\n");
    assert_same_image(&base, &pull(registry, &registry.reference("one/target:v1")));

    let again = Proxy::start(registry, "one/base:v1", "one/again:v1");
    workspace
        .build(&again.reference("base:v1"), &again.reference("target:v1"))
        .env("BOB_PROXY_TOKEN", Proxy::TOKEN)
        .succeed();
    assert_same_image(&base, &pull(registry, &registry.reference("one/again:v1")));
    assert_eq!(workspace.log(), "", "nothing is reported when all goes well");
}

#[test]
fn no_process_of_the_build_holds_a_credential() {
    let registry = Registry::shared_secured();
    let proxy = Proxy::start(registry, "secret/base:v1", "secret/target:v1");
    let workspace = with_custom_dockerfile();
    let child = build_base(&workspace, &proxy).start();
    let (mut looked_at, mut leaks) = (BTreeSet::new(), Vec::new());
    let root = child.id();
    let done = std::thread::spawn(move || Outcome::of(child));
    while !done.is_finished() {
        for pid in descendants(root) {
            let read = |file: &str| fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default();
            let name = String::from_utf8_lossy(&read("comm")).trim().to_owned();
            for file in ["environ", "cmdline"] {
                if String::from_utf8_lossy(&read(file)).contains(Registry::PASSWORD) {
                    leaks.push(format!("{name}: {file}"));
                }
            }
            looked_at.insert(name);
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let outcome = done.join().expect("the build");
    assert!(outcome.status.success(), "{}", outcome.stderr);
    assert!(looked_at.contains("bob") && looked_at.contains("buildkitd"), "{looked_at:?}");
    assert_eq!(leaks, Vec::<String>::new());
    assert!(!outcome.stderr.contains(Registry::PASSWORD) && !outcome.stderr.contains(Proxy::TOKEN));
    assert!(!proxy.log().contains(Registry::PASSWORD) && !proxy.log().contains(Proxy::TOKEN));
}

/// `root` and every process below it.
fn descendants(root: u32) -> Vec<u32> {
    let parents: Vec<(u32, u32)> = fs::read_dir("/proc")
        .expect("/proc")
        .filter_map(|entry| {
            let pid: u32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
            let parent = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()?;
            Some((pid, parent))
        })
        .collect();
    let mut found = vec![root];
    let mut at = 0;
    while at < found.len() {
        let pid = found[at];
        found.extend(parents.iter().filter(|(_, parent)| *parent == pid).map(|(child, _)| *child));
        at += 1;
    }
    found
}

#[test]
fn the_walk_through_with_an_open_registry_gives_an_equal_image() {
    let registry = Registry::shared();
    let source = Image::push_source(registry, "walk/source:latest");
    let target = registry.reference("walk/target:83");
    let workspace = Workspace::new(&[]);
    workspace.build(&source, &target).succeed();
    assert_same_image(&pull(registry, &source), &pull(registry, &target));
}

#[test]
fn an_external_buildkitd_is_used_and_one_that_is_not_there_is_replaced() {
    let registry = Registry::shared();
    let workspace = with_custom_dockerfile();
    let build = |name: &str, address: &str| {
        workspace
            .build(&registry.reference(&format!("{name}-base")), &registry.reference(name))
            .env("BOB_BUILD_BASE", "true")
            .env("BOB_DOCKERFILE_PATH", workspace.at("project/.gitpod.Dockerfile"))
            .env("BOB_CONTEXT_DIR", workspace.at("project"))
            .env("BOB_EXTERNAL_BUILDKITD", address)
            .succeed();
        pull(registry, &registry.reference(name))
    };
    let used = build("external/used:v1", &Buildkitd::shared().addr());
    assert!(!workspace.path().join("buildkit").exists(), "no local buildkitd was started");
    let local = build("external/local:v1", "unix:///nonexistent/buildkitd.sock");
    assert!(workspace.path().join("buildkit").exists(), "a local buildkitd was started");
    assert_eq!(used.run("cat /custom"), local.run("cat /custom"));
}

#[test]
fn a_base_that_only_buildkitd_understands_is_left_to_it() {
    let registry = Registry::shared();
    let source = pull(registry, &Image::push_source(registry, "odd/base:latest"));
    let bytes = raw_manifest(&registry.reference("odd/base:latest"));
    let digest =
        Sha256::digest(&bytes).iter().fold("sha256:".to_owned(), |text, byte| text + &format!("{byte:02x}"));
    let entry = serde_json::json!({
        "mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": digest, "size": bytes.len(),
    });
    let index = serde_json::json!({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [entry],
    });
    // An entry without a platform: the image's own configuration has to be looked at.
    registry.put_manifest("odd/base:index", "application/vnd.oci.image.index.v1+json", &index.to_string());
    let workspace = Workspace::new(&[]);
    workspace
        .build(&registry.reference("odd/base:index"), &registry.reference("odd/target:v1"))
        .env("BOB_EXTERNAL_BUILDKITD", Buildkitd::shared().addr())
        .succeed();
    assert_same_image(&source, &pull(registry, &registry.reference("odd/target:v1")));
}

#[test]
fn credentials_in_the_auth_variables_push_without_a_proxy_command() {
    let registry = Registry::shared_secured();
    let source = Image::push_source(registry, "auth/source:latest");
    let target = registry.reference("auth/target:v1");
    let workspace = Workspace::new(&[]);
    let auth = format!(
        r#"{{"{}":{{"username":"{}","password":"{}"}}}}"#,
        registry.host,
        Registry::USER,
        Registry::PASSWORD
    );
    let outcome = workspace
        .build(&source, &target)
        .env("BOB_BASELAYER_AUTH", &auth)
        .env("BOB_WSLAYER_AUTH", &auth)
        .env("SSL_CERT_FILE", registry.ca())
        .succeed();
    assert!(!outcome.stderr.contains(Registry::PASSWORD));
    assert_same_image(&pull(registry, &source), &pull(registry, &target));
    let log = registry.log();
    let mounts = log.lines().filter(|line| line.contains("POST /v2/auth/target/blobs/uploads/?mount="));
    // A layer and the config, with the credentials.
    assert_eq!(mounts.filter(|line| line.contains("HTTP/1.1\" 201")).count(), 2, "{log}");
}
