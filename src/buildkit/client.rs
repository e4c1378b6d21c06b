//! The connection to a daemon.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Uri;
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
use tokio::sync::{OnceCell, mpsc};
use tokio_util::sync::CancellationToken;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};
use tower::Service;

use super::address::{Address, AddressError, TlsOptions};
use super::error::{BuildError, Error, GatewayFailure};
use super::gateway::Gateway;
use super::proto::control::control_client::ControlClient;
use super::proto::control::{ListWorkersRequest, StatusResponse};
use super::proto::pb;
use super::proto::types::WorkerRecord;
use super::request::{BuildOutcome, BuildRequest};
use super::result::BuildResult;
use super::session::SessionOptions;
use super::solve;
use super::{CONNECTION_WINDOW_BYTES, HEADER_LIST_BYTES, MAX_MESSAGE_BYTES, STREAM_WINDOW_BYTES};

/// A connection to one daemon. Clones share it.
#[derive(Clone, Debug)]
pub struct Client {
    channel: Channel,
    address: Address,
    /// The platform that the daemon builds for by default, once it was asked.
    default_platform: Arc<OnceCell<Option<pb::Platform>>>,
}

impl Client {
    /// Returns a connection to the daemon at `address`, made within `patience`.
    ///
    /// # Errors
    ///
    /// [`Error::Connect`] if nothing listens there, [`Error::ConnectTimeout`] if it does not answer,
    /// [`Error::TlsFile`], [`Error::Address`].
    pub async fn connect(address: &Address, tls: &TlsOptions, patience: Duration) -> Result<Self, Error> {
        let endpoint = endpoint(address, tls).await?;
        let timeout = || Error::ConnectTimeout { address: address.to_string(), millis: patience.as_millis() };
        let connecting = async {
            match address {
                Address::Unix(path) => endpoint.connect_with_connector(unix_connector(path.clone())).await,
                Address::Tcp { .. } => endpoint.connect().await,
            }
        };
        let channel = tokio::time::timeout(patience, connecting).await.map_err(|_| timeout())?;
        let channel = channel.map_err(|source| Error::Connect { address: address.to_string(), source })?;
        Ok(Self { channel, address: address.clone(), default_platform: Arc::default() })
    }

    /// Returns a connection to the daemon at `address` if one answers a call there within `patience`.
    ///
    /// # Errors
    ///
    /// As [`Client::connect`], and [`Error::Failed`] if something else than buildkitd answers.
    pub async fn probe(address: &Address, tls: &TlsOptions, patience: Duration) -> Result<Self, Error> {
        let attempt = async {
            let client = Self::connect(address, tls, patience).await?;
            client.default_platform().await?;
            Ok(client)
        };
        let timeout = || Error::ConnectTimeout { address: address.to_string(), millis: patience.as_millis() };
        tokio::time::timeout(patience, attempt).await.map_err(|_| timeout())?
    }

    /// Returns the address that this connection was made to.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Returns the daemon's workers; the first one builds by default.
    ///
    /// # Errors
    ///
    /// [`Error::Failed`], [`Error::Disconnected`].
    pub async fn workers(&self) -> Result<Vec<WorkerRecord>, Error> {
        let reply = self.control().list_workers(ListWorkersRequest::default()).await;
        reply.map(|r| r.into_inner().record).map_err(|s| Error::from_status("ListWorkers", s))
    }

    /// Returns the platform that the daemon builds for where none is asked for: the first one of its first worker.
    /// The daemon is asked once for each connection.
    ///
    /// Source: `init` in `frontend/dockerui/config.go` in BuildKit.
    ///
    /// # Errors
    ///
    /// [`Error::Failed`], [`Error::Disconnected`].
    pub async fn default_platform(&self) -> Result<Option<pb::Platform>, Error> {
        let ask = async {
            let platforms = self.workers().await?.into_iter().next().map(|worker| worker.platforms);
            Ok(platforms.and_then(|platforms| platforms.into_iter().next()))
        };
        self.default_platform.get_or_try_init(|| ask).await.cloned()
    }

    /// Runs one build and returns what its exporters answered.
    ///
    /// `function` gets the build's [`Gateway`] and returns the result of the build, beside a value of its
    /// own. Its failure is told to the daemon with all details and then returned. Status messages go to
    /// `events` until the daemon has sent the last one; the receiver must be read while the build runs
    /// (a closed one is ignored). When `cancel` fires, the solve is cancelled, the end of the status stream
    /// awaited for a bounded time and the session closed. Dropping the future ends everything at once.
    /// Nothing is retried.
    ///
    /// # Errors
    ///
    /// [`BuildError`]: the caller's own failure, the daemon's, or the cancellation.
    pub async fn build<T, E, F, Fut>(
        &self,
        request: BuildRequest,
        session: SessionOptions,
        events: mpsc::Sender<StatusResponse>,
        cancel: &CancellationToken,
        function: F,
    ) -> Result<BuildOutcome<T>, BuildError<E>>
    where
        F: FnOnce(Gateway) -> Fut,
        Fut: Future<Output = Result<(BuildResult, T), E>>,
        E: GatewayFailure,
    {
        solve::run(self, request, session, events, cancel, function).await
    }

    pub(crate) fn channel(&self) -> Channel {
        self.channel.clone()
    }

    pub(crate) fn control(&self) -> ControlClient<Channel> {
        ControlClient::new(self.channel())
            .max_decoding_message_size(MAX_MESSAGE_BYTES)
            .max_encoding_message_size(MAX_MESSAGE_BYTES)
    }
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
        Address::Unix(_) if tls.is_set() => {
            let what = "a Unix socket does not speak TLS; leave the TLS options out, or use tcp://";
            return Err(AddressError::Tls { address: address.to_string(), what }.into());
        }
        // The name only fills the `:authority` header: the connector knows the path.
        Address::Unix(_) => Endpoint::from_static("http://localhost"),
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
