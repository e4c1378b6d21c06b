//! How the connection to a daemon is made.

mod helper;

use std::io;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Uri;
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};
use tower::Service;

pub use helper::HelperEnd;
pub(super) use helper::HelperRecord;

use super::address::{Address, AddressError, TlsOptions};
use super::error::Error;
use crate::diag::causes;

use super::{CONNECTION_WINDOW_BYTES, HEADER_LIST_BYTES, STREAM_WINDOW_BYTES};

/// Connects to `address`. What the program of an address says goes to `record`.
///
/// # Errors
///
/// [`Error::Connect`], [`Error::NoHelper`], [`Error::TlsFile`], [`Error::Address`].
pub(super) async fn open(
    address: &Address,
    tls: &TlsOptions,
    record: &HelperRecord,
) -> Result<Channel, Error> {
    let endpoint = endpoint(address, tls).await?;
    let connected = match address {
        Address::Unix(path) => endpoint.connect_with_connector(unix_connector(path.clone())).await,
        Address::Tcp { .. } => endpoint.connect().await,
        Address::Helper(helper) => {
            let connector = helper::connector(helper, record.clone())?;
            endpoint.connect_with_connector(connector).await
        }
    };
    connected.map_err(|source| Error::Connect { address: address.to_string(), source })
}

/// Returns `error`; where a connection did not come about or broke, and it went through a program, what that said.
pub(super) async fn explain(error: Error, address: &Address, record: &HelperRecord) -> Error {
    let Address::Helper(helper) = address else { return error };
    let is_lost =
        matches!(error, Error::Connect { .. } | Error::Disconnected { .. } | Error::ConnectTimeout { .. });
    match if is_lost { record.end().await } else { None } {
        Some(end) => Error::Helper { address: address.to_string(), program: helper.program(), end },
        None => error,
    }
}

/// Returns the error for a first call that was lost, which names the address.
pub(super) fn no_answer(error: Error, address: &Address) -> Error {
    let Error::Disconnected { source, .. } = &error else { return error };
    let cause =
        causes(source.as_ref()).last().map_or_else(|| source.message().to_owned(), ToString::to_string);
    let hint = match address {
        Address::Tcp { .. } => {
            "; a buildkitd that asks for a certificate gets it from --tlsdir, or from --tlscacert, --tlscert and --tlskey"
        }
        Address::Unix(_) | Address::Helper(_) => "",
    };
    Error::NoAnswer { address: address.to_string(), cause, hint }
}

/// Connects to a socket by its path, whatever bytes the path holds.
fn unix_connector(
    path: PathBuf,
) -> impl Service<Uri, Response = TokioIo<UnixStream>, Error = io::Error, Future: Send> + Send + 'static {
    tower::service_fn(move |_: Uri| {
        let path = path.clone();
        async move { UnixStream::connect(path).await.map(TokioIo::new) }
    })
}

async fn endpoint(address: &Address, tls: &TlsOptions) -> Result<Endpoint, Error> {
    let malformed = |what| Error::Address(AddressError::Incomplete { address: address.to_string(), what });
    let endpoint = match address {
        other if tls.is_set() && !other.can_speak_tls() => {
            let what = "it does not speak TLS; leave the TLS options out, or use tcp://";
            return Err(AddressError::Tls { address: address.to_string(), what }.into());
        }
        // The name only fills the `:authority` header: the connector knows where to connect.
        Address::Unix(_) | Address::Helper(_) => Endpoint::from_static("http://localhost"),
        Address::Tcp { .. } if !tls.is_set() => tcp_endpoint(address, "http").map_err(malformed)?,
        Address::Tcp { host, .. } => {
            let config = tls_config(address, host, tls).await?;
            let endpoint = tcp_endpoint(address, "https").map_err(malformed)?;
            let wrong = |source| Error::Connect { address: address.to_string(), source };
            endpoint.tls_config(config).map_err(wrong)?
        }
    };
    // No keep-alive pings: the daemon ends a connection that pings more often than every five minutes.
    Ok(endpoint
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .http2_max_header_list_size(HEADER_LIST_BYTES)
        .tcp_nodelay(true)
        .user_agent(concat!("bob/", env!("CARGO_PKG_VERSION")))
        .expect("name and version are valid header values"))
}

fn tcp_endpoint(address: &Address, scheme: &str) -> Result<Endpoint, &'static str> {
    let text = address.to_string();
    let rest = text.strip_prefix("tcp").expect("a TCP address prints with its scheme");
    Endpoint::from_shared(format!("{scheme}{rest}")).map_err(|_| "a usable host name")
}

async fn tls_config(address: &Address, host: &str, tls: &TlsOptions) -> Result<ClientTlsConfig, Error> {
    let read = async |path: &PathBuf| {
        let failed = |source| Error::TlsFile { path: path.display().to_string(), source };
        tokio::fs::read(path).await.map_err(failed)
    };
    let mut config = ClientTlsConfig::new().domain_name(tls.server_name.as_deref().unwrap_or(host));
    config = match &tls.ca {
        Some(ca) => config.ca_certificate(Certificate::from_pem(read(ca).await?)),
        None => config.ca_certificates(system_roots()),
    };
    match (&tls.cert, &tls.key) {
        (Some(cert), Some(key)) => {
            Ok(config.identity(Identity::from_pem(read(cert).await?, read(key).await?)))
        }
        (None, None) => Ok(config),
        _ => {
            let what = "give both --tlscert and --tlskey, or neither";
            Err(AddressError::Tls { address: address.to_string(), what }.into())
        }
    }
}

/// The authorities that this machine trusts, for a daemon whose authority is not named.
fn system_roots() -> Vec<Certificate> {
    let pem = |der: &[u8]| {
        format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", STANDARD.encode(der))
    };
    rustls_native_certs::load_native_certs().certs.iter().map(|c| Certificate::from_pem(pem(c))).collect()
}
