//! Registry credentials for the daemon; see `session/auth` in BuildKit.
//!
//! Where a registry takes bearer tokens, the daemon asks `GetTokenAuthority` who fetches them, then gets each token by
//! `FetchToken` and never sees a password. `Credentials` is for registries that take nothing but passwords.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bollard_buildkit_proto::moby::filesync::v1::auth_server::{Auth, AuthServer};
use bollard_buildkit_proto::moby::filesync::v1::{
    CredentialsRequest, CredentialsResponse, FetchTokenRequest, FetchTokenResponse, GetTokenAuthorityRequest,
    GetTokenAuthorityResponse, VerifyTokenAuthorityRequest, VerifyTokenAuthorityResponse,
};
use ring::hmac;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use tonic::{Request, Response, Status};

use super::Service;
use crate::secret::SecretBytes;

/// The longest salt and payload that are signed, in bytes; the daemon sends 32 of each.
const MAX_SIGNED_BYTES: usize = 4096;

/// Who knows the credentials of registries, and decides which of them the daemon may have.
#[tonic::async_trait]
pub trait CredentialProvider: Send + Sync + 'static {
    /// Returns user name and password for a registry host; `None` means anonymous.
    ///
    /// The daemon asks only after the registry has answered 401. Docker Hub's host is `registry-1.docker.io`.
    ///
    /// # Errors
    /// [`CredentialRefusal`] where there are credentials that the daemon may not have.
    async fn credentials(&self, host: &str) -> Result<Option<Credentials>, CredentialRefusal>;

    /// Returns whether the bearer tokens of a registry host are fetched here. Where not, the daemon asks for
    /// [`credentials`](Self::credentials) and fetches them itself.
    async fn fetches_tokens(&self, host: &str) -> bool;

    /// Returns a bearer token for a registry host with at most the given scopes, such as `repository:app:pull`.
    ///
    /// # Errors
    /// [`CredentialRefusal`] where the daemon may have none of these scopes, or no token can be had.
    async fn token(&self, host: &str, scopes: &[String]) -> Result<BearerToken, CredentialRefusal>;
}

/// User name and password, as a registry with Basic authentication wants them.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// User name.
    pub username: String,
    /// Password or access token.
    pub password: SecretBytes,
}

/// A bearer token for the daemon.
#[derive(Clone, Debug)]
pub struct BearerToken {
    /// The token itself.
    pub token: SecretBytes,
    /// How long it holds from `issued_at` on.
    pub expires_in: Duration,
    /// When it was issued.
    pub issued_at: SystemTime,
}

/// Why the daemon does not get credentials.
#[derive(Debug, thiserror::Error)]
#[error("{reason}")]
pub struct CredentialRefusal {
    reason: String,
}

impl CredentialRefusal {
    /// Returns a refusal for `reason`, which names the registry and holds no secret.
    pub fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into() }
    }
}

impl From<CredentialRefusal> for Status {
    fn from(refusal: CredentialRefusal) -> Self {
        Self::permission_denied(refusal.reason)
    }
}

pub(super) const SERVICE: Service = Service {
    methods: &[
        "/moby.filesync.v1.Auth/Credentials",
        "/moby.filesync.v1.Auth/FetchToken",
        "/moby.filesync.v1.Auth/GetTokenAuthority",
        "/moby.filesync.v1.Auth/VerifyTokenAuthority",
    ],
    add: |routes, parts| {
        let provider = parts.options.credentials.take();
        routes.add_service(AuthServer::new(AuthService::new(provider)))
    },
};

/// Answers the daemon's questions of one session.
pub(crate) struct AuthService {
    provider: Option<Arc<dyn CredentialProvider>>,
    /// Makes the keys that show the daemon, which shares tokens between sessions, that a session is this one again.
    seed: hmac::Key,
}

impl fmt::Debug for AuthService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthService").field("provider", &self.provider.is_some()).finish_non_exhaustive()
    }
}

impl AuthService {
    /// Returns the service of one session; without a provider everything is anonymous.
    pub(crate) fn new(provider: Option<Arc<dyn CredentialProvider>>) -> Self {
        let seed: [u8; 32] = rand::random();
        Self { provider, seed: hmac::Key::new(hmac::HMAC_SHA256, &seed) }
    }

    /// Returns the provider, if it fetches the tokens of `host`.
    async fn token_provider(&self, host: &str) -> Result<&dyn CredentialProvider, Status> {
        match self.provider.as_deref() {
            Some(provider) if provider.fetches_tokens(host).await => Ok(provider),
            // After this the daemon asks for credentials, gets none, and fetches an anonymous token.
            _ => Err(Status::unimplemented("the daemon fetches the tokens of this registry itself")),
        }
    }

    /// Returns the key of this session for `host`: the same for the same salt, another for every other session.
    ///
    /// Source: `getAuthorityKey` in `session/auth/authprovider/authprovider.go` of BuildKit.
    fn authority_key(&self, host: &str, salt: &[u8]) -> Result<Ed25519KeyPair, Status> {
        if salt.len() > MAX_SIGNED_BYTES {
            return Err(Status::invalid_argument("the salt is too long"));
        }
        let of_host = hmac::sign(&self.seed, host.as_bytes());
        let seed = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, salt), of_host.as_ref());
        Ed25519KeyPair::from_seed_unchecked(seed.as_ref())
            .map_err(|_| Status::internal("a key could not be made"))
    }
}

/// Returns a secret as the text that a message holds.
fn text(secret: &SecretBytes, host: &str) -> Result<String, Status> {
    let not_text = |_| Status::invalid_argument(format!("the credentials for {host} are not UTF-8"));
    std::str::from_utf8(secret.expose()).map(str::to_owned).map_err(not_text)
}

#[tonic::async_trait]
impl Auth for AuthService {
    async fn credentials(
        &self,
        request: Request<CredentialsRequest>,
    ) -> Result<Response<CredentialsResponse>, Status> {
        let host = request.into_inner().host;
        let found = match &self.provider {
            Some(provider) => provider.credentials(&host).await?,
            None => None,
        };
        let reply = match found {
            Some(Credentials { username, password }) => {
                CredentialsResponse { username, secret: text(&password, &host)? }
            }
            None => CredentialsResponse::default(),
        };
        Ok(Response::new(reply))
    }

    async fn fetch_token(
        &self,
        request: Request<FetchTokenRequest>,
    ) -> Result<Response<FetchTokenResponse>, Status> {
        // Realm and service are what the daemon says of them: the registry itself is asked instead.
        let FetchTokenRequest { host, scopes, .. } = request.into_inner();
        let token = self.token_provider(&host).await?.token(&host, &scopes).await?;
        let issued_at = token.issued_at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let seconds = |time: Duration| i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
        Ok(Response::new(FetchTokenResponse {
            token: text(&token.token, &host)?,
            expires_in: seconds(token.expires_in),
            issued_at: seconds(issued_at),
        }))
    }

    async fn get_token_authority(
        &self,
        request: Request<GetTokenAuthorityRequest>,
    ) -> Result<Response<GetTokenAuthorityResponse>, Status> {
        let GetTokenAuthorityRequest { host, salt } = request.into_inner();
        self.token_provider(&host).await?;
        let key = self.authority_key(&host, &salt)?;
        Ok(Response::new(GetTokenAuthorityResponse { public_key: key.public_key().as_ref().to_vec() }))
    }

    async fn verify_token_authority(
        &self,
        request: Request<VerifyTokenAuthorityRequest>,
    ) -> Result<Response<VerifyTokenAuthorityResponse>, Status> {
        let VerifyTokenAuthorityRequest { host, payload, salt } = request.into_inner();
        if payload.len() > MAX_SIGNED_BYTES {
            return Err(Status::invalid_argument("the payload is too long"));
        }
        self.token_provider(&host).await?;
        let key = self.authority_key(&host, &salt)?;
        // The form of `nacl/sign`: the signature, then what was signed.
        let signed = [key.sign(&payload).as_ref(), &payload].concat();
        Ok(Response::new(VerifyTokenAuthorityResponse { signed }))
    }
}

#[cfg(test)]
mod tests {
    use ring::signature::{ED25519, UnparsedPublicKey};
    use tonic::Code;

    use super::*;

    /// Knows a password for one host and a token for another.
    struct Two;

    #[tonic::async_trait]
    impl CredentialProvider for Two {
        async fn credentials(&self, host: &str) -> Result<Option<Credentials>, CredentialRefusal> {
            match host {
                "basic" => {
                    let password = "p".to_owned().into();
                    Ok(Some(Credentials { username: "u".to_owned(), password }))
                }
                "bearer" => Err(CredentialRefusal::new("bearer gives tokens")),
                _ => Ok(None),
            }
        }

        async fn fetches_tokens(&self, host: &str) -> bool {
            host == "bearer"
        }

        async fn token(&self, _: &str, scopes: &[String]) -> Result<BearerToken, CredentialRefusal> {
            Ok(BearerToken {
                token: scopes.join(" ").into(),
                expires_in: Duration::from_mins(5),
                issued_at: SystemTime::UNIX_EPOCH + Duration::from_secs(7),
            })
        }
    }

    fn service() -> AuthService {
        AuthService::new(Some(Arc::new(Two)))
    }

    async fn ask(service: &AuthService, host: &str) -> Result<(String, String), Code> {
        let reply = service.credentials(Request::new(CredentialsRequest { host: host.to_owned() })).await;
        reply
            .map(|reply| (reply.get_ref().username.clone(), reply.get_ref().secret.clone()))
            .map_err(|s| s.code())
    }

    #[tokio::test]
    async fn passwords_are_given_only_by_who_gives_them() {
        assert_eq!(ask(&service(), "basic").await, Ok(("u".to_owned(), "p".to_owned())));
        assert_eq!(ask(&service(), "bearer").await, Err(Code::PermissionDenied));
        assert_eq!(ask(&service(), "other").await, Ok(Default::default()));
        assert_eq!(ask(&AuthService::new(None), "basic").await, Ok(Default::default()));
    }

    #[tokio::test]
    async fn tokens_are_fetched_here_where_the_provider_does() {
        let fetch = async |host: &str| {
            let request = FetchTokenRequest {
                host: host.to_owned(),
                realm: "https://evil.example/token".to_owned(),
                scopes: vec!["repository:a:pull".to_owned()],
                ..FetchTokenRequest::default()
            };
            service().fetch_token(Request::new(request)).await.map(Response::into_inner)
        };
        let token = fetch("bearer").await.unwrap();
        assert_eq!((token.token.as_str(), token.expires_in, token.issued_at), ("repository:a:pull", 300, 7));
        assert_eq!(fetch("basic").await.unwrap_err().code(), Code::Unimplemented);
    }

    #[tokio::test]
    async fn a_session_shows_that_it_is_the_one_that_fetched_a_token() {
        let service = service();
        let salt = vec![7; 32];
        let request = GetTokenAuthorityRequest { host: "bearer".to_owned(), salt: salt.clone() };
        let key = service.get_token_authority(Request::new(request)).await.unwrap().into_inner().public_key;
        assert_eq!(key.len(), 32);
        let verify = async |service: &AuthService, salt: Vec<u8>| {
            let payload = b"payload".to_vec();
            let request = VerifyTokenAuthorityRequest { host: "bearer".to_owned(), payload, salt };
            let signed =
                service.verify_token_authority(Request::new(request)).await.unwrap().into_inner().signed;
            let (signature, payload) = signed.split_at(64);
            payload == b"payload" && UnparsedPublicKey::new(&ED25519, &key).verify(payload, signature).is_ok()
        };
        assert!(verify(&service, salt.clone()).await);
        assert!(!verify(&service, vec![8; 32]).await);
        assert!(!verify(&AuthService::new(Some(Arc::new(Two))), salt).await);
    }

    #[tokio::test]
    async fn nobody_is_the_authority_of_a_host_without_tokens() {
        for host in ["basic", "other"] {
            let request = GetTokenAuthorityRequest { host: host.to_owned(), salt: vec![0; 32] };
            let refused = service().get_token_authority(Request::new(request)).await.unwrap_err();
            assert_eq!(refused.code(), Code::Unimplemented, "{host}");
        }
    }
}
