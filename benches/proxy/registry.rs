//! The registries that stand behind the proxy, and the relay beside it, each a process of its own.
//!
//! The plain one moves bytes as fast as loopback does, or as fast as a line of some width; it asks for tokens
//! where it is given a lifetime for them. The one with TLS speaks HTTP/1.1 and HTTP/2.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http::{Method, Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use rustix::pipe::SpliceFlags;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde::{Deserialize, Serialize};

use super::http::{Connection, PIECE, ZEROS, header};

const MANIFEST: &str = r#"{"schemaVersion":2}"#;

/// What a registry of ours does. Blobs are zeros; a digest says their size.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Traits {
    /// How long its tokens hold, in seconds; without it none are needed.
    pub(crate) token_seconds: Option<u64>,
    /// How many bytes of bodies it moves in a second, all connections together.
    pub(crate) bytes_per_second: Option<u64>,
    /// It refuses every request with a challenge of its own, whose scope has this size.
    pub(crate) scope_bytes: Option<usize>,
    /// Whether it answers the first PUT of each upload with 503.
    pub(crate) refuses_first_put: bool,
}

/// The digest that our registries take for that of `size` zeros.
pub(crate) fn digest(size: u64) -> String {
    format!("sha256:{size:064x}")
}

fn size_of(target: &str) -> u64 {
    let hex = target.rsplit(':').next().unwrap().trim();
    u64::from_str_radix(hex, 16).unwrap()
}

/// Accepts connections for ever, each on a thread of its own, after telling the address on standard output.
fn accept(serve: impl Fn(TcpStream) + Clone + Send + 'static) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    println!("{}", listener.local_addr().unwrap());
    for stream in listener.incoming() {
        let (serve, stream) = (serve.clone(), stream.unwrap());
        stream.set_nodelay(true).unwrap();
        std::thread::spawn(move || serve(stream));
    }
}

struct Plain {
    traits: Traits,
    begun: Instant,
    /// Until when the line is taken.
    line: Mutex<Instant>,
    tokens: AtomicUsize,
    refused: AtomicUsize,
    uploads: AtomicUsize,
    /// The uploads whose first PUT was refused.
    refused_puts: Mutex<BTreeSet<String>>,
}

/// Serves the plain registry.
pub(crate) fn serve_plain(traits: Traits) {
    let now = Instant::now();
    let plain = Arc::new(Plain {
        traits,
        begun: now,
        line: Mutex::new(now),
        tokens: AtomicUsize::new(0),
        refused: AtomicUsize::new(0),
        uploads: AtomicUsize::new(0),
        refused_puts: Mutex::default(),
    });
    accept(move |stream| {
        let mut first = [0];
        // Not TLS: a client that tries is told at once.
        if stream.peek(&mut first).is_err() || first[0] == 0x16 {
            return;
        }
        let mut connection = Connection::new(stream);
        while let Some((first, headers)) = connection.head() {
            plain.answer(&mut connection, &first, &headers);
        }
    });
}

/// Answers with a status, headers after it, and a body.
fn reply(connection: &mut Connection, head: &str, body: &str) {
    let length = body.len();
    connection.write(format!("HTTP/1.1 {head}\r\ncontent-length: {length}\r\n\r\n{body}").as_bytes());
}

impl Plain {
    fn answer(&self, connection: &mut Connection, first: &str, headers: &str) {
        let target = first.split(' ').nth(1).unwrap();
        let size = header(headers, "content-length").map_or(0, |length| length.parse().unwrap());
        if target == "/counts" {
            let (tokens, refused) = (&self.tokens, &self.refused);
            return reply(
                connection,
                "200 OK",
                &format!("{tokens:?} tokens, {refused:?} requests without one"),
            );
        }
        if let Some(bytes) = self.traits.scope_bytes {
            return self.challenge_for_scopes(connection, target, headers, bytes);
        }
        if let Some(seconds) = self.traits.token_seconds {
            if target.starts_with("/token") {
                return self.issue_token(connection, seconds);
            }
            if !self.is_admitted(headers, seconds) {
                connection.skip(size, |_| {});
                let host = header(headers, "host").unwrap();
                let challenge =
                    format!("www-authenticate: Bearer realm=\"http://{host}/token\",service=\"s\"");
                return reply(connection, &format!("401 Unauthorized\r\n{challenge}"), "");
            }
        }
        match first.split(' ').next().unwrap() {
            "GET" if target.contains("/blobs/") => {
                let size = size_of(target);
                connection.write(format!("HTTP/1.1 200 OK\r\ncontent-length: {size}\r\n\r\n").as_bytes());
                connection.write_zeros(size, |count| self.pace(count));
            }
            "GET" => reply(connection, "200 OK", MANIFEST),
            "HEAD" => reply(connection, "404 Not Found", ""),
            method => {
                connection.skip(size, |count| self.pace(count));
                let is_first = || self.refused_puts.lock().unwrap().insert(target.to_owned());
                if method == "PUT" && self.traits.refuses_first_put && is_first() {
                    return reply(connection, "503 Service Unavailable", "");
                }
                let id = self.uploads.fetch_add(1, Ordering::Relaxed);
                let accepted = format!("202 Accepted\r\nlocation: /v2/r/blobs/uploads/{id}");
                reply(connection, if method == "PUT" { "201 Created" } else { &accepted }, "");
            }
        }
    }

    /// Asks for a token whose scopes have about so many bytes, and are others in each answer.
    fn challenge_for_scopes(&self, connection: &mut Connection, target: &str, headers: &str, bytes: usize) {
        if target.starts_with("/token") {
            return reply(connection, "200 OK", r#"{"token":"t"}"#);
        }
        let count = self.refused.fetch_add(1, Ordering::Relaxed);
        let scope: String = (0..bytes / 30)
            .fold(String::new(), |scope, index| scope + &format!("repository:r{count:07}{index:07}:pull "));
        let host = header(headers, "host").unwrap();
        let challenge = format!(
            "www-authenticate: Bearer realm=\"http://{host}/token\",service=\"s\",scope=\"{}\"",
            scope.trim_end()
        );
        reply(connection, &format!("401 Unauthorized\r\n{challenge}"), "");
    }

    /// Gives a token that says when it was made.
    fn issue_token(&self, connection: &mut Connection, seconds: u64) {
        self.tokens.fetch_add(1, Ordering::Relaxed);
        let now = self.begun.elapsed().as_secs();
        let answer = format!("{{\"token\":\"t{now}\",\"expires_in\":{seconds}}}");
        reply(connection, "200 OK", &answer);
    }

    /// Whether a request has a token that is not older than `seconds`.
    fn is_admitted(&self, headers: &str, seconds: u64) -> bool {
        let now = self.begun.elapsed().as_secs();
        let issued = header(headers, "authorization").and_then(|value| value.strip_prefix("Bearer t"));
        let is_valid = issued.is_some_and(|issued| issued.parse::<u64>().unwrap() + seconds >= now);
        if !is_valid {
            self.refused.fetch_add(1, Ordering::Relaxed);
        }
        is_valid
    }

    /// Returns once the line has had the time for `count` bytes.
    fn pace(&self, count: u64) {
        let Some(rate) = self.traits.bytes_per_second else { return };
        #[expect(clippy::cast_precision_loss, reason = "sizes far below 2^52")]
        let takes = Duration::from_secs_f64(count as f64 / rate as f64);
        let until = {
            let mut line = self.line.lock().unwrap();
            *line = (*line).max(Instant::now()) + takes;
            *line
        };
        // Sleeping takes longer than asked for: a short debt is left for later.
        let left = until.saturating_duration_since(Instant::now());
        if left > Duration::from_millis(2) {
            std::thread::sleep(left);
        }
    }
}

type Answer = Response<UnsyncBoxBody<Bytes, hyper::Error>>;

/// Serves the registry with TLS, with `cert.pem` and `key.pem` of `folder`.
pub(crate) fn serve_tls(folder: &Path) {
    let certificate = CertificateDer::from_pem_file(folder.join("cert.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(folder.join("key.pem")).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let mut config = config.with_no_client_auth().with_single_cert(vec![certificate], key).unwrap();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        println!("localhost:{}", listener.local_addr().unwrap().port());
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            stream.set_nodelay(true).unwrap();
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(stream) = acceptor.accept(stream).await else { return };
                let mut server = auto::Builder::new(TokioExecutor::new());
                server.http2().adaptive_window(true);
                let _ = server.serve_connection(TokioIo::new(stream), service_fn(answer_tls)).await;
            });
        }
    });
}

async fn answer_tls(request: Request<Incoming>) -> Result<Answer, hyper::Error> {
    let (head, mut body) = request.into_parts();
    let path = head.uri.path();
    let size = if head.method == Method::GET && path.contains("/blobs/") { size_of(path) } else { 0 };
    while let Some(frame) = body.frame().await {
        frame?;
    }
    let piece = Bytes::from_static(&ZEROS);
    let pieces = usize::try_from(size).unwrap().div_ceil(PIECE);
    let zeros = stream::iter(std::iter::repeat_n(piece, pieces)).map(|piece| Ok(Frame::data(piece)));
    let response = Response::builder().header("content-length", size);
    let response = match head.method {
        Method::PUT => response.status(StatusCode::CREATED),
        Method::POST => response.status(StatusCode::ACCEPTED).header("location", "/v2/r/blobs/uploads/1"),
        _ => response,
    };
    Ok(response.body(StreamBody::new(zeros).boxed_unsync()).unwrap())
}

/// Passes bytes on between its clients and `address`, and does nothing else: what standing between two
/// programs costs on this machine. It copies, as a program has to that speaks TLS on one side; with `splice`
/// the kernel hands the bytes on.
pub(crate) fn relay(address: String, splice: bool) {
    let pump = move |from: TcpStream, to: TcpStream| {
        // A client that goes away ends it.
        let _ = if splice { pump_by_kernel(&from, &to) } else { pump_by_copy(&from, &to) };
        let _ = to.shutdown(Shutdown::Write);
    };
    accept(move |client| {
        let server = TcpStream::connect(&address).unwrap();
        server.set_nodelay(true).unwrap();
        let (back, forth) = (server.try_clone().unwrap(), client.try_clone().unwrap());
        std::thread::scope(|scope| {
            scope.spawn(|| pump(back, forth));
            pump(client, server);
        });
    });
}

fn pump_by_copy(mut from: &TcpStream, mut to: &TcpStream) -> std::io::Result<()> {
    let mut buffer = vec![0; PIECE / 2];
    loop {
        match from.read(&mut buffer)? {
            0 => return Ok(()),
            count => to.write_all(&buffer[..count])?,
        }
    }
}

fn pump_by_kernel(from: &TcpStream, to: &TcpStream) -> std::io::Result<()> {
    let (out, into) = rustix::pipe::pipe()?;
    loop {
        let mut left = rustix::pipe::splice(from, None, &into, None, PIECE, SpliceFlags::MOVE)?;
        if left == 0 {
            return Ok(());
        }
        while left > 0 {
            left -= rustix::pipe::splice(&out, None, to, None, left, SpliceFlags::MOVE)?;
        }
    }
}
