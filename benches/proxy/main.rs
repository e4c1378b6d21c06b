//! Throughput, latency, processor time and memory of `bob proxy`, beside the same requests sent directly and
//! through a relay that only copies bytes: what any program in between costs. Clients, registries and proxy
//! share this machine's cores. All figures are medians; each round takes every way in turn.
//!
//! `BOB_BENCH_ONLY=NAME,…` runs some parts: `plain`, `line`, `tls`, `http2`, `latency`, `debian`,
//! `workspace`, `layers`, `places`.
//! `BOB_BENCH_EACH=1` moves 1 GiB on each connection, in place of 1 GiB in all.
//! `BOB_BENCH_GIB=N` also streams a blob of N GiB up over a line of 2 Gbit/s, with tokens that hold for
//! `BOB_BENCH_TOKEN_SECONDS` (60). `BOB_BENCH_PROGRAM` names another build of `bob` to measure.

#![allow(clippy::unwrap_used, reason = "a measurement stops where it fails")]
#![allow(clippy::print_stdout, reason = "the figures are its output")]
#![allow(clippy::disallowed_methods, reason = "it watches the clock and starts programs")]

mod http;
mod places;
mod process;
mod registry;
mod versions;
mod workspace;

#[path = "../../tests/support/mod.rs"]
#[allow(dead_code, unreachable_pub, unused_imports, reason = "it uses a part of it")]
mod support;

use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use http::{Endpoint, PIECE, ZEROS};
use process::Process;
use registry::{Traits, digest};
use sha2::{Digest as _, Sha256};

const GIB: u64 = 1 << 30;
/// How often each way is taken: `BOB_BENCH_ROUNDS`, or 7.
fn rounds() -> usize {
    std::env::var("BOB_BENCH_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(7)
}

/// Gbit/s, in bytes a second.
const fn gbit(number: u64) -> u64 {
    number * 1_000_000_000 / 8
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// What is moved at once.
#[derive(Clone, Copy)]
struct Load {
    put: bool,
    streams: u64,
}

const LOADS: [Load; 4] = [
    Load { put: false, streams: 1 },
    Load { put: false, streams: 16 },
    Load { put: true, streams: 1 },
    Load { put: true, streams: 16 },
];

impl Load {
    /// What each connection moves, in bytes.
    fn share(self) -> u64 {
        if std::env::var_os("BOB_BENCH_EACH").is_some_and(|each| each == "1") {
            GIB
        } else {
            GIB / self.streams
        }
    }

    /// What all connections move, in GiB.
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    fn total_gib(self) -> f64 {
        (self.share() * self.streams) as f64 / GIB as f64
    }
}

/// The digest of a blob of `size` zeros.
type Digests = fn(u64) -> String;

/// Moves a share on each of the load's connections; GiB a second.
fn transfer(endpoint: &Endpoint, load: Load, digests: Digests) -> f64 {
    let size = load.share();
    let digest = digests(size);
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..load.streams {
            scope.spawn(|| {
                let mut connection = endpoint.connect();
                if load.put {
                    connection.put(endpoint.repository, &digest, size, false);
                } else {
                    connection.get(endpoint.repository, &digest);
                }
            });
        }
    });
    load.total_gib() / begun.elapsed().as_secs_f64()
}

/// A registry directly, through relays where it speaks no TLS, and through a proxy.
fn compare(title: &str, direct: &Endpoint, certificate: Option<&Path>, digests: Digests) {
    println!("{title}: GiB/s, ratio to direct, processor seconds a GiB, peak memory; median of {}", rounds());
    for load in LOADS {
        // Processes of their own for each row: their processor time and their peak are of this row alone.
        let mut between = Vec::new();
        if certificate.is_none() {
            between.push(("relay", Process::relay(&direct.address, false), direct.repository));
            between.push(("splice", Process::relay(&direct.address, true), direct.repository));
        }
        between.push(("proxy", Process::proxy_to(&direct.address, certificate), "target"));
        let mut ways = vec![direct.clone()];
        ways.extend(between.iter().map(|(_, process, name)| Endpoint::plain(&process.address, name)));
        let mut speeds = vec![Vec::new(); ways.len()];
        for _ in 0..rounds() {
            for (endpoint, speeds) in ways.iter().zip(&mut speeds) {
                speeds.push(transfer(endpoint, load, digests));
            }
        }
        let mut speeds = speeds.into_iter().map(median);
        let direct = speeds.next().unwrap();
        print!("  {} {:2} streams: direct {direct:.2}", if load.put { "PUT" } else { "GET" }, load.streams);
        for ((name, process, _), speed) in between.iter().zip(speeds) {
            #[expect(clippy::cast_precision_loss, reason = "small numbers")]
            let cpu = process.cpu().as_secs_f64() / (rounds() as f64 * load.total_gib());
            print!("; {name} {speed:.2}, ratio {:.2}, {cpu:.2} s", speed / direct);
        }
        println!(", {:.1} MiB", between[between.len() - 1].1.peak_mib());
    }
}

/// Milliseconds that each of `count` manifest requests takes, `width` at a time, in order.
fn latencies(endpoint: &Endpoint, count: u64, width: usize) -> Vec<f64> {
    let (next, all) = (AtomicU64::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..width {
            scope.spawn(|| {
                let mut connection = endpoint.connect();
                let mut own = Vec::new();
                while next.fetch_add(1, Ordering::Relaxed) < count {
                    let begun = Instant::now();
                    let request = format!("GET /v2/{}/manifests/1", endpoint.repository);
                    let (size, _) = connection.ask(&request, 0, " 200 ");
                    connection.skip(size, |_| {});
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

fn compare_latency() {
    let registry = Process::registry(Traits::default());
    let proxy = Process::proxy_to(&registry.address, None);
    let ways = [
        ("direct", Endpoint::plain(&registry.address, "r")),
        ("proxy", Endpoint::plain(&proxy.address, "target")),
    ];
    for width in [1, 32] {
        let mut figures = [const { Vec::new() }; 2];
        for _ in 0..rounds() {
            for ((_, endpoint), figures) in ways.iter().zip(&mut figures) {
                let all = latencies(endpoint, 5000, width);
                figures.push((all[2500], all[4950]));
            }
        }
        for ((name, _), figures) in ways.iter().zip(figures) {
            let (p50, p99) = figures.into_iter().unzip();
            println!(
                "5000 manifests, {width} at a time, {name}: p50 {:.2} ms, p99 {:.2} ms",
                median(p50),
                median(p99)
            );
        }
    }
    println!("  proxy's peak {:.1} MiB", proxy.peak_mib());
}

/// What a registry that asks for tokens counted, and what the proxy took.
fn tell(registry: &Process, proxy: &Process, seconds: f64) {
    let mut connection = Endpoint::plain(&registry.address, "").connect();
    let (size, _) = connection.ask("GET /counts", 0, " 200 ");
    let counts = connection.text(size);
    println!(
        "  {seconds:.1} s; {counts}; proxy's processor {:.1} s, peak {:.1} MiB",
        proxy.cpu().as_secs_f64(),
        proxy.peak_mib()
    );
}

/// Pushes 1,000 layers of 64 KiB over a few connections, as fast as it goes and spread over the life of
/// several tokens.
fn many_layers(token_seconds: u64) {
    const SIZE: u64 = 64 * 1024;
    for seconds in [0, token_seconds * 3 / 2] {
        let registry = Process::registry(Traits { token_seconds: Some(token_seconds), ..Traits::default() });
        let proxy = Process::proxy_to(&registry.address, None);
        println!("1,000 layers, tokens of {token_seconds} s, in {seconds} s at least:");
        let (endpoint, next, begun) =
            (Endpoint::plain(&proxy.address, "target"), AtomicU64::new(0), Instant::now());
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let mut connection = endpoint.connect();
                    let mut count = next.fetch_add(1, Ordering::Relaxed);
                    while count < 1000 {
                        let due = std::time::Duration::from_millis(seconds * count);
                        std::thread::sleep(due.saturating_sub(begun.elapsed()));
                        let digest = digest(SIZE);
                        connection.ask(&format!("HEAD /v2/target/blobs/{digest}"), 0, " 404 ");
                        connection.put("target", &digest, SIZE, count % 2 == 1);
                        count = next.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
        });
        tell(&registry, &proxy, begun.elapsed().as_secs_f64());
    }
}

/// Pushes one blob, in both ways, over a line that makes it last longer than a token.
fn large_push(gib: u64, token_seconds: u64) {
    for patch in [false, true] {
        let traits = Traits {
            token_seconds: Some(token_seconds),
            bytes_per_second: Some(gbit(2)),
            ..Traits::default()
        };
        let registry = Process::registry(traits);
        let proxy = Process::proxy_to(&registry.address, None);
        println!(
            "{gib} GiB up in one {}, tokens of {token_seconds} s, over 2 Gbit/s:",
            if patch { "PATCH" } else { "PUT" }
        );
        let begun = Instant::now();
        let mut connection = Endpoint::plain(&proxy.address, "target").connect();
        connection.put("target", &digest(gib * GIB), gib * GIB, patch);
        tell(&registry, &proxy, begun.elapsed().as_secs_f64());
    }
}

/// The digest of all pieces, one after the other.
fn hashed<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut hash = Sha256::new();
    pieces.into_iter().for_each(|piece| hash.update(piece));
    hash.finalize().iter().fold("sha256:".to_owned(), |digest, byte| digest + &format!("{byte:02x}"))
}

fn compare_debian() {
    let hashed: Digests =
        |size| hashed(std::iter::repeat_n(&ZEROS[..], usize::try_from(size).unwrap() / PIECE));
    let registry = support::Registry::open();
    let direct = Endpoint::plain(&registry.host, "r");
    for streams in [1, 16] {
        transfer(&direct, Load { put: true, streams }, hashed);
    }
    compare("Debian's registry", &direct, None, hashed);
}

/// A folder with a certificate for localhost and its key.
fn certificate() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new("openssl");
    command.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]);
    command.args(["-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]);
    command.args(["-addext", "basicConstraints=critical,CA:FALSE", "-keyout", "key.pem", "-out", "cert.pem"]);
    let made = command.current_dir(folder.path()).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    folder
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["registry", traits] => return registry::serve_plain(serde_json::from_str(traits).unwrap()),
        ["tls-registry", folder] => return registry::serve_tls(Path::new(folder)),
        ["relay", address] => return registry::relay((*address).to_owned(), false),
        ["splice", address] => return registry::relay((*address).to_owned(), true),
        _ => {}
    }
    let setting = |name: &str| std::env::var(name).ok().filter(|text| !text.is_empty());
    let only = setting("BOB_BENCH_ONLY");
    let wanted = |part: &str| only.as_ref().is_none_or(|only| only.split(',').any(|name| name == part));
    let number = |name: &str| setting(name).and_then(|text| text.parse().ok());
    let token_seconds = number("BOB_BENCH_TOKEN_SECONDS").unwrap_or(60);
    if wanted("plain") {
        let registry = Process::registry(Traits::default());
        compare("plain http", &Endpoint::plain(&registry.address, "r"), None, digest);
    }
    if wanted("line") {
        let registry = Process::registry(Traits { bytes_per_second: Some(gbit(10)), ..Traits::default() });
        compare("plain http over 10 Gbit/s", &Endpoint::plain(&registry.address, "r"), None, digest);
    }
    let folder = certificate();
    let certificate = folder.path().join("cert.pem");
    if wanted("tls") {
        let registry = Process::tls_registry(folder.path());
        let direct = Endpoint::secured(&registry.address, "r", &certificate);
        compare("TLS", &direct, Some(&certificate), digest);
    }
    if wanted("http2") {
        versions::compare(&Process::tls_registry(folder.path()).address, &certificate);
    }
    if wanted("latency") {
        compare_latency();
    }
    if wanted("debian") {
        compare_debian();
    }
    if wanted("workspace") {
        workspace::measure();
    }
    if wanted("layers") {
        many_layers(token_seconds);
    }
    if wanted("places") {
        places::measure();
    }
    if let Some(gib) = number("BOB_BENCH_GIB") {
        large_push(gib, token_seconds);
    }
}
