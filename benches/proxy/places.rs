//! The most memory that a proxy takes while clients or registries make it hold what nobody needs.

use std::io::Write as _;
use std::net::TcpStream;
use std::time::Duration;

use super::http::{Endpoint, header};
use super::process::Process;
use super::registry::{Traits, digest};

/// The most that any of it may take, in MiB.
const LIMIT: f64 = 40.0;

const HEADS: usize = 520;
const SILENT: usize = 500;
const CHALLENGES: usize = 900;
const SCOPE_BYTES: usize = 100_000;
const UPLOADS: usize = 64;
const UPLOAD_BYTES: u64 = 2 << 20;

/// Prints the peak of each case, each with a proxy of its own.
pub(crate) fn measure() {
    println!("most memory of a proxy, of at most {LIMIT} MiB:");
    let plain = Process::registry(Traits::default());
    tell(&format!("{HEADS} unfinished heads"), &plain, |proxy| {
        let head = format!("GET /v2/ HTTP/1.1\r\nHost: localhost\r\nA: {}", "x".repeat(30_000));
        let _heads = connections(proxy, HEADS, head.as_bytes());
        served(proxy);
    });
    for target in ["/v2/", "/v2/target/manifests/1", "/v2/nothing/manifests/1"] {
        tell(&format!("{SILENT} clients that ask for {target} and read nothing"), &plain, |proxy| {
            let request = format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n");
            let _silent = connections(proxy, SILENT, request.repeat(8000).as_bytes());
            served(proxy);
        });
    }
    let challenging = Process::registry(Traits { scope_bytes: Some(SCOPE_BYTES), ..Traits::default() });
    tell(&format!("{CHALLENGES} challenges with scopes of {SCOPE_BYTES} bytes"), &challenging, |proxy| {
        for _ in 0..CHALLENGES {
            let mut connection = Endpoint::plain(proxy, "target").connect();
            connection.write(
                b"GET /v2/target/manifests/1 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
            );
            let (first, headers) = connection.head().unwrap();
            assert!(!first.contains(" 200 "), "{first}");
            let size = header(&headers, "content-length").map_or(0, |length| length.parse().unwrap());
            connection.skip(size, |_| {});
        }
    });
    let refusing = Process::registry(Traits { refuses_first_put: true, ..Traits::default() });
    tell(&format!("{UPLOADS} uploads of {UPLOAD_BYTES} bytes, each with a first 503"), &refusing, |proxy| {
        std::thread::scope(|scope| {
            for _ in 0..UPLOADS {
                scope.spawn(|| {
                    let mut connection = Endpoint::plain(proxy, "target").connect();
                    connection.put("target", &digest(UPLOAD_BYTES), UPLOAD_BYTES, false);
                });
            }
        });
    });
}

/// Prints the peak of a proxy before `registry` once `attack` has returned.
fn tell(what: &str, registry: &Process, attack: impl FnOnce(&str)) {
    let proxy = Process::proxy_to(&registry.address, None);
    attack(&proxy.address);
    let peak = proxy.peak_mib();
    println!("  {what}: {peak:.1} MiB{}", if peak > LIMIT { ", TOO MUCH" } else { "" });
}

/// `count` connections on which as much of `bytes` is written as is taken.
fn connections(address: &str, count: usize, bytes: &[u8]) -> Vec<TcpStream> {
    let open = |_| {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_write_timeout(Some(Duration::from_millis(20))).unwrap();
        // It is not taken whole, or the connection had to make room.
        let _ = stream.write_all(bytes);
        stream
    };
    (0..count).map(open).collect()
}

/// Returns once a client like any other has been served.
fn served(address: &str) {
    let mut connection = Endpoint::plain(address, "target").connect();
    let (size, _) = connection.ask("GET /v2/target/manifests/1", 0, " 200 ");
    connection.skip(size, |_| {});
}
