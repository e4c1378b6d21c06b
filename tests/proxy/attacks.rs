//! What a hostile build may try. Every case is refused, and nothing reaches any registry.

use crate::harness::{DIGEST, Setup};
use crate::upstream::{Upstream, reply};

/// Method, target and status.
type Case = (&'static str, String, u16);

fn targets() -> Vec<Case> {
    let groups =
        [other_repositories(), encodings(), rest_of_the_api(), forged_uploads(), queries(), mirrors()];
    groups.into_iter().flatten().collect()
}

/// Other repositories, in their own names and in the proxy's.
fn other_repositories() -> Vec<Case> {
    let mut cases = Vec::new();
    for name in
        ["team/base", "team/target", "other", "base/x", "x/base", "library/alpine", "base2", "team", "targe"]
    {
        cases.push(("GET", format!("/v2/{name}/manifests/latest"), 403));
        cases.push(("PUT", format!("/v2/{name}/manifests/latest"), 403));
        cases.push(("POST", format!("/v2/{name}/blobs/uploads/"), 403));
        cases.push(("GET", format!("/v2/{name}/blobs/{DIGEST}"), 403));
    }
    cases
}

/// Path encodings and segments.
fn encodings() -> Vec<Case> {
    let mut cases = Vec::new();
    for path in [
        "base%2Fmanifests/latest",
        "base/manifests%2Flatest",
        "%62ase/manifests/latest",
        "base/%6danifests/latest",
        "base/../other/manifests/latest",
        "base/./manifests/latest",
        "./base/manifests/latest",
        "base//manifests/latest",
        "/base/manifests/latest",
        "base/%2e%2e/other/manifests/latest",
        "base/..%2fother/manifests/latest",
        "base/..;/other/manifests/latest",
        "base/manifests/..",
        "base/manifests/%2e%2e",
        "base/manifests/latest%00",
        "base/manifests/latest%0d%0aX:%20y",
        "base/manifests/latest;x",
        "base/manifests/a@b",
        "BASE/manifests/latest",
        "base\\manifests\\latest",
        "base/manifests/latest%23",
        "base/manifests/%3f",
        "base/manifests/%252e%252e",
        "base/manifests/latest%c0%af",
        "base /manifests/latest%20",
        "base/manifests/-x",
        "base/manifests/.x",
    ] {
        if !path.contains([' ', '\\']) {
            cases.push(("GET", format!("/v2/{path}"), 400));
        }
    }
    cases
}

/// The rest of the API.
fn rest_of_the_api() -> Vec<Case> {
    let mut cases = Vec::new();
    for (method, path, status) in [
        ("GET", "/v2/_catalog", 403),
        ("GET", "/v2/_catalog?n=1000", 403),
        ("GET", "/v2/base/tags/list", 403),
        ("GET", &format!("/v2/base/referrers/{DIGEST}"), 403),
        ("DELETE", "/v2/base/manifests/latest", 403),
        ("DELETE", &format!("/v2/target/manifests/{DIGEST}"), 403),
        ("DELETE", &format!("/v2/target/blobs/{DIGEST}"), 403),
        ("POST", "/v2/target/manifests/latest", 405),
        ("PATCH", "/v2/target/manifests/latest", 405),
        ("PUT", &format!("/v2/target/blobs/{DIGEST}"), 405),
        ("GET", "/v2/target/blobs/uploads/", 405),
        ("OPTIONS", "/v2/", 405),
        ("TRACE", "/v2/base/manifests/latest", 405),
        ("GET", "/", 404),
        ("GET", "/v1/_ping", 404),
        ("GET", "/metrics", 404),
        ("GET", "/debug/pprof/", 404),
        ("GET", "/v2/base", 404),
        ("GET", "/v2/base/other/x", 404),
        ("GET", "/v2/token?service=x", 404),
    ] {
        cases.push((method, path.to_owned(), status));
    }
    cases
}

/// Upload locations that nobody handed out.
fn forged_uploads() -> Vec<Case> {
    let mut cases = Vec::new();
    for id in ["x", "00000000-0000-0000-0000-000000000000", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"] {
        for method in ["GET", "PATCH", "PUT", "DELETE", "POST"] {
            cases.push((method, format!("/v2/target/blobs/uploads/{id}?digest={DIGEST}"), 404));
        }
    }
    cases.push(("PUT", "/v2/target/blobs/uploads/https:example.com".into(), 404));
    cases.push(("PUT", "/v2/target/blobs/uploads/x?_state=y".into(), 404));
    cases
}

/// Parameters that two readers could read differently.
fn queries() -> Vec<Case> {
    let mut cases = Vec::new();
    for query in [
        "ns=registry.example&ns=docker.io",
        "ns=%zz",
        "ns=a%00b",
        "ns=http://registry.example",
        "ns=a/b",
        "ns=a@b",
        "ns=",
        "ns=127.1",
        "ns=2130706433",
        "ns=0x7f.0.0.1",
        "ns=0177.0.0.1",
        "ns=[::1",
        "ns=localhost:0",
        "ns=localhost:99999",
        "ns=registry.example.",
        "ns=.",
        "ns=*.example",
    ] {
        cases.push(("GET", format!("/v2/library/alpine/manifests/latest?{query}"), 400));
    }
    cases
}

/// Mirror hosts that are not listed, in every spelling of a private address; and writes to mirrors.
fn mirrors() -> Vec<Case> {
    let mut cases = Vec::new();
    for host in [
        "127.0.0.1",
        "127.0.0.1:5000",
        "127.255.255.254",
        "localhost",
        "localhost:5000",
        "LOCALHOST",
        "[::1]",
        "[::1]:5000",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::]",
        "0.0.0.0",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.0.1",
        "169.254.169.254",
        "[fe80::1]",
        "[fd00:ec2::254]",
        "[::ffff:169.254.169.254]",
        "[64:ff9b::a9fe:a9fe]",
        "[2002:7f00:1::]",
        "100.64.0.1",
        "198.18.0.1",
        "224.0.0.1",
        "255.255.255.255",
    ] {
        cases.push(("GET", format!("/v2/library/alpine/manifests/latest?ns={host}"), 403));
    }
    for (method, path) in [
        ("PUT", "/v2/target/manifests/latest?ns=docker.io"),
        ("POST", "/v2/target/blobs/uploads/?ns=docker.io"),
        ("DELETE", "/v2/target/manifests/latest?ns=docker.io"),
        ("GET", "/v2/_catalog?ns=docker.io"),
        ("GET", "/v2/target/tags/list?ns=docker.io"),
    ] {
        cases.push((method, path.to_owned(), 403));
    }
    cases
}

#[tokio::test]
async fn no_target_leads_anywhere_it_should_not() {
    let upstream = Upstream::start(|_| reply(200, &[], "reached")).await;
    let proxy = Setup::new(upstream.host()).with_password().start().await;
    let cases = targets();
    assert!(cases.len() > 120, "{} cases", cases.len());
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
async fn pipelined_requests_are_answered_in_order_and_a_bad_one_ends_them() {
    let upstream = Upstream::start(|seen| reply(200, &[], seen.target.clone())).await;
    let proxy = Setup::new(upstream.host()).start().await;
    let good = "GET /v2/base/manifests/x HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let answer = proxy.raw(format!("{good}{good}GET / HTTP/1.1\nHost: localhost\n\n{good}").as_bytes()).await;
    let statuses: Vec<&str> = answer.matches("HTTP/1.1 200").chain(answer.matches("HTTP/1.1 400")).collect();
    assert_eq!(statuses, ["HTTP/1.1 200", "HTTP/1.1 200", "HTTP/1.1 400"], "{answer}");
    assert_eq!(upstream.seen().len(), 2);
}

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
