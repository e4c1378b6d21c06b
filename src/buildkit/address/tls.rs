//! Files and names for TLS.

use std::io;
use std::path::{Path, PathBuf};

use super::AddressError;

/// Files and names for mutual TLS over TCP.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsOptions {
    /// PEM file of the authorities that may sign the daemon's certificate.
    pub ca: Option<PathBuf>,
    /// PEM file of the client's certificate.
    pub cert: Option<PathBuf>,
    /// PEM file of the client's private key.
    pub key: Option<PathBuf>,
    /// The name that the daemon's certificate must carry, where it is not the host's.
    pub server_name: Option<String>,
}

impl TlsOptions {
    /// Returns whether any of the options asks for TLS.
    pub fn is_set(&self) -> bool {
        self.ca.is_some() || self.cert.is_some() || self.key.is_some() || self.server_name.is_some()
    }

    /// Returns the options of a folder with the files `ca.pem`, `cert.pem` and `key.pem`, or `ca.crt`, `tls.crt` and
    /// `tls.key` as a Kubernetes secret has them (BuildKit: `resolveTLSFilesFromDir` in cmd/buildctl/common/common.go).
    ///
    /// # Errors
    ///
    /// [`AddressError::TlsFolder`] if one of the three is missing.
    pub fn of_folder(folder: &Path, server_name: Option<String>) -> Result<Self, AddressError> {
        let one_of = |names: [&'static str; 2]| {
            let found = names.iter().map(|name| folder.join(name)).find(|path| is_there(path));
            found.map(Some).ok_or_else(|| AddressError::TlsFolder { folder: folder.to_owned(), names })
        };
        Ok(Self {
            ca: one_of(["ca.pem", "ca.crt"])?,
            cert: one_of(["cert.pem", "tls.crt"])?,
            key: one_of(["key.pem", "tls.key"])?,
            server_name,
        })
    }
}

/// Whether there is something at `path`. What cannot be looked at counts: reading it then says why not.
fn is_there(path: &Path) -> bool {
    match path.metadata() {
        Ok(_) => true,
        Err(error) => error.kind() != io::ErrorKind::NotFound,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_the_files_under_either_set_of_names() {
        for names in [["ca.pem", "cert.pem", "key.pem"], ["ca.crt", "tls.crt", "tls.key"]] {
            let folder = tempfile::tempdir().unwrap();
            for name in names {
                std::fs::write(folder.path().join(name), "").unwrap();
            }
            let options = TlsOptions::of_folder(folder.path(), Some("bk".into())).unwrap();
            let expected = names.map(|name| Some(folder.path().join(name)));
            assert_eq!([options.ca, options.cert, options.key], expected);
            assert_eq!(options.server_name.as_deref(), Some("bk"));
        }
    }

    #[test]
    fn a_missing_file_is_named_with_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.pem"), "").unwrap();
        let error = TlsOptions::of_folder(folder.path(), None).unwrap_err().to_string();
        assert!(error.contains("cert.pem or tls.crt"), "{error}");
        assert!(error.contains(folder.path().to_str().unwrap()), "{error}");
    }
}
