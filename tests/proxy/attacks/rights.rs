//! Reads and writes by whoever may not, without and with the wrong token.

use crate::harness::{DIGEST, Setup};
use crate::upstream::{Upstream, reply};

#[tokio::test]
async fn without_the_access_token_there_is_only_a_challenge() {
    let upstream = Upstream::start(|_| reply(200, &[], "reached")).await;
    let mut setup = Setup::new(upstream.host()).with_password();
    setup.token = Some("sesame");
    let proxy = setup.start().await;
    // The base64 of "x:sesame" and of others.
    let basic = |pair: &str| {
        use base64::Engine as _;
        format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair))
    };
    let wrong = [
        None,
        Some(basic("bob:wrong")),
        Some(basic("sesame:")),
        Some(basic("bob:sesame2")),
        Some(basic("user:password")),
        Some("Bearer sesame".to_owned()),
        Some("sesame".to_owned()),
    ];
    for value in &wrong {
        for target in
            ["/v2/", "/v2/base/manifests/x", "/v2/other/manifests/x", "/v2/x/manifests/y?ns=docker.io", "/x"]
        {
            let headers: Vec<(&str, &str)> =
                value.iter().map(|value| ("authorization", value.as_str())).collect();
            let answer = proxy.send("GET", target, &headers, "").await;
            assert_eq!((answer.status, answer.code().as_str()), (401, "UNAUTHORIZED"), "{target} {value:?}");
            assert_eq!(answer.header("www-authenticate"), Some("Basic realm=\"bob\""));
            assert!(!answer.text().contains("sesame"));
        }
    }
    assert!(upstream.seen().is_empty());
    let right = basic("anybody:sesame");
    for target in ["/v2/", "/v2/base/manifests/x"] {
        assert_eq!(proxy.send("GET", target, &[("authorization", &right)], "").await.status, 200);
    }
    // The token is the proxy's: the registry never sees it.
    assert_eq!(upstream.seen()[0].header("authorization"), None);
}

/// `Authorization` with `token` as the password.
pub(crate) fn basic(token: &str) -> String {
    use base64::Engine as _;
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("bob:{token}")))
}

/// One of each thing that writes.
fn writes(location: &str) -> Vec<(&'static str, String)> {
    vec![
        ("POST", "/v2/target/blobs/uploads/".into()),
        ("POST", format!("/v2/target/blobs/uploads/?mount={DIGEST}&from=base")),
        ("POST", format!("/v2/target/blobs/uploads/?digest={DIGEST}")),
        ("PATCH", location.to_owned()),
        ("PUT", format!("{location}?digest={DIGEST}")),
        ("PUT", "/v2/target/manifests/two".into()),
        ("PUT", format!("/v2/target/manifests/{DIGEST}")),
        ("DELETE", location.to_owned()),
    ]
}

#[tokio::test]
async fn a_write_with_the_reading_token_is_401_and_nothing_goes_upstream() {
    let upstream = Upstream::start(|seen| match seen.method.as_str() {
        "POST" | "PATCH" => reply(202, &[("location", "/up/1")], ""),
        _ => reply(200, &[], "reached"),
    })
    .await;
    let mut setup = Setup::new(upstream.host());
    setup.token = Some("reader");
    setup.push_token = Some("pusher");
    let proxy = setup.start().await;
    let (reader, pusher) = (basic("reader"), basic("pusher"));
    let begun = proxy.send("POST", "/v2/target/blobs/uploads/", &[("authorization", &pusher)], "").await;
    let location = begun.header("location").unwrap();
    let seen = upstream.seen().len();
    for token in [&reader, &basic("readerpusher"), &basic(""), &basic("reader:pusher")] {
        for (method, target) in writes(location) {
            let answer = proxy.send(method, &target, &[("authorization", token)], "{}").await;
            assert_eq!((answer.status, answer.code().as_str()), (401, "UNAUTHORIZED"), "{method} {target}");
            assert_eq!(answer.header("www-authenticate"), Some("Basic realm=\"bob\""));
            assert_eq!(answer.text().contains("push token"), token == &reader, "{}", answer.text());
        }
    }
    assert_eq!(upstream.seen().len(), seen);
    // Reading takes either one.
    for token in [&reader, &pusher] {
        for target in ["/v2/", "/v2/base/manifests/one", "/v2/target/manifests/two"] {
            for method in ["GET", "HEAD"] {
                let answer = proxy.send(method, target, &[("authorization", token)], "").await;
                assert_eq!(answer.status, 200, "{method} {target}");
            }
        }
    }
    for (method, target) in writes(location) {
        let answer = proxy.send(method, &target, &[("authorization", &pusher)], "{}").await;
        assert_ne!(answer.status, 401, "{method} {target}: {}", answer.text());
    }
}

#[tokio::test]
async fn nothing_is_written_before_pushes_are_allowed() {
    let upstream = Upstream::start(|seen| match seen.method.as_str() {
        "POST" => reply(202, &[("location", "/up/1")], ""),
        _ => reply(200, &[], "reached"),
    })
    .await;
    for push_token in [None, Some("reader"), Some("pusher")] {
        let mut setup = Setup::new(upstream.host());
        setup.token = Some("reader");
        setup.push_token = push_token;
        setup.pushes_wait = true;
        let proxy = setup.start().await;
        let token = basic(push_token.unwrap_or("reader"));
        let headers = [("authorization", token.as_str())];
        let seen = upstream.seen().len();
        for (method, target) in writes("/v2/target/blobs/uploads/x") {
            let answer = proxy.send(method, &target, &headers, "{}").await;
            assert_eq!((answer.status, answer.code().as_str()), (401, "UNAUTHORIZED"), "{method} {target}");
            assert_eq!(answer.header("www-authenticate"), Some("Basic realm=\"bob\""));
        }
        assert_eq!(upstream.seen().len(), seen);
        assert_eq!(proxy.send("GET", "/v2/base/manifests/one", &headers, "").await.status, 200);
        proxy.handle.allow_pushes();
        let begun = proxy.send("POST", "/v2/target/blobs/uploads/", &headers, "").await;
        assert_eq!(begun.status, 202, "{}", begun.text());
    }
}

#[tokio::test]
async fn referrers_cannot_be_written_through_a_manifest() {
    let upstream = Upstream::start(|_| reply(201, &[], "")).await;
    let mut setup = Setup::new(upstream.host());
    setup.pin = bob::proxy::Pin::AsRequested;
    let proxy = setup.start().await;
    let tag = format!("/v2/target/manifests/sha256-{}", "1".repeat(64));
    for (target, body, status) in [
        ("/v2/target/manifests/x", r#"{"subject":{"digest":"x"}}"#, 403),
        ("/v2/target/manifests/x", r#"{"SUBJECT":{"digest":"x"}}"#, 403),
        ("/v2/target/manifests/x", "not json", 400),
        ("/v2/target/manifests/x", "", 400),
        (tag.as_str(), "{}", 403),
    ] {
        assert_eq!(proxy.send("PUT", target, &[], body).await.status, status, "{target} {body}");
    }
    assert!(upstream.seen().is_empty());
    let large = format!("{{\"a\":\"{}\"}}", "x".repeat(4 * 1024 * 1024));
    assert_eq!(proxy.send("PUT", "/v2/target/manifests/x", &[], large).await.status, 413);
    assert!(upstream.seen().is_empty());
}

#[tokio::test]
async fn rights_bound_what_an_alias_allows() {
    use bob::proxy::Rights;
    let upstream = Upstream::start(|_| reply(200, &[], "")).await;
    for (rights, get, post) in [
        (Rights::PULL, 200, 403),
        (Rights { pull: false, push: true }, 403, 500),
        (Rights { pull: false, push: false }, 403, 403),
    ] {
        let mut setup = Setup::new(upstream.host());
        setup.rights = rights;
        let proxy = setup.start().await;
        assert_eq!(proxy.get("/v2/target/manifests/x").await.status, get, "{rights:?}");
        let answer = proxy.send("POST", "/v2/target/blobs/uploads/", &[], "").await;
        // 200 is no answer to a POST: what counts is that it was asked.
        assert_eq!(answer.status == 403, post == 403, "{rights:?}");
    }
}
