//! A RUN step that shares the network of the build and reads every packet of it: `tools/sniffer` in a container with
//! `CAP_NET_RAW`, as a hostile Dockerfile would have it.

use std::fs;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::support::{Buildkitd, Counter, Image, Outcome, Project, Proxy, Registry, Workspace, tool};

/// How long the step listens, in seconds.
const SECONDS: u32 = 6;
/// How long each download from the registry of the image that is pulled meanwhile waits. It has more layers than are
/// pulled at once, so that some are asked for while the step listens.
const PAUSE: Duration = Duration::from_millis(1500);
const LAYERS: usize = 12;

/// A Dockerfile with a stage that listens, one that pulls `victim`, and one that makes some harmless traffic.
fn dockerfile(source: &str, victim: &str, host: &str, repository: &str) -> String {
    format!(
        "FROM scratch AS sniffer\nCOPY sniffer /\nRUN [\"/sniffer\", \"{SECONDS}\", \"{host}\", \"{repository}\"]\n\
         FROM {source} AS traffic\nRUN sleep 2 && (busybox wget -q -O /dev/null http://{host}/v2/ || true) && echo x > /x\n\
         FROM {victim} AS victim\nCOPY --from=traffic /x /x\n\
         FROM scratch\nCOPY --from=sniffer /sniffer /\nCOPY --from=victim /x /\n"
    )
}

/// Pushes an image of [`LAYERS`] layers that no daemon has seen yet to `name` and returns its reference.
fn push_fresh(registry: &Registry, name: &str) -> String {
    let reference = registry.reference(name);
    let mut dockerfile = "FROM scratch\n".to_owned();
    for number in 0..LAYERS {
        dockerfile += &format!("COPY <<EOF /{number}\n{reference} {number}\nEOF\n");
    }
    let project = Project::new(&[("Dockerfile", &dockerfile)]);
    project.build_on(&Buildkitd::start(), &["-t", &reference, "--push"]).succeed();
    reference
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

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

#[test]
fn a_step_that_sniffs_while_another_pulls_through_the_proxy_cannot_push() {
    let registry = Registry::shared();
    let source = Image::push_source(registry, "sniff/source:v1");
    push_fresh(registry, "sniff/target:v1");
    let slow = Counter::slow(registry, PAUSE);
    let (base, target) = (slow.reference("sniff/base:v1"), slow.reference("sniff/target:v1"));
    let proxy = Proxy::before_with_push_token(&base, &target);
    let workspace = Workspace::new(&[]);
    copy_sniffer(workspace.path());
    let victim = proxy.reference("target:v1");
    workspace.write("Dockerfile", &dockerfile(&source, &victim, &proxy.host, "target"));
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
    assert!(
        seen.contains(&basic("bob", Proxy::TOKEN).as_str()),
        "the pull is seen: {seen:?}\n{}",
        outcome.stderr
    );
    assert!(!seen.contains(&basic("bob", Proxy::PUSH_TOKEN).as_str()), "{seen:?}");
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
        let victim = push_fresh(Registry::shared(), &format!("sniff/victim-{way}:v1"));
        let text = dockerfile(&source, &victim, &registry.host, "sniffed");
        let project = Project::new(&[("Dockerfile", &text)]);
        copy_sniffer(project.path());
        let name = registry.reference(&format!("sniff-{way}:v1"));
        let outcome = project
            .build(&["--no-cache", "-t", &name, "--push", "--push-via", way])
            .env("DOCKER_CONFIG", config.path())
            .succeed();
        assert_listened(&outcome);
        // Tests beside this one share the network, so that their tokens may be seen.
        let login = basic(Registry::USER, Registry::PASSWORD);
        let (seen, pushes) = (said(&outcome, "saw"), said(&outcome, "push"));
        assert!(!seen.contains(&login.as_str()), "{way}: {seen:?}");
        assert!(pushes.iter().all(|status| status.contains(" 401 ")), "{way}: {pushes:?}");
    }
}
