//! The pull-through mirror: which hosts, with which credentials.

use crate::harness::{DIGEST, Setup};
use crate::upstream::{Upstream, reply};

fn listed(hosts: &[&str]) -> String {
    let entries: Vec<String> = hosts
        .iter()
        .map(|host| format!(r#""{host}":{{"username":"mirror","password":"mirrored"}}"#))
        .collect();
    format!("{{{}}}", entries.join(","))
}

#[tokio::test]
async fn a_listed_host_is_mirrored_with_the_additional_credentials_only() {
    let upstream = Upstream::start(|seen| match seen.header("authorization") {
        None => reply(401, &[("www-authenticate", "Basic realm=\"r\"")], ""),
        Some(_) => reply(200, &[], seen.target.clone()),
    })
    .await;
    let mut setup = Setup::new(upstream.host()).with_password();
    setup.additional = listed(&[&upstream.host()]);
    let proxy = setup.start().await;
    for tail in ["manifests/3.20".to_owned(), format!("manifests/{DIGEST}"), format!("blobs/{DIGEST}")] {
        let answer = proxy.get(&format!("/v2/any/name/{tail}?ns={}", upstream.host())).await;
        // Neither the tag nor the name is an alias's here.
        assert_eq!((answer.status, answer.text()), (200, format!("/v2/any/name/{tail}").as_str()));
    }
    // "mirror:mirrored", never "user:password".
    let logins: Vec<_> =
        upstream.seen().iter().filter_map(|seen| seen.header("authorization").map(String::from)).collect();
    assert!(logins.iter().all(|login| login == "Basic bWlycm9yOm1pcnJvcmVk"), "{logins:?}");
}

#[tokio::test]
async fn an_unlisted_private_host_is_refused_even_if_the_aliases_live_there() {
    let upstream = Upstream::start(|_| reply(200, &[], "reached")).await;
    let mut setup = Setup::new(upstream.host()).with_password();
    setup.additional = listed(&["registry.example"]);
    let proxy = setup.start().await;
    let port = upstream.address.port();
    for host in [
        upstream.host(),
        format!("localhost:{port}"),
        format!("[::ffff:127.0.0.1]:{port}"),
        format!("[::ffff:7f00:1]:{port}"),
        format!("127.0.0.2:{port}"),
    ] {
        let answer = proxy.get(&format!("/v2/team/base/manifests/one?ns={host}")).await;
        assert_eq!((answer.status, answer.code().as_str()), (403, "DENIED"), "{host}: {}", answer.text());
    }
    assert!(upstream.seen().is_empty());
}

#[tokio::test]
async fn what_a_mirror_names_may_not_lead_to_private_addresses() {
    let inside = Upstream::start(|_| reply(200, &[], r#"{"token":"x"}"#)).await;
    let to = format!("http://{}/internal", inside.address);
    let redirecting = {
        let to = to.clone();
        Upstream::start(move |_| reply(307, &[("location", &to)], "")).await
    };
    let challenge = format!("Bearer realm=\"{to}\"");
    let challenging = Upstream::start(move |_| reply(401, &[("www-authenticate", &challenge)], "")).await;
    for upstream in [&redirecting, &challenging] {
        let mut setup = Setup::new("registry.example");
        setup.additional = listed(&[&upstream.host()]);
        let proxy = setup.start().await;
        let answer = proxy.get(&format!("/v2/a/blobs/{DIGEST}?ns={}", upstream.host())).await;
        assert_eq!((answer.status, answer.code().as_str()), (403, "DENIED"), "{}", answer.text());
        assert_eq!(upstream.seen().len(), 1);
    }
    assert!(inside.seen().is_empty());
}

#[tokio::test]
async fn a_mirrors_redirect_to_another_listed_host_is_followed_without_credentials() {
    let storage = Upstream::start(|_| reply(200, &[], "content")).await;
    let to = format!("http://{}/x", storage.address);
    let upstream = Upstream::start(move |_| reply(307, &[("location", &to)], "")).await;
    let mut setup = Setup::new("registry.example");
    setup.additional = listed(&[&upstream.host(), &storage.host()]);
    let answer = setup.start().await.get(&format!("/v2/a/blobs/{DIGEST}?ns={}", upstream.host())).await;
    assert_eq!((answer.status, answer.text()), (200, "content"));
    assert_eq!(storage.seen()[0].header("authorization"), None);
}
