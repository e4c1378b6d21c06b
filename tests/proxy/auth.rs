//! Logging in: Basic, tokens, their life, and what a refusal says.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::harness::{DIGEST, Setup};
use crate::upstream::{Reply, Seen, Upstream, reply};

/// A registry that wants tokens and hands them out itself at `/token`, each a new one that holds for
/// `expires_in` seconds. `deny` refuses the token request.
async fn token_registry(expires_in: u64, deny: bool) -> Upstream {
    let issued = Arc::new(AtomicUsize::new(0));
    Upstream::start_async(move |seen| {
        let issued = issued.clone();
        Box::pin(async move {
            if seen.path() == "/token" {
                // Long enough for others to ask as well.
                tokio::time::sleep(Duration::from_millis(50)).await;
                let number = issued.fetch_add(1, Ordering::SeqCst) + 1;
                return if deny {
                    reply(401, &[], r#"{"details":"password"}"#)
                } else {
                    reply(200, &[], format!(r#"{{"token":"t{number}","expires_in":{expires_in}}}"#))
                };
            }
            let fresh = format!("Bearer t{}", issued.load(Ordering::SeqCst));
            if seen.header("authorization") == Some(&fresh) { answer(&seen) } else { challenge(&seen) }
        })
    })
    .await
}

fn challenge(seen: &Seen) -> Reply {
    let host = seen.header("host").unwrap();
    let value = format!(
        r#"Bearer realm="http://{host}/token",service="test registry",scope="repository:team/base:pull""#
    );
    reply(401, &[("www-authenticate", &value)], r#"{"errors":[{"code":"UNAUTHORIZED"}]}"#)
}

fn answer(seen: &Seen) -> Reply {
    match seen.method.as_str() {
        "POST" => reply(202, &[("location", "/up/1")], ""),
        "PUT" => reply(201, &[], ""),
        _ => reply(200, &[], "content"),
    }
}

fn tokens(upstream: &Upstream) -> Vec<Seen> {
    upstream.seen().into_iter().filter(|seen| seen.path() == "/token").collect()
}

#[tokio::test]
async fn basic_is_answered_with_user_and_password_and_remembered() {
    let want = format!("Basic {}", STANDARD.encode("user:password"));
    let upstream = Upstream::start(move |seen| match seen.header("authorization") {
        Some(value) if value == want => reply(200, &[], "in"),
        _ => reply(401, &[("www-authenticate", "Basic realm=\"r\"")], "out"),
    })
    .await;
    let proxy = Setup::new(upstream.host()).with_password().start().await;
    for _ in 0..3 {
        assert_eq!(proxy.get("/v2/base/manifests/x").await.text(), "in");
    }
    assert_eq!(upstream.seen().len(), 4);
    let without = Setup::new(upstream.host()).start().await;
    let answer = without.get("/v2/base/manifests/x").await;
    assert_eq!((answer.status, answer.text(), answer.header("www-authenticate")), (401, "out", None));
}

#[tokio::test]
async fn a_token_is_fetched_once_for_many_requests_and_used_again() {
    let upstream = token_registry(300, false).await;
    let proxy = Arc::new(Setup::new(upstream.host()).with_password().start().await);
    let requests = (0..16).map(|_| {
        let proxy = proxy.clone();
        tokio::spawn(async move { proxy.get("/v2/base/manifests/x").await.status })
    });
    for request in requests.collect::<Vec<_>>() {
        assert_eq!(request.await.unwrap(), 200);
    }
    assert_eq!(proxy.get("/v2/base/manifests/x").await.status, 200);
    let tokens = tokens(&upstream);
    assert_eq!(tokens.len(), 1, "{:?}", upstream.lines());
    assert_eq!(tokens[0].target, "/token?service=test%20registry&scope=repository%3Ateam%2Fbase%3Apull");
    let login = format!("Basic {}", STANDARD.encode("user:password"));
    assert_eq!(tokens[0].header("authorization"), Some(login.as_str()));
}

#[tokio::test]
async fn writing_asks_for_its_own_scope_and_a_mount_for_both() {
    let upstream = token_registry(300, false).await;
    let proxy = Setup::new(upstream.host()).with_password().start().await;
    proxy.start_upload().await;
    proxy.send("POST", &format!("/v2/target/blobs/uploads/?mount={DIGEST}&from=base"), &[], "").await;
    let targets: Vec<String> = tokens(&upstream).into_iter().map(|seen| seen.target).collect();
    let push = "repository%3Ateam%2Ftarget%3Apull%2Cpush";
    let pull = "repository%3Ateam%2Fbase%3Apull";
    // The registry's challenge names the base's scope, which is asked for as well.
    assert_eq!(targets[0], format!("/token?service=test%20registry&scope={pull}&scope={push}"));
    assert!(
        targets.iter().skip(1).all(|target| target.ends_with(&format!("scope={pull}&scope={push}"))),
        "{targets:?}"
    );
}

#[tokio::test]
async fn a_token_is_renewed_before_it_expires_and_after_it_was_refused() {
    let upstream = token_registry(1, false).await;
    let proxy = Setup::new(upstream.host()).with_password().start().await;
    assert_eq!(proxy.get("/v2/base/manifests/x").await.status, 200);
    tokio::time::sleep(Duration::from_millis(900)).await;
    assert_eq!(proxy.get("/v2/base/manifests/x").await.status, 200);
    assert_eq!(tokens(&upstream).len(), 2);
    // No request met a 401 but the first.
    assert_eq!(upstream.seen().len(), 5, "{:?}", upstream.lines());

    let upstream = token_registry(300, false).await;
    let one = Setup::new(upstream.host()).with_password().start().await;
    let other = Setup::new(upstream.host()).with_password().start().await;
    assert_eq!(one.get("/v2/base/manifests/x").await.status, 200);
    // The second token makes the first one old.
    assert_eq!(other.get("/v2/base/manifests/x").await.status, 200);
    assert_eq!(one.get("/v2/base/manifests/x").await.status, 200);
    assert_eq!(tokens(&upstream).len(), 3);
}

#[tokio::test]
async fn without_credentials_a_token_is_asked_for_anonymously() {
    let upstream = token_registry(300, false).await;
    let proxy = Setup::new(upstream.host()).start().await;
    assert_eq!(proxy.get("/v2/base/manifests/x").await.status, 200);
    assert_eq!(tokens(&upstream)[0].header("authorization"), None);
}

#[tokio::test]
async fn an_identity_token_is_exchanged_by_post() {
    let upstream = Upstream::start(|seen| match (seen.path(), seen.header("authorization")) {
        ("/token", _) => reply(200, &[], r#"{"access_token":"fresh"}"#),
        (_, Some("Bearer fresh")) => reply(200, &[], ""),
        _ => challenge(seen),
    })
    .await;
    let mut setup = Setup::new(upstream.host());
    setup.auth = format!(r#"{{"auths":{{"{}":{{"identitytoken":"id+/="}}}}}}"#, upstream.host());
    let proxy = setup.start().await;
    assert_eq!(proxy.get("/v2/base/manifests/x").await.status, 200);
    let asked = &tokens(&upstream)[0];
    assert_eq!((asked.method.as_str(), asked.target.as_str()), ("POST", "/token"));
    let form = "grant_type=refresh_token&refresh_token=id%2B%2F%3D&service=test%20registry&client_id=bob&scope=repository%3Ateam%2Fbase%3Apull";
    assert_eq!(asked.body, form);
    assert_eq!(asked.header("content-type"), Some("application/x-www-form-urlencoded"));
}

#[tokio::test]
async fn an_endpoint_that_knows_only_post_gets_the_password_by_post() {
    let upstream =
        Upstream::start(|seen| match (seen.path(), seen.method.as_str(), seen.header("authorization")) {
            ("/token", "POST", _) => reply(200, &[], r#"{"access_token":"fresh"}"#),
            ("/token", ..) => reply(405, &[], ""),
            (_, _, Some("Bearer fresh")) => reply(200, &[], ""),
            _ => challenge(seen),
        })
        .await;
    let proxy = Setup::new(upstream.host()).with_password().start().await;
    assert_eq!(proxy.get("/v2/base/manifests/x").await.status, 200);
    assert!(tokens(&upstream)[1].body.starts_with(b"grant_type=password&username=user&password=password&"));
}

#[tokio::test]
async fn a_registry_token_is_sent_as_it_is() {
    let upstream = Upstream::start(|seen| match seen.header("authorization") {
        Some("Bearer as-it-is") => reply(200, &[], ""),
        _ => challenge(seen),
    })
    .await;
    let mut setup = Setup::new(upstream.host());
    setup.auth = format!(r#"{{"auths":{{"{}":{{"registrytoken":"as-it-is"}}}}}}"#, upstream.host());
    assert_eq!(setup.start().await.get("/v2/base/manifests/x").await.status, 200);
}

#[tokio::test]
async fn a_refused_login_says_who_where_from_and_what_for_but_no_secret() {
    let upstream = token_registry(300, true).await;
    let proxy = Setup::new(upstream.host()).with_password().start().await;
    let answer = proxy.get("/v2/base/manifests/x").await;
    assert_eq!((answer.status, answer.code().as_str()), (401, "UNAUTHORIZED"));
    let kind = "a user name and password from the variable TEST";
    for words in [&upstream.host(), kind, "repository:team/base:pull", "401"] {
        assert!(answer.text().contains(words), "{words}: {}", answer.text());
    }
    let rest = answer.text().replace(kind, "");
    assert!(!rest.contains("password") && !rest.contains("user"), "{}", answer.text());
}

#[tokio::test]
async fn realms_that_are_not_safe_get_no_credentials() {
    for realm in [
        "http://registry.example/token",
        "ftp://127.0.0.1/token",
        "https://user@127.0.0.1/token",
        "http://127.1/token",
        "file:///etc/passwd",
        "",
    ] {
        let value = format!("Bearer realm=\"{realm}\",service=\"x\"");
        let upstream = Upstream::start(move |_| reply(401, &[("www-authenticate", &value)], "")).await;
        let proxy = Setup::new(upstream.host()).with_password().start().await;
        let answer = proxy.get("/v2/base/manifests/x").await;
        assert_eq!((answer.status, answer.code().as_str()), (403, "DENIED"), "{realm}: {}", answer.text());
        assert!(upstream.seen().iter().all(|seen| seen.header("authorization").is_none()), "{realm}");
    }
}

#[tokio::test]
async fn an_answer_without_a_token_is_an_error_that_does_not_repeat_it() {
    for body in
        ["", "not json hunter2", r#"{"tokenn":"hunter2"}"#, r#"{"token":"hunter2\r\nX: y"}"#, "[\"hunter2\"]"]
    {
        let upstream = Upstream::start(move |seen| match seen.path() {
            "/token" => reply(200, &[], body),
            _ => challenge(seen),
        })
        .await;
        let proxy = Setup::new(upstream.host()).with_password().start().await;
        let answer = proxy.get("/v2/base/manifests/x").await;
        assert_eq!(answer.status, 500, "{body}");
        assert!(!answer.text().contains("hunter2"), "{}", answer.text());
    }
}
