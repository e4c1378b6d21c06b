//! Registries and clients that fail: each request ends whole or in a clear error, in time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use crate::harness::{DIGEST, Setup};
use crate::upstream::{Reply, Upstream, reply};

/// A registry that answers with each of `first` once and then with 200.
async fn failing(first: Vec<Reply>) -> Upstream {
    let count = Arc::new(AtomicUsize::new(0));
    Upstream::start(move |_| {
        let index = count.fetch_add(1, Ordering::SeqCst);
        first.get(index).cloned().unwrap_or_else(|| reply(200, &[], "whole"))
    })
    .await
}

/// A server that does `script` with each connection that does not begin like TLS.
async fn raw_server<F>(script: impl Fn(TcpStream, usize) -> F + Send + 'static) -> String
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        let mut count = 0;
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let mut first = [0];
            if stream.peek(&mut first).await.is_ok_and(|_| first[0] != 0x16) {
                tokio::spawn(script(stream, count));
                count += 1;
            }
        }
    });
    address
}

async fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

#[tokio::test]
async fn passing_faults_are_retried() {
    for status in [429, 500, 502, 503, 504] {
        let upstream = failing(vec![reply(status, &[], "x"), reply(status, &[], "x")]).await;
        let proxy = Setup::new(upstream.host()).start().await;
        let answer = proxy.get("/v2/base/manifests/x").await;
        assert_eq!((answer.status, answer.text()), (200, "whole"), "{status}");
        assert_eq!(upstream.seen().len(), 3);
    }
}

#[tokio::test]
async fn a_small_body_is_sent_again_whole() {
    let upstream = failing(vec![reply(503, &[], "")]).await;
    let proxy = Setup::new(upstream.host()).start().await;
    assert_eq!(proxy.send("PUT", "/v2/target/manifests/x", &[], r#"{"a":1}"#).await.status, 200);
    let bodies: Vec<_> = upstream.seen().into_iter().map(|seen| seen.body).collect();
    assert_eq!(bodies, [r#"{"a":1}"#, r#"{"a":1}"#]);
}

#[tokio::test]
async fn retry_after_is_kept() {
    let upstream = failing(vec![reply(429, &[("retry-after", "1")], "")]).await;
    let proxy = Setup::new(upstream.host()).start().await;
    let begun = Instant::now();
    assert_eq!(proxy.get("/v2/base/manifests/x").await.status, 200);
    assert!(begun.elapsed() >= Duration::from_secs(1));
}

#[tokio::test]
async fn a_long_retry_after_is_passed_on() {
    let upstream = Upstream::start(|_| reply(429, &[("retry-after", "3600")], "later")).await;
    let proxy = Setup::new(upstream.host()).start().await;
    let answer = proxy.get("/v2/base/manifests/x").await;
    assert_eq!((answer.status, answer.header("retry-after"), answer.text()), (429, Some("3600"), "later"));
    assert_eq!(upstream.seen().len(), 1);
}

#[tokio::test]
async fn errors_pass_whole_and_502_becomes_500() {
    let body = r#"{"errors":[{"code":"TOOBAD","message":"the registry's own words"}]}"#;
    for status in [400_u16, 403, 404, 409, 413, 416, 501, 502, 507] {
        let upstream =
            Upstream::start(move |_| reply(status, &[("content-type", "application/json")], body)).await;
        let proxy = Setup::new(upstream.host()).start().await;
        let answer = proxy.get("/v2/base/manifests/x").await;
        assert_eq!(answer.status, if status == 502 { 500 } else { status });
        assert_eq!((answer.text(), answer.header("content-type")), (body, Some("application/json")));
    }
}

#[tokio::test]
async fn a_registry_that_is_not_there_is_named() {
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().to_string();
    let proxy = Setup::new(gone.clone()).start().await;
    let answer = proxy.get("/v2/base/manifests/x").await;
    assert_eq!((answer.status, answer.code().as_str()), (500, "UNAVAILABLE"));
    assert!(answer.text().contains(&gone), "{}", answer.text());
}

#[tokio::test]
async fn a_silent_registry_is_given_up_in_time() {
    let host = raw_server(|mut stream, _| async move {
        read_head(&mut stream).await;
        tokio::time::sleep(Duration::from_mins(1)).await;
    })
    .await;
    let mut setup = Setup::new(host);
    setup.transport.silence = Duration::from_secs(1);
    let proxy = setup.start().await;
    let begun = Instant::now();
    let answer = proxy.get("/v2/base/manifests/x").await;
    assert_eq!((answer.status, answer.code().as_str()), (504, "UNAVAILABLE"));
    assert!(begun.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn a_slow_but_moving_download_is_never_cut() {
    let host = raw_server(|mut stream, _| async move {
        read_head(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\n").await.unwrap();
        for _ in 0..6 {
            tokio::time::sleep(Duration::from_millis(500)).await;
            stream.write_all(b"x").await.unwrap();
        }
    })
    .await;
    let mut setup = Setup::new(host);
    setup.transport.silence = Duration::from_secs(1);
    let answer = setup.start().await.get(&format!("/v2/base/blobs/{DIGEST}")).await;
    assert_eq!((answer.status, answer.text()), (200, "xxxxxx"));
}

#[tokio::test]
async fn truncated_and_stalled_downloads_never_look_whole() {
    for stall in [false, true] {
        let host = raw_server(move |mut stream, _| async move {
            read_head(&mut stream).await;
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf!").await.unwrap();
            if stall {
                tokio::time::sleep(Duration::from_mins(1)).await;
            }
        })
        .await;
        let mut setup = Setup::new(host);
        setup.transport.silence = Duration::from_secs(1);
        let proxy = setup.start().await;
        let request = format!("GET /v2/base/blobs/{DIGEST} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        let answer = proxy.raw(request.as_bytes()).await;
        assert!(answer.contains("content-length: 10\r\n") && answer.ends_with("half!"), "{answer}");
    }
}

#[tokio::test]
async fn a_reset_before_the_answer_is_retried() {
    let host = raw_server(|mut stream, count| async move {
        read_head(&mut stream).await;
        if count == 0 {
            // Closing with nothing said.
            return;
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nwhole").await.unwrap();
    })
    .await;
    let answer = Setup::new(host).start().await.get("/v2/base/manifests/x").await;
    assert_eq!((answer.status, answer.text()), (200, "whole"));
}

#[tokio::test]
async fn a_client_that_stalls_in_mid_body_is_told_and_dropped() {
    let upstream = Upstream::start(|_| reply(201, &[], "")).await;
    let mut setup = Setup::new(upstream.host());
    setup.limits.stall_timeout = Duration::from_secs(1);
    let proxy = setup.start().await;
    for length in [10, 10_000_000] {
        let target =
            if length == 10 { "manifests/x".to_owned() } else { format!("blobs/uploads/?digest={DIGEST}") };
        let method = if length == 10 { "PUT" } else { "POST" };
        let request = format!(
            "{method} /v2/target/{target} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\nhalf"
        );
        let answer = proxy.raw(request.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 408 "), "{length}: {answer}");
    }
    assert!(upstream.seen().iter().all(|seen| seen.method == "GET"), "{:?}", upstream.lines());
}

#[tokio::test]
async fn a_client_that_stalls_in_its_head_is_dropped() {
    let upstream = Upstream::start(|_| reply(200, &[], "")).await;
    let mut setup = Setup::new(upstream.host());
    setup.limits.head_timeout = Duration::from_secs(1);
    let proxy = setup.start().await;
    for bytes in ["", "GET /v2/", "GET /v2/ HTTP/1.1\r\nHost: localhost\r\n"] {
        let begun = Instant::now();
        proxy.raw(bytes.as_bytes()).await;
        assert!(begun.elapsed() < Duration::from_secs(10), "{bytes}");
    }
}

#[tokio::test]
async fn a_client_that_stops_reading_is_dropped() {
    let upstream = Upstream::start(|_| reply(200, &[], vec![0; 64 << 20])).await;
    let mut setup = Setup::new(upstream.host());
    setup.limits.stall_timeout = Duration::from_secs(1);
    setup.limits.connections = 1;
    let proxy = setup.start().await;
    let mut stuck = TcpStream::connect(proxy.address).await.unwrap();
    let request = format!("GET /v2/base/blobs/{DIGEST} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    stuck.write_all(request.as_bytes()).await.unwrap();
    // The one place is free again once the stuck client has been dropped.
    let next = tokio::time::timeout(Duration::from_secs(20), proxy.get("/v2/")).await.expect("a free place");
    assert_eq!(next.status, 200);
}

#[tokio::test]
async fn a_client_that_goes_away_ends_the_upload_at_the_registry() {
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let host = raw_server(move |mut stream, _| {
        let tell = tell.clone();
        async move {
            let head = read_head(&mut stream).await;
            if head.starts_with("GET") {
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
                return;
            }
            tell.send("begun").unwrap();
            let mut buffer = vec![0; 64 * 1024];
            while stream.read(&mut buffer).await.is_ok_and(|read| read > 0) {}
            tell.send("ended").unwrap();
        }
    })
    .await;
    let proxy = Setup::new(host).start().await;
    let mut client = TcpStream::connect(proxy.address).await.unwrap();
    let head = format!(
        "POST /v2/target/blobs/uploads/?digest={DIGEST} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10000000\r\n\r\n"
    );
    client.write_all(head.as_bytes()).await.unwrap();
    client.write_all(&vec![0; 1 << 20]).await.unwrap();
    let mut next = async || tokio::time::timeout(Duration::from_secs(20), told.recv()).await;
    assert_eq!(next().await.expect("the upload begins"), Some("begun"));
    drop(client);
    assert_eq!(next().await.expect("the upload ends"), Some("ended"));
}

#[tokio::test]
async fn stopping_lets_a_running_request_finish() {
    let (asked, may_answer) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (tell, waits) = (asked.clone(), may_answer.clone());
    let upstream = Upstream::start_async(move |seen| {
        let (tell, waits) = (tell.clone(), waits.clone());
        Box::pin(async move {
            if seen.path().contains("manifests") {
                tell.notify_one();
                waits.notified().await;
            }
            reply(200, &[], "whole")
        })
    })
    .await;
    let proxy = Setup::new(upstream.host()).start().await;
    let mut client = TcpStream::connect(proxy.address).await.unwrap();
    client.write_all(b"GET /v2/base/manifests/x HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    tokio::time::timeout(Duration::from_secs(20), asked.notified()).await.expect("the registry is asked");
    let (address, stop) = (proxy.address, tokio::spawn(proxy.handle.stop()));
    // It has stopped to listen, and the request is still under way.
    let stops = async { while TcpStream::connect(address).await.is_ok() {} };
    tokio::time::timeout(Duration::from_secs(20), stops).await.expect("it stops to listen");
    assert!(!stop.is_finished());
    may_answer.notify_one();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("whole"), "{answer}");
    stop.await.unwrap();
    assert!(TcpStream::connect(address).await.is_err());
}

/// How a registry ends an answer without a length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    Close,
    Reset,
}

/// What a client of `version` gets of an answer of 200 with this head and a body of `size` bytes: all bytes, and
/// whether it ended without a fault that a client sees.
async fn without_length(head: &str, size: usize, ending: Ending, version: &str) -> (usize, bool) {
    let head = head.to_owned();
    let host = raw_server(move |mut stream, _| {
        let head = head.clone();
        async move {
            read_head(&mut stream).await;
            let _ = stream.write_all(format!("{head}\r\n\r\n").as_bytes()).await;
            let _ = stream.write_all(&vec![b'x'; size]).await;
            if ending == Ending::Reset {
                // A reset may overtake what was sent before it.
                tokio::time::sleep(Duration::from_millis(500)).await;
                stream.set_zero_linger().unwrap();
            }
        }
    })
    .await;
    let proxy = Setup::new(host).start().await;
    let mut client = TcpStream::connect(proxy.address).await.unwrap();
    let request =
        format!("GET /v2/base/blobs/{DIGEST} HTTP/{version}\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    client.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(20), client.read_to_end(&mut answer)).await;
    let ended = read.expect("an end in time");
    let split = answer.windows(4).position(|four| four == b"\r\n\r\n").expect("a head");
    let (head, body) = (String::from_utf8_lossy(&answer[..split]).into_owned(), &answer[split + 4..]);
    assert!(head.starts_with(&format!("HTTP/{version} 200 ")), "{head}");
    assert!(!head.contains("content-length"), "{head}");
    let is_chunked = head.contains("transfer-encoding: chunked");
    assert_eq!(is_chunked, version == "1.1", "{head}");
    // A connection that is kept would have no end to tell the body's.
    assert!(is_chunked || !head.contains("keep-alive"), "{head}");
    let whole = ended.is_ok() && (!is_chunked || body.ends_with(b"0\r\n\r\n"));
    (body.iter().filter(|byte| **byte == b'x').count(), whole)
}

const WITHOUT_LENGTH: [&str; 4] = [
    "HTTP/1.0 200 OK",
    "HTTP/1.0 200 OK\r\nConnection: keep-alive",
    "HTTP/1.1 200 OK\r\nConnection: close",
    "HTTP/1.1 200 OK",
];

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_without_a_length_passes_whole_to_every_version() {
    for head in WITHOUT_LENGTH {
        for size in [1, 5000, 5 << 20] {
            for version in ["1.0", "1.1"] {
                let end = without_length(head, size, Ending::Close, version).await;
                assert_eq!(end, (size, true), "{head:?} to {version}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_without_a_length_that_breaks_off_never_looks_whole() {
    for head in WITHOUT_LENGTH {
        for version in ["1.0", "1.1"] {
            let (_, whole) = without_length(head, 5000, Ending::Reset, version).await;
            assert!(!whole, "{head:?} to {version}");
        }
    }
}
