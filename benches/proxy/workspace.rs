//! The workspace image of a base of 1 GiB at the same registry, which is Debian's: directly, and through the
//! proxy.

use std::time::Instant;

use super::http::{Endpoint, PIECE, ZEROS};
use super::process::Process;
use super::support::{Counter, Registry, Workspace};
use super::{GIB, hashed, median, rounds};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

pub(crate) fn measure() {
    let registry = Registry::open();
    let counter = Counter::before(&registry, true);
    push_base(&registry);
    for through_proxy in [false, true] {
        let (mut times, mut peaks, mut seen) = (Vec::new(), Vec::new(), Vec::new());
        for round in 0..rounds() {
            // A repository of its own each time, so that every layer has to be mounted.
            let target = counter.reference(&format!("target-{through_proxy}-{round}:v1"));
            let base = counter.reference("base:v1");
            let proxy = through_proxy.then(|| Process::proxy(&base, &target, None));
            let name = |alias: &str| proxy.as_ref().map(|proxy| format!("{}/{alias}:v1", proxy.address));
            let (base, target) = (name("base").unwrap_or(base), name("target").unwrap_or(target));
            counter.take();
            let begun = Instant::now();
            Workspace::new(&[]).build(&base, &target).succeed();
            times.push(begun.elapsed().as_secs_f64());
            peaks.extend(proxy.map(|proxy| proxy.peak_mib()));
            seen = counter.take();
        }
        let blob_bytes: u64 = seen.iter().filter(|e| e.is_blob()).map(|e| e.sent + e.received).sum();
        print!("workspace image, {}:", if through_proxy { "proxy" } else { "direct" });
        print!(" {blob_bytes} blob bytes, {} requests, {:.2} s", seen.len(), median(times));
        println!(
            "{}",
            if peaks.is_empty() { String::new() } else { format!(", proxy's peak {:.1} MiB", median(peaks)) }
        );
    }
}

/// Pushes a base whose one layer has 1 GiB.
fn push_base(registry: &Registry) {
    let mut connection = Endpoint::plain(&registry.host, "base").connect();
    let layer = hashed(std::iter::repeat_n(&ZEROS[..], usize::try_from(GIB).unwrap() / PIECE));
    connection.put("base", &layer, GIB, false);
    let config = format!(
        r#"{{"architecture":"amd64","os":"linux","config":{{}},"rootfs":{{"type":"layers","diff_ids":["{layer}"]}}}}"#
    );
    let digest = hashed([config.as_bytes()]);
    connection.put_bytes("base", &digest, config.as_bytes());
    let size = config.len();
    let manifest = format!(
        r#"{{"schemaVersion":2,"mediaType":"{MANIFEST}","config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{digest}","size":{size}}},"layers":[{{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"{layer}","size":{GIB}}}]}}"#
    );
    registry.put_manifest("base:v1", MANIFEST, &manifest);
}
