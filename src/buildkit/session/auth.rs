//! Registry credentials for the daemon; see `session/auth` in BuildKit.
//!
//! Only `Credentials` is served. The token authority calls answer `Unimplemented`, after which the daemon
//! asks for credentials and fetches the token itself.

use std::sync::Arc;

use bollard_buildkit_proto::moby::filesync::v1::auth_server::Auth;
use bollard_buildkit_proto::moby::filesync::v1::{
    CredentialsRequest, CredentialsResponse, FetchTokenRequest, FetchTokenResponse, GetTokenAuthorityRequest,
    GetTokenAuthorityResponse, VerifyTokenAuthorityRequest, VerifyTokenAuthorityResponse,
};
use tonic::{Request, Response, Status};

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

pub(crate) struct AuthService(pub(crate) Option<Arc<dyn CredentialProvider>>);

#[tonic::async_trait]
impl Auth for AuthService {
    async fn credentials(
        &self,
        request: Request<CredentialsRequest>,
    ) -> Result<Response<CredentialsResponse>, Status> {
        let host = request.into_inner().host;
        let found = match &self.0 {
            Some(provider) => provider.credentials(&host).await,
            None => None,
        };
        let text = |secret: SecretBytes| {
            let not_text = || Status::invalid_argument(format!("the password for {host} is not UTF-8"));
            String::from_utf8(secret.expose().to_vec()).map_err(|_| not_text())
        };
        let reply = match found {
            Some(Credentials::Basic { username, password }) => {
                CredentialsResponse { username, secret: text(password)? }
            }
            Some(Credentials::IdentityToken(token)) => {
                CredentialsResponse { username: String::new(), secret: text(token)? }
            }
            None => CredentialsResponse::default(),
        };
        Ok(Response::new(reply))
    }

    async fn fetch_token(
        &self,
        _: Request<FetchTokenRequest>,
    ) -> Result<Response<FetchTokenResponse>, Status> {
        Err(Status::unimplemented("tokens are fetched by the daemon"))
    }

    async fn get_token_authority(
        &self,
        _: Request<GetTokenAuthorityRequest>,
    ) -> Result<Response<GetTokenAuthorityResponse>, Status> {
        Err(Status::unimplemented("tokens are fetched by the daemon"))
    }

    async fn verify_token_authority(
        &self,
        _: Request<VerifyTokenAuthorityRequest>,
    ) -> Result<Response<VerifyTokenAuthorityResponse>, Status> {
        Err(Status::unimplemented("tokens are fetched by the daemon"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct One;

    #[tonic::async_trait]
    impl CredentialProvider for One {
        async fn credentials(&self, host: &str) -> Option<Credentials> {
            (host == "registry-1.docker.io").then(|| Credentials::IdentityToken("token".to_owned().into()))
        }
    }

    async fn ask(service: AuthService, host: &str) -> (String, String) {
        let reply = service.credentials(Request::new(CredentialsRequest { host: host.to_owned() })).await;
        let reply = reply.unwrap().into_inner();
        (reply.username, reply.secret)
    }

    #[tokio::test]
    async fn an_identity_token_has_no_user_name() {
        let reply = ask(AuthService(Some(Arc::new(One))), "registry-1.docker.io").await;
        assert_eq!(reply, (String::new(), "token".to_owned()));
    }

    #[tokio::test]
    async fn an_unknown_host_is_anonymous() {
        assert_eq!(ask(AuthService(Some(Arc::new(One))), "other").await, Default::default());
        assert_eq!(ask(AuthService(None), "other").await, Default::default());
    }
}
