//! TLS settings: which certificate authorities registries are checked against.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};

/// Where the workspace's own certificate authority lies, if it has one.
const WORKSPACE_CA: &str = "/etc/ssl/certs/gitpod-ca.crt";
/// Bundles of the common distributions. The system's store is read besides: when `SSL_CERT_FILE` is
/// set, reading that store gives only the file, and here the file only adds to the system's.
const SYSTEM_BUNDLES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// A certificate file that was asked for and cannot be used.
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

/// Client settings that trust the system's authorities, `SSL_CERT_FILE`, the workspace's own and `extra`.
pub(super) fn client_config(extra: &[PathBuf]) -> Result<ClientConfig, RootsError> {
    let mut roots = RootCertStore::empty();
    // Honours SSL_CERT_FILE and SSL_CERT_DIR; a broken certificate in the system's store is not ours to mend.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if std::env::var_os("SSL_CERT_FILE").is_some() {
        let bundle = SYSTEM_BUNDLES.iter().map(Path::new).find(|path| path.is_file());
        roots.add_parsable_certificates(
            bundle
                .map(|path| rustls_native_certs::load_certs_from_paths(Some(path), None).certs)
                .unwrap_or_default(),
        );
    }
    let workspace = Path::new(WORKSPACE_CA);
    if workspace.is_file() {
        add_file(&mut roots, workspace)?;
    }
    for path in extra {
        add_file(&mut roots, path)?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider);
    let builder = builder.with_safe_default_protocol_versions().map_err(RootsError::Tls)?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

fn add_file(roots: &mut RootCertStore, path: &Path) -> Result<(), RootsError> {
    let mut found = rustls_native_certs::load_certs_from_paths(Some(path), None);
    if found.certs.is_empty() {
        let path = path.to_owned();
        return Err(match found.errors.pop() {
            Some(source) => RootsError::File { path, source },
            None => RootsError::Empty { path },
        });
    }
    roots.add_parsable_certificates(found.certs);
    Ok(())
}
