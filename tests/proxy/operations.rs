//! What operators see and do: metrics, health, a graceful end; and which names lead here.

use std::time::{Duration, Instant};

use crate::harness::{DIGEST, Proxy, Setup, send};
use crate::upstream::{Upstream, reply};

/// A registry that takes uploads; a blob is committed by its PUT.
async fn taking_uploads() -> Upstream {
    Upstream::start(|seen| match (seen.method.as_str(), seen.path()) {
        ("POST", "/token") => reply(404, &[], ""),
        ("POST" | "PATCH", _) => reply(202, &[("location", "/v2/team/target/blobs/uploads/1")], ""),
        ("PUT", _) => reply(201, &[], ""),
        ("DELETE", _) => reply(204, &[], ""),
        _ => reply(200, &[], "content"),
    })
    .await
}

/// A proxy that is stopping, and the location of an upload that it was asked for before.
async fn stopping(mut setup: Setup) -> (Proxy, String) {
    setup.operator = true;
    let proxy = setup.start().await;
    let location = proxy.start_upload().await;
    proxy.handle.shut_down();
    let operator = format!("http://{}", proxy.metrics);
    let is_told = async { while send(&operator, "GET", "/healthz", &[], "").await.status != 503 {} };
    tokio::time::timeout(Duration::from_secs(20), is_told).await.expect("its health says so");
    (proxy, location)
}

#[tokio::test]
async fn a_stopping_proxy_finishes_an_upload_that_is_between_its_post_and_its_put() {
    let upstream = taking_uploads().await;
    let (proxy, location) = stopping(Setup::new(upstream.host())).await;
    let refused = proxy.send("POST", "/v2/target/blobs/uploads/", &[], "").await;
    assert_eq!((refused.status, refused.code().as_str()), (503, "UNAVAILABLE"));
    assert!(refused.text().contains("stopping"), "{}", refused.text());

    // Each on a connection of its own.
    let patched = proxy.send("PATCH", &location, &[], "layer").await;
    assert_eq!(patched.status, 202, "{}", patched.text());
    let location = patched.header("location").unwrap();
    let done = proxy.send("PUT", &format!("{location}?digest={DIGEST}"), &[], "").await;
    assert_eq!(done.status, 201);
    let begun = Instant::now();
    proxy.handle.stop().await;
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert_eq!(upstream.lines().iter().filter(|line| line.starts_with("POST")).count(), 1);
}

#[tokio::test]
async fn a_stopping_proxy_waits_neither_for_a_cancelled_nor_an_abandoned_upload_nor_beyond_its_limit() {
    let upstream = taking_uploads().await;
    let (proxy, location) = stopping(Setup::new(upstream.host())).await;
    assert_eq!(proxy.send("DELETE", &location, &[], "").await.status, 204);
    let begun = Instant::now();
    proxy.handle.stop().await;
    assert!(begun.elapsed() < Duration::from_secs(5));

    let long = Duration::from_mins(1);
    for (stall, drain) in [(Duration::from_secs(1), long), (long, Duration::from_secs(1))] {
        let mut setup = Setup::new(upstream.host());
        setup.limits.stall_timeout = stall;
        setup.limits.drain_timeout = drain;
        let (proxy, _) = stopping(setup).await;
        let begun = Instant::now();
        proxy.handle.stop().await;
        let took = begun.elapsed();
        assert!(took > Duration::from_millis(500) && took < Duration::from_secs(10), "{took:?}");
    }
}

#[tokio::test]
async fn requests_under_other_names_and_of_web_pages_are_refused() {
    let upstream = taking_uploads().await;
    let mut setup = Setup::new(upstream.host());
    setup.names = &["Bob.Internal"];
    let proxy = setup.start().await;
    for (headers, status) in [
        ("Host: localhost:8080", 200),
        ("Host: 127.0.0.1", 200),
        ("Host: [::1]:8080", 200),
        ("Host: bob.internal:8080", 200),
        ("Host: evil.example", 421),
        ("Host: localhost.evil.example:8080", 421),
        ("Host: 169.254.169.254", 421),
        ("Host:", 421),
        ("Host: localhost:8080\r\nOrigin: http://evil.example", 403),
        ("Host: localhost:8080\r\nOrigin: null", 403),
    ] {
        for target in ["/v2/", "/v2/base/manifests/x"] {
            let request = format!("GET {target} HTTP/1.1\r\n{headers}\r\nConnection: close\r\n\r\n");
            let answer = proxy.raw(request.as_bytes()).await;
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{headers}: {answer}");
        }
    }
    assert_eq!(upstream.seen().len(), 4);
}

#[tokio::test]
async fn metrics_count_by_alias_and_tell_no_secret() {
    let count = std::sync::atomic::AtomicUsize::new(0);
    let upstream = Upstream::start(move |seen| {
        if seen.path() == "/token" {
            return reply(200, &[], r#"{"token":"t0ken","expires_in":300}"#);
        }
        if seen.header("authorization").is_none() {
            let challenge =
                format!(r#"Bearer realm="http://{}/token",service="s""#, seen.header("host").unwrap());
            return reply(401, &[("www-authenticate", &challenge)], "");
        }
        match seen.method.as_str() {
            // One passing fault.
            "GET" if count.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 0 => reply(503, &[], ""),
            "GET" => reply(200, &[], "content"),
            "POST" => reply(202, &[("location", "/v2/team/target/blobs/uploads/1")], ""),
            _ => reply(404, &[], ""),
        }
    })
    .await;
    let mut setup = Setup::new(upstream.host()).with_password();
    setup.operator = true;
    let proxy = setup.start().await;
    assert_eq!(proxy.get("/v2/base/manifests/x").await.text(), "content");
    proxy.start_upload().await;
    proxy.get("/v2/other/manifests/x").await;
    proxy.send("BREW", "/v2/base/manifests/x", &[], "").await;
    proxy.get("/v2/x/manifests/y?ns=127.0.0.1").await;

    let operator = format!("http://{}", proxy.metrics);
    let answer = send(&operator, "GET", "/metrics", &[], "").await;
    assert_eq!(answer.status, 200);
    let text = answer.text();
    for line in [
        r#"bob_proxy_requests_total{alias="base",method="GET",status="200"} 1"#,
        r#"bob_proxy_requests_total{alias="target",method="POST",status="202"} 1"#,
        r#"bob_proxy_requests_total{alias="",method="GET",status="403"} 1"#,
        r#"bob_proxy_requests_total{alias="",method="other",status="405"} 1"#,
        r#"bob_proxy_requests_total{alias="mirror",method="GET",status="403"} 1"#,
        r#"bob_proxy_sent_bytes_total{alias="base"} 7"#,
        r#"bob_proxy_retries_total{alias="base"} 1"#,
        r#"bob_proxy_tokens_total{alias="base"} 1"#,
        r#"bob_proxy_tokens_total{alias="target"} 1"#,
        r#"bob_proxy_active_uploads{alias="target"} 0"#,
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
    for secret in ["t0ken", "password", "user", "team", "127.0.0.1"] {
        assert!(!text.contains(secret), "{secret}\n{text}");
    }
    assert_eq!(send(&operator, "GET", "/healthz", &[], "").await.text(), "ok\n");
    for (method, target, status) in [("GET", "/", 404), ("GET", "/v2/", 404), ("POST", "/metrics", 405)] {
        assert_eq!(send(&operator, method, target, &[], "").await.status, status, "{method} {target}");
    }
    // Clients find none of it.
    assert_eq!(proxy.get("/metrics").await.status, 404);
    assert_eq!(proxy.get("/healthz").await.status, 404);
}
