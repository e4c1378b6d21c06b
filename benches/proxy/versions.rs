//! HTTP/2 beside HTTP/1.1 to a registry with TLS, by the transport that the proxy uses.

use std::path::Path;
use std::time::Instant;

use bob::http::body::{Body, empty_body};
use bob::registry::{AddressPolicy, Transport, TransportConfig};
use bytes::Bytes;
use futures_util::stream;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use hyper::{Method, Request};

use super::http::{PIECE, ZEROS};
use super::process::cpu_of;
use super::registry::digest;
use super::{GIB, LOADS, Load, median, rounds};

/// Moves 1 GiB in all to or from `registry` with each version in turn.
pub(crate) fn compare(registry: &str, certificate: &Path) {
    println!("HTTP/1.1 and HTTP/2 over TLS: GiB/s (processor s a GiB), median of {}", rounds());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let transports = [false, true].map(|http2| {
        let extra_ca = vec![certificate.to_owned()];
        Transport::new(&TransportConfig { http2, extra_ca, ..TransportConfig::default() }).unwrap()
    });
    for load in LOADS {
        let mut figures = [const { Vec::new() }; 2];
        for _ in 0..rounds() {
            for (transport, figures) in transports.iter().zip(&mut figures) {
                let (begun, cpu) = (Instant::now(), cpu_of("self"));
                runtime.block_on(transfer(transport, registry, load));
                figures.push((
                    begun.elapsed().as_secs_f64().recip(),
                    cpu_of("self").saturating_sub(cpu).as_secs_f64(),
                ));
            }
        }
        print!("  {} {:2} streams:", if load.put { "PUT" } else { "GET" }, load.streams);
        for (name, figures) in ["HTTP/1.1", " HTTP/2"].into_iter().zip(figures) {
            let (speeds, cpu) = figures.into_iter().unzip();
            print!(" {name} {:.2} ({:.2}),", median(speeds), median(cpu));
        }
        println!();
    }
}

async fn transfer(transport: &Transport, registry: &str, load: Load) {
    let size = GIB / load.streams;
    let requests = (0..load.streams).map(|_| async {
        let (method, path, body) = if load.put {
            (Method::PUT, "uploads/1".to_owned(), zeros(size))
        } else {
            (Method::GET, digest(size), empty_body())
        };
        let request = Request::builder().method(method).uri(format!("https://{registry}/v2/r/blobs/{path}"));
        let response = transport.send(AddressPolicy::Any, request.body(body).unwrap()).await.unwrap();
        assert!(response.status().is_success());
        let mut body = response.into_body();
        while let Some(frame) = body.frame().await {
            frame.unwrap();
        }
    });
    futures_util::future::join_all(requests).await;
}

fn zeros(size: u64) -> Body {
    let piece = Bytes::from_static(&ZEROS);
    let pieces = std::iter::repeat_n(piece, usize::try_from(size).unwrap() / PIECE);
    StreamBody::new(stream::iter(pieces.map(|piece| Ok(Frame::data(piece))))).boxed_unsync()
}
