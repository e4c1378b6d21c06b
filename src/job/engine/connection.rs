//! HTTP to an engine: one connection a request.

use std::io;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;

use http::{Request, Response, StatusCode, header};
use http_body_util::BodyExt as _;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio_util::task::AbortOnDropHandle;

use super::address::EngineAddress;
use super::error::EngineError;
use crate::diag::{redact, visible};
use crate::http::body::{self, Body};

/// The largest answer that is read, in bytes.
const MAX_ANSWER_BYTES: usize = 16 << 20;

/// A connection in both directions.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// A response, whose connection lives as long as it does.
pub(super) struct Answer {
    pub(super) response: Response<Body>,
    pub(super) connection: AbortOnDropHandle<()>,
}

/// Whether the engine keeps images in containerd's store.
///
/// # Errors
/// [`EngineError`] where it does not answer.
pub(super) async fn has_containerd_store(address: &EngineAddress) -> Result<bool, EngineError> {
    #[derive(Deserialize)]
    struct Info {
        #[serde(rename = "DriverStatus", default)]
        driver_status: Option<Vec<Vec<String>>>,
    }
    if matches!(address, EngineAddress::Podman(_)) {
        return Ok(false);
    }
    let request = Request::get("/info").body(body::empty_body()).expect("a plain request");
    let answer = send(address, request).await?;
    let Answer { response, connection: _connection } = answer;
    let status = response.status();
    let text = body::collect(response.into_body(), MAX_ANSWER_BYTES).await;
    let text = text.map_err(|source| EngineError::Broken { address: address.to_string(), source })?;
    if status != StatusCode::OK {
        return Err(refusal(address, status, &text));
    }
    let info = serde_json::from_slice::<Info>(&text)
        .map_err(|source| EngineError::Broken { address: address.to_string(), source: source.into() })?;
    let is_containerd = |pair: &Vec<String>| matches!(pair.as_slice(), [key, value] if key == "driver-type" && value == "io.containerd.snapshotter.v1");
    Ok(info.driver_status.unwrap_or_default().iter().any(is_containerd))
}

/// The error for an answer that is no success: docker says the reason in JSON.
pub(super) fn refusal(address: &EngineAddress, status: StatusCode, text: &[u8]) -> EngineError {
    #[derive(Deserialize)]
    struct Reason {
        message: String,
    }
    let reason = serde_json::from_slice::<Reason>(text).map(|reason| reason.message);
    let message = reason.unwrap_or_else(|_| status.to_string());
    refused(address, &message)
}

/// The error for what the engine says.
pub(super) fn refused(address: &EngineAddress, message: &str) -> EngineError {
    let message = visible(&redact(message.trim())).into_owned();
    EngineError::Refused { address: address.to_string(), message }
}

/// Sends a request over a connection of its own.
///
/// # Errors
/// [`EngineError::Connect`], [`EngineError::Broken`].
pub(super) async fn send(address: &EngineAddress, mut request: Request<Body>) -> Result<Answer, EngineError> {
    let stream = connect(address).await?;
    let broken =
        |source: hyper::Error| EngineError::Broken { address: address.to_string(), source: source.into() };
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
    let connection = AbortOnDropHandle::new(tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "the connection to docker broke");
        }
    }));
    let host = match address {
        EngineAddress::Tcp { authority, .. } => authority.as_str(),
        _ => "docker",
    };
    let host = host.parse().expect("an authority is a header value");
    request.headers_mut().insert(header::HOST, host);
    let response = sender.send_request(request).await.map_err(broken)?;
    let response = response.map(|body| body.map_err(Into::into).boxed_unsync());
    Ok(Answer { response, connection })
}

async fn connect(address: &EngineAddress) -> Result<Box<dyn Stream>, EngineError> {
    let failed = |source| EngineError::Connect { address: address.to_string(), source };
    match address {
        EngineAddress::Unix(path) => Ok(Box::new(UnixStream::connect(path).await.map_err(failed)?)),
        EngineAddress::Tcp { authority, certificates } => {
            let tcp = TcpStream::connect(authority).await.map_err(failed)?;
            let Some(folder) = certificates else { return Ok(Box::new(tcp)) };
            let host = authority.rsplit_once(':').map_or(authority.as_str(), |(host, _)| host);
            let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
            let name = ServerName::try_from(host).map_err(|error| failed(io::Error::other(error)))?;
            let connector = tokio_rustls::TlsConnector::from(Arc::new(tls_config(folder)?));
            Ok(Box::new(connector.connect(name, tcp).await.map_err(failed)?))
        }
        EngineAddress::Ssh(arguments) => {
            let mut child = tokio::process::Command::new("ssh")
                .args(arguments)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .kill_on_drop(true)
                .spawn()
                .map_err(failed)?;
            let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
                return Err(failed(io::ErrorKind::BrokenPipe.into()));
            };
            // It ends when its input does.
            tokio::spawn(async move { child.wait().await });
            Ok(Box::new(tokio::io::join(output, input)))
        }
        EngineAddress::Podman(_) => Err(failed(io::ErrorKind::Unsupported.into())),
    }
}

/// TLS with the files that docker names `ca.pem`, `cert.pem` and `key.pem`.
fn tls_config(folder: &Path) -> Result<ClientConfig, EngineError> {
    let wrong = |reason: String| EngineError::Certificates { folder: folder.to_owned(), reason };
    let certificates = |name: &str| -> Result<Vec<CertificateDer<'static>>, EngineError> {
        let read = CertificateDer::pem_file_iter(folder.join(name)).and_then(Iterator::collect);
        read.map_err(|error| wrong(format!("{name}: {error}")))
    };
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(certificates("ca.pem")?);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| wrong(error.to_string()))?
        .with_root_certificates(roots);
    if !folder.join("cert.pem").exists() {
        return Ok(builder.with_no_client_auth());
    }
    let key = PrivateKeyDer::from_pem_file(folder.join("key.pem"));
    let key = key.map_err(|error| wrong(format!("key.pem: {error}")))?;
    builder.with_client_auth_cert(certificates("cert.pem")?, key).map_err(|error| wrong(error.to_string()))
}
