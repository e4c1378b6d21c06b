//! Registry credentials for the daemon.

use super::secret::SecretBytes;

/// Who knows the credentials of registries.
#[tonic::async_trait]
pub trait CredentialProvider: Send + Sync + 'static {
    /// Returns the credentials for a registry host; `None` means anonymous.
    ///
    /// The daemon asks only after the registry has answered 401. Docker Hub's host is
    /// `registry-1.docker.io`.
    async fn credentials(&self, host: &str) -> Option<Credentials>;
}

/// What a registry wants to see.
#[derive(Clone, Debug)]
pub enum Credentials {
    /// User name and password.
    Basic {
        /// User name.
        username: String,
        /// Password or access token.
        password: SecretBytes,
    },
    /// An OAuth2 refresh token, called identity token in docker's configuration.
    IdentityToken(SecretBytes),
}
