//! Connections that are reset or fall silent at each stage of each kind of request.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::{KINDS, Kind, LARGE, ask};
use crate::harness::Setup;
use crate::upstream::{Upstream, reply};

/// Where a connection fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Connected,
    HeadRead,
    BodyBegun,
    BodyRead,
    AnswerBegun,
    AnswerBodyBegun,
}

const STAGES: [Stage; 6] = [
    Stage::Connected,
    Stage::HeadRead,
    Stage::BodyBegun,
    Stage::BodyRead,
    Stage::AnswerBegun,
    Stage::AnswerBodyBegun,
];

/// A registry whose connections fail at one stage once it is `failing`.
struct Broken {
    host: String,
    failing: Arc<AtomicBool>,
}

impl Broken {
    async fn start(stage: Stage, silent: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let failing = Arc::new(AtomicBool::new(false));
        let fails = failing.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(serve(stream, stage, silent, fails.clone()));
            }
        });
        Self { host, failing }
    }
}

async fn serve(mut stream: TcpStream, stage: Stage, silent: bool, failing: Arc<AtomicBool>) {
    let mut first = [0];
    if stream.peek(&mut first).await.is_err() || first[0] == 0x16 {
        return;
    }
    if stage == Stage::Connected && failing.load(Ordering::SeqCst) {
        return fail(stream, silent).await;
    }
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let head = String::from_utf8(head).unwrap();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let length: usize = length.map_or(0, |length| length.parse().unwrap());
    if !failing.load(Ordering::SeqCst) || head.starts_with("GET /v2/ ") {
        let mut body = vec![0; length];
        let _ = stream.read_exact(&mut body).await;
        let answer: &[u8] =
            b"HTTP/1.1 202 Accepted\r\nlocation: /up/1\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
        let _ = stream.write_all(answer).await;
        return;
    }
    let take = match stage {
        Stage::Connected | Stage::HeadRead => 0,
        Stage::BodyBegun => length / 2,
        _ => length,
    };
    let mut body = vec![0; take];
    let _ = stream.read_exact(&mut body).await;
    let answer: &[u8] = match stage {
        Stage::AnswerBegun => b"HTTP/1.1 200 OK\r\ncontent-le",
        Stage::AnswerBodyBegun => b"HTTP/1.1 200 OK\r\nlocation: /up/2\r\ncontent-length: 10\r\n\r\nhalf!",
        _ => b"",
    };
    let _ = stream.write_all(answer).await;
    if !answer.is_empty() {
        // A reset may overtake what was sent before it.
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    fail(stream, silent).await;
}

async fn fail(stream: TcpStream, silent: bool) {
    if silent {
        tokio::time::sleep(Duration::from_mins(2)).await;
    }
    // A reset, not an orderly end.
    stream.set_zero_linger().unwrap();
}

async fn every_stage(silent: bool) -> usize {
    let mut cases = JoinSet::new();
    for stage in STAGES {
        let broken = Broken::start(stage, silent).await;
        let mut setup = Setup::new(broken.host);
        setup.transport.silence = Duration::from_secs(1);
        let proxy = Arc::new(setup.start().await);
        let mut locations = Vec::new();
        for _ in KINDS {
            locations.push(proxy.start_upload().await);
        }
        broken.failing.store(true, Ordering::SeqCst);
        for (kind, location) in KINDS.into_iter().zip(locations) {
            let proxy = proxy.clone();
            cases.spawn(async move {
                let end = ask(&proxy, kind, &location, "x").await;
                let case = format!("{kind:?} {stage:?} silent={silent}: {end:?}");
                if stage == Stage::AnswerBodyBegun && kind.method() == "HEAD" {
                    // The whole of the answer to HEAD is its head.
                    assert_eq!(end.status, 200, "{case}");
                } else if stage == Stage::AnswerBodyBegun {
                    // Its status was on its way: the body must not look whole.
                    assert!(end.body.is_none() || end.is_clear_error(), "{case}");
                } else if kind.method() == "HEAD" {
                    assert!(matches!(end.status, 500 | 504), "{case}");
                } else {
                    assert!(matches!(end.status, 500 | 504) && end.is_clear_error(), "{case}");
                }
            });
        }
    }
    let count = cases.len();
    cases.join_all().await;
    count
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_at_any_stage_ends_in_a_clear_error() {
    println!("{} cases", every_stage(false).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_at_any_stage_ends_in_a_clear_error() {
    println!("{} cases", every_stage(true).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_its_client_breaks_off_is_never_whole_at_the_registry() {
    let upstream = Upstream::start(|seen| match seen.method.as_str() {
        "POST" => reply(202, &[("location", "/up/1")], ""),
        _ => reply(201, &[], ""),
    })
    .await;
    let proxy = Setup::new(upstream.host()).start().await;
    let mut count = 0;
    for kind in [Kind::PutManifest, Kind::Patch(1000), Kind::Put(1000), Kind::Patch(LARGE), Kind::Put(LARGE)]
    {
        for chunked in [false, true] {
            let location = proxy.start_upload().await;
            let size = kind.body().len().max(100);
            let target = kind.target(&location);
            let framing = if chunked {
                format!("Transfer-Encoding: chunked\r\n\r\n{size:x}\r\n")
            } else {
                format!("Content-Length: {size}\r\n\r\n")
            };
            let head = format!("{} {target} HTTP/1.1\r\nHost: localhost\r\n{framing}", kind.method());
            let mut client = TcpStream::connect(proxy.address).await.unwrap();
            client.write_all(head.as_bytes()).await.unwrap();
            client.write_all(&vec![b' '; size - 1]).await.unwrap();
            tokio::time::sleep(Duration::from_millis(100)).await;
            drop(client);
            count += 1;
        }
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    let whole = upstream.lines().into_iter().filter(|line| !line.starts_with("POST") && line != "GET /v2/");
    assert_eq!(whole.collect::<Vec<_>>(), Vec::<String>::new());
    println!("{count} cases");
}
