//! Listeners that take the place of a registry, and registries that change between plain http and TLS.

use std::io::{Read as _, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bob::registry::{Client, Payload, TransportConfig};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::{
    authenticator, authenticator_with, basic, basic_registry, chain, login, repository, tls_listener,
};
use crate::harness::{DIGEST, send};
use crate::support::Registry;

/// A listener on this port that speaks no TLS, wants a login of whoever speaks HTTP, and records every byte.
struct Recorder(Arc<Mutex<Vec<u8>>>);

impl Recorder {
    fn replace(port: u16) -> Self {
        let recorded = Arc::new(Mutex::new(Vec::new()));
        // The registry listened on one of them.
        for address in ["127.0.0.1", "::1"] {
            let Ok(listener) = std::net::TcpListener::bind((address, port)) else { continue };
            let recorded = Arc::clone(&recorded);
            std::thread::spawn(move || {
                for stream in listener.incoming().flatten() {
                    let recorded = Arc::clone(&recorded);
                    std::thread::spawn(move || record(stream, &recorded));
                }
            });
        }
        Self(recorded)
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).to_ascii_lowercase()
    }
}

fn record(mut stream: std::net::TcpStream, recorded: &Mutex<Vec<u8>>) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(read @ 1..) = stream.read(&mut buffer) {
        recorded.lock().unwrap().extend_from_slice(&buffer[..read]);
        let answer =
            "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\n\r\n";
        if stream.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

/// Whether `text`, in lower case, holds the login of a secured registry in any form.
fn holds_the_login(text: &str) -> bool {
    let pair = format!("{}:{}", Registry::USER, Registry::PASSWORD);
    [STANDARD.encode(pair), Registry::PASSWORD.to_owned(), "authorization".to_owned()]
        .iter()
        .any(|secret| text.contains(&secret.to_ascii_lowercase()))
}

#[tokio::test]
async fn a_plain_listener_in_place_of_a_tls_registry_on_loopback_gets_no_password() {
    let registry = Registry::secured();
    let config = TransportConfig { extra_ca: vec![registry.ca()], ..TransportConfig::default() };
    let first = authenticator_with(&registry.docker_config(), &config);
    // Another store of the same process, which has not been there before.
    let second = authenticator_with(&registry.docker_config(), &config);
    let (host, repository) = (registry.host.clone(), repository(&registry.host));
    let client = Client::new(Arc::clone(&first));
    assert_eq!(client.head_manifest(&repository, "x").await.unwrap(), None);
    drop(registry);
    let recorder = Recorder::replace(host.rsplit(':').next().unwrap().parse().unwrap());
    for auth in [first, second] {
        let client = Client::new(auth);
        let error = client.head_manifest(&repository, "x").await.unwrap_err();
        assert!(chain(&error).contains("does not answer with TLS"), "{}", chain(&error));
        assert!(client.upload_blob(&repository, DIGEST, 1, Payload::Bytes("x".into())).await.is_err());
    }
    let recorded = recorder.text();
    assert!(!recorded.is_empty());
    assert!(!holds_the_login(&recorded), "{recorded}");
    assert!(!recorded.contains("http/1.1"), "{recorded}");
}

#[tokio::test]
async fn the_proxy_sends_no_password_to_a_plain_listener_in_place_of_its_tls_registry() {
    let registry = Registry::secured();
    let proxy = crate::support::Proxy::start(&registry, "swapped/base:one", "swapped/target:two");
    let token = basic(&format!("x:{}", crate::support::Proxy::TOKEN));
    let base = format!("http://{}", proxy.host);
    let headers = [("authorization", token.as_str())];
    assert_eq!(send(&base, "GET", "/v2/base/manifests/x", &headers, "").await.status, 404);
    let port = registry.host.rsplit(':').next().unwrap().parse().unwrap();
    drop(registry);
    let recorder = Recorder::replace(port);
    for (method, target, body) in [
        ("GET", "/v2/base/manifests/x", ""),
        ("PUT", "/v2/target/manifests/x", "{}"),
        ("POST", "/v2/target/blobs/uploads/", ""),
    ] {
        let answer = send(&base, method, target, &headers, body).await;
        assert!(answer.status >= 500, "{} {}", answer.status, answer.text());
    }
    assert!(!recorder.text().is_empty());
    assert!(!holds_the_login(&recorder.text()), "{}", recorder.text());
}

/// The next head by plain http that comes to `listener`, in lower case, answered by `answer` before its connection is
/// closed. Handshakes are not answered.
async fn next_head(listener: &TcpListener, answer: &str) -> String {
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = vec![0; 4096];
        let read = stream.read(&mut head).await.unwrap_or(0);
        if head[0] != 0x16 {
            let answer = format!("HTTP/1.1 {answer}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            stream.write_all(answer.as_bytes()).await.unwrap();
            return String::from_utf8_lossy(&head[..read]).to_ascii_lowercase();
        }
    }
}

#[tokio::test]
async fn credentials_wait_for_the_first_answer_of_a_listener_that_is_found_to_speak_no_tls() {
    let registry = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (host, address) = (registry.local_addr().unwrap().to_string(), registry.local_addr().unwrap());
    let challenge = "401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"r\"";
    let served = tokio::spawn(async move {
        let first = next_head(&registry, challenge).await;
        (first, next_head(&registry, "404 Not Found").await)
    });
    let client = Client::new(authenticator(&login(&host), 20));
    assert_eq!(client.head_manifest(&repository(&host), "x").await.unwrap(), None);
    let (without, with) = served.await.unwrap();
    assert!(!without.contains("authorization") && with.contains("authorization"));
    // The registry is gone, and that was seen.
    assert!(client.head_manifest(&repository(&host), "x").await.is_err());
    let stranger = TcpListener::bind(address).await.unwrap();
    let heads = tokio::spawn(async move { next_head(&stranger, "404 Not Found").await });
    assert_eq!(client.head_manifest(&repository(&host), "x").await.unwrap(), None);
    let head = heads.await.unwrap();
    assert!(head.starts_with("head /v2/team/base/manifests/x") && !head.contains("authorization"), "{head}");
}

#[tokio::test]
async fn a_plain_registry_that_comes_back_with_tls_and_closes_what_is_plain_is_found() {
    let (listener, acceptor) = tls_listener();
    let host = listener.local_addr().unwrap().to_string();
    let speaks_tls = Arc::new(AtomicBool::new(false));
    // The heads that came by plain http when TLS was spoken.
    let in_clear = Arc::new(Mutex::new(Vec::new()));
    let (switch, recorded) = (Arc::clone(&speaks_tls), Arc::clone(&in_clear));
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = vec![0; 4096];
            let read = stream.peek(&mut head).await.unwrap_or(0);
            let text = String::from_utf8_lossy(&head[..read]).to_ascii_lowercase();
            let answer = |head: &str| {
                let status = if head.contains("authorization") {
                    "404 Not Found"
                } else {
                    "401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"r\""
                };
                format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            };
            match (switch.load(Ordering::Acquire), head[0] == 0x16) {
                (false, true) => {}
                (false, false) => {
                    let _ = stream.read(&mut head).await;
                    stream.write_all(answer(&text).as_bytes()).await.unwrap();
                }
                (true, true) => {
                    let Ok(mut stream) = acceptor.accept(stream).await else { continue };
                    let read = stream.read(&mut head).await.unwrap_or(0);
                    let text = String::from_utf8_lossy(&head[..read]).to_ascii_lowercase();
                    let _ = stream.write_all(answer(&text).as_bytes()).await;
                    let _ = stream.shutdown().await;
                }
                (true, false) => recorded.lock().unwrap().push(text),
            }
        }
    });
    let client = Client::new(authenticator(&login(&host), 20));
    assert_eq!(client.head_manifest(&repository(&host), "x").await.unwrap(), None);
    speaks_tls.store(true, Ordering::Release);
    for _ in 0..8 {
        assert_eq!(client.head_manifest(&repository(&host), "x").await.unwrap(), None);
    }
    // The first one was the one by which it was noticed.
    assert_eq!(in_clear.lock().unwrap().len(), 1, "{in_clear:?}");
}

#[tokio::test]
async fn a_plain_registry_on_loopback_is_tried_for_tls_once_and_gets_its_login() {
    let registry = basic_registry().await;
    let front = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (host, address) = (front.local_addr().unwrap().to_string(), registry.address);
    let handshakes = Arc::new(Mutex::new(0));
    let counted = Arc::clone(&handshakes);
    tokio::spawn(async move {
        loop {
            let (mut client, _) = front.accept().await.unwrap();
            let mut first = [0];
            client.peek(&mut first).await.unwrap();
            if first[0] == 0x16 {
                *counted.lock().unwrap() += 1;
                continue;
            }
            tokio::spawn(async move {
                let mut server = TcpStream::connect(address).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    let client = Client::new(authenticator(&login(&host), 20));
    for _ in 0..4 {
        assert_eq!(client.head_manifest(&repository(&host), "x").await.unwrap(), None);
    }
    assert_eq!(*handshakes.lock().unwrap(), 1);
    // One answer without the login, and then only with it.
    assert_eq!(registry.seen().len(), 5, "{:?}", registry.lines());
}
