//! HTTP to an engine: one connection a request.

use std::ffi::OsStr;
use std::io;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;

use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::BodyExt as _;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::process::{Child, Command};
use tokio_util::task::AbortOnDropHandle;

use super::address::EngineAddress;
use super::error::EngineError;
use crate::diag::{redact, visible};
use crate::http::body::{self, Body};
use crate::search_path::{self, find_program};
use crate::workspace::{process_variable, variables};

/// The largest answer that is read, in bytes.
const MAX_ANSWER_BYTES: usize = 16 << 20;
/// How many pieces are told of what `ssh` writes.
const MAX_PIECES_TOLD: usize = 16;

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
    let host = HeaderValue::from_str(host)
        .map_err(|source| EngineError::Broken { address: address.to_string(), source: source.into() })?;
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
            let mut child =
                ssh(arguments, process_variable(variables::SEARCH_PATH.name).as_deref()).map_err(failed)?;
            let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
            let (Some(input), Some(output), Some(errors)) = pipes else {
                return Err(failed(io::ErrorKind::BrokenPipe.into()));
            };
            tokio::spawn(tell(errors));
            // It ends when its input does.
            tokio::spawn(async move { child.wait().await });
            Ok(Box::new(tokio::io::join(output, input)))
        }
        EngineAddress::Podman(_) => Err(failed(io::ErrorKind::Unsupported.into())),
    }
}

/// Starts `ssh`, which is looked for in `search_path`.
fn ssh(arguments: &[String], search_path: Option<&OsStr>) -> io::Result<Child> {
    let missing = || io::Error::new(io::ErrorKind::NotFound, "there is no program ssh on PATH");
    let program = find_program("ssh", search_path).ok_or_else(missing)?;
    Command::new(program)
        .args(arguments)
        .env(variables::SEARCH_PATH.name, search_path.and_then(search_path::absolute).unwrap_or_default())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
}

/// Tells what a program writes on standard error, as it comes, harmless to a terminal. A program that says much is told
/// no more, and may go on.
async fn tell(mut errors: impl AsyncRead + Unpin) {
    let (mut buffer, mut left) = ([0; 4096], MAX_PIECES_TOLD);
    while let Ok(count @ 1..) = errors.read(&mut buffer).await {
        if left > 0 {
            left -= 1;
            let words = String::from_utf8_lossy(&buffer[..count]);
            tracing::warn!("ssh says: {}", visible(&redact(words.trim())));
        }
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

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[tokio::test]
    async fn ssh_is_no_program_of_the_current_folder_and_does_not_write_to_the_terminal() {
        let here = std::env::current_dir().unwrap();
        let folder = tempfile::tempdir_in(&here).unwrap();
        let program = folder.path().join("ssh");
        std::fs::write(&program, "#!/bin/sh\nprintf words >&2\n").unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        let relative = folder.path().strip_prefix(&here).unwrap();
        for search_path in [relative.as_os_str(), "".as_ref()] {
            let error = ssh(&[], Some(search_path)).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::NotFound, "{search_path:?}");
        }
        let mut child = ssh(&[], Some(folder.path().as_os_str())).unwrap();
        let mut words = String::new();
        child.stderr.take().unwrap().read_to_string(&mut words).await.unwrap();
        assert_eq!(words, "words");
        child.wait().await.unwrap();
    }
}
