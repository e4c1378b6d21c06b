//! Credentials: where they come from, and what buildkitd's session is told of them.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::grants::RegistryGrants;
use crate::buildkit::{
    BearerToken, CredentialProvider, CredentialRefusal, Credentials as SessionLogin, SecretBytes,
};
use crate::diag::with_causes;
use crate::proxy::AccessTokens;
use crate::registry::{
    AuthScheme, Authenticator, CallError, Credentials, CredentialsError, Host, Login, Origin, Repository,
    Secret,
};

/// How long a registry may take to say how it wants to see a login. buildkitd waits a minute for the whole answer.
const SCHEME_TIMEOUT: Duration = Duration::from_secs(10);
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

/// What buildkitd gets when a registry asks it who it is: the tokens of proxies, and for the registries that it talks
/// to itself what the build's grants allow.
#[derive(Debug)]
pub(crate) struct SessionLogins {
    /// Access tokens by the host that the proxy is called.
    pub(crate) proxies: BTreeMap<String, AccessTokens>,
    /// What the build names.
    pub(crate) grants: Arc<RegistryGrants>,
    /// The logins, and who asks registries with them.
    pub(crate) registries: Arc<Authenticator>,
    /// Registries that could not be asked how they want to see a login.
    pub(crate) unreachable: Mutex<BTreeSet<Host>>,
    /// Registries that a warning named because the build does not.
    pub(crate) unnamed: Mutex<BTreeSet<Host>>,
    /// Whether a warning said that a login may be seen by steps.
    pub(crate) exposure_warned: AtomicBool,
}

/// The tokens of proxies that permit a write, by their hosts, and `logins` as one store, for Bob's own requests. None
/// of these may be made while a step runs.
pub(crate) fn with_tokens(proxies: &BTreeMap<String, AccessTokens>, logins: Credentials) -> Credentials {
    let login = |(host, tokens): (&String, &AccessTokens)| {
        let token = tokens.push.as_ref()?;
        Some((host.clone(), serde_json::json!({ "username": TOKEN_USER, "password": token.reveal() })))
    };
    let entries: serde_json::Map<_, _> = proxies.iter().filter_map(login).collect();
    let text = Secret::new(serde_json::Value::Object(entries).to_string());
    let origin = Origin::Variable("BOB_PROXY_TOKEN".to_owned());
    Credentials::from_auth_map(text.reveal(), &origin).unwrap_or_default().or(logins)
}

impl SessionLogins {
    /// The host, its login and how it wants to see it; none where the build does not name it or there is no login.
    async fn find(&self, host: &str) -> Result<Option<(Host, Login, Option<AuthScheme>)>, CredentialRefusal> {
        let Ok(host) = Host::parse(host) else { return Ok(None) };
        let repositories = self.grants.repositories_at(&host);
        if repositories.is_empty() {
            self.warn_of_unnamed(&host).await;
            return Ok(None);
        }
        let found =
            self.registries.credentials().find(&host).await.map_err(|error| refusal(&host, &error))?;
        let Some(found) = found else { return Ok(None) };
        let scheme = self.scheme(&host, &repositories).await;
        Ok(Some((host, found.login, scheme)))
    }

    /// Warns once where a login may cross a network that steps share while they run: that of a registry on loopback, which
    /// mostly speaks plain http. Every client sends it there, to the registry itself or to its token endpoint.
    fn warn_of_exposure(&self, host: &Host) {
        if host.is_loopback()
            && !self.grants.pushes_allowed()
            && !self.exposure_warned.swap(true, Ordering::AcqRel)
        {
            tracing::warn!(
                registry = %host,
                "the login for this registry on loopback may be read by steps that share its network, unless it speaks TLS"
            );
        }
    }

    /// Warns once of a login that buildkitd asked for and did not get: its configuration may name a mirror.
    async fn warn_of_unnamed(&self, host: &Host) {
        let has_login = self.registries.credentials().find(host).await.is_ok_and(|found| found.is_some());
        if has_login && lock(&self.unnamed).insert(host.clone()) {
            tracing::warn!(
                registry = %host,
                "buildkitd asked for the login of this registry, which the build does not name (perhaps a mirror in its configuration), and did not get it"
            );
        }
    }

    /// How the registry of `repositories` wants to see a login. None where it does not say so by itself, or cannot be
    /// asked from here: a daemon elsewhere may reach registries that this machine does not, and asks them itself.
    async fn scheme(&self, host: &Host, repositories: &[Repository]) -> Option<AuthScheme> {
        if lock(&self.unreachable).contains(host) {
            return None;
        }
        let ask = async {
            for repository in repositories {
                if let Some(scheme) = self.registries.scheme_of(repository).await? {
                    return Ok(Some(scheme));
                }
            }
            Ok::<_, CallError>(None)
        };
        let asked = tokio::time::timeout(SCHEME_TIMEOUT, ask).await;
        let reason = match asked {
            Ok(Ok(scheme)) => return scheme,
            Ok(Err(error)) => with_causes(&error),
            Err(_) => format!("no answer within {} s", SCHEME_TIMEOUT.as_secs()),
        };
        if lock(&self.unreachable).insert(host.clone()) {
            tracing::warn!(
                registry = %host, reason,
                "this registry cannot be asked from here whether it takes tokens, so buildkitd gets the password for it"
            );
        }
        None
    }
}

fn lock(hosts: &Mutex<BTreeSet<Host>>) -> MutexGuard<'_, BTreeSet<Host>> {
    hosts.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Why there are no credentials for `host`.
fn refusal(host: &Host, error: &dyn std::error::Error) -> CredentialRefusal {
    CredentialRefusal::new(format!("no login for registry {host}: {}", with_causes(error)))
}

#[tonic::async_trait]
impl CredentialProvider for SessionLogins {
    async fn credentials(&self, host: &str) -> Result<Option<SessionLogin>, CredentialRefusal> {
        if let Some(tokens) = self.proxies.get(host) {
            let token = if self.grants.pushes_allowed() { &tokens.push } else { &tokens.read };
            return Ok(token.as_ref().map(|token| basic(TOKEN_USER.to_owned(), token)));
        }
        let Some((host, login, scheme)) = self.find(host).await? else { return Ok(None) };
        if scheme == Some(AuthScheme::Bearer) {
            let text = format!("registry {host} takes tokens, so buildkitd gets no password for it");
            return Err(CredentialRefusal::new(text));
        }
        match login {
            Login::Password { username, password } if self.grants.allows_password(&host) => {
                self.warn_of_exposure(&host);
                Ok(Some(basic(username, &password)))
            }
            Login::Password { .. } => Ok(None),
            Login::IdentityToken { .. } | Login::RegistryToken(_) => {
                let text =
                    format!("the login for registry {host} is a token, and the registry asks for a password");
                Err(CredentialRefusal::new(text))
            }
        }
    }

    async fn fetches_tokens(&self, host: &str) -> bool {
        // Where not, the question for credentials that follows is answered.
        !self.proxies.contains_key(host)
            && matches!(self.find(host).await, Ok(Some((_, _, Some(AuthScheme::Bearer)))))
    }

    async fn token(&self, host: &str, scopes: &[String]) -> Result<BearerToken, CredentialRefusal> {
        let host = Host::parse(host).map_err(|error| CredentialRefusal::new(error.to_string()))?;
        let granted = self.grants.scopes(&host, scopes);
        if granted.iter().next().is_none() {
            let text =
                format!("the build does not name what buildkitd asks a token of {host} for: {scopes:?}");
            return Err(CredentialRefusal::new(text));
        }
        self.warn_of_exposure(&host);
        let found = self.registries.delegate_token(&host, granted).await;
        let found = found.map_err(|error| refusal(&host, &error))?;
        let token =
            found.ok_or_else(|| CredentialRefusal::new(format!("registry {host} takes no tokens")))?;
        Ok(BearerToken {
            token: SecretBytes::from(token.token.reveal().to_owned()),
            expires_in: token.expires_in,
            issued_at: token.issued_at,
        })
    }
}

fn basic(username: String, password: &Secret) -> SessionLogin {
    SessionLogin { username, password: SecretBytes::from(password.reveal().to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment<'a>(pairs: &'a [(&str, String)]) -> impl Fn(&str) -> Option<OsString> + 'a {
        move |name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into())
    }

    fn session(credentials: Credentials) -> SessionLogins {
        let tokens = AccessTokens { read: Some(Secret::new("read")), push: Some(Secret::new("push")) };
        SessionLogins {
            proxies: BTreeMap::from([("localhost:1234".to_owned(), tokens)]),
            grants: Arc::default(),
            registries: crate::job::push::routes::authenticator(credentials).unwrap(),
            unreachable: Mutex::default(),
            unnamed: Mutex::default(),
            exposure_warned: AtomicBool::default(),
        }
    }

    #[tokio::test]
    async fn the_token_of_a_proxy_that_permits_writes_is_sent_after_the_steps() {
        let session = session(Credentials::default());
        for token in ["read", "push"] {
            let login = session.credentials("localhost:1234").await.unwrap().unwrap();
            assert_eq!((login.username.as_str(), login.password.expose()), (TOKEN_USER, token.as_bytes()));
            assert!(!session.fetches_tokens("localhost:1234").await);
            session.grants.allow_pushes();
        }
    }

    #[tokio::test]
    async fn hosts_that_the_build_does_not_name_are_anonymous() {
        let dir = tempfile::tempdir().unwrap();
        let config = r#"{"auths":{"r.example":{"username":"u","password":"p"}}}"#;
        std::fs::write(dir.path().join("config.json"), config).unwrap();
        let folder = dir.path().display().to_string();
        let logins = DockerLogins::of(environment(&[("DOCKER_CONFIG", folder)])).load().unwrap();
        assert!(!logins.is_empty());
        let session = session(logins);
        for host in ["r.example", "other.example", "localhost:12345", "not a host"] {
            assert!(session.credentials(host).await.unwrap().is_none(), "{host}");
            assert!(!session.fetches_tokens(host).await, "{host}");
            assert!(session.token(host, &["repository:a:pull".to_owned()]).await.is_err(), "{host}");
        }
    }

    /// A registry that takes bearer tokens alone: it answers every request so.
    fn bearer_registry() -> String {
        use std::io::{BufRead as _, BufReader, Write as _};
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let host = format!("localhost:{}", listener.local_addr().unwrap().port());
        let challenge = format!("WWW-Authenticate: Bearer realm=\"http://{host}/token\",service=\"s\"");
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let lines = BufReader::new(stream.try_clone().unwrap()).lines();
                for _ in lines.map_while(Result::ok).filter(String::is_empty) {
                    let head = format!("HTTP/1.1 401 Unauthorized\r\n{challenge}\r\n");
                    let _ = stream.write_all(format!("{head}Content-Length: 0\r\n\r\n").as_bytes());
                }
            }
        });
        host
    }

    #[tokio::test]
    async fn a_registry_that_was_asked_for_before_the_build_named_it_is_asked_whether_it_takes_tokens() {
        let host = bearer_registry();
        let auth = format!(r#"{{"auths":{{"{host}":{{"username":"u","password":"p"}}}}}}"#);
        let logins = DockerLogins::of(environment(&[("DOCKER_AUTH_CONFIG", auth)])).load().unwrap();
        let session = session(logins);
        // The first question warns that the build does not name it.
        for _ in 0..2 {
            assert!(session.credentials(&host).await.unwrap().is_none());
        }
        session.grants.grant_pull(&crate::image::Reference::parse(&format!("{host}/app")).unwrap());
        assert!(session.credentials(&host).await.is_err(), "it would get the password");
        assert!(session.fetches_tokens(&host).await);
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
