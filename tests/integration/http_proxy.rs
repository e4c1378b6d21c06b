//! Builds where registries are reached through an HTTP proxy alone.

use super::support::{Bob, HttpProxy, Project, Registry};

const LOGIN: &str = "someone:p@ss:w/rd";
const LOGIN_IN_URL: &str = "someone:p%40ss%3aw%2Frd@";
const HOST: &str = "registry.example.test";

/// A project whose image needs nothing of the network but the registry that it is pushed to.
fn project() -> Project {
    Project::new(&[("Dockerfile", "FROM scratch\nCOPY Dockerfile /a\n")])
}

/// `bob build` that pushes `reference` to a registry with Debian's certificate, whose login is that of `host`.
fn push(project: &Project, registry: &Registry, host: &str, reference: &str) -> Bob {
    let config = registry.docker_config().replace(&registry.host, host);
    project
        .build(&["-t", reference, "--push"])
        .env("SSL_CERT_FILE", registry.ca())
        .env("DOCKER_AUTH_CONFIG", config)
}

#[test]
fn a_push_goes_through_the_http_proxy_where_nothing_else_knows_the_registry() {
    let registry = Registry::shared_secured();
    let proxy = HttpProxy::start(LOGIN, &[(HOST, &registry.host)], "403 Forbidden");
    for (name, variable) in [("one", "HTTPS_PROXY"), ("two", "all_proxy")] {
        let reference = format!("{HOST}/behind/{name}:v1");
        let bob = push(&project(), registry, HOST, &reference).env(variable, proxy.url(LOGIN_IN_URL));
        let outcome = bob.succeed();
        assert!(!format!("{}{}", outcome.stdout, outcome.stderr).contains("p@ss"), "{}", outcome.stderr);
        assert!(!outcome.stderr.contains("p%40ss"), "{}", outcome.stderr);
        let tag = format!("repositories/behind/{name}/_manifests/tags/v1/current/link");
        assert!(registry.storage().join(tag).is_file());
    }
    let log = proxy.log();
    assert!(!log.is_empty() && log.iter().all(|line| line == &format!("CONNECT {HOST}:443 200")), "{log:?}");
}

#[test]
fn what_a_http_proxy_refuses_is_told_with_its_name_and_what_to_do() {
    let registry = Registry::shared_secured();
    let proxy = HttpProxy::start(LOGIN, &[], "403 Forbidden");
    let reference = format!("{HOST}/behind/refused:v1");
    let address = proxy.url("").replace("http://", "");
    for (url, words) in [
        (proxy.url(LOGIN_IN_URL), "refuses to connect to registry.example.test:443 (403 Forbidden)"),
        (proxy.url("someone:wr0ng@"), "does not take the login of the variable (407)"),
        (proxy.url(""), "wants a login (407)"),
        ("socks5://someone:wr0ng@127.0.0.1:1080".to_owned(), "SOCKS is not spoken"),
        ("http://127.0.0.1:1".to_owned(), "the HTTP proxy 127.0.0.1:1 of HTTPS_PROXY cannot be reached"),
    ] {
        let bob = push(&project(), registry, HOST, &reference).env("HTTPS_PROXY", &url);
        let stderr = bob.fail(1).stderr;
        assert!(stderr.contains(words) && stderr.contains("HTTPS_PROXY"), "{url}: {stderr}");
        assert!(!url.contains(&address) || stderr.contains(&address), "{url}: {stderr}");
        assert!(!stderr.contains("wr0ng") && !stderr.contains("p%40ss"), "{stderr}");
    }
}

#[test]
fn nothing_for_this_machine_goes_to_the_http_proxy() {
    let registry = Registry::shared_secured();
    let proxy = HttpProxy::start(LOGIN, &[(HOST, &registry.host)], "403 Forbidden");
    let with_variables = |bob: Bob| {
        ["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"]
            .into_iter()
            .fold(bob, |bob, name| bob.env(name, proxy.url("")))
    };
    let secured = push(&project(), registry, &registry.host, &registry.reference("behind/local:v1"));
    with_variables(secured).succeed();
    let open = Registry::shared();
    with_variables(project().build(&["-t", &open.reference("behind/local:v1"), "--push"])).succeed();
    assert_eq!(proxy.log(), [""; 0]);
}
