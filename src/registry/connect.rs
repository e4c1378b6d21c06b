//! Opens connections: TLS by default, plain HTTP only where it is allowed.

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use http::uri::Scheme;
use hyper_util::client::legacy::connect::HttpConnector;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio_rustls::TlsConnector;
use tower::Service as _;

use super::address::{AddressRefused, Reach, Resolver};
use super::host::Host;
use super::stream::Stream;
use super::transport::{BoxError, causes, find};

/// How long connecting may take, TLS handshake included.
const CONNECT_LIMIT: Duration = Duration::from_secs(30);
/// How long a host that may speak plain HTTP has for a TLS handshake, before it is taken to speak none.
const PROBE_LIMIT: Duration = Duration::from_secs(5);

/// Which hosts may speak plain HTTP, and which of them turned out to.
#[derive(Debug)]
pub(super) struct PlainPolicy {
    insecure: BTreeSet<Host>,
    speaking_plain: Mutex<BTreeSet<Host>>,
}

impl PlainPolicy {
    pub(super) fn new(insecure: BTreeSet<Host>) -> Self {
        Self { insecure, speaking_plain: Mutex::default() }
    }

    pub(super) fn allows(&self, host: &Host) -> bool {
        host.is_loopback() || self.insecure.contains(host)
    }

    fn known(&self) -> std::sync::MutexGuard<'_, BTreeSet<Host>> {
        self.speaking_plain.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Plain HTTP was asked for where it is not allowed.
#[derive(Debug, thiserror::Error)]
#[error("plain http is not allowed")]
pub(super) struct PlainHttpRefused;

/// Opens connections within one [`Reach`].
#[derive(Clone)]
pub(super) struct Connector {
    reach: Reach,
    plain: Arc<PlainPolicy>,
    tcp: HttpConnector<Resolver>,
    tls: TlsConnector,
}

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connector").field("reach", &self.reach).finish_non_exhaustive()
    }
}

impl Connector {
    pub(super) fn new(reach: Reach, tls: &ClientConfig, http2: bool, plain: Arc<PlainPolicy>) -> Self {
        let mut tcp = HttpConnector::new_with_resolver(Resolver { reach });
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_keepalive(Some(Duration::from_mins(1)));
        let mut tls = tls.clone();
        if http2 {
            tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        }
        Self { reach, plain, tcp, tls: Arc::new(tls).into() }
    }

    async fn connect(mut self, uri: Uri) -> Result<Stream, BoxError> {
        let authority = uri.authority().map(ToString::to_string).unwrap_or_default();
        let host = Host::parse(&authority)?;
        if let Some(address) = host.address().filter(|address| !self.reach.allows(*address)) {
            return Err(Box::new(AddressRefused { name: address.to_string() }));
        }
        let may_be_plain = self.plain.allows(&host);
        if uri.scheme() == Some(&Scheme::HTTP) {
            return if may_be_plain {
                self.connect_plain(uri).await
            } else {
                Err(Box::new(PlainHttpRefused))
            };
        }
        if !may_be_plain {
            return self.connect_tls(uri, &host).await;
        }
        if !self.plain.known().contains(&host) {
            let attempt = tokio::time::timeout(PROBE_LIMIT, self.connect_tls(uri.clone(), &host)).await;
            match attempt {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) if speaks_tls(&*error) => return Err(error),
                Ok(Err(_)) | Err(_) => {}
            }
        }
        let plain_uri =
            Uri::builder().scheme(Scheme::HTTP).authority(authority).path_and_query("/").build()?;
        let policy = self.plain.clone();
        let stream = self.connect_plain(plain_uri).await;
        // Forgotten when it fails, so that a registry which comes back with TLS is found.
        match &stream {
            Ok(_) => policy.known().insert(host),
            Err(_) => policy.known().remove(&host),
        };
        stream
    }

    async fn connect_plain(&mut self, uri: Uri) -> Result<Stream, BoxError> {
        Ok(Stream::plain(self.tcp.call(uri).await?.into_inner()))
    }

    async fn connect_tls(&mut self, uri: Uri, host: &Host) -> Result<Stream, BoxError> {
        let name = match host.address() {
            Some(address) => ServerName::from(address),
            None => ServerName::try_from(host.name().to_owned())?,
        };
        let tcp = self.tcp.call(uri).await?.into_inner();
        Ok(Stream::secured(tcp, name, &self.tls).await?)
    }
}

/// Whether a failed handshake shows that the other side does speak TLS, so that plain HTTP would be a
/// step down: everything but bytes that are not TLS, or a connection closed or refused at once.
fn speaks_tls(error: &(dyn std::error::Error + 'static)) -> bool {
    use std::io::ErrorKind;
    if let Some(tls) = find::<rustls::Error>(error) {
        return !matches!(tls, rustls::Error::InvalidMessage(_));
    }
    !causes(error).filter_map(|cause| cause.downcast_ref::<std::io::Error>()).any(|io| {
        matches!(
            io.kind(),
            ErrorKind::UnexpectedEof
                | ErrorKind::ConnectionReset
                | ErrorKind::ConnectionAborted
                | ErrorKind::BrokenPipe
                | ErrorKind::ConnectionRefused
        )
    })
}

impl tower::Service<Uri> for Connector {
    type Response = Stream;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Stream, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connector = self.clone();
        Box::pin(async move {
            tokio::time::timeout(CONNECT_LIMIT, connector.connect(uri))
                .await
                .unwrap_or_else(|_| Err(Box::new(std::io::Error::from(std::io::ErrorKind::TimedOut))))
        })
    }
}
