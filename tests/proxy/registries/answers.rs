//! Answers that trickle, break off, or are not what was asked for, and uploads that are taken slowly.

use std::sync::Arc;
use std::time::Duration;

use bob::registry::{Client, Payload, Repository};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::{authenticator, chain, repository};
use crate::harness::{DIGEST, Setup, digest};
use crate::upstream::{Upstream, reply};

/// A registry that wants tokens of its own endpoint `/token`, which begins its answer and then sends a space a
/// while; a manifest comes in the same way from one that wants none.
async fn trickling(wants_tokens: bool) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let own = host.clone();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let own = own.clone();
            tokio::spawn(async move {
                let mut head = vec![0; 16 * 1024];
                let read = stream.read(&mut head).await.unwrap_or(0);
                let head = String::from_utf8_lossy(&head[..read]).into_owned();
                if read == 0 || head.as_bytes()[0] == 0x16 {
                    return;
                }
                if wants_tokens && !head.starts_with("GET /token") {
                    let answer = format!(
                        "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer realm=\"http://{own}/token\"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                    );
                    let _ = stream.write_all(answer.as_bytes()).await;
                    return;
                }
                let status = if head.starts_with("POST") { 400 } else { 200 };
                let answer = format!("HTTP/1.1 {status} OK\r\nTransfer-Encoding: chunked\r\n\r\n");
                let mut sent = stream.write_all(answer.as_bytes()).await;
                while sent.is_ok() {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    sent = stream.write_all(b"1\r\n \r\n").await;
                }
            });
        }
    });
    host
}

#[tokio::test]
async fn a_token_endpoint_that_sends_a_byte_now_and_then_holds_nobody_beyond_the_time_limit() {
    let mut setup = Setup::new(trickling(true).await);
    setup.transport.silence = Duration::from_secs(1);
    let proxy = Arc::new(setup.start().await);
    let requests = (0..8).map(|_| {
        let proxy = Arc::clone(&proxy);
        tokio::spawn(async move { proxy.get("/v2/base/manifests/x").await })
    });
    let requests: Vec<_> = requests.collect();
    let all = async {
        for request in requests {
            let answer = request.await.unwrap();
            assert_eq!((answer.status, answer.code().as_str()), (504, "UNAVAILABLE"), "{}", answer.text());
            let want = "the token for repository:team/base:pull did not come whole within 1 s";
            assert!(answer.text().contains(want), "{}", answer.text());
        }
    };
    tokio::time::timeout(Duration::from_secs(30), all).await.expect("every request has an end");
}

#[tokio::test]
async fn answers_that_are_read_whole_have_an_end() {
    let host = trickling(false).await;
    let (auth, repository) = (authenticator("{}", 1), repository(&host));
    let client = Client::new(Arc::clone(&auth));
    let all = async {
        let error = client.manifest(&repository, "x").await.unwrap_err();
        assert!(chain(&error).contains("did not come whole within 1 s"), "{}", chain(&error));
        assert!(client.blob(&repository, DIGEST, 1 << 20).await.is_err());
        // An answer that needs no body is no wait.
        assert_eq!(auth.scheme(&repository.host).await.unwrap(), None);
        // Words of a refusal that do not come are left out.
        let error = client.mount_blob(&repository, DIGEST, "other").await.unwrap_err();
        assert!(chain(&error).ends_with("the registry answered 400 Bad Request"), "{}", chain(&error));
    };
    tokio::time::timeout(Duration::from_secs(40), all).await.expect("an end");
}

#[tokio::test]
async fn what_is_no_digest_or_tag_never_becomes_part_of_a_request() {
    let upstream = Upstream::start(|_| reply(200, &[], "reached")).await;
    let client = Client::new(authenticator("{}", 20));
    let repository = repository(&upstream.host());
    let bad = [
        "sha256:../../../other/manifests/x",
        "md5:0cc175b9c0f1b6a831c399e269772661",
        "../x",
        "a/b",
        "",
        "a?b",
    ];
    for text in bad {
        assert!(client.manifest(&repository, text).await.is_err(), "{text}");
        assert!(client.head_manifest(&repository, text).await.is_err(), "{text}");
        assert!(client.put_manifest(&repository, text, &"x/y".parse().unwrap(), "{}".into()).await.is_err());
        assert!(client.blob(&repository, text, 10).await.is_err(), "{text}");
        assert!(client.has_blob(&repository, text).await.is_err(), "{text}");
        assert!(client.mount_blob(&repository, text, "other").await.is_err(), "{text}");
        assert!(
            client.upload_blob(&repository, text, 1, Payload::Bytes("x".into())).await.is_err(),
            "{text}"
        );
    }
    for name in ["../other", "a//b", "a/../b", "a?b", "A", ""] {
        assert!(client.mount_blob(&repository, DIGEST, name).await.is_err(), "{name}");
        let elsewhere = Repository { host: repository.host.clone(), name: name.into() };
        let error = client.head_manifest(&elsewhere, "x").await.unwrap_err();
        assert!(error.to_string().contains("is not a valid repository name"), "{error}");
    }
    assert!(upstream.seen().is_empty(), "{:?}", upstream.lines());
}

#[tokio::test]
async fn content_is_what_its_digest_says_in_either_algorithm_or_an_error() {
    let named: &'static str = Box::leak(digest(b"{\"whole\":true}").into_boxed_str());
    let upstream = Upstream::start(move |seen| match seen.path() {
        path if path.ends_with("/tagged") => reply(200, &[("docker-content-digest", named)], "{\"whole\""),
        _ if seen.method == "HEAD" => reply(200, &[("docker-content-digest", named)], "other"),
        _ => reply(200, &[], "other"),
    })
    .await;
    let client = Client::new(authenticator("{}", 20));
    let repository = repository(&upstream.host());
    let sha512 = format!("sha512:{}", "1".repeat(128));
    for reference in [DIGEST, sha512.as_str(), "tagged"] {
        let error = client.manifest(&repository, reference).await.unwrap_err();
        assert!(error.to_string().contains("sent content with digest"), "{error}");
    }
    for digest in [DIGEST, sha512.as_str()] {
        let error = client.blob(&repository, digest, 100).await.unwrap_err();
        assert!(error.to_string().contains("sent content with digest"), "{error}");
    }
    let error = client.head_manifest(&repository, DIGEST).await.unwrap_err();
    assert!(error.to_string().contains("sent content with digest"), "{error}");
}

/// A registry that sends these bytes for an answer, and closes.
async fn raw_registry(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = vec![0; 4096];
            if stream.read(&mut head).await.is_ok() && head[0] != 0x16 {
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        }
    });
    host
}

#[tokio::test]
async fn an_answer_without_a_length_is_read_to_its_end_and_one_that_breaks_off_is_an_error() {
    for whole in ["HTTP/1.0 200 OK\r\n\r\n{}", "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{}"] {
        let host = raw_registry(whole).await;
        let client = Client::new(authenticator("{}", 20));
        assert_eq!(client.manifest(&repository(&host), "x").await.unwrap().unwrap().bytes, "{}");
    }
    for broken in [
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n",
    ] {
        let host = raw_registry(broken).await;
        let client = Client::new(authenticator("{}", 20));
        let error = client.manifest(&repository(&host), "x").await.unwrap_err();
        assert!(error.to_string().contains("does not arrive whole"), "{error}");
    }
}

#[tokio::test]
async fn an_upload_that_a_registry_takes_slowly_is_not_taken_for_one_that_stands_still() {
    const SIZE: usize = 8 * 1024 * 1024;
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(64 * 1024).unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(16).unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let location = format!("http://{host}/up");
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut buffer = vec![0; 64 * 1024];
            let read = stream.read(&mut buffer).await.unwrap_or(0);
            let head = String::from_utf8_lossy(&buffer[..read]).into_owned();
            let answer = match head.split(' ').next() {
                Some("GET") => "200 OK",
                Some("POST") => &format!("202 Accepted\r\nLocation: {location}"),
                Some("PUT") => {
                    let mut taken = read - head.find("\r\n\r\n").unwrap() - 4;
                    let mut pieces = 0;
                    while taken < SIZE {
                        // Slow for a while, so that the system's buffers are full, and then as fast as can be.
                        if pieces < 30 {
                            tokio::time::sleep(Duration::from_millis(400)).await;
                        }
                        let Ok(read @ 1..) = stream.read(&mut buffer).await else { break };
                        (taken, pieces) = (taken + read, pieces + 1);
                    }
                    "201 Created"
                }
                _ => continue,
            };
            let answer = format!("HTTP/1.1 {answer}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    let client = Client::new(authenticator("{}", 3));
    let content = vec![b'x'; SIZE];
    let digest = digest(&content);
    // As a layer comes: in pieces.
    let pieces: Vec<Result<_, std::convert::Infallible>> = content
        .chunks(32 * 1024)
        .map(|piece| Ok(http_body::Frame::data(bytes::Bytes::copy_from_slice(piece))))
        .collect();
    let body = http_body_util::StreamBody::new(tokio_stream::iter(pieces));
    let body =
        http_body_util::BodyExt::boxed_unsync(http_body_util::BodyExt::map_err(body, |never| match never {}));
    let uploaded = client.upload_blob(&repository(&host), &digest, SIZE as u64, Payload::Stream(body)).await;
    assert!(uploaded.is_ok(), "{}", chain(&uploaded.unwrap_err()));
}
