//! Throughput, latency, processor time and memory of `bob proxy`, beside the same requests sent directly.
//!
//! Two registries stand behind it: one of our own that moves bytes as fast as loopback does, so that the
//! proxy is what is measured, and Debian's. Clients, registries and proxy share this machine's cores.
//! `BOB_BENCH_GIB=N` also streams one blob of N GiB up with tokens that hold for `BOB_BENCH_TOKEN_SECONDS`.

#![allow(clippy::unwrap_used, reason = "a measurement stops where it fails")]
#![allow(clippy::print_stdout, reason = "the figures are its output")]
#![allow(clippy::disallowed_methods, reason = "it watches the clock and starts programs")]

#[path = "../tests/support/mod.rs"]
#[allow(dead_code, unreachable_pub, unused_imports, reason = "it uses a part of it")]
mod support;

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use sha2::{Digest as _, Sha256};

const MIB: u64 = 1 << 20;
const PIECE: usize = 256 * 1024;
const ROUNDS: usize = 3;
const MANIFEST: &str = r#"{"schemaVersion":2}"#;

/// A blob of zeros.
#[derive(Clone)]
struct Blob {
    digest: String,
    size: u64,
}

impl Blob {
    fn new(size: u64) -> Self {
        let (mut hash, piece) = (Sha256::new(), vec![0; PIECE]);
        for _ in 0..size / PIECE as u64 {
            hash.update(&piece);
        }
        let digest = hash.finalize();
        let digest = digest.iter().fold("sha256:".to_owned(), |digest, byte| digest + &format!("{byte:02x}"));
        Self { digest, size }
    }
}

/// An HTTP/1.1 connection of a client or a server: heads are read here, bodies by the caller.
struct Connection(BufReader<TcpStream>);

impl Connection {
    fn open(address: &str) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        Self(BufReader::with_capacity(PIECE, stream))
    }

    /// The first line and the headers; none at the end.
    fn head(&mut self) -> Option<(String, String)> {
        let (mut first, mut headers) = (String::new(), String::new());
        if self.0.read_line(&mut first).ok()? == 0 {
            return None;
        }
        while !headers.ends_with("\r\n\r\n") && headers != "\r\n" {
            self.0.read_line(&mut headers).ok()?;
        }
        Some((first, headers))
    }

    fn skip(&mut self, size: u64) {
        let mut left = size;
        while left > 0 {
            let taken = (self.0.fill_buf().unwrap().len() as u64).min(left);
            assert!(taken > 0, "a body broke off");
            self.0.consume(usize::try_from(taken).unwrap());
            left -= taken;
        }
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0.get_mut().write_all(bytes).unwrap();
    }

    fn write_zeros(&mut self, size: u64) {
        let piece = vec![0; PIECE];
        for _ in 0..size / PIECE as u64 {
            self.0.get_mut().write_all(&piece).unwrap();
        }
    }

    /// Sends a head and takes the answer, whose status has to be `status`; its body's size and location.
    fn ask(&mut self, request: &str, body: u64, status: &str) -> (u64, String) {
        self.write(format!("{request} HTTP/1.1\r\nHost: localhost\r\n").as_bytes());
        self.write(format!("Content-Length: {body}\r\n\r\n").as_bytes());
        self.write_zeros(body);
        let (first, headers) = self.head().unwrap();
        assert!(first.contains(status), "{request}: {first}{headers}");
        (header(&headers, "content-length").map_or(0, |length| length.parse().unwrap()), {
            header(&headers, "location").unwrap_or_default().to_owned()
        })
    }
}

fn header<'a>(headers: &'a str, name: &str) -> Option<&'a str> {
    let value = |line: &'a str| line.split_once(": ").filter(|(found, _)| found.eq_ignore_ascii_case(name));
    headers.lines().find_map(value).map(|(_, value)| value)
}

/// Our registry: serves `blobs` and a manifest, and takes every upload. With a token lifetime it asks for
/// tokens. Runs in a process of its own, so that its processor time is its own.
fn serve(blobs: Vec<Blob>, lifetime: Option<u64>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    println!("{}", listener.local_addr().unwrap());
    let blobs = Arc::new(blobs);
    let begun = Instant::now();
    for stream in listener.incoming() {
        let blobs = blobs.clone();
        std::thread::spawn(move || {
            let stream = stream.unwrap();
            stream.set_nodelay(true).unwrap();
            let mut first = [0];
            if stream.peek(&mut first).is_err() || first[0] == 0x16 {
                return;
            }
            let mut connection = Connection(BufReader::with_capacity(PIECE, stream));
            while let Some((first, headers)) = connection.head() {
                answer(&mut connection, &first, &headers, &blobs, lifetime.map(|seconds| (seconds, begun)));
            }
        });
    }
}

fn answer(
    connection: &mut Connection,
    first: &str,
    headers: &str,
    blobs: &[Blob],
    lifetime: Option<(u64, Instant)>,
) {
    let mut reply = |head: &str, body: &str| {
        connection
            .write(format!("HTTP/1.1 {head}\r\ncontent-length: {}\r\n\r\n{body}", body.len()).as_bytes());
    };
    if let Some((seconds, begun)) = lifetime {
        let now = begun.elapsed().as_secs();
        if first.starts_with("GET /token") {
            return reply("200 OK", &format!("{{\"token\":\"t{now}\",\"expires_in\":{seconds}}}"));
        }
        let issued = header(headers, "authorization").and_then(|value| value.strip_prefix("Bearer t"));
        if issued.is_none_or(|issued| issued.parse::<u64>().unwrap() + seconds < now) {
            let host = header(headers, "host").unwrap();
            let challenge = format!("www-authenticate: Bearer realm=\"http://{host}/token\",service=\"s\"");
            return reply(&format!("401 Unauthorized\r\n{challenge}"), "");
        }
    }
    let size = header(headers, "content-length").map_or(0, |length| length.parse().unwrap());
    if first.starts_with("GET") && first.contains("/blobs/") {
        let blob = blobs.iter().find(|blob| first.contains(&blob.digest)).unwrap();
        connection.write(format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", blob.size).as_bytes());
        connection.write_zeros(blob.size);
    } else if first.starts_with("GET") {
        reply("200 OK", MANIFEST);
    } else if first.starts_with("POST") {
        reply("202 Accepted\r\nlocation: /up/1", "");
    } else {
        connection.skip(size);
        connection.write(b"HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n");
    }
}

/// A process that ends with this value.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Process {
    fn of_registry(blobs: &[Blob], lifetime: Option<u64>) -> (Self, String) {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.arg("serve").arg(lifetime.unwrap_or(0).to_string());
        command.args(blobs.iter().map(|blob| format!("{}={}", blob.digest, blob.size)));
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut address = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut address).unwrap();
        (Self(child), address.trim().to_owned())
    }

    fn of_proxy(registry: &str) -> (Self, String) {
        let reference = format!("{registry}/r:1");
        let mut child = Command::new(env!("CARGO_BIN_EXE_bob"))
            .args(["proxy", "--listen", "127.0.0.1:0", "--auth", "{}"])
            .args(["--base-ref", &reference, "--target-ref", &reference])
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        while !line.contains("listening on ") {
            line.clear();
            assert!(log.read_line(&mut line).unwrap() > 0, "the proxy ended");
        }
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        let address = line.split("listening on ").nth(1).unwrap().trim().to_owned();
        (Self(child), address)
    }

    /// Processor time so far.
    fn cpu(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.0.id())).unwrap();
        let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
        // Hundredths of a second, on every Linux that this runs on.
        Duration::from_millis(10 * (fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()))
    }

    fn peak_mib(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
    }
}

/// Moves `blob` once on each of `streams` connections to repository `name`; GiB a second.
fn transfer(address: &str, name: &str, put: bool, streams: u64, blob: &Blob) -> f64 {
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..streams {
            scope.spawn(|| {
                let mut connection = Connection::open(address);
                if put {
                    let (_, at) = connection.ask(&format!("POST /v2/{name}/blobs/uploads/"), 0, " 202 ");
                    // Debian's registry names itself.
                    let at = at.find("/v2/").map_or(at.as_str(), |start| &at[start..]);
                    let joint = if at.contains('?') { '&' } else { '?' };
                    let request = format!("PUT {at}{joint}digest={}", blob.digest);
                    connection.ask(&request, blob.size, " 201 ");
                } else {
                    let request = format!("GET /v2/{name}/blobs/{}", blob.digest);
                    let (size, _) = connection.ask(&request, 0, " 200 ");
                    connection.skip(size);
                }
            });
        }
    });
    #[expect(clippy::cast_precision_loss, reason = "sizes far below 2^52")]
    let gib = (streams * blob.size) as f64 / (1024 * MIB) as f64;
    gib / begun.elapsed().as_secs_f64()
}

/// Milliseconds that each of `count` manifest requests takes, `width` at a time, in order.
fn latencies(address: &str, name: &str, count: usize, width: usize) -> Vec<f64> {
    let (next, all) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..width {
            scope.spawn(|| {
                let mut connection = Connection::open(address);
                let mut own = Vec::new();
                while next.fetch_add(1, Ordering::Relaxed) < count {
                    let begun = Instant::now();
                    let (size, _) = connection.ask(&format!("GET /v2/{name}/manifests/1"), 0, " 200 ");
                    connection.skip(size);
                    own.push(begun.elapsed().as_secs_f64() * 1000.0);
                }
                all.lock().unwrap().extend(own);
            });
        }
    });
    let mut all = all.into_inner().unwrap();
    all.sort_by(f64::total_cmp);
    all
}

/// One registry, directly and through a proxy, in turns.
fn compare(title: &str, registry: &str, name: &str, one: &Blob, sixteenth: &Blob) {
    println!("{title}: GiB/s, best of {ROUNDS}");
    for (put, streams, blob) in
        [(false, 1, one), (false, 16, sixteenth), (true, 1, one), (true, 16, sixteenth)]
    {
        // A proxy of its own for each row: its processor time and its peak are of this row alone.
        let (proxy, address) = Process::of_proxy(registry);
        let (mut direct, mut proxied) = (0.0_f64, 0.0_f64);
        for _ in 0..ROUNDS {
            direct = direct.max(transfer(registry, name, put, streams, blob));
            proxied = proxied.max(transfer(&address, "target", put, streams, blob));
        }
        #[expect(clippy::cast_precision_loss, reason = "small numbers")]
        let cpu = proxy.cpu().as_secs_f64() / ROUNDS as f64;
        println!(
            "  {} {streams:2} streams: direct {direct:5.2}, proxy {proxied:5.2}, ratio {:4.2}; proxy's processor {cpu:4.2} s a GiB, peak {:4.1} MiB",
            if put { "PUT" } else { "GET" },
            proxied / direct,
            proxy.peak_mib(),
        );
    }
}

fn compare_latency(registry: &str) {
    let (proxy, address) = Process::of_proxy(registry);
    for (who, address, name) in [("direct", registry, "r"), ("proxy", address.as_str(), "target")] {
        let all = latencies(address, name, 5000, 32);
        println!("5000 manifests, 32 at a time, {who}: p50 {:.2} ms, p99 {:.2} ms", all[2500], all[4950]);
    }
    println!("  proxy's peak {:.1} MiB", proxy.peak_mib());
}

fn large_push(gib: u64, lifetime: u64) {
    let blob = Blob { digest: format!("sha256:{}", "1".repeat(64)), size: gib * 1024 * MIB };
    let (_registry, host) = Process::of_registry(&[], Some(lifetime));
    let (proxy, address) = Process::of_proxy(&host);
    let speed = transfer(&address, "target", true, 1, &blob);
    println!(
        "{gib} GiB up in one blob, tokens of {lifetime} s: {speed:.2} GiB/s, processor {:.1} s, peak {:.1} MiB",
        proxy.cpu().as_secs_f64(),
        proxy.peak_mib(),
    );
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let [word, lifetime, blobs @ ..] = args.as_slice()
        && word == "serve"
    {
        let blob = |text: &String| {
            let (digest, size) = text.split_once('=').unwrap();
            Blob { digest: digest.to_owned(), size: size.parse().unwrap() }
        };
        return serve(blobs.iter().map(blob).collect(), lifetime.parse().ok().filter(|seconds| *seconds > 0));
    }
    let (one, sixteenth) = (Blob::new(1024 * MIB), Blob::new(64 * MIB));
    let (_fast, host) = Process::of_registry(&[one.clone(), sixteenth.clone()], None);
    compare("our registry", &host, "r", &one, &sixteenth);
    compare_latency(&host);
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    if let Some(gib) = number("BOB_BENCH_GIB") {
        large_push(gib, number("BOB_BENCH_TOKEN_SECONDS").unwrap_or(60));
    }
    let debian = support::Registry::open();
    for blob in [&one, &sixteenth] {
        transfer(&debian.host, "r", true, 1, blob);
    }
    compare("Debian's registry", &debian.host, "r", &one, &sixteenth);
}
