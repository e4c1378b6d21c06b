//! TLS settings: the certificate authorities that registries are checked against.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

/// The file of the workspace's own certificate authority, if it has one.
const WORKSPACE_CA: &str = "/etc/ssl/certs/gitpod-ca.crt";
/// Bundles of the common distributions. The system's store is read besides: when `SSL_CERT_FILE` is
/// set, reading that store gives only the file, and here the file only adds to the system's.
const SYSTEM_BUNDLES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// The error of a certificate file that was asked for and cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RootsError {
    /// No certificate can be read from it.
    #[error("cannot read certificates from {path}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: rustls_native_certs::Error,
    },
    /// It holds none.
    #[error("{path} holds no certificate in PEM form")]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// The TLS library refuses its own defaults.
    #[error("cannot set up TLS")]
    Tls(#[source] rustls::Error),
}

/// Returns client settings that trust the system's authorities, `SSL_CERT_FILE`, the workspace's own and `extra`. The
/// system's are read when the first certificate is checked: reading them takes longer than all else that a build on this
/// machine does before it asks buildkitd.
pub(crate) fn client_config(extra: &[PathBuf]) -> Result<ClientConfig, RootsError> {
    let mut named = Vec::new();
    let workspace = Path::new(WORKSPACE_CA);
    if workspace.is_file() {
        named.extend(read_file(workspace)?);
    }
    for path in extra {
        named.extend(read_file(path)?);
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let check = CertificateCheck::Authorities(Authorities { named, trust: OnceLock::new() });
    let verifier = Verifier { check, provider: provider.clone() };
    let builder = ClientConfig::builder_with_provider(provider);
    let builder = builder.with_safe_default_protocol_versions().map_err(RootsError::Tls)?;
    Ok(builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth())
}

/// Returns the system's authorities and those of `SSL_CERT_FILE`.
fn system_authorities() -> Vec<CertificateDer<'static>> {
    // Honours SSL_CERT_FILE and SSL_CERT_DIR; a broken certificate in the system's store is left out.
    let mut trusted = rustls_native_certs::load_native_certs().certs;
    if std::env::var_os("SSL_CERT_FILE").is_some() {
        let bundle = SYSTEM_BUNDLES.iter().map(Path::new).find(|path| path.is_file());
        trusted.extend(
            bundle
                .into_iter()
                .flat_map(|path| rustls_native_certs::load_certs_from_paths(Some(path), None).certs),
        );
    }
    trusted
}

/// The authorities that certificates are checked against.
#[derive(Debug)]
struct Trust {
    /// `None` on a machine without authorities, which can still use registries on this machine by plain http.
    chain: Option<Arc<WebPkiServerVerifier>>,
    certificates: Vec<CertificateDer<'static>>,
}

impl Trust {
    fn of(certificates: Vec<CertificateDer<'static>>, provider: &Arc<CryptoProvider>) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(certificates.iter().cloned());
        let chain = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build();
        Self { chain: chain.ok(), certificates }
    }
}

/// What a server's certificate is checked for. In any case the server has to have the certificate's key.
#[derive(Debug)]
enum CertificateCheck {
    /// The usual verification, which besides accepts a server whose own certificate is among the trusted ones:
    /// many private registries have a self-signed certificate that is its own authority, and the usual
    /// verification never takes an authority's certificate for a server's.
    Authorities(Authorities),
    /// Nothing: every certificate is taken.
    Nothing,
}

/// The authorities that are trusted.
#[derive(Debug)]
struct Authorities {
    /// The authorities of files that were named, and the workspace's own.
    named: Vec<CertificateDer<'static>>,
    /// These and the system's, once a certificate had to be checked.
    trust: OnceLock<Trust>,
}

impl Authorities {
    fn trust(&self, provider: &Arc<CryptoProvider>) -> &Trust {
        self.trust.get_or_init(|| {
            let mut certificates = system_authorities();
            certificates.extend(self.named.iter().cloned());
            Trust::of(certificates, provider)
        })
    }
}

/// Checks the certificates of servers, and that they have the keys of these.
#[derive(Debug)]
struct Verifier {
    check: CertificateCheck,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let trust = match &self.check {
            CertificateCheck::Authorities(authorities) => authorities.trust(&self.provider),
            CertificateCheck::Nothing => return Ok(ServerCertVerified::assertion()),
        };
        let unknown = rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer);
        let Some(chain) = &trust.chain else { return Err(unknown) };
        match chain.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            // What is wrong with an authority's certificate in this place has no name of its own; dates
            // and encoding have, and were checked before it.
            Err(rustls::Error::InvalidCertificate(CertificateError::Other(_)))
                if trust.certificates.iter().any(|trusted| trusted.as_ref() == end_entity.as_ref()) =>
            {
                let parsed = ParsedCertificate::try_from(end_entity)?;
                rustls::client::verify_server_name(&parsed, server_name)?;
                Ok(ServerCertVerified::assertion())
            }
            verdict => verdict,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// The same settings for servers whose certificates are not checked: a server still has to have the key of its own.
pub(crate) fn without_verification(config: &ClientConfig) -> ClientConfig {
    let mut config = config.clone();
    let provider = Arc::clone(config.crypto_provider());
    config
        .dangerous()
        .set_certificate_verifier(Arc::new(Verifier { check: CertificateCheck::Nothing, provider }));
    config
}

fn read_file(path: &Path) -> Result<Vec<CertificateDer<'static>>, RootsError> {
    let mut found = rustls_native_certs::load_certs_from_paths(Some(path), None);
    if !found.certs.is_empty() {
        return Ok(found.certs);
    }
    let path = path.to_owned();
    Err(match found.errors.pop() {
        Some(source) => RootsError::File { path, source },
        None => RootsError::Empty { path },
    })
}
