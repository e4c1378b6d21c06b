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
        "ns=0",
        "ns=127.0.1",
        "ns=0x7f000001",
        "ns=0X7F.0.0.1",
        "ns=017700000001",
        "ns=127.000.000.001",
        "ns=0127.0.0.1",
        "ns=10.1",
        "ns=0xa9fea9fe",
        "ns=2852039166",
        "ns=169.254.43518",
        "ns=%e2%91%a027.0.0.1",
        "ns=127.0.0.1.",
        "ns=localhost.",
        "ns=[::1]]",
        "ns=[::1%25lo]",
        "ns=[::ffff:127.0.0.1",
        "ns=::1",
        "ns=registry.example%0d%0aHost:%20evil.example",
        "ns=registry.example%3a443%40evil.example",
        "ns=registry.example%2fv2",
        "ns=registry.example%3fx",
        "ns=registry.example%23x",
        "ns=registry.example%5cx",
        "digest=sha256:abc",
        "mount=x&from=base",
        "from=a&from=b",
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
        "[::ffff:10.0.0.1]",
        "[::ffff:a00:1]",
        "[0:0:0:0:0:ffff:c0a8:1]",
        "[0000:0000:0000:0000:0000:0000:0000:0001]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[64:ff9b::a00:1]",
        "[64:ff9b:1::7f00:1]",
        "[2002:a00:1::]",
        "[2002:c0a8:1::1]",
        "[fc00::1]",
        "[fec0::1]",
        "[ff02::1]",
        "[2001::1]",
        "127.0.0.1:80",
        "169.254.170.2",
        "100.100.100.200",
        "192.0.0.192",
        "192.88.99.1",
        "240.0.0.1",
        "%6cocalhost",
        "127%2e0%2e0%2e1",
        "%5b::1%5d",
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
