//! A real registry with TLS and a password, and a real client, through `bob proxy`.

use std::process::Command;

use crate::support::{Proxy, Registry, source_layout, tool};

fn skopeo(args: &[&str]) -> (bool, String) {
    let output = Command::new(tool("skopeo")).arg("--insecure-policy").args(args).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
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
    let source = format!("oci:{}:source", source_layout().display());
    let token = format!("x:{}", Proxy::TOKEN);

    let base = format!("docker://{}", proxy.reference("base:ignored"));
    let to_base = ["copy", "--dest-tls-verify=false", "--dest-creds", &token, &source, &base];
    let (done, text) = skopeo(&to_base);
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
    let index = |path: &std::path::Path| {
        let index: serde_json::Value =
            serde_json::from_slice(&std::fs::read(path.join("index.json")).unwrap()).unwrap();
        index["manifests"][0]["digest"].clone()
    };
    assert_eq!(index(folder.path()), index(source_layout()));
    assert!(!proxy.log().contains(Registry::PASSWORD));
}

#[test]
fn without_the_token_nothing_can_be_pushed() {
    let registry = Registry::shared_secured();
    let proxy = Proxy::start(registry, "refused/base:one", "refused/target:two");
    let source = format!("oci:{}:source", source_layout().display());
    let target = format!("docker://{}", proxy.reference("target:x"));
    for creds in [&["--dest-no-creds"][..], &["--dest-creds", "x:wrong"]] {
        let (done, text) =
            skopeo(&[&["copy", "--dest-tls-verify=false"], creds, &[&source, &target]].concat());
        assert!(!done, "{text}");
    }
    assert!(!inspect(registry, "refused/target:two").0);
}
