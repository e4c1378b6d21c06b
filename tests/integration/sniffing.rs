//! A RUN step that shares the network of the build and reads every packet of it: `tools/sniffer` in a container with
//! `CAP_NET_RAW`, as a hostile Dockerfile would have it.

use std::fs;

use super::support::{Image, Outcome, Project, Proxy, Registry, Workspace, tool};

/// How long the step listens. The stage beside it starts after it and pulls within this time.
const SECONDS: u32 = 6;

/// A Dockerfile whose first stage listens while its second one pulls `image`.
fn dockerfile(image: &str, host: &str, repository: &str) -> String {
    format!(
        "FROM scratch AS sniffer\nCOPY sniffer /\nRUN [\"/sniffer\", \"{SECONDS}\", \"{host}\", \"{repository}\"]\n\
         FROM {image} AS victim\nRUN sleep 2 && echo pulled > /pulled\n\
         FROM scratch\nCOPY --from=sniffer /sniffer /\nCOPY --from=victim /pulled /\n"
    )
}

fn copy_sniffer(folder: &std::path::Path) {
    fs::copy(tool("sniffer"), folder.join("sniffer")).expect("the sniffer, which `make setup` builds");
}

/// What the sniffer says after a word, a line each.
fn said<'a>(outcome: &'a Outcome, word: &str) -> Vec<&'a str> {
    outcome
        .stderr
        .lines()
        .filter_map(|line| line.split_once(&format!(" {word} ")).map(|(_, rest)| rest))
        .collect()
}

fn assert_listened(outcome: &Outcome) {
    let packets: Vec<u64> = said(outcome, "packets").iter().filter_map(|count| count.parse().ok()).collect();
    assert!(packets.iter().any(|count| *count > 0), "the sniffer saw nothing at all:\n{}", outcome.stderr);
}

fn basic(token: &str) -> String {
    use base64::Engine as _;
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("bob:{token}")))
}

#[test]
fn a_step_that_sniffs_while_another_pulls_through_the_proxy_cannot_push() {
    let registry = Registry::shared();
    Image::push_source(registry, "sniff/target:v1");
    let proxy = Proxy::before(&registry.reference("sniff/base:v1"), &registry.reference("sniff/target:v1"));
    let workspace = Workspace::new(&[]);
    copy_sniffer(workspace.path());
    workspace.write("Dockerfile", &dockerfile(&proxy.reference("target:v1"), &proxy.host, "target"));
    let outcome = workspace
        .build(&proxy.reference("base:v1"), &proxy.reference("target:v1"))
        .env("BOB_PROXY_TOKEN", Proxy::TOKEN)
        .env("BOB_PROXY_PUSH_TOKEN", Proxy::PUSH_TOKEN)
        .env("BOB_BUILD_BASE", "true")
        .env("BOB_DOCKERFILE_PATH", workspace.at("Dockerfile"))
        .env("BOB_CONTEXT_DIR", workspace.at(""))
        .succeed();
    assert_listened(&outcome);
    let seen = said(&outcome, "saw");
    assert!(seen.contains(&basic(Proxy::TOKEN).as_str()), "the pull is seen: {seen:?}");
    assert!(!seen.contains(&basic(Proxy::PUSH_TOKEN).as_str()), "{seen:?}");
    let pushes = said(&outcome, "push");
    assert!(!pushes.is_empty() && pushes.iter().all(|status| status.contains(" 401 ")), "{pushes:?}");
}

#[test]
fn a_step_that_sniffs_sees_no_credential_of_a_push() {
    let registry = Registry::password_only();
    let source = Image::push_source(Registry::shared(), "sniff/source:v1");
    let config = tempfile::tempdir().expect("a temporary folder");
    fs::write(config.path().join("config.json"), registry.docker_config()).expect("a file");
    for way in ["proxy", "session"] {
        let project = Project::new(&[("Dockerfile", &dockerfile(&source, &registry.host, "sniffed"))]);
        copy_sniffer(project.path());
        let name = registry.reference(&format!("sniff-{way}:v1"));
        let outcome = project
            .build(&["--no-cache", "-t", &name, "--push", "--push-via", way])
            .env("DOCKER_CONFIG", config.path())
            .succeed();
        assert_listened(&outcome);
        assert_eq!(said(&outcome, "saw"), Vec::<&str>::new(), "{way}");
    }
}
