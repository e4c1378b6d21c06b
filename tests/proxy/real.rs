//! A real registry with TLS and a password, and a real client, through `bob proxy`.

use std::process::Command;

use crate::support::{Image, Proxy, Registry, tool};

fn skopeo(args: &[&str]) -> (bool, String) {
    let output = Command::new(tool("skopeo")).arg("--insecure-policy").args(args).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
}

/// Copies a source image, pushed to the registry for it, to `to` by plain http.
fn copy_source(registry: &Registry, name: &str, creds: &[&str], to: &str) -> (bool, String) {
    let from = format!("docker://{}", Image::push_source(registry, name));
    let flags = registry.skopeo_flags("src");
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    skopeo(&[&["copy", "--dest-tls-verify=false"], creds, &flags, &[&from, to]].concat())
}

fn inspect(registry: &Registry, reference: &str) -> (bool, String) {
    let reference = format!("docker://{}", registry.reference(reference));
    let flags = registry.skopeo_flags("x");
    let flags: Vec<String> = flags.iter().map(|flag| flag.replace("--x-", "--")).collect();
    let mut args: Vec<&str> = vec!["inspect", "--raw"];
    args.extend(flags.iter().map(String::as_str));
    args.push(&reference);
    skopeo(&args)
}

#[test]
fn an_image_goes_up_and_down_through_the_proxy_unchanged() {
    let registry = Registry::shared_secured();
    let proxy = Proxy::start(registry, "through/base:one", "through/target:two");
    let token = format!("x:{}", Proxy::TOKEN);

    let base = format!("docker://{}", proxy.reference("base:ignored"));
    let (done, text) = copy_source(registry, "through/source:1", &["--dest-creds", &token], &base);
    assert!(done, "{text}\n{}", proxy.log());
    let (there, pushed) = inspect(registry, "through/base:one");
    assert!(there, "{pushed}");
    assert!(!inspect(registry, "through/base:ignored").0);

    // From one alias to the other: the blobs are mounted, and the manifest is the same.
    let target = format!("docker://{}", proxy.reference("target:ignored"));
    let both =
        ["--src-tls-verify=false", "--src-creds", &token, "--dest-tls-verify=false", "--dest-creds", &token];
    let (done, text) = skopeo(&[&["copy"], &both[..], &[&base, &target]].concat());
    assert!(done, "{text}\n{}", proxy.log());
    assert_eq!(inspect(registry, "through/target:two").1, pushed);

    let folder = tempfile::tempdir().unwrap();
    let down = format!("oci:{}:down", folder.path().display());
    let (done, text) = skopeo(&["copy", "--src-tls-verify=false", "--src-creds", &token, &target, &down]);
    assert!(done, "{text}\n{}", proxy.log());
    let index = std::fs::read(folder.path().join("index.json")).unwrap();
    let index: serde_json::Value = serde_json::from_slice(&index).unwrap();
    let digest = index["manifests"][0]["digest"].as_str().unwrap().replace(':', "/");
    assert_eq!(std::fs::read_to_string(folder.path().join("blobs").join(digest)).unwrap(), pushed);
    assert!(!proxy.log().contains(Registry::PASSWORD));
}

#[test]
fn without_the_token_nothing_can_be_pushed() {
    let registry = Registry::shared_secured();
    let proxy = Proxy::start(registry, "refused/base:one", "refused/target:two");
    let target = format!("docker://{}", proxy.reference("target:x"));
    for creds in [&["--dest-no-creds"][..], &["--dest-creds", "x:wrong"]] {
        let (done, text) = copy_source(registry, "refused/source:1", creds, &target);
        assert!(!done, "{text}");
    }
    assert!(!inspect(registry, "refused/target:two").0);
}
