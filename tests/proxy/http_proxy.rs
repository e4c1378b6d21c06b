//! Registries behind an HTTP proxy: what goes there, by which name, with which login.

use std::sync::Arc;

use bob::registry::{
    Authenticator, Client, Credentials, Host, HttpProxies, Origin, Repository, Transport, TransportConfig,
};

use crate::harness::{Setup, send};
use crate::registries::{chain, tls_registry};
use crate::support::{HttpProxy, Registry};
use crate::upstream::{Upstream, reply};

const LOGIN: &str = "someone:p@ss";
const LOGIN_IN_URL: &str = "someone:p%40ss@";

/// Settings of a transport that sends everything through `proxy` and trusts Debian's registry.
fn through(proxy: &HttpProxy) -> TransportConfig {
    let url = proxy.url(LOGIN_IN_URL);
    TransportConfig {
        extra_ca: vec![Registry::shared_secured().ca()],
        http_proxies: HttpProxies::from_variables(|name| (name == "ALL_PROXY").then(|| url.clone())),
        ..TransportConfig::default()
    }
}

fn client(config: &TransportConfig, host: &str) -> (Client, Repository) {
    let auth = format!(r#"{{"auths":{{"{host}":{{"username":"user","password":"password"}}}}}}"#);
    let credentials = Credentials::from_docker_config(&auth, &Origin::Variable("TEST".into())).unwrap();
    let auth = Arc::new(Authenticator::new(Arc::new(Transport::new(config).unwrap()), credentials));
    (Client::new(auth), Repository { host: Host::parse(host).unwrap(), name: "team/base".into() })
}

#[tokio::test]
async fn a_token_server_behind_an_http_proxy_is_asked_through_it() {
    let challenge =
        "401 Unauthorized\r\nWWW-Authenticate: Bearer realm=\"https://tokens.example.test/t\",service=\"s\"";
    let (registry, tokens) = (tls_registry(challenge), tls_registry("403 Forbidden"));
    let names = [("registry.example.test", registry.as_str()), ("tokens.example.test", &tokens)];
    let proxy = HttpProxy::start(LOGIN, &names, "403 Forbidden");
    let (client, repository) = client(&through(&proxy), "registry.example.test");
    let error = client.head_manifest(&repository, "x").await.unwrap_err();
    assert!(
        chain(&error).contains("its token endpoint tokens.example.test answered 403"),
        "{}",
        chain(&error)
    );
    let log = proxy.log();
    assert!(log.contains(&"CONNECT registry.example.test:443 200".to_owned()), "{log:?}");
    assert!(log.contains(&"CONNECT tokens.example.test:443 200".to_owned()), "{log:?}");
}

#[tokio::test]
async fn plain_http_is_asked_of_the_http_proxy_itself_and_the_registry_never_sees_its_login() {
    let registry = Upstream::start(|seen| match seen.header("authorization") {
        None => reply(401, &[("www-authenticate", "Basic realm=\"r\"")], ""),
        Some(_) => reply(404, &[], ""),
    })
    .await;
    for (host, port, refusal) in
        [("plain.example.test", "", "403 Forbidden"), ("plain.example.test:5000", ":5000", "403 Forbidden")]
    {
        let proxy =
            HttpProxy::start(LOGIN, &[("plain.example.test", &registry.address.to_string())], refusal);
        let config = TransportConfig { insecure: [Host::parse(host).unwrap()].into(), ..through(&proxy) };
        let (client, repository) = client(&config, host);
        assert_eq!(client.head_manifest(&repository, "x").await.unwrap(), None);
        let asked = format!("HEAD http://plain.example.test{port}/v2/team/base/manifests/x 200");
        assert!(proxy.log().contains(&asked), "{:?}", proxy.log());
    }
    assert!(registry.seen().iter().all(|seen| seen.header("proxy-authorization").is_none()));
    // Nor does the HTTP proxy get what is not allowed to go by plain HTTP.
    let proxy =
        HttpProxy::start(LOGIN, &[("plain.example.test", &registry.address.to_string())], "403 Forbidden");
    let (client, repository) = client(&through(&proxy), "plain.example.test");
    let error = client.head_manifest(&repository, "x").await.unwrap_err();
    assert!(chain(&error).contains("does not answer with TLS"), "{}", chain(&error));
    assert!(proxy.log().iter().all(|line| line.starts_with("CONNECT ")), "{:?}", proxy.log());
}

#[tokio::test]
async fn an_http_proxy_that_opens_tunnels_to_port_443_alone_passes_plain_http_on() {
    let registry = Upstream::start(|_| reply(404, &[], "")).await;
    let address = registry.address.to_string();
    let proxy = HttpProxy::start_with_tunnels_to_443(LOGIN, &[("plain.example.test", &address)]);
    let host = "plain.example.test:5000";
    let config = TransportConfig { insecure: [Host::parse(host).unwrap()].into(), ..through(&proxy) };
    let (client, repository) = client(&config, host);
    assert_eq!(client.head_manifest(&repository, "x").await.unwrap(), None);
    assert!(proxy.log().contains(&"CONNECT plain.example.test:5000 403".to_owned()), "{:?}", proxy.log());
}

#[tokio::test]
async fn names_of_clients_reach_the_http_proxy_only_where_the_operator_listed_them() {
    let registry = tls_registry("404 Not Found");
    let names = [("listed.example.test", registry.as_str()), ("other.example.test", &registry)];
    let proxy = HttpProxy::start(LOGIN, &names, "403 Forbidden");
    let mut setup = Setup::new("registry.example.test");
    setup.additional = r#"{"listed.example.test":{"username":"a","password":"b"}}"#.into();
    setup.transport = through(&proxy);
    let bob = setup.start().await;
    let base = format!("http://{}", bob.address);
    let ask = async |host: &str| {
        let target = format!("/v2/any/name/manifests/x?ns={host}");
        let answer = send(&base, "GET", &target, &[], "").await;
        (answer.status, answer.text().to_owned())
    };
    for host in ["other.example.test", "10.0.0.1", "169.254.169.254"] {
        let (status, text) = ask(host).await;
        assert_eq!(status, 403, "{host}: {text}");
        assert!(!text.contains("p@ss"), "{text}");
    }
    assert_eq!(proxy.log(), [""; 0]);
    let (_, text) = ask("listed.example.test").await;
    assert_eq!(
        proxy.log().first().map(String::as_str),
        Some("CONNECT listed.example.test:443 200"),
        "{text}"
    );
}

#[tokio::test]
async fn what_a_registry_redirects_to_goes_by_name_and_never_to_an_address_that_is_refused() {
    for (location, status, want) in [
        ("https://storage.example.test/blob", 200, Some("CONNECT storage.example.test:443 200")),
        ("https://169.254.169.254/blob", 403, None),
        ("https://127.0.0.1/blob", 403, None),
        ("https://localhost/blob", 403, None),
    ] {
        let registry = tls_registry(&format!("307 Temporary Redirect\r\nLocation: {location}"));
        let storage = tls_registry("200 OK");
        let names = [("registry.example.test", registry.as_str()), ("storage.example.test", &storage)];
        let proxy = HttpProxy::start(LOGIN, &names, "403 Forbidden");
        let mut setup = Setup::new("registry.example.test");
        setup.transport = through(&proxy);
        let bob = setup.start().await;
        let base = format!("http://{}", bob.address);
        let target = format!("/v2/base/blobs/{}", crate::harness::DIGEST);
        let answer = send(&base, "GET", &target, &[], "").await;
        assert_eq!(answer.status, status, "{location}: {}", answer.text());
        let log = proxy.log();
        let others: Vec<_> = log.iter().filter(|line| !line.contains("registry.example.test")).collect();
        assert_eq!(others.first().map(|line| line.as_str()), want, "{location}: {log:?}");
    }
}
