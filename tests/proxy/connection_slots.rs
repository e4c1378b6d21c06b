//! Clients that take places, memory and time: those who may use the proxy are served all the same.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::attacks::basic;
use crate::command::Running;
use crate::harness::{DIGEST, Setup, digest, raw};
use crate::upstream::{Upstream, reply};

/// "bob:sesame".
const LOGIN: &str = "Authorization: Basic Ym9iOnNlc2FtZQ==\r\n";

/// A request that closes its connection.
fn request(target: &str, login: &str) -> String {
    let accept = "Accept: application/vnd.oci.image.index.v1+json";
    format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n{accept}\r\n{login}Connection: close\r\n\r\n")
}

/// What `address` answers, within a time that a client exceeds which waits until idle connections are closed (a
/// minute), and a busy machine does not.
async fn in_time(address: &str, request: &str) -> String {
    let answer = tokio::time::timeout(Duration::from_secs(45), raw(address, request.as_bytes()));
    answer.await.expect("an answer in time")
}

/// `count` connections that each send `bytes` and then rest.
async fn resting(address: &str, count: usize, bytes: &[u8]) -> Vec<TcpStream> {
    let mut all = Vec::new();
    for _ in 0..count {
        let mut stream = TcpStream::connect(address).await.unwrap();
        // It may have been closed again to make room.
        let _ = stream.write_all(bytes).await;
        all.push(stream);
    }
    all
}

/// A real `bob proxy` with the token "sesame" before a real registry, its address and that of its metrics.
async fn running() -> (Running, String, String) {
    let registry = crate::support::Registry::shared();
    let media_type = "application/vnd.oci.image.index.v1+json";
    let index = format!(r#"{{"schemaVersion":2,"mediaType":"{media_type}","manifests":[]}}"#);
    registry.put_manifest("places/base:1", media_type, &index);
    let base = registry.reference("places/base:1");
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let flags =
        ["--listen", "127.0.0.1:0", "--base-ref", &base, "--target-ref", &base, "--metrics-listen", &free];
    let env = [("WORKSPACEKIT_BOBPROXY_AUTH", "{}"), ("WORKSPACEKIT_BOBPROXY_TOKEN", "sesame")];
    let running = Running::start(&flags, &env);
    let address = running.addresses(1).await.remove(0);
    (running, address, free)
}

#[tokio::test(flavor = "multi_thread")]
async fn unfinished_heads_of_clients_without_a_token_keep_nobody_out() {
    let (_running, address, _) = running().await;
    let mut all = Vec::new();
    for bytes in [&b""[..], b"GET /v2/ HTTP/1.1\r\nHost: localhost\r\n", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"]
    {
        all.push(resting(&address, 520, bytes).await);
        for _ in 0..3 {
            let answer = in_time(&address, &request("/v2/base/manifests/x", LOGIN)).await;
            assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("schemaVersion"), "{answer}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admitted_client_is_not_evicted_for_clients_without_a_token() {
    let (_running, address, _) = running().await;
    let mut client = TcpStream::connect(&address).await.unwrap();
    let ask = request("/v2/base/manifests/x", LOGIN).replace("Connection: close\r\n", "");
    for _ in 0..3 {
        client.write_all(ask.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"}") {
            answer.push(client.read_u8().await.unwrap());
        }
        assert!(answer.starts_with(b"HTTP/1.1 200 "));
        resting(&address, 300, b"GET /v2/").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_connections_to_the_health_listener_keep_nobody_from_it() {
    let (_running, address, operator) = running().await;
    let mut all = Vec::new();
    for bytes in [
        &b""[..],
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n",
    ] {
        all.push(resting(&operator, 100, bytes).await);
        for target in ["/healthz", "/metrics"] {
            let answer = in_time(&operator, &request(target, "")).await;
            assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        }
    }
    let answer = in_time(&address, &request("/v2/", LOGIN)).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

#[tokio::test]
async fn a_connection_that_shows_no_token_in_time_ends_whatever_it_does() {
    let upstream = Upstream::start(|_| reply(200, &[], "")).await;
    let mut setup = Setup::new(upstream.host());
    setup.token = Some("sesame");
    setup.operator = true;
    setup.limits.admission_timeout = Duration::from_secs(1);
    let proxy = setup.start().await;
    let mut operator = TcpStream::connect(proxy.metrics).await.unwrap();
    let mut asking = TcpStream::connect(proxy.address).await.unwrap();
    // It asks again and again, without a token.
    let (mut from, mut to) = asking.split();
    let asks = async {
        while to.write_all(b"GET /v2/ HTTP/1.1\r\nHost: localhost\r\n\r\n").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let mut answers = Vec::new();
    let reads = async { while from.read_buf(&mut answers).await.is_ok_and(|read| read > 0) {} };
    let both = async { tokio::join!(asks, reads) };
    tokio::time::timeout(Duration::from_secs(20), both).await.expect("it ends");
    assert!(answers.starts_with(b"HTTP/1.1 401 "));
    let ended = tokio::time::timeout(Duration::from_secs(20), operator.read(&mut [0])).await;
    assert_eq!(ended.expect("it ends").unwrap(), 0);
}

#[tokio::test]
async fn an_idle_admitted_connection_is_evicted_and_a_busy_one_is_waited_for() {
    let upstream = Upstream::start(|_| reply(200, &[], "content")).await;
    let mut setup = Setup::new(upstream.host());
    setup.limits.connections = 2;
    let proxy = setup.start().await;
    let address = proxy.address.to_string();
    for _ in 0..20 {
        // Idle, once it has been answered.
        let mut idle = resting(&address, 1, b"GET /v2/ HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
        let mut answer = Vec::new();
        while !answer.ends_with(b"{}") {
            answer.push(idle[0].read_u8().await.unwrap());
        }
        let answer = in_time(&address, &request("/v2/base/manifests/x", "")).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        std::mem::forget(idle);
    }
}

/// Writes as much of `bytes` as is taken, and reads nothing.
async fn write_blindly(client: &TcpStream, bytes: &[u8]) {
    let mut left = bytes;
    while !left.is_empty()
        && let Ok(Ok(())) = tokio::time::timeout(Duration::from_millis(300), client.writable()).await
    {
        match client.try_write(left) {
            Ok(count) => left = &left[count..],
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            // It had to make room.
            Err(_) => return,
        }
    }
}

/// The memory of a process now, in KiB.
fn memory(process: &Running) -> i64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_pipeline_and_read_nothing_take_no_memory() {
    for (target, login) in [("/v2/", ""), ("/v2/", LOGIN), ("/v2/base/manifests/x", LOGIN)] {
        let (process, address, _) = running().await;
        in_time(&address, &request("/v2/base/manifests/x", LOGIN)).await;
        let before = memory(&process);
        let ask = request(target, login).replace("Connection: close\r\n", "").repeat(5000);
        let mut clients = JoinSet::new();
        for _ in 0..500 {
            let (address, ask) = (address.clone(), ask.clone());
            clients.spawn(async move {
                let client = TcpStream::connect(address).await.unwrap();
                write_blindly(&client, ask.as_bytes()).await;
                client
            });
        }
        let clients = clients.join_all().await;
        let grown = (memory(&process) - before) / 1024;
        println!("{} clients, {grown} MiB more", clients.len());
        // What was found was 147 MiB more.
        assert!(grown < 40, "{grown} MiB more");
        let answer = in_time(&address, &request("/v2/base/manifests/x", LOGIN)).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_reads_late_has_all_its_answers_in_order() {
    let upstream = Upstream::start(|_| reply(200, &[], vec![b'x'; 1 << 20])).await;
    let proxy = Setup::new(upstream.host()).start().await;
    let mut client = TcpStream::connect(proxy.address).await.unwrap();
    let ask = request("/v2/base/manifests/x", "");
    write_blindly(&client, ask.replace("Connection: close\r\n", "").repeat(99).as_bytes()).await;
    client.write_all(ask.as_bytes()).await.unwrap();
    let mut answers = Vec::new();
    let read = tokio::time::timeout(Duration::from_mins(1), client.read_to_end(&mut answers)).await;
    read.expect("it goes on").unwrap();
    assert_eq!(answers.iter().filter(|byte| **byte == b'x').count(), 100 << 20);
    assert_eq!(upstream.seen().len(), 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_upload_can_be_sent_again_beside_bodies_that_trickle() {
    const UPLOADS: usize = 64;
    let refused = Arc::new(AtomicUsize::new(0));
    let (count, body) = (refused.clone(), vec![b'x'; 2 << 20]);
    let tried = std::sync::Mutex::new(std::collections::BTreeSet::new());
    let upstream = Upstream::start(move |seen| match seen.method.as_str() {
        "POST" => reply(202, &[("location", "/up/1")], ""),
        // The first try of each.
        "PUT" if tried.lock().unwrap().insert(seen.target.clone()) => {
            count.fetch_add(1, Ordering::SeqCst);
            reply(503, &[], "")
        }
        "PUT" => reply(201, &[], seen.body.len().to_string()),
        _ => reply(200, &[], ""),
    })
    .await;
    let proxy = Arc::new(Setup::new(upstream.host()).start().await);
    let location = proxy.start_upload().await;
    let mut trickling = Vec::new();
    for framing in ["Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n", "Content-Length: 4194304\r\n\r\nx"] {
        let head = format!("PATCH {location} HTTP/1.1\r\nHost: localhost\r\n{framing}");
        trickling.extend(resting(&proxy.address.to_string(), 8, head.as_bytes()).await);
    }
    let mut uploads = JoinSet::new();
    for index in 0..UPLOADS {
        let (proxy, location, body) = (proxy.clone(), location.clone(), body.clone());
        uploads.spawn(async move {
            let digest = digest(index.to_string().as_bytes());
            proxy.send("PUT", &format!("{location}?digest={digest}"), &[], body).await.status
        });
    }
    let statuses = tokio::time::timeout(Duration::from_secs(100), uploads.join_all()).await.expect("all end");
    assert_eq!(statuses, [201; UPLOADS]);
    assert_eq!(refused.load(Ordering::SeqCst), UPLOADS);
}

#[tokio::test]
async fn a_body_that_trickles_is_given_up_and_one_that_moves_is_not() {
    let upstream = Upstream::start(|seen| reply(201, &[], seen.body.len().to_string())).await;
    let mut setup = Setup::new(upstream.host());
    setup.limits.stall_timeout = Duration::from_secs(2);
    let proxy = setup.start().await;
    for target in ["manifests/x".to_owned(), format!("blobs/uploads/?digest={DIGEST}")] {
        let method = if target.starts_with('m') { "PUT" } else { "POST" };
        let mut client = TcpStream::connect(proxy.address).await.unwrap();
        let head = format!(
            "{method} /v2/target/{target} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n"
        );
        client.write_all(head.as_bytes()).await.unwrap();
        let (mut from, mut to) = client.split();
        let trickles = async {
            // Never silent for as long as a body may rest.
            while to.write_all(b" ").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        let mut answer = String::new();
        let answered = async {
            let _ = from.read_to_string(&mut answer).await;
        };
        let both = async {
            tokio::select! { () = trickles => {} () = answered => {} }
        };
        tokio::time::timeout(Duration::from_secs(20), both).await.expect("it is given up");
        assert!(answer.starts_with("HTTP/1.1 408 "), "{target}: {answer}");
    }
    assert!(upstream.seen().iter().all(|seen| seen.method == "GET"), "{:?}", upstream.lines());
    // 200 KiB in 4 s.
    let mut client = TcpStream::connect(proxy.address).await.unwrap();
    let head = format!(
        "POST /v2/target/blobs/uploads/?digest={DIGEST} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 204800\r\n\r\n"
    );
    client.write_all(head.as_bytes()).await.unwrap();
    for _ in 0..40 {
        client.write_all(&[b'x'; 5120]).await.unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 201 ") && answer.ends_with("204800"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_while_the_registry_is_silent_frees_its_slot() {
    let asked = Arc::new(AtomicBool::new(false));
    let note = asked.clone();
    let upstream = Upstream::start_async(move |seen| {
        let is_slow = seen.path().contains("manifests");
        note.store(is_slow, Ordering::SeqCst);
        Box::pin(async move {
            if is_slow {
                tokio::time::sleep(Duration::from_mins(1)).await;
            }
            reply(200, &[], "content")
        })
    })
    .await;
    let mut setup = Setup::new(upstream.host());
    setup.limits.connections = 1;
    let proxy = setup.start().await;
    let mut client = TcpStream::connect(proxy.address).await.unwrap();
    client.write_all(request("/v2/base/manifests/x", "").as_bytes()).await.unwrap();
    while !asked.load(Ordering::SeqCst) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    drop(client);
    let next = tokio::time::timeout(Duration::from_secs(10), proxy.get("/v2/")).await;
    assert_eq!(next.expect("a free place").status, 200);
}

/// A proxy with the reading token "reading" and the push token "pushing".
fn with_both_tokens(upstream: &Upstream) -> Setup {
    let mut setup = Setup::new(upstream.host());
    (setup.token, setup.push_token) = (Some("reading"), Some("pushing"));
    setup
}

fn login(token: &str) -> String {
    format!("Authorization: {}\r\n", basic(token))
}

/// Begins an upload with the push token, which has to be let in.
async fn push(address: &str) {
    let ask = request("/v2/target/blobs/uploads/", &login("pushing")).replace("GET ", "POST ");
    let answer = in_time(address, &ask).await;
    assert!(answer.starts_with("HTTP/1.1 202 "), "{answer}");
}

async fn wait_until(is_so: impl Fn() -> bool) {
    let waits = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(45), waits).await.expect("it comes about");
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_ask_a_silent_registry_and_leave_keep_neither_pushes_nor_reads_out() {
    let upstream = Upstream::start_async(|seen| {
        Box::pin(async move {
            if seen.path().contains("manifests") {
                std::future::pending::<()>().await;
            }
            reply(if seen.method == "POST" { 202 } else { 200 }, &[("location", "/up/1")], "content")
        })
    })
    .await;
    let mut setup = with_both_tokens(&upstream);
    setup.transport.silence = Duration::from_mins(10);
    let proxy = setup.start().await;
    let address = proxy.address.to_string();
    let reading = login("reading");
    let ask = request("/v2/base/manifests/latest", &reading).replace("Connection: close\r\n", "");
    // All stay at first: whoever pushes does not wait for them.
    let clients = resting(&address, 140, format!("{ask}x").as_bytes()).await;
    wait_until(|| upstream.seen().len() >= 128).await;
    push(&address).await;
    // They leave, with a byte ahead that nobody reads: others may ask now.
    drop(clients);
    let answer = in_time(&address, &request(&format!("/v2/base/blobs/{DIGEST}"), &reading)).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

#[tokio::test]
async fn a_connection_ends_after_a_few_refused_requests() {
    let upstream = Upstream::start(|_| reply(200, &[], "content")).await;
    let proxy = with_both_tokens(&upstream).start().await;
    let refused = request("/v2/", "").replace("Connection: close\r\n", "");
    let member = request("/v2/", &login("reading")).replace("Connection: close\r\n", "");
    let answer = proxy.raw(refused.repeat(200).as_bytes()).await;
    assert_eq!(answer.matches("HTTP/1.1 401 ").count(), 4, "{answer}");
    // A client that learns from its refusal goes on for as long as it likes.
    let last = request("/v2/", &login("reading"));
    let answer = proxy.raw(format!("{refused}{}{last}", member.repeat(20)).as_bytes()).await;
    assert_eq!(answer.matches("HTTP/1.1 200 ").count(), 21, "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_pipeline_requests_without_a_token_keep_nobody_out() {
    let (_running, address, _) = running().await;
    let mut floods = JoinSet::new();
    for _ in 0..32 {
        let (address, ask) = (address.clone(), request("/v2/", "").replace("Connection: close\r\n", ""));
        floods.spawn(async move {
            let (ask, mut held) = (ask.repeat(200), std::collections::VecDeque::new());
            loop {
                let Ok(mut stream) = TcpStream::connect(&address).await else { continue };
                let _ = stream.write_all(ask.as_bytes()).await;
                // None reads its answers, and each stays for a while.
                held.push_back(stream);
                if held.len() > 20 {
                    held.pop_front();
                }
            }
        });
    }
    for _ in 0..20 {
        let answer = in_time(&address, &request("/v2/base/manifests/x", LOGIN)).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_that_stall_leave_slots_for_pushes() {
    let upstream = Upstream::start(|seen| match seen.method.as_str() {
        "POST" => reply(202, &[("location", "/up/1")], ""),
        _ => reply(200, &[], vec![b'x'; 16 << 20]),
    })
    .await;
    let mut setup = with_both_tokens(&upstream);
    setup.limits.connections = 16;
    let proxy = setup.start().await;
    let address = proxy.address.to_string();
    let ask = request(&format!("/v2/base/blobs/{DIGEST}"), &login("reading"));
    let _readers = resting(&address, 40, ask.as_bytes()).await;
    wait_until(|| upstream.seen().len() >= 14).await;
    push(&address).await;
}
