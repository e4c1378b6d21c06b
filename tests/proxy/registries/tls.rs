//! Registries with TLS: how they end a connection, and where they send clients.

use std::sync::Arc;

use bob::registry::Client;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::{authenticator, chain, login, repository};
use crate::support::Registry;
use crate::upstream::{Upstream, reply};

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
