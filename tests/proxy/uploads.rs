//! Uploads: locations, steps, mounts, large bodies.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use http_body_util::{BodyExt as _, StreamBody};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::harness::{DIGEST, Setup};
use crate::upstream::{Upstream, reply};

const BASIC: (&str, &str) = ("www-authenticate", "Basic realm=\"r\"");

#[tokio::test]
async fn every_step_of_an_upload_goes_where_the_registry_said() {
    let upstream = Upstream::start(|seen| match (seen.method.as_str(), seen.path()) {
        ("POST", _) => reply(202, &[("location", "/v2/team/target/blobs/uploads/1?_state=a%2Bb")], ""),
        ("PATCH", "/v2/team/target/blobs/uploads/1") => {
            reply(202, &[("location", "2?_state=c"), ("range", "0-4"), ("docker-upload-uuid", "u")], "")
        }
        ("GET", "/v2/team/target/blobs/uploads/2") => {
            reply(204, &[("location", "/v2/team/target/blobs/uploads/3"), ("range", "0-4")], "")
        }
        ("PUT", "/v2/team/target/blobs/uploads/3") => {
            reply(201, &[("location", "https://real.example/v2/team/target/blobs/x")], "")
        }
        ("DELETE", _) => reply(204, &[], ""),
        _ => reply(404, &[], ""),
    })
    .await;
    let proxy = Setup::new(upstream.host()).start().await;
    let first = proxy.start_upload().await;
    assert!(first.starts_with("/v2/target/blobs/uploads/") && !first.contains("team"), "{first}");
    let headers = [("content-range", "0-4"), ("content-type", "application/octet-stream")];
    let patched = proxy.send("PATCH", &first, &headers, "hello").await;
    assert_eq!((patched.status, patched.header("range")), (202, Some("0-4")));
    let asked = proxy.get(patched.header("location").unwrap()).await;
    assert_eq!((asked.status, asked.header("range")), (204, Some("0-4")));
    let last = asked.header("location").unwrap();
    let query = DIGEST.replace(':', "%3A");
    let done = proxy.send("PUT", &format!("{last}?digest={query}&_state=evil&x=y"), &[], "").await;
    assert_eq!(
        (done.status, done.header("location")),
        (201, Some(format!("/v2/target/blobs/{DIGEST}").as_str()))
    );
    assert_eq!(proxy.send("DELETE", last, &[], "").await.status, 204);
    assert_eq!(
        upstream.lines(),
        [
            "POST /v2/team/target/blobs/uploads/",
            "PATCH /v2/team/target/blobs/uploads/1?_state=a%2Bb",
            "GET /v2/team/target/blobs/uploads/2?_state=c",
            &format!("PUT /v2/team/target/blobs/uploads/3?digest={query}"),
            "DELETE /v2/team/target/blobs/uploads/3",
        ]
    );
    assert_eq!(upstream.seen()[1].header("content-range"), Some("0-4"));
    assert_eq!(upstream.seen()[1].body, "hello");
    assert_eq!(upstream.seen()[0].header("content-length"), Some("0"));
}

#[tokio::test]
async fn an_upload_may_lead_to_another_host_which_gets_no_credentials() {
    let storage = Upstream::start(|_| reply(201, &[], "")).await;
    let to = format!("http://{}/put/here?signature=s%2F1", storage.address);
    let upstream = Upstream::start(move |seen| match seen.header("authorization") {
        None => reply(401, &[BASIC], ""),
        Some(_) => reply(202, &[("location", &to)], ""),
    })
    .await;
    let proxy = Setup::new(upstream.host()).with_password().start().await;
    let location = proxy.start_upload().await;
    assert!(!location.contains("signature"));
    assert_eq!(proxy.send("PUT", &format!("{location}?digest={DIGEST}"), &[], "x").await.status, 201);
    let seen = &storage.seen()[0];
    assert_eq!(seen.line(), format!("PUT /put/here?signature=s%2F1&digest={}", DIGEST.replace(':', "%3A")));
    assert_eq!(seen.header("authorization"), None);
}

#[tokio::test]
async fn an_upload_location_by_plain_http_on_another_host_is_refused() {
    let upstream = Upstream::start(|_| reply(202, &[("location", "http://registry.example/x")], "")).await;
    let proxy = Setup::new(upstream.host()).start().await;
    let answer = proxy.send("POST", "/v2/target/blobs/uploads/", &[], "").await;
    assert_eq!((answer.status, answer.header("location")), (500, None));
    let upstream = Upstream::start(|_| reply(202, &[], "")).await;
    let proxy = Setup::new(upstream.host()).start().await;
    assert_eq!(proxy.send("POST", "/v2/target/blobs/uploads/", &[], "").await.status, 500);
}

#[tokio::test]
async fn a_location_belongs_to_its_alias_and_its_proxy() {
    let upstream = Upstream::start(|_| reply(202, &[("location", "/up/1")], "")).await;
    let proxy = Setup::new(upstream.host()).start().await;
    let other = Setup::new(upstream.host()).start().await;
    let location = proxy.start_upload().await;
    let count = upstream.seen().len();
    let elsewhere = location.replace("/target/", "/base/");
    let longer = format!("{location}A");
    assert_eq!(proxy.send("PUT", &elsewhere, &[], "x").await.status, 404);
    assert_eq!(proxy.send("PUT", &longer, &[], "x").await.status, 404);
    assert_eq!(proxy.send("POST", &location, &[], "x").await.status, 404);
    assert_eq!(other.send("PUT", &location, &[], "x").await.status, 404);
    assert_eq!(upstream.seen().len(), count);
}

#[tokio::test]
async fn a_redirected_upload_is_sent_on_by_the_client_and_only_so() {
    let storage = Upstream::start(|_| reply(201, &[], "")).await;
    let to = format!("http://{}/put/here?s=1", storage.address);
    let upstream = Upstream::start(move |seen| match seen.method.as_str() {
        "POST" => reply(202, &[("location", "/up/1")], ""),
        _ => reply(307, &[("location", &to)], ""),
    })
    .await;
    let proxy = Setup::new(upstream.host()).start().await;
    let location = proxy.start_upload().await;
    let answer = proxy.send("PUT", &format!("{location}?digest={DIGEST}"), &[], "content").await;
    assert_eq!(answer.status, 307);
    let next = answer.header("location").unwrap();
    assert!(next.starts_with("/v2/target/blobs/uploads/"), "{next}");
    assert_eq!(proxy.send("PATCH", next, &[], "content").await.status, 404);
    assert_eq!(proxy.send("PUT", next, &[], "content").await.status, 201);
    assert_eq!(storage.lines(), ["PUT /put/here?s=1"]);
    assert_eq!(storage.seen()[0].body, "content");
}

#[tokio::test]
async fn a_mount_names_the_real_repository_or_is_left_out() {
    let upstream = Upstream::start(|seen| {
        if seen.target.contains("mount=") {
            reply(201, &[("location", "/v2/team/target/blobs/x")], "")
        } else {
            reply(202, &[("location", "/up/1")], "")
        }
    })
    .await;
    let proxy = Setup::new(upstream.host()).start().await;
    let mount = |from: &str| format!("/v2/target/blobs/uploads/?mount={DIGEST}{from}");
    let mounted = proxy.send("POST", &mount("&from=base"), &[], "").await;
    assert_eq!(
        (mounted.status, mounted.header("location")),
        (201, Some(format!("/v2/target/blobs/{DIGEST}").as_str()))
    );
    for from in ["", "&from=team/base", "&from=team/target", "&from=other", "&from=../base", "&from="] {
        assert_eq!(proxy.send("POST", &mount(from), &[], "").await.status, 202, "{from}");
    }
    let lines = upstream.lines();
    let query = format!("mount={}&from=team%2Fbase", DIGEST.replace(':', "%3A"));
    assert_eq!(lines[0], format!("POST /v2/team/target/blobs/uploads/?{query}"));
    assert!(lines[1..].iter().all(|line| line == "POST /v2/team/target/blobs/uploads/"), "{lines:?}");
}

#[tokio::test]
async fn a_refused_mount_becomes_an_upload() {
    for status in [400, 401, 403, 404, 405] {
        let upstream = Upstream::start(move |seen| {
            if seen.target.contains("mount=") {
                reply(status, &[], "")
            } else {
                reply(202, &[("location", "/up/1")], "")
            }
        })
        .await;
        let proxy = Setup::new(upstream.host()).start().await;
        let target = format!("/v2/target/blobs/uploads/?mount={DIGEST}&from=base");
        assert_eq!(proxy.send("POST", &target, &[], "").await.status, 202, "{status}");
    }
}

#[tokio::test]
async fn a_manifest_is_written_under_the_aliases_tag_and_answered_under_the_clients() {
    let upstream =
        Upstream::start(|_| reply(201, &[("location", "/v2/team/target/manifests/two")], "")).await;
    let proxy = Setup::new(upstream.host()).start().await;
    let headers = [("content-type", "application/vnd.oci.image.manifest.v1+json")];
    for (reference, real) in [("latest", "two"), (DIGEST, DIGEST)] {
        let answer = proxy.send("PUT", &format!("/v2/target/manifests/{reference}"), &headers, "{}").await;
        assert_eq!(answer.status, 201);
        assert_eq!(answer.header("location"), Some(format!("/v2/target/manifests/{reference}").as_str()));
        let seen = upstream.seen().pop().unwrap();
        assert_eq!(seen.line(), format!("PUT /v2/team/target/manifests/{real}"));
        assert_eq!((seen.header("content-type"), seen.body.as_ref()), (Some(headers[0].1), &b"{}"[..]));
    }
}

/// A body of `mebibytes` in pieces of 64 KiB.
fn chunks(mebibytes: usize) -> Stream {
    let piece = bytes::Bytes::from(vec![b'x'; 64 * 1024]);
    let frames =
        (0..mebibytes * 16).map(move |_| Ok::<_, std::io::Error>(http_body::Frame::data(piece.clone())));
    StreamBody::new(futures_util::stream::iter(frames)).boxed_unsync()
}

pub(crate) type Stream = http_body_util::combinators::UnsyncBoxBody<bytes::Bytes, std::io::Error>;

#[tokio::test]
async fn large_bodies_are_streamed_with_their_length_or_in_chunks() {
    let upstream = Upstream::start(|seen| match seen.method.as_str() {
        "POST" => reply(202, &[("location", "/up/1")], ""),
        _ => reply(201, &[], seen.body.len().to_string()),
    })
    .await;
    let proxy = Setup::new(upstream.host()).start().await;
    let client = Client::builder(TokioExecutor::new()).build_http();
    for (mebibytes, with_length) in [(3, true), (3, false), (8, true), (8, false), (33, false)] {
        let location = proxy.start_upload().await;
        let uri = format!("http://{}{location}?digest={DIGEST}", proxy.address);
        let mut request = http::Request::put(uri);
        let size = (mebibytes * 1024 * 1024).to_string();
        if with_length {
            request = request.header("content-length", &size);
        }
        let response = client.request(request.body(chunks(mebibytes)).unwrap()).await.unwrap();
        assert_eq!(response.status(), 201);
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body, size.as_bytes());
        let seen = upstream.seen().pop().unwrap();
        // What fits in memory has a length even if the client did not say it.
        let known = with_length || mebibytes <= 4;
        assert_eq!(seen.header("content-length"), known.then_some(size.as_str()));
        assert_eq!(seen.header("transfer-encoding"), (!known).then_some("chunked"));
    }
}

#[tokio::test]
async fn a_large_upload_starts_with_its_credentials() {
    let asked_at_once = Arc::new(AtomicBool::new(true));
    let note = asked_at_once.clone();
    let upstream = Upstream::start(move |seen| match (seen.method.as_str(), seen.header("authorization")) {
        ("GET", None) => reply(401, &[BASIC], ""),
        (_, None) => {
            note.store(seen.body.is_empty(), Ordering::Relaxed);
            reply(401, &[], "")
        }
        ("POST", _) => reply(202, &[("location", "/up/1")], ""),
        _ => reply(201, &[], ""),
    })
    .await;
    // POST is answered 401 without a challenge: only the large PUT makes the proxy ask.
    let proxy = Setup::new(upstream.host()).with_password().start().await;
    let first = proxy
        .send("POST", &format!("/v2/target/blobs/uploads/?digest={DIGEST}"), &[], vec![0; 5 << 20])
        .await;
    assert_eq!(first.status, 202);
    let lines = upstream.lines();
    assert_eq!(lines[0], "GET /v2/");
    assert_eq!(lines.len(), 2);
    assert!(asked_at_once.load(Ordering::Relaxed));
}

#[tokio::test]
async fn a_401_in_the_middle_of_an_upload_reaches_the_client() {
    // A registry that answers after 1 MiB of 64 and closes.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let mut buffer = vec![0; 64 * 1024];
                let mut read = stream.read(&mut buffer).await.unwrap();
                let head = String::from_utf8_lossy(&buffer[..read]).into_owned();
                let answer: &[u8] = if head.starts_with("POST") {
                    b"HTTP/1.1 202 Accepted\r\nlocation: /up/1\r\ncontent-length: 0\r\n\r\n"
                } else if head.starts_with("GET") {
                    b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
                } else if head.starts_with("PUT") {
                    while read < 1 << 20 {
                        read += stream.read(&mut buffer).await.unwrap();
                    }
                    b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 12\r\nconnection: close\r\n\r\ntoken is old"
                } else {
                    // A TLS handshake: this registry speaks none.
                    b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n"
                };
                stream.write_all(answer).await.unwrap();
                // As registries do: to close at once with unread bytes would reset the connection, and
                // the answer could be lost in it.
                stream.shutdown().await.unwrap();
                tokio::time::sleep(std::time::Duration::from_secs(2)).await;
            });
        }
    });
    let proxy = Setup::new(address.to_string()).start().await;
    for _ in 0..5 {
        let location = proxy.start_upload().await;
        let answer = proxy.send("PUT", &format!("{location}?digest={DIGEST}"), &[], vec![0; 64 << 20]).await;
        assert_eq!((answer.status, answer.text()), (401, "token is old"));
        assert_eq!(answer.header("www-authenticate"), None);
    }
}
