//! Registries that are not what they were, that stall, or that say too much: what Bob's own side of a connection to
//! them keeps, sends and remembers.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bob::registry::{
    AuthScheme, Authenticator, Client, Credentials, Host, Origin, Payload, Repository, Scopes, Transport,
    TransportConfig,
};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::harness::{DIGEST, Setup, digest, send};
use crate::support::Registry;
use crate::upstream::{Reply, Seen, Upstream, reply};

/// An authenticator with the docker config `auth` that trusts the shared registry's certificate, and gives an answer
/// up after `seconds`.
fn authenticator(auth: &str, seconds: u64) -> Arc<Authenticator> {
    let config = TransportConfig {
        extra_ca: vec![Registry::shared_secured().ca()],
        silence: Duration::from_secs(seconds),
        ..TransportConfig::default()
    };
    authenticator_with(auth, &config)
}

fn authenticator_with(auth: &str, config: &TransportConfig) -> Arc<Authenticator> {
    let credentials = Credentials::from_docker_config(auth, &Origin::Variable("TEST".into())).unwrap();
    Arc::new(Authenticator::new(Arc::new(Transport::new(config).unwrap()), credentials))
}

/// The user `user` with the password `password` at `host`.
fn login(host: &str) -> String {
    format!(r#"{{"auths":{{"{host}":{{"username":"user","password":"password"}}}}}}"#)
}

fn repository(host: &str) -> Repository {
    Repository { host: Host::parse(host).unwrap(), name: "team/base".into() }
}

fn basic(pair: &str) -> String {
    format!("Basic {}", STANDARD.encode(pair))
}

/// The whole text of `error` and its causes.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

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

/// A plain registry that wants the login `user:password` by Basic.
async fn basic_registry() -> Upstream {
    Upstream::start(|seen| match seen.header("authorization") {
        Some(value) if value == basic("user:password") => reply(404, &[], ""),
        _ => reply(401, &[("www-authenticate", "Basic realm=\"r\"")], ""),
    })
    .await
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

/// How a server with TLS ends a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    /// It says so.
    CloseNotify,
    /// It closes the connection after a whole record.
    BetweenRecords,
    /// It closes the connection within a record.
    WithinRecord,
}

/// A registry with TLS that answers everything with this status and these headers.
pub(crate) fn tls_registry(answer: &str) -> String {
    tls_registry_with(
        format!("HTTP/1.1 {answer}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"),
        Ending::CloseNotify,
    )
}

/// A port on loopback, and what speaks TLS on it with the shared registry's certificate.
pub(crate) fn tls_listener() -> (TcpListener, tokio_rustls::TlsAcceptor) {
    let shared = Registry::shared_secured();
    let certificate = CertificateDer::from_pem_file(shared.ca()).unwrap();
    let key = PrivateKeyDer::from_pem_file(shared.key()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    // No plain server of another test gets this port: it would be one that spoke TLS before.
    std::mem::forget(listener.try_clone().unwrap());
    listener.set_nonblocking(true).unwrap();
    (TcpListener::from_std(listener).unwrap(), acceptor)
}

/// A registry with TLS that answers everything with these bytes.
fn tls_registry_with(answer: String, ending: Ending) -> String {
    let (listener, acceptor) = tls_listener();
    let host = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let mut head = vec![0; 16 * 1024];
            let _ = stream.read(&mut head).await;
            let _ = stream.write_all(answer.as_bytes()).await;
            let _ = stream.flush().await;
            match ending {
                Ending::CloseNotify => drop(stream.shutdown().await),
                Ending::BetweenRecords => {}
                // The head of a record with application data of 100 bytes, and a few of them.
                Ending::WithinRecord => {
                    drop(stream.get_mut().0.write_all(&[23, 3, 3, 0, 100, 1, 2, 3]).await);
                }
            }
        }
    });
    host
}

#[tokio::test]
async fn an_answer_without_a_length_from_a_server_that_says_no_goodbye_is_whole_and_a_broken_record_is_not() {
    let media_type = "application/vnd.oci.image.manifest.v1+json";
    let body =
        format!("{{\"schemaVersion\":2,\"mediaType\":\"{media_type}\",\"pad\":\"{}\"}}", "x".repeat(100_000));
    for version in ["1.0", "1.1"] {
        for ending in [Ending::CloseNotify, Ending::BetweenRecords, Ending::WithinRecord] {
            let head =
                format!("HTTP/{version} 200 OK\r\nContent-Type: {media_type}\r\nConnection: close\r\n\r\n");
            let host = tls_registry_with(head + &body, ending);
            let found = Client::new(authenticator("{}", 20)).manifest(&repository(&host), "x").await;
            match found {
                Ok(Some(manifest)) => {
                    assert_ne!(ending, Ending::WithinRecord, "{version}");
                    assert_eq!(manifest.bytes, body, "{version} {ending:?}");
                }
                Ok(None) => panic!("{version} {ending:?}: no manifest"),
                Err(error) => assert_eq!(ending, Ending::WithinRecord, "{version}: {}", chain(&error)),
            }
        }
    }
}

#[tokio::test]
async fn a_tls_registry_on_loopback_sends_no_password_to_a_plain_token_endpoint() {
    for scheme in ["http", "https"] {
        let endpoint = Upstream::start(|_| reply(200, &[], r#"{"token":"t"}"#)).await;
        let realm = format!("{scheme}://{}/token", endpoint.host());
        let challenge = format!("WWW-Authenticate: Bearer realm=\"{realm}\",service=\"s\"");
        let host = tls_registry(&format!("401 Unauthorized\r\n{challenge}"));
        let client = Client::new(authenticator(&login(&host), 20));
        let error = client.head_manifest(&repository(&host), "x").await.unwrap_err();
        let want =
            if scheme == "http" { "by plain http, which is refused" } else { "does not answer with TLS" };
        assert!(chain(&error).contains(want), "{}", chain(&error));
        assert!(endpoint.seen().is_empty(), "{:?}", endpoint.lines());
    }
}

#[tokio::test]
async fn a_tls_registry_on_loopback_redirects_nobody_to_plain_http() {
    let elsewhere = Upstream::start(|_| reply(200, &[], "{}")).await;
    let host = tls_registry(&format!("307 Temporary Redirect\r\nLocation: http://{}/x", elsewhere.host()));
    let client = Client::new(authenticator("{}", 20));
    let error = client.manifest(&repository(&host), "x").await.unwrap_err();
    assert!(chain(&error).contains("by plain http, which is refused"), "{}", chain(&error));
    assert!(elsewhere.seen().is_empty(), "{:?}", elsewhere.lines());
}

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

/// A `bob proxy` of its own, with a mirror for `listed`, by its process id.
struct Process {
    child: Child,
    base: String,
    log: Arc<Mutex<String>>,
}

impl Process {
    fn start(listed: &str, login: &str) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_bob"))
            .args(["proxy", "--listen", "127.0.0.1:0"])
            .env_clear()
            .env("WORKSPACEKIT_BOBPROXY_BASEREF", format!("{listed}/team/base:one"))
            .env("WORKSPACEKIT_BOBPROXY_TARGETREF", format!("{listed}/team/target:two"))
            .env("WORKSPACEKIT_BOBPROXY_AUTH", format!(r#"{{"auths":{{"{listed}":{login}}}}}"#))
            .env("WORKSPACEKIT_BOBPROXY_ADDITIONALAUTH", format!(r#"{{"{listed}":{login}}}"#))
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let log = Arc::new(Mutex::new(String::new()));
        let address = loop {
            let line = lines.next().expect("the proxy listens").unwrap();
            if let Some((_, rest)) = line.split_once("listening on ") {
                let end = rest.find(|c: char| !(c.is_ascii_digit() || ".:".contains(c)));
                break rest[..end.unwrap_or(rest.len())].to_owned();
            }
        };
        let written = Arc::clone(&log);
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                *written.lock().unwrap() += &(line + "\n");
            }
        });
        Self { child, base: format!("http://{address}"), log }
    }

    /// The most memory that the process ever had, in KiB, without the pages of the program's file: the system can drop
    /// those, and a program without optimisations has several times as many. `make bench-proxy` counts all.
    fn peak(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let kib = |name: &str| -> u64 {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.trim().trim_end_matches(" kB").parse().unwrap()
        };
        kib("VmHWM:") - kib("RssFile:")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn nine_hundred_challenges_of_a_hundred_kilobytes_are_not_kept() {
    let upstream = Upstream::start(|seen| {
        if seen.path() == "/token" {
            return reply(200, &[], format!(r#"{{"token":"{}"}}"#, "t".repeat(16 * 1024)));
        }
        let (host, own) = (seen.header("host").unwrap(), seen.path().replace('/', "-"));
        let scope = format!("repository:{own}{}:pull", "x".repeat(100_000));
        let value = format!("Bearer realm=\"http://{host}/token\",service=\"s\",scope=\"{scope}\"");
        reply(401, &[("www-authenticate", &value)], "")
    })
    .await;
    let proxy = Process::start(&upstream.host(), r#"{"username":"u","password":"p"}"#);
    let ns = upstream.host();
    let before = proxy.peak();
    for number in 0..900 {
        let target = format!("/v2/library/r{number}/manifests/x?ns={ns}");
        let status = send(&proxy.base, "GET", &target, &[], "").await.status;
        assert!(matches!(status, 401 | 500), "{status}");
    }
    assert!(proxy.peak() <= 40 * 1024, "{before} KiB before, {} KiB after", proxy.peak());
}

#[tokio::test]
async fn a_user_name_that_is_the_token_is_in_no_answer_and_no_log() {
    let upstream = Upstream::start(|seen| match seen.path() {
        "/token" => reply(401, &[], ""),
        path if path.contains("target") => reply(401, &[("www-authenticate", "Basic realm=\"r\"")], "no"),
        _ => {
            let realm = format!("http://{}/token", seen.header("host").unwrap());
            reply(401, &[("www-authenticate", &format!("Bearer realm=\"{realm}\""))], "")
        }
    })
    .await;
    let proxy = Process::start(&upstream.host(), r#"{"username":"glpat-t0ken","password":"x"}"#);
    // Basic first: who wants tokens once gets tokens for all.
    for alias in ["target", "base"] {
        let answer = send(&proxy.base, "GET", &format!("/v2/{alias}/manifests/x"), &[], "").await;
        assert_eq!(answer.status, 401);
        assert!(!answer.text().contains("t0ken"), "{}", answer.text());
        if alias == "base" {
            assert!(answer.text().contains("a user name and password from"), "{}", answer.text());
        }
    }
    let logged = async {
        while !proxy.log.lock().unwrap().contains("the registry refuses") {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), logged)
        .await
        .unwrap_or_else(|_| panic!("{}", proxy.log.lock().unwrap()));
    assert!(!proxy.log.lock().unwrap().contains("t0ken"), "{}", proxy.log.lock().unwrap());
}

#[tokio::test]
async fn a_small_put_that_is_refused_without_a_challenge_is_sent_again_with_fresh_credentials() {
    // Each token holds for one request.
    let issued = Arc::new(Mutex::new(0));
    let script = {
        let issued = Arc::clone(&issued);
        move |seen: &Seen| -> Reply {
            let mut issued = issued.lock().unwrap();
            let host = seen.header("host").unwrap();
            match (seen.path(), seen.header("authorization")) {
                ("/token", _) => {
                    *issued += 1;
                    reply(200, &[], format!(r#"{{"token":"t{issued}","expires_in":300}}"#))
                }
                ("/v2/", None) => {
                    let value = format!("Bearer realm=\"http://{host}/token\",service=\"s\"");
                    reply(401, &[("www-authenticate", &value)], "")
                }
                (_, Some(value)) if value == format!("Bearer t{issued}") && seen.body == "{}" => {
                    reply(201, &[], "")
                }
                _ => reply(401, &[], "no challenge"),
            }
        }
    };
    let upstream = Upstream::start(script).await;
    let proxy = Setup::new(upstream.host()).with_password().start().await;
    assert_eq!(
        proxy.send("PUT", "/v2/target/manifests/x", &[], "{}").await.status,
        201,
        "{:?}",
        upstream.lines()
    );
    // The token is worth nothing any more.
    *issued.lock().unwrap() += 10;
    assert_eq!(
        proxy.send("PUT", "/v2/target/manifests/x", &[], "{}").await.status,
        201,
        "{:?}",
        upstream.lines()
    );
    let puts = upstream.seen().iter().filter(|seen| seen.method == "PUT").count();
    assert_eq!(puts, 4, "{:?}", upstream.lines());
}

#[tokio::test]
async fn a_login_with_an_empty_half_is_sent() {
    for (entry, want) in [
        (r#"{"username":"t0ken","password":""}"#.to_owned(), "t0ken:"),
        (r#"{"username":"t0ken"}"#.to_owned(), "t0ken:"),
        (r#"{"username":"","password":"t0ken"}"#.to_owned(), ":t0ken"),
        (format!(r#"{{"auth":"{}"}}"#, STANDARD.encode("t0ken:")), "t0ken:"),
        (format!(r#"{{"auth":"{}"}}"#, STANDARD.encode(":t0ken")), ":t0ken"),
    ] {
        let upstream = Upstream::start(move |seen| match seen.header("authorization") {
            Some(value) if value == basic(want) => reply(200, &[], "in"),
            _ => reply(401, &[("www-authenticate", "Basic realm=\"r\"")], ""),
        })
        .await;
        let mut setup = Setup::new(upstream.host());
        setup.auth = format!(r#"{{"auths":{{"{}":{entry}}}}}"#, upstream.host());
        setup.additional = format!(r#"{{"{}":{entry}}}"#, upstream.host());
        let proxy = setup.start().await;
        assert_eq!(proxy.get("/v2/base/manifests/x").await.text(), "in", "{entry}");
        let mirrored = format!("/v2/library/a/manifests/x?ns={}", upstream.host());
        assert_eq!(proxy.get(&mirrored).await.text(), "in", "{entry}");
    }
}

#[tokio::test]
async fn a_token_is_handed_out_for_exactly_the_scopes_asked_for() {
    let upstream = Upstream::start(|seen| {
        if seen.path() == "/token" {
            assert_eq!(seen.header("authorization"), Some(basic("user:password").as_str()));
            return reply(200, &[], r#"{"token":"handed","expires_in":300}"#);
        }
        let realm = format!("http://{}/token", seen.header("host").unwrap());
        let value = format!("Bearer realm=\"{realm}\",service=\"s\",scope=\"repository:x:pull,push\"");
        reply(401, &[("www-authenticate", &value)], "")
    })
    .await;
    let (auth, host) = (authenticator(&login(&upstream.host()), 20), Host::parse(&upstream.host()).unwrap());
    assert_eq!(auth.scheme(&host).await.unwrap(), Some(AuthScheme::Bearer));
    let scopes = Scopes::parse(["repository:a/b:pull"]).unwrap();
    let handed = auth.delegate_token(&host, scopes.clone()).await.unwrap().expect("a token");
    assert_eq!(handed.token.expose(), "handed");
    assert!(handed.expires_in > Duration::from_secs(290) && handed.expires_in <= Duration::from_secs(300));
    auth.delegate_token(&host, scopes).await.unwrap().expect("the same");
    assert_eq!(upstream.lines(), ["GET /v2/", "GET /token?service=s&scope=repository%3Aa%2Fb%3Apull"]);
}

#[tokio::test]
async fn a_registry_that_shows_v2_to_everybody_is_asked_by_repository_whether_it_takes_tokens() {
    for reads_are_open in [false, true] {
        let upstream = Upstream::start(move |seen| {
            assert!(seen.header("authorization").is_none() || seen.path() == "/token");
            match (seen.path(), seen.method.as_str()) {
                ("/token", _) => reply(200, &[], r#"{"token":"handed","expires_in":300}"#),
                ("/v2/", _) => reply(200, &[], "{}"),
                (_, "GET" | "HEAD") if reads_are_open => reply(404, &[], ""),
                _ => {
                    let host = seen.header("host").unwrap();
                    let value = format!("Bearer realm=\"http://{host}/token\",service=\"s\"");
                    reply(401, &[("www-authenticate", &value)], "")
                }
            }
        })
        .await;
        let repository = repository(&upstream.host());
        let auth = authenticator(&login(&upstream.host()), 20);
        assert_eq!(auth.scheme(&repository.host).await.unwrap(), None);
        assert_eq!(auth.scheme_of(&repository).await.unwrap(), Some(AuthScheme::Bearer), "{reads_are_open}");
        let asked = upstream.lines();
        assert_eq!(auth.scheme_of(&repository).await.unwrap(), Some(AuthScheme::Bearer));
        assert_eq!(auth.scheme(&repository.host).await.unwrap(), Some(AuthScheme::Bearer));
        assert_eq!(upstream.lines(), asked, "what was learned is remembered");
        // With and without having asked first.
        for auth in [auth, authenticator(&login(&upstream.host()), 20)] {
            let handed = auth.delegate_token(&repository.host, Scopes::push("team/base")).await.unwrap();
            assert_eq!(handed.expect("a token").token.expose(), "handed");
        }
    }
    let broken = Upstream::start(|seen| reply(if seen.path() == "/v2/" { 200 } else { 503 }, &[], "")).await;
    let asked = authenticator("{}", 20).scheme_of(&repository(&broken.host())).await;
    assert!(
        asked.unwrap_err().to_string().contains("answered 503 Service Unavailable to HEAD /v2/team/base")
    );
}

#[tokio::test]
async fn what_wants_no_tokens_gets_none_and_a_registry_token_is_handed_out_as_it_is() {
    let open = Upstream::start(|_| reply(200, &[], "{}")).await;
    let (auth, host) = (authenticator(&login(&open.host()), 20), Host::parse(&open.host()).unwrap());
    assert_eq!(auth.scheme(&host).await.unwrap(), None);
    assert!(auth.delegate_token(&host, Scopes::pull("a")).await.unwrap().is_none());
    assert_eq!(auth.scheme_of(&Repository { host: host.clone(), name: "a".into() }).await.unwrap(), None);
    // It was asked once whether this repository is open to read and to write.
    let upload = "PATCH /v2/a/blobs/uploads/00000000-0000-0000-0000-000000000000";
    assert_eq!(open.lines(), ["GET /v2/", "HEAD /v2/a/manifests/latest", upload]);

    let asking = basic_registry().await;
    let (auth, host) = (authenticator(&login(&asking.host()), 20), Host::parse(&asking.host()).unwrap());
    assert_eq!(auth.scheme(&host).await.unwrap(), Some(AuthScheme::Basic));
    assert!(auth.delegate_token(&host, Scopes::pull("a")).await.unwrap().is_none());
    assert!(asking.seen().iter().all(|seen| seen.header("authorization").is_none()));

    let bearer = Upstream::start(|_| {
        reply(401, &[("www-authenticate", "Bearer realm=\"https://127.0.0.1:1/token\"")], "")
    })
    .await;
    let config = format!(r#"{{"auths":{{"{}":{{"registrytoken":"as-it-is"}}}}}}"#, bearer.host());
    let (auth, host) = (authenticator(&config, 20), Host::parse(&bearer.host()).unwrap());
    let handed = auth.delegate_token(&host, Scopes::pull("a")).await.unwrap().expect("a token");
    assert_eq!(handed.token.expose(), "as-it-is");

    let broken = Upstream::start(|_| reply(500, &[], "")).await;
    let (auth, host) = (authenticator("{}", 20), Host::parse(&broken.host()).unwrap());
    assert!(auth.scheme(&host).await.unwrap_err().to_string().contains("answered 500"));
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
