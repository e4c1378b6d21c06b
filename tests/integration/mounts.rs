//! Layers that never travel twice, by counting at the registry.

use std::process::Command;

use super::support::{Buildkitd, Counter, Exchange, Image, Project, Proxy, Registry, Workspace, pull, tool};

/// A base image with three layers, pushed past the relay.
fn base(name: &str) -> Image {
    let registry = Registry::shared();
    let source = Image::push_source(registry, "mounts/source:latest");
    let dockerfile = format!("FROM {source}\nRUN echo one > /one\nRUN echo two > /two\nENV BASE={name}\n");
    let reference = registry.reference(name);
    Project::new(&[("Dockerfile", &dockerfile)]).build(&["-t", &reference, "--push"]).succeed();
    pull(registry, &reference)
}

/// The bytes that `reference` names.
fn raw_manifest(reference: &str) -> Vec<u8> {
    let reference = format!("docker://{reference}");
    let output =
        Command::new(tool("skopeo")).args(["inspect", "--raw", "--tls-verify=false", &reference]).output();
    let output = output.expect("skopeo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

fn uploaded(seen: &[Exchange]) -> u64 {
    seen.iter().filter(|exchange| exchange.is_upload()).map(|exchange| exchange.sent).sum()
}

fn read(seen: &[Exchange]) -> u64 {
    seen.iter().filter(|exchange| exchange.is_blob()).map(|exchange| exchange.received).sum()
}

fn size(layer: &serde_json::Value) -> u64 {
    layer["size"].as_u64().expect("a size")
}

/// A workspace image is made with no buildkitd in reach.
fn copy(workspace: &Workspace, base: &str, target: &str) -> String {
    let bob = workspace.build(base, target).env("BOB_PROXY_TOKEN", Proxy::TOKEN);
    bob.env("PATH", "/nonexistent").succeed().stderr
}

#[test]
fn a_workspace_image_in_the_registry_of_its_base_moves_no_byte_and_needs_no_buildkitd() {
    let base = base("mounts/copy-base:v1");
    let counter = Counter::before(Registry::shared(), true);
    let (from, to) = (counter.reference("mounts/copy-base:v1"), counter.reference("mounts/copy-target:v1"));
    let shown = copy(&Workspace::new(&[]), &from, &to);
    let seen = counter.take();
    assert_eq!((uploaded(&seen), read(&seen)), (0, 0), "{seen:#?}");
    // The manifest is read and written; each layer and the config are mounted.
    assert_eq!(seen.len(), base.layers().len() + 3, "{seen:#?}");
    assert!(shown.contains(&format!("[workspace] {to} FROM {from}")), "{shown}");
    assert!(shown.contains("4 blobs stay at the registry, 0 uploaded"), "{shown}");
    assert_eq!(raw_manifest(&from), raw_manifest(&to));
}

#[test]
fn a_workspace_image_behind_the_proxy_moves_no_byte() {
    let base = base("mounts/proxy-base:v1");
    let counter = Counter::before(Registry::shared(), true);
    let proxy = Proxy::before(
        &counter.reference("mounts/proxy-base:v1"),
        &counter.reference("mounts/proxy-target:v1"),
    );
    copy(&Workspace::new(&[]), &proxy.reference("base:v1"), &proxy.reference("target:v1"));
    let seen = counter.take();
    assert_eq!((uploaded(&seen), read(&seen)), (0, 0), "{seen:#?}");
    assert_eq!(seen.len(), base.layers().len() + 3, "{seen:#?}");
    let registry = Registry::shared();
    assert_eq!(
        raw_manifest(&registry.reference("mounts/proxy-base:v1")),
        raw_manifest(&registry.reference("mounts/proxy-target:v1"))
    );
}

#[test]
fn a_workspace_image_in_another_registry_is_streamed_there_and_only_once() {
    let base = base("mounts/far-base:v1");
    let (near, far) = (Counter::before(Registry::shared(), true), Registry::open());
    let target = Counter::before(&far, true);
    let (from, to) = (near.reference("mounts/far-base:v1"), target.reference("far:v1"));
    let workspace = Workspace::new(&[]);
    let shown = copy(&workspace, &from, &to);
    let (read_from, written) = (read(&near.take()), uploaded(&target.take()));
    let layers = base.manifest["layers"].as_array().expect("layers").iter().map(size).sum::<u64>();
    assert_eq!(written, layers + size(&base.manifest["config"]));
    assert_eq!(read_from, written);
    assert!(shown.contains(&format!("4 uploaded ({written} bytes)")), "{shown}");
    assert_eq!(raw_manifest(&from), raw_manifest(&to));

    copy(&workspace, &from, &to);
    assert_eq!((read(&near.take()), uploaded(&target.take())), (0, 0), "what is there is not sent again");
}

#[test]
fn of_an_index_the_image_for_this_platform_becomes_the_workspace_image() {
    let registry = Registry::shared();
    let project = Project::new(&[
        ("Dockerfile", "FROM scratch\nARG TARGETARCH\nCOPY f-$TARGETARCH /f\n"),
        ("f-amd64", "a"),
        ("f-arm64", "b"),
    ]);
    let (index, target) = (registry.reference("mounts/index:v1"), registry.reference("mounts/of-index:v1"));
    project.build(&["--platform", "linux/amd64,linux/arm64", "-t", &index, "--push"]).succeed();
    copy(&Workspace::new(&[]), &index, &target);
    assert_eq!(pull(registry, &target).config, pull(registry, &index).config);
}

/// Builds a step on a base that a fresh buildkitd has never seen, and returns what the push took.
fn step_on(base_name: &str, target: &str, mounts: bool, way: &str) -> (Vec<Exchange>, Image) {
    let daemon = Buildkitd::start();
    let counter = Counter::before(Registry::shared(), mounts);
    let dockerfile = format!("FROM {}\nRUN echo new > /new\n", counter.reference(base_name));
    let project = Project::new(&[("Dockerfile", &dockerfile)]);
    let reference = counter.reference(target);
    project.build_on(&daemon, &["-t", &reference, "--push", "--push-via", way]).succeed();
    (counter.take(), pull(Registry::shared(), &Registry::shared().reference(target)))
}

#[test]
fn of_a_step_on_a_base_in_the_same_registry_only_the_new_layer_goes_up() {
    let base = base("mounts/run-base:v1");
    for way in ["proxy", "session"] {
        let (seen, image) = step_on("mounts/run-base:v1", &format!("mounts/run-{way}:v1"), true, way);
        let all = image.layers();
        let (old, new) = all.split_at(base.layers().len());
        assert_eq!((old, new.len()), (base.layers().as_slice(), 1), "{way}");
        let layers = image.manifest["layers"].as_array().expect("layers");
        let expected = size(layers.last().expect("a layer")) + size(&image.manifest["config"]);
        assert_eq!(uploaded(&seen), expected, "{way}: {seen:#?}");
        let mounted = seen.iter().filter(|exchange| exchange.is_mount() && exchange.status == 201).count();
        assert_eq!(mounted, base.layers().len(), "{way}: {seen:#?}");
        assert_eq!(image.run("cat /one /two /new"), "one\ntwo\nnew\n");
    }
}

#[test]
fn a_registry_that_mounts_nothing_gets_every_layer_as_usual() {
    let base = base("mounts/refused-base:v1");
    for way in ["proxy", "session"] {
        let (seen, image) =
            step_on("mounts/refused-base:v1", &format!("mounts/refused-{way}:v1"), false, way);
        let blobs =
            image.manifest["layers"].as_array().expect("layers").iter().chain([&image.manifest["config"]]);
        assert_eq!(uploaded(&seen), blobs.map(size).sum::<u64>(), "{way}: {seen:#?}");
        let begun =
            seen.iter().filter(|exchange| exchange.method == "POST" && exchange.status == 202).count();
        let cancelled = seen.iter().filter(|exchange| exchange.method == "DELETE").count();
        let finished = seen.iter().filter(|exchange| exchange.is_upload()).count();
        assert_eq!((cancelled, begun), (1, finished + 1), "{way}: no upload is left open: {seen:#?}");
        assert!(image.layers().starts_with(&base.layers()));
    }

    let counter = Counter::before(Registry::shared(), false);
    let (from, to) =
        (counter.reference("mounts/refused-base:v1"), counter.reference("mounts/refused-copy:v1"));
    copy(&Workspace::new(&[]), &from, &to);
    assert!(uploaded(&counter.take()) > 0);
    assert_eq!(raw_manifest(&from), raw_manifest(&to));
}
