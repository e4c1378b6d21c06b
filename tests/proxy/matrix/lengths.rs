//! Answers whose bytes are not what was announced or asked for.

use super::{Kind, LARGE, ask};
use crate::harness::Setup;
use crate::upstream::{Upstream, reply};

#[tokio::test(flavor = "multi_thread")]
async fn a_digest_that_the_registry_finds_wrong_is_its_own_error() {
    let words = r#"{"errors":[{"code":"DIGEST_INVALID","message":"provided digest did not match"}]}"#;
    let upstream = Upstream::start(move |seen| match seen.method.as_str() {
        "POST" => reply(202, &[("location", "/up/1")], ""),
        "PUT" => reply(400, &[("content-type", "application/json")], words),
        _ => reply(200, &[], ""),
    })
    .await;
    let proxy = Setup::new(upstream.host()).start().await;
    for kind in [Kind::Put(0), Kind::Put(1000), Kind::Put(LARGE), Kind::PutManifest] {
        let location = proxy.start_upload().await;
        let end = ask(&proxy, kind, &location, "x").await;
        assert_eq!((end.status, end.text()), (400, words), "{kind:?}");
    }
}

#[tokio::test]
async fn content_with_another_digest_reaches_the_client_with_what_shows_it() {
    let other = "sha256:2222222222222222222222222222222222222222222222222222222222222222";
    let upstream =
        Upstream::start(move |_| reply(200, &[("docker-content-digest", other), ("etag", "\"x\"")], "other"))
            .await;
    let proxy = Setup::new(upstream.host()).start().await;
    for kind in [Kind::GetManifest, Kind::GetBlob] {
        let end = ask(&proxy, kind, "", "x").await;
        assert_eq!((end.status, end.text()), (200, "other"));
        assert_eq!(end.headers["docker-content-digest"], other);
    }
}
