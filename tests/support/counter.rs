//! What really goes over the wire to a registry: a real one behind a relay that counts.

use std::io::{self, BufReader, Read, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::registry::Registry;

/// A relay in front of an open registry. It passes on one request for each connection.
#[derive(Debug)]
pub struct Counter {
    /// `localhost:PORT`.
    pub host: String,
    seen: Arc<Mutex<Vec<Exchange>>>,
}

/// One request and its response.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// The method.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// The response's status.
    pub status: u16,
    /// Bytes of the request's body.
    pub sent: u64,
    /// Bytes of the response's body.
    pub received: u64,
}

impl Exchange {
    /// Whether the request is about a blob.
    pub fn is_blob(&self) -> bool {
        self.target.contains("/blobs/")
    }

    /// Whether it is an upload that carries content.
    pub fn is_upload(&self) -> bool {
        self.is_blob() && self.sent > 0
    }

    /// Whether it asks for a mount.
    pub fn is_mount(&self) -> bool {
        self.method == "POST" && self.target.contains("mount=")
    }
}

impl Counter {
    /// Starts one in front of `registry`. With `mounts` off every mount begins an ordinary upload, as a
    /// registry may decide.
    pub fn before(registry: &Registry, mounts: bool) -> Self {
        Self::with(registry, mounts, Duration::ZERO)
    }

    /// Starts one that lets each download of a blob wait for `pause`.
    pub fn slow(registry: &Registry, pause: Duration) -> Self {
        Self::with(registry, true, pause)
    }

    fn with(registry: &Registry, mounts: bool, pause: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let host = format!("localhost:{}", listener.local_addr().expect("an address").port());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (upstream, records) = (registry.host.clone(), Arc::clone(&seen));
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (upstream, records) = (upstream.clone(), Arc::clone(&records));
                std::thread::spawn(move || relay(&client, &upstream, (mounts, pause), &records));
            }
        });
        Self { host, seen }
    }

    /// A reference on the registry, through the relay.
    pub fn reference(&self, name: &str) -> String {
        format!("{}/{name}", self.host)
    }

    /// What was seen since the last call.
    pub fn take(&self) -> Vec<Exchange> {
        std::mem::take(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn relay(
    client: &TcpStream,
    upstream: &str,
    (mounts, pause): (bool, Duration),
    seen: &Mutex<Vec<Exchange>>,
) -> io::Result<()> {
    let mut reader = BufReader::new(client);
    let (mut line, length, headers) = head(&mut reader)?;
    if !mounts && let Some(at) = line.find("?mount=") {
        line = format!("{} HTTP/1.1", &line[..at]);
    }
    let given = line.clone();
    if line.starts_with("GET ") && line.contains("/blobs/") {
        std::thread::sleep(pause);
    }
    let registry = TcpStream::connect(upstream)?;
    (&registry).write_all(format!("{line}\r\n{headers}Connection: close\r\n\r\n").as_bytes())?;
    let sent = io::copy(&mut reader.by_ref().take(length), &mut &registry)?;
    let mut answer = BufReader::new(&registry);
    let (line, _, headers) = head(&mut answer)?;
    let word = |line: &str, index: usize| line.split(' ').nth(index).unwrap_or_default().to_owned();
    let (method, target) = (word(&given, 0), word(&given, 1));
    let status = word(&line, 1).parse().unwrap_or_default();
    let exchange = Exchange { method, target, status, sent, received: 0 };
    let index = {
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.push(exchange);
        seen.len() - 1
    };
    let mut client = client;
    client.write_all(format!("{line}\r\n{headers}Connection: close\r\n\r\n").as_bytes())?;
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = answer.read(&mut buffer)?;
        if read == 0 {
            return Ok(());
        }
        if let Some(exchange) = seen.lock().unwrap_or_else(PoisonError::into_inner).get_mut(index) {
            exchange.received += read as u64;
        }
        client.write_all(&buffer[..read])?;
    }
}

/// The first line, the length of the body, and the headers without `Connection`.
pub fn head(reader: &mut impl io::BufRead) -> io::Result<(String, u64, String)> {
    let (mut first, mut length, mut headers) = (String::new(), 0, String::new());
    reader.read_line(&mut first)?;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if line.trim().is_empty() {
            return Ok((first.trim().to_owned(), length, headers));
        }
        let (name, value) = line.split_once(':').unwrap_or_default();
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().unwrap_or_default();
        }
        if !name.eq_ignore_ascii_case("connection") {
            headers += &line;
        }
    }
}
