//! Credentials: where they come from, and what buildkitd's session is told of them.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use crate::buildkit::{CredentialProvider, Credentials as SessionLogin, SecretBytes};
use crate::registry::{Credentials, CredentialsError, Host, Login, Origin, Secret};

/// The user name beside an access token of a proxy, which looks at the password alone.
const TOKEN_USER: &str = "bob";

/// Where docker keeps credentials.
#[derive(Debug, Clone, Default)]
pub struct DockerLogins {
    /// The folder of `config.json` (`DOCKER_CONFIG`, else `~/.docker`).
    pub folder: Option<PathBuf>,
    /// The text of a docker config (`DOCKER_AUTH_CONFIG`), which comes first.
    pub inline: Option<Secret>,
}

impl DockerLogins {
    /// What the environment says.
    pub fn of(environment: impl Fn(&str) -> Option<OsString>) -> Self {
        let set = |name: &str| environment(name).filter(|value| !value.is_empty());
        let home = || set("HOME").map(|home| PathBuf::from(home).join(".docker"));
        Self {
            folder: set("DOCKER_CONFIG").map(PathBuf::from).or_else(home),
            inline: set("DOCKER_AUTH_CONFIG").and_then(|text| text.into_string().ok()).map(Secret::new),
        }
    }

    /// The credentials, with the helpers that the configuration names.
    ///
    /// # Errors
    /// [`CredentialsError`] where the configuration cannot be read.
    pub fn load(&self) -> Result<Credentials, CredentialsError> {
        let file = match &self.folder {
            Some(folder) => Credentials::from_docker_config_file(&folder.join("config.json")).with_helpers(),
            None => Credentials::default(),
        };
        match &self.inline {
            Some(text) => {
                let origin = Origin::Variable("DOCKER_AUTH_CONFIG".to_owned());
                Ok(Credentials::from_users_docker_config(text.reveal().as_bytes(), &origin).or(file))
            }
            None => Ok(file),
        }
    }
}

/// What buildkitd gets when a registry asks it who it is: the tokens of proxies, and logins for the
/// registries that it talks to itself.
#[derive(Debug, Default)]
pub(super) struct SessionLogins {
    /// Access tokens by the host that the proxy is called.
    pub(super) tokens: BTreeMap<String, Secret>,
    /// Logins for other hosts.
    pub(super) logins: Credentials,
}

/// The access tokens of proxies, by their hosts, and `logins` as one store, for Bob's own requests.
pub(super) fn with_tokens(tokens: &BTreeMap<String, Secret>, logins: Credentials) -> Credentials {
    let login = |(host, token): (&String, &Secret)| {
        (host.clone(), serde_json::json!({ "username": TOKEN_USER, "password": token.reveal() }))
    };
    let entries: serde_json::Map<_, _> = tokens.iter().map(login).collect();
    let text = Secret::new(serde_json::Value::Object(entries).to_string());
    let origin = Origin::Variable("BOB_PROXY_TOKEN".to_owned());
    Credentials::from_auth_map(text.reveal(), &origin).unwrap_or_default().or(logins)
}

#[tonic::async_trait]
impl CredentialProvider for SessionLogins {
    async fn credentials(&self, host: &str) -> Option<SessionLogin> {
        if let Some(token) = self.tokens.get(host) {
            return Some(basic(TOKEN_USER.to_owned(), token));
        }
        let parsed = Host::parse(host).ok()?;
        let found = match self.logins.find(&parsed).await {
            Ok(found) => found?,
            Err(error) => {
                tracing::warn!(host, error = &error as &dyn std::error::Error, "no credentials");
                return None;
            }
        };
        match found.login {
            Login::Password { username, password } => Some(basic(username, &password)),
            Login::IdentityToken { token, .. } => {
                Some(SessionLogin::IdentityToken(SecretBytes::from(token.reveal().to_owned())))
            }
            Login::RegistryToken(_) => {
                tracing::warn!(
                    host,
                    "a registry token cannot be handed to buildkitd; push with --push-via proxy"
                );
                None
            }
        }
    }
}

fn basic(username: String, password: &Secret) -> SessionLogin {
    SessionLogin::Basic { username, password: SecretBytes::from(password.reveal().to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment<'a>(pairs: &'a [(&str, String)]) -> impl Fn(&str) -> Option<OsString> + 'a {
        move |name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into())
    }

    #[tokio::test]
    async fn logins_come_from_docker_and_tokens_only_go_to_their_proxy() {
        let dir = tempfile::tempdir().unwrap();
        let config = r#"{"auths":{"r.example":{"username":"u","password":"p"}}}"#;
        std::fs::write(dir.path().join("config.json"), config).unwrap();
        let folder = dir.path().display().to_string();
        let logins = DockerLogins::of(environment(&[("DOCKER_CONFIG", folder)])).load().unwrap();
        let tokens = BTreeMap::from([("localhost:1234".to_owned(), Secret::new("t"))]);
        let session = SessionLogins { tokens, logins };
        let login = session.credentials("r.example").await.unwrap();
        assert!(
            matches!(login, SessionLogin::Basic { username, password } if username == "u" && password.expose() == b"p")
        );
        let login = session.credentials("localhost:1234").await.unwrap();
        assert!(matches!(login, SessionLogin::Basic { password, .. } if password.expose() == b"t"));
        assert!(session.credentials("other.example").await.is_none());
    }

    #[test]
    fn a_missing_docker_config_is_no_credentials() {
        let folder = "/nonexistent".to_owned();
        assert!(DockerLogins::of(environment(&[("HOME", folder)])).load().unwrap().is_empty());
        assert!(DockerLogins::of(|_| None).load().unwrap().is_empty());
    }

    #[test]
    fn a_malformed_docker_config_is_used_without_what_cannot_be_read() {
        let text = "{\"auths\": s3cr3t".to_owned();
        let logins = DockerLogins::of(environment(&[("DOCKER_AUTH_CONFIG", text)])).load().unwrap();
        assert!(logins.is_empty());
        assert!(!format!("{logins:?}").contains("s3cr3t"));
    }
}
