//! What a hostile build may try. Every case is refused, and nothing reaches any registry.

mod rights;
mod targets;

use crate::harness::Setup;
use crate::upstream::{Upstream, reply};

pub(crate) use rights::basic;
use targets::targets;

#[tokio::test]
async fn no_target_leads_anywhere_it_should_not() {
    let upstream = Upstream::start(|_| reply(200, &[], "reached")).await;
    let proxy = Setup::new(upstream.host()).with_password().start().await;
    let cases = targets();
    println!("{} cases", cases.len());
    assert!(cases.len() > 190, "{} cases", cases.len());
    for (method, target, status) in cases {
        let request = format!("{method} {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        let answer = proxy.raw(request.as_bytes()).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{method} {target}: {answer}");
        assert!(answer.contains("{\"errors\":[{\"code\":\""), "{method} {target}: {answer}");
        assert!(!answer.contains("password"), "{method} {target}: {answer}");
    }
    assert_eq!(upstream.lines(), Vec::<String>::new());
}

#[tokio::test]
async fn requests_that_two_readers_could_read_differently_are_refused() {
    let upstream = Upstream::start(|_| reply(200, &[], "reached")).await;
    let proxy = Setup::new(upstream.host()).with_password().start().await;
    let hidden = "GET /v2/base/manifests/smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let put = "PUT /v2/target/manifests/x HTTP/1.1\r\nHost: localhost\r\n";
    let heads = [
        // Lengths.
        format!("{put}Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc"),
        format!("{put}Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc"),
        format!("{put}Content-Length: 3, 3\r\n\r\nabc"),
        format!("{put}Content-Length: +3\r\n\r\nabc"),
        format!("{put}Content-Length: 0x3\r\n\r\nabc"),
        format!("{put}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{hidden}"),
        format!("{put}Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n{hidden}"),
        format!("{put}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n{hidden}"),
        format!("{put}Transfer-Encoding: identity\r\n\r\n{hidden}"),
        format!("{put}Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n{hidden}"),
        format!("{put}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n{hidden}"),
        format!("{put}Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n{hidden}"),
        format!("{put} Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n{hidden}"),
        // Lines.
        format!("GET /v2/base/manifests/x HTTP/1.1\nHost: localhost\n\n{hidden}"),
        format!("GET /v2/base/manifests/x HTTP/1.1\r\nHost: localhost\r\nA: b\nContent-Length: 3\r\n\r\n{hidden}"),
        format!("GET /v2/base/manifests/x HTTP/1.1\r\nHost: localhost\r\nA: b\rC: d\r\n\r\n{hidden}"),
        "GET /v2/base/manifests/x HTTP/1.1\r\nHost: localhost\r\nA: b\0c\r\n\r\n".to_owned(),
        "GET /v2/base/manifests/x HTTP/1.1\r\nHost: localhost\r\nA\0b: c\r\n\r\n".to_owned(),
        "GET /v2/base/manifests/x HTTP/1.1\r\nHost: localhost\r\nno-colon\r\n\r\n".to_owned(),
        "GET /v2/base/manifests/x HTTP/1.1\r\n\r\n".to_owned(),
        "GET /v2/base/manifests/x HTTP/1.1\r\nHost: localhost\r\nHost: y\r\n\r\n".to_owned(),
        // Targets and versions.
        "GET http://registry.example/v2/base/manifests/x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".to_owned(),
        "GET https://127.0.0.1/v2/base/manifests/x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".to_owned(),
        "CONNECT registry.example:443 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".to_owned(),
        "OPTIONS * HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".to_owned(),
        "GET /v2/base manifests/x HTTP/1.1\r\nHost: localhost\r\n\r\n".to_owned(),
        "GET /v2/base\tmanifests/x HTTP/1.1\r\nHost: localhost\r\n\r\n".to_owned(),
        "GET /v2/base\\manifests HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".to_owned(),
        "GET /v2/base/manifests/x#y HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".to_owned(),
        "GET /v2/base/manifests/x HTTP/1.2\r\nHost: localhost\r\n\r\n".to_owned(),
        "GET /v2/base/manifests/x\r\n\r\n".to_owned(),
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(),
        "REFUSED /length HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".to_owned(),
        // Bodies where none belong.
        format!("GET /v2/base/manifests/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n{hidden}", hidden.len()),
        "GET /v2/base/manifests/x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n".to_owned(),
        // Chunks.
        format!("{put}Transfer-Encoding: chunked\r\n\r\n3\nabc\n0\n\n{hidden}"),
        format!("{put}Transfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n0\r\n\r\n{hidden}"),
        format!("{put}Transfer-Encoding: chunked\r\n\r\n-1\r\nabc\r\n0\r\n\r\n{hidden}"),
        format!("{put}Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nabc\r\n0\r\n\r\n{hidden}"),
        format!("{put}Transfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 5\r\n\r\n{hidden}"),
    ];
    println!("{} cases", heads.len());
    for head in heads {
        let answer = proxy.raw(head.as_bytes()).await;
        let refused =
            answer.starts_with("HTTP/1.1 400 ") || answer.starts_with("HTTP/1.1 405 ") || answer.is_empty();
        assert!(refused, "{head:?}: {answer}");
        assert_eq!(
            answer.matches("HTTP/1.1 ").count(),
            usize::from(!answer.is_empty()),
            "{head:?}: {answer}"
        );
    }
    let large = format!("GET /v2/ HTTP/1.1\r\nHost: localhost\r\nA: {}\r\n\r\n", "b".repeat(100_000));
    assert!(proxy.raw(large.as_bytes()).await.starts_with("HTTP/1.1 431 "));
    assert_eq!(upstream.lines(), Vec::<String>::new());
}

#[tokio::test]
async fn a_refusal_shows_little_of_a_name_or_method_and_no_login_in_it() {
    let upstream = Upstream::start(|_| reply(200, &[], "reached")).await;
    let proxy = Setup::new(upstream.host()).start().await;
    let long = "X".repeat(30_000);
    for (method, host, status) in [
        ("GET", long.as_str(), 421),
        ("GET", "user:secret@localhost", 421),
        ("GET", &format!("user:secret@{long}"), 421),
        ("GET", &format!("{long}secret@localhost:80"), 421),
        (&long, "localhost", 405),
    ] {
        let head = format!("{method} /v2/ HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        let answer = proxy.raw(head.as_bytes()).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
        assert!(answer.len() < 1000 && !answer.contains("secret"), "{answer}");
    }
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order_and_a_bad_one_ends_them() {
    let upstream = Upstream::start(|seen| reply(200, &[], seen.target.clone())).await;
    let proxy = Setup::new(upstream.host()).start().await;
    let good = "GET /v2/base/manifests/x HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let answer = proxy.raw(format!("{good}{good}GET / HTTP/1.1\nHost: localhost\n\n{good}").as_bytes()).await;
    let statuses: Vec<&str> = answer.matches("HTTP/1.1 200").chain(answer.matches("HTTP/1.1 400")).collect();
    assert_eq!(statuses, ["HTTP/1.1 200", "HTTP/1.1 200", "HTTP/1.1 400"], "{answer}");
    assert_eq!(upstream.seen().len(), 2);
}

/// The headers that registries may see. hyper adds `host` and lengths.
const SEEN_BY_REGISTRIES: [&str; 5] = ["host", "content-length", "accept", "user-agent", "content-type"];

#[tokio::test]
async fn headers_of_clients_tell_registries_nothing_that_is_not_theirs_to_say() {
    let upstream = Upstream::start(|_| reply(200, &[], "content")).await;
    let proxy = Setup::new(upstream.host()).start().await;
    for (name, value) in [
        ("authorization", "Basic ZXZpbDpldmls"),
        ("proxy-authorization", "Basic ZXZpbDpldmls"),
        ("cookie", "session=evil"),
        ("x-forwarded-for", "127.0.0.1"),
        ("x-forwarded-host", "evil.example"),
        ("x-forwarded-proto", "http"),
        ("x-original-url", "/v2/other/manifests/x"),
        ("x-rewrite-url", "/v2/other/manifests/x"),
        ("x-http-method-override", "DELETE"),
        ("x-real-ip", "127.0.0.1"),
        ("forwarded", "host=evil.example"),
        ("via", "1.1 evil"),
        ("referer", "http://evil.example"),
        ("connection", "authorization, host"),
        ("te", "trailers"),
        ("trailer", "authorization"),
        ("upgrade", "h2c"),
        ("http2-settings", "AAMAAABkAARAAAAAAAIAAAAA"),
        ("expect", "100-continue"),
        ("x-amz-security-token", "evil"),
        ("docker-upload-uuid", "evil"),
        ("content-length", "0"),
    ] {
        let request = format!(
            "GET /v2/base/manifests/x HTTP/1.1\r\nHost: localhost\r\n{name}: {value}\r\nConnection: close\r\n\r\n"
        );
        let answer = proxy.raw(request.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{name}: {answer}");
    }
    for seen in upstream.seen() {
        assert_eq!(seen.line(), "GET /v2/team/base/manifests/one");
        assert_eq!(seen.header("host"), Some(upstream.host().as_str()));
        for name in seen.headers.keys() {
            assert!(SEEN_BY_REGISTRIES.contains(&name.as_str()), "{name}");
        }
    }
}

#[tokio::test]
async fn answers_of_a_hostile_registry_lead_clients_nowhere() {
    for location in [
        "http://169.254.169.254/latest/meta-data",
        "http://evil.example/up",
        "ftp://evil.example/up",
        "//evil.example:80x/up",
        "https://user:password@evil.example/up",
        "/v2/a b",
        "javascript:x",
        "https://127.1/up",
        "http://0x7f000001/up",
        "",
    ] {
        let upstream = Upstream::start(move |_| reply(202, &[("location", location)], "")).await;
        let proxy = Setup::new(upstream.host()).start().await;
        let answer = proxy.send("POST", "/v2/target/blobs/uploads/", &[], "").await;
        assert_eq!((answer.status, answer.header("location")), (500, None), "{location}");
        assert!(!answer.text().contains("password") && !answer.text().contains("meta-data"), "{location}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_attack_leaves_a_secret_in_the_log_or_reaches_a_host() {
    let upstream = Upstream::start(|_| reply(200, &[], "reached")).await;
    let base = format!("{}/team/base:one", upstream.host());
    let logins = |host: &str| format!(r#"{{"{host}":{{"username":"user","password":"hunter2"}}}}"#);
    let auth = format!(r#"{{"auths":{}}}"#, logins(&upstream.host()));
    // The wildcard is for ECR alone: what only looks like it is a host like all others.
    let additional = logins("000000000000.dkr.ecr.dummy-host-zone.amazonaws.com");
    let env = [
        ("WORKSPACEKIT_BOBPROXY_AUTH", auth.as_str()),
        ("WORKSPACEKIT_BOBPROXY_ADDITIONALAUTH", additional.as_str()),
        ("WORKSPACEKIT_BOBPROXY_TOKEN", "sesame"),
        ("LOG_LEVEL", "trace"),
    ];
    let flags = ["--listen", "127.0.0.1:0", "--base-ref", &base, "--target-ref", &base];
    let running = crate::command::Running::start(&flags, &env);
    let address = running.addresses(1).await.remove(0);
    let mut cases = targets();
    for host in [
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com.evil.invalid",
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com.invalid",
        "evil-123456789012.dkr.ecr.eu-west-1.amazonaws.com-evil.invalid",
        "dkr.ecr.eu-west-1.amazonaws.com.invalid",
    ] {
        cases.push(("GET", format!("/v2/a/manifests/x?ns={host}"), 500));
    }
    // "bob:sesame", and a wrong one.
    let logins = ["Authorization: Basic Ym9iOnNlc2FtZQ==\r\n", "Authorization: Basic Ym9iOndyb25n\r\n", ""];
    let mut count = 0;
    for (method, target, status) in cases {
        for (index, login) in logins.iter().enumerate() {
            if index > 0 && status == 500 {
                continue;
            }
            let request =
                format!("{method} {target} HTTP/1.1\r\nHost: localhost\r\n{login}Connection: close\r\n\r\n");
            let answer = crate::harness::raw(&address, request.as_bytes()).await;
            let expected = if index == 0 { status } else { 401 };
            assert!(
                answer.starts_with(&format!("HTTP/1.1 {expected} ")),
                "{method} {target} {login}: {answer}"
            );
            assert!(!answer.contains("hunter2") && !answer.contains("sesame"), "{answer}");
            count += 1;
        }
    }
    println!("{count} cases");
    assert_eq!(upstream.lines(), Vec::<String>::new());
    let log = running.log();
    for secret in ["hunter2", "sesame", "dXNlcjpodW50ZXIy", "Ym9iOnNlc2FtZQ", "Ym9iOndyb25n"] {
        assert!(!log.contains(secret), "{secret}");
    }
}
