//! Reading through an alias: tags, digests, headers, redirects.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bob::proxy::Pin;

use crate::harness::{DIGEST, Setup};
use crate::upstream::{Upstream, reply};

#[tokio::test]
async fn the_api_is_answered_here() {
    let upstream = Upstream::start(|_| reply(500, &[], "")).await;
    let proxy = Setup::new(upstream.host()).start().await;
    let answer = proxy.get("/v2/").await;
    assert_eq!((answer.status, answer.text()), (200, "{}"));
    assert_eq!(proxy.send("HEAD", "/v2/", &[], "").await.status, 200);
    assert!(upstream.seen().is_empty());
}

#[tokio::test]
async fn a_tag_is_forced_and_a_digest_is_left_alone() {
    let upstream =
        Upstream::start(|seen| reply(200, &[("docker-content-digest", DIGEST)], seen.target.clone())).await;
    let proxy = Setup::new(upstream.host()).start().await;
    for (here, there) in [
        ("/v2/base/manifests/latest".to_owned(), "/v2/team/base/manifests/one".to_owned()),
        ("/v2/base/manifests/one".to_owned(), "/v2/team/base/manifests/one".to_owned()),
        ("/v2/target/manifests/x?other=1".to_owned(), "/v2/team/target/manifests/two".to_owned()),
        (format!("/v2/target/manifests/{DIGEST}"), format!("/v2/team/target/manifests/{DIGEST}")),
        (format!("/v2/base/blobs/{DIGEST}"), format!("/v2/team/base/blobs/{DIGEST}")),
    ] {
        let answer = proxy.get(&here).await;
        assert_eq!((answer.status, answer.text()), (200, there.as_str()), "{here}");
        assert_eq!(answer.header("docker-content-digest"), Some(DIGEST));
    }
}

#[tokio::test]
async fn what_only_looks_like_a_digest_never_escapes_the_aliases_tag() {
    let upstream = Upstream::start(|_| reply(200, &[], "reached")).await;
    let proxy = Setup::new(upstream.host()).start().await;
    for digest in [
        "md5:d41d8cd98f00b204e9800998ecf8427e",
        "sha1:da39a3ee5e6b4b0d3255bfef95601890afd80709",
        "crc32:00000000",
        "x:other-tag",
        "sha256:abc",
        "sha256+b64u:LCa0a2j_xo_5m0U8HTBBNBNCLXBkg7-g-YpeiGJm564",
        &DIGEST.to_uppercase(),
        &DIGEST.replace("sha256", "sha512"),
        &DIGEST.replace("sha256", "sha384"),
        &format!("{DIGEST}0"),
    ] {
        for (method, target) in [
            ("GET", format!("/v2/base/manifests/{digest}")),
            ("HEAD", format!("/v2/target/manifests/{digest}")),
            ("PUT", format!("/v2/target/manifests/{digest}")),
            ("GET", format!("/v2/base/blobs/{digest}")),
            ("POST", format!("/v2/target/blobs/uploads/?mount={digest}&from=base")),
            ("POST", format!("/v2/target/blobs/uploads/?digest={digest}")),
            ("GET", format!("/v2/x/manifests/{digest}?ns=docker.io")),
            ("GET", format!("/v2/x/blobs/{digest}?ns=docker.io")),
        ] {
            let answer = proxy.send(method, &target, &[], if method == "PUT" { "{}" } else { "" }).await;
            assert_eq!(answer.status, 400, "{method} {target}");
        }
    }
    assert_eq!(upstream.lines(), Vec::<String>::new());
    let sha512 = format!("sha512:{}", "1".repeat(128));
    assert_eq!(proxy.get(&format!("/v2/base/manifests/{sha512}")).await.status, 200);
    assert_eq!(upstream.lines(), [format!("GET /v2/team/base/manifests/{sha512}")]);
}

#[tokio::test]
async fn a_registrys_digest_that_is_none_reaches_no_client() {
    let md5 = "md5:d41d8cd98f00b204e9800998ecf8427e";
    let upstream = Upstream::start(move |seen| match seen.method.as_str() {
        "POST" => reply(201, &[("docker-content-digest", md5), ("location", "/v2/team/target/blobs/x")], ""),
        _ => reply(200, &[("docker-content-digest", md5)], "x"),
    })
    .await;
    let proxy = Setup::new(upstream.host()).start().await;
    assert_eq!(proxy.get("/v2/base/manifests/x").await.header("docker-content-digest"), None);
    let done = proxy.send("POST", "/v2/target/blobs/uploads/", &[], "x").await;
    assert_eq!((done.header("docker-content-digest"), done.header("location")), (None, None));
}

#[tokio::test]
async fn a_pinned_alias_gives_its_digest_and_one_without_tag_what_is_asked() {
    let upstream = Upstream::start(|seen| reply(200, &[], seen.target.clone())).await;
    for (pin, want) in [(Pin::Digest(DIGEST.into()), DIGEST), (Pin::AsRequested, "latest")] {
        let mut setup = Setup::new(upstream.host());
        setup.pin = pin;
        let answer = setup.start().await.get("/v2/target/manifests/latest").await;
        assert_eq!(answer.text(), format!("/v2/team/target/manifests/{want}"));
    }
}

#[tokio::test]
async fn head_keeps_the_length_and_ranges_go_through() {
    let upstream = Upstream::start(|seen| match seen.header("range") {
        Some(range) => reply(206, &[("content-range", &range.replace('=', " "))], "part"),
        None => reply(200, &[("content-length", "4711")], ""),
    })
    .await;
    let proxy = Setup::new(upstream.host()).start().await;
    let head = proxy.send("HEAD", "/v2/base/manifests/x", &[], "").await;
    assert_eq!((head.status, head.header("content-length")), (200, Some("4711")));
    let part = proxy.send("GET", &format!("/v2/base/blobs/{DIGEST}"), &[("range", "bytes=1-4/9")], "").await;
    assert_eq!((part.status, part.text()), (206, "part"));
    assert_eq!(part.header("content-range"), Some("bytes 1-4/9"));
}

#[tokio::test]
async fn only_harmless_headers_pass_in_both_directions() {
    let upstream = Upstream::start(|_| {
        reply(
            200,
            &[
                ("set-cookie", "a=b"),
                ("www-authenticate", "Basic"),
                ("location", "https://x/"),
                ("x-fine", "1"),
            ],
            "",
        )
    })
    .await;
    let proxy = Setup::new(upstream.host()).start().await;
    let headers = [
        ("accept", "application/json"),
        ("authorization", "Bearer from-the-client"),
        ("cookie", "c=d"),
        ("x-forwarded-for", "1.2.3.4"),
        ("connection", "if-match"),
        ("if-match", "x"),
        ("x-original-url", "/v2/_catalog"),
    ];
    let answer = proxy.send("GET", "/v2/base/manifests/x", &headers, "").await;
    for name in ["set-cookie", "www-authenticate", "location"] {
        assert_eq!(answer.header(name), None, "{name}");
    }
    assert_eq!(answer.header("x-fine"), Some("1"));
    let seen = &upstream.seen()[0];
    let mut names: Vec<&str> = seen.headers.keys().map(http::HeaderName::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["accept", "host"]);
    assert_eq!(seen.header("host"), Some(upstream.host().as_str()));
}

#[tokio::test]
async fn redirects_of_reads_are_followed_without_credentials() {
    let storage = Upstream::start(|seen| reply(200, &[], format!("content of {}", seen.target))).await;
    let to = format!("http://{}/bucket/x?signature=1", storage.address);
    let upstream = Upstream::start(move |seen| match seen.header("authorization") {
        None => reply(401, &[("www-authenticate", "Basic realm=\"r\"")], ""),
        Some(_) => reply(307, &[("location", &to)], ""),
    })
    .await;
    let proxy = Setup::new(upstream.host()).with_password().start().await;
    let answer = proxy.get(&format!("/v2/base/blobs/{DIGEST}")).await;
    assert_eq!((answer.status, answer.text()), (200, "content of /bucket/x?signature=1"));
    assert_eq!(answer.header("location"), None);
    assert_eq!(storage.seen()[0].header("authorization"), None);
    // Not even back to the registry itself.
    assert!(upstream.seen().iter().all(|seen| seen.target.starts_with("/v2/team/base/blobs/")));
}

#[tokio::test]
async fn redirects_that_lead_astray_are_refused() {
    for location in [
        "http://registry.example/x",
        "ftp://127.0.0.1/x",
        "https://user:pw@127.0.0.1/x",
        "http://0x7f000001/x",
        "http://127.1/x",
        "/x\\y",
        "",
    ] {
        let upstream = Upstream::start(move |_| reply(302, &[("location", location)], "")).await;
        let proxy = Setup::new(upstream.host()).start().await;
        let answer = proxy.get(&format!("/v2/base/blobs/{DIGEST}")).await;
        assert_eq!((answer.status, answer.code().as_str()), (403, "DENIED"), "{location}: {}", answer.text());
        assert_eq!(upstream.seen().len(), 1, "{location}");
    }
}

#[tokio::test]
async fn endless_redirects_end() {
    let upstream = Upstream::start(|seen| reply(302, &[("location", seen.path())], "")).await;
    let proxy = Setup::new(upstream.host()).start().await;
    let answer = proxy.get(&format!("/v2/base/blobs/{DIGEST}")).await;
    assert_eq!((answer.status, answer.code().as_str()), (500, "UNAVAILABLE"));
    assert_eq!(upstream.seen().len(), 6);
}

#[tokio::test]
async fn connections_are_reused() {
    let served = Arc::new(AtomicUsize::new(0));
    let count = served.clone();
    let upstream = Upstream::start(move |_| {
        count.fetch_add(1, Ordering::Relaxed);
        reply(200, &[], "x")
    })
    .await;
    let proxy = Setup::new(upstream.host()).start().await;
    for _ in 0..20 {
        assert_eq!(proxy.get("/v2/base/manifests/x").await.status, 200);
    }
    assert_eq!(served.load(Ordering::Relaxed), 20);
}
