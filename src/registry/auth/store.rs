//! Credentials by registry host, from docker's configuration or the variables of workspace mode.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::engine::{DecodePaddingMode, general_purpose};
use serde::Deserialize;

use super::credential::{Credential, Login, Origin};
use super::helper::{HelperError, HelperLogin, Helpers};
use crate::registry::host::{ECR_WILDCARD, Host};
use crate::secret::Secret;

/// Base64 with or without padding: docker pads, some writers of the variables do not.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The user name that a credential helper gives beside an identity token.
/// (<https://github.com/docker/docker-credential-helpers>)
const IDENTITY_TOKEN_USER: &str = "<token>";
/// How many problems of a configuration are named beside a refused login.
const MAX_REPORTED_PROBLEMS: usize = 3;

/// Credentials by registry host. An empty store means that every registry is used anonymously.
#[derive(Debug, Default)]
pub struct Credentials {
    entries: BTreeMap<Host, Entry>,
    ecr: Option<Credential>,
    helpers: Option<Helpers>,
    /// The parts of a user's own configuration that could not be read.
    pub(crate) problems: Vec<CredentialsError>,
}

#[derive(Debug)]
struct Entry {
    rank: KeyRank,
    credential: Credential,
}

/// How exactly a key names its host: where two keys name one host, the lower rank wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum KeyRank {
    /// `host`, `host:port`, and Docker Hub's `https://index.docker.io/v1/`.
    Exact,
    /// With a scheme.
    Scheme,
    /// With a path.
    Path,
}

/// Credentials that cannot be read. The text never holds any of their content.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// Not JSON, or JSON of another shape.
    #[error(
        "the credentials in {origin} are not {expected}: JSON fault at line {line}, column {column} ({reason})"
    )]
    Json {
        /// Where they were read from.
        origin: Origin,
        /// What was expected there.
        expected: &'static str,
        /// Line of the fault, from 1.
        line: usize,
        /// Column of the fault, from 1.
        column: usize,
        /// What is wrong there, without any of the content.
        reason: String,
    },
    /// A byte order mark at the beginning.
    #[error(
        "the credentials in {origin} begin with a byte order mark, which docker does not read: save it as UTF-8 without one"
    )]
    ByteOrderMark {
        /// Where they were read from.
        origin: Origin,
    },
    /// A key that names no registry.
    #[error("the credentials in {origin} have a key (number {index}) that is not a registry host")]
    Key {
        /// Where they were read from.
        origin: Origin,
        /// Which key it is, from 1, in the order of their names.
        index: usize,
    },
    /// An `auth` that is not base64 of `USER:PASSWORD`.
    #[error("the credentials for {host} in {origin} have an \"auth\" that is not base64 of USER:PASSWORD")]
    Auth {
        /// The registry that it is for.
        host: Host,
        /// Where they were read from.
        origin: Origin,
    },
    /// A file that cannot be read.
    #[error("cannot read the credentials in {origin}")]
    File {
        /// The file.
        origin: Origin,
        /// Why.
        source: std::io::Error,
    },
    /// A credential helper that failed.
    #[error(transparent)]
    Helper(#[from] HelperError),
}

/// The parts of docker's `config.json` that concern credentials.
/// (<https://docs.docker.com/reference/cli/docker/login/>)
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DockerConfig {
    #[serde(default)]
    auths: Option<BTreeMap<String, AuthEntry>>,
    #[serde(default)]
    cred_helpers: Option<BTreeMap<String, String>>,
    #[serde(default)]
    creds_store: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct AuthEntry {
    username: Option<String>,
    password: Option<Secret>,
    auth: Option<Secret>,
    identitytoken: Option<Secret>,
    registrytoken: Option<Secret>,
}

impl CredentialsError {
    /// Returns the error of a fault in JSON that begins after `lines` lines of the text that was read.
    pub(crate) fn json(
        origin: &Origin,
        expected: &'static str,
        lines: usize,
        fault: &serde_json::Error,
    ) -> Self {
        let reason = match fault.classify() {
            // The words for data of another shape repeat the data.
            serde_json::error::Category::Data | serde_json::error::Category::Io => {
                "another kind of value".into()
            }
            _ => {
                let text = fault.to_string();
                text.split(" at line ").next().unwrap_or_default().to_owned()
            }
        };
        let (origin, line) = (origin.clone(), lines + fault.line().max(1));
        Self::Json { origin, expected, line, column: fault.column(), reason }
    }

    /// Returns the host that the error is about, if it is about one alone.
    const fn host(&self) -> Option<&Host> {
        match self {
            Self::Auth { host, .. } => Some(host),
            _ => None,
        }
    }
}

impl Credentials {
    /// Returns the credentials of a docker `config.json` (`{"auths": {…}}`). Credential helpers that it names
    /// are remembered and used only after [`Credentials::with_helpers`].
    ///
    /// # Errors
    /// [`CredentialsError`] if `json` is malformed; the text does not hold any of it.
    pub fn from_docker_config(json: &str, origin: &Origin) -> Result<Self, CredentialsError> {
        let config: DockerConfig = parse(json, origin, "a docker config such as {\"auths\":{…}}")?;
        let mut store = Self::default();
        store.add_entries(config.auths.unwrap_or_default(), origin)?;
        let helpers = config.cred_helpers.unwrap_or_default();
        let helpers = helpers.into_iter().filter_map(|(key, name)| Some((parse_key(&key)?.0, name)));
        store.set_helpers(helpers.collect(), config.creds_store.filter(|name| !name.is_empty()), origin);
        Ok(store)
    }

    /// Returns the credentials of an auth variable: a JSON object of host → `{username,password}` or `{auth}`.
    /// An empty text gives an empty store.
    ///
    /// # Errors
    /// [`CredentialsError`] if `json` is malformed; the text does not hold any of it.
    pub fn from_auth_map(json: &str, origin: &Origin) -> Result<Self, CredentialsError> {
        let mut store = Self::default();
        if !json.trim().is_empty() {
            let expected = "an object of HOST → {\"username\",\"password\"} or {\"auth\"}";
            store.add_entries(parse(json, origin, expected)?, origin)?;
        }
        Ok(store)
    }

    /// Returns the credentials that consist of `logins`, all read from `origin`. Of several for one host the first is used.
    pub fn from_logins(logins: impl IntoIterator<Item = (Host, Login)>, origin: &Origin) -> Self {
        let mut store = Self::default();
        for (host, login) in logins {
            store.add(host.endpoint(), KeyRank::Exact, login, origin);
        }
        store
    }

    /// Returns the same credentials, asking the `docker-credential-*` helpers that the configuration names
    /// where it holds no login itself. Never used in a workspace: a helper is a program of the user's.
    #[must_use]
    pub fn with_helpers(mut self) -> Self {
        if let Some(helpers) = &mut self.helpers {
            helpers.allow();
        }
        self
    }

    /// Returns the credentials of both stores; where both have a login for one host, that of `self`.
    #[must_use]
    pub fn or(mut self, other: Self) -> Self {
        for (host, entry) in other.entries {
            self.entries.entry(host).or_insert(entry);
        }
        self.ecr = self.ecr.or(other.ecr);
        self.helpers = self.helpers.or(other.helpers);
        self.problems.extend(other.problems);
        self
    }

    /// Whether no registry has credentials here.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.ecr.is_none() && self.helpers.is_none()
    }

    /// Whether this store names `host` (helpers aside).
    pub fn lists(&self, host: &Host) -> bool {
        self.stored(host).is_some()
    }

    /// Returns the login for `host`, if there is one.
    ///
    /// # Errors
    /// [`CredentialsError::Helper`] if a credential helper fails.
    pub async fn find(&self, host: &Host) -> Result<Option<Credential>, CredentialsError> {
        if let Some(credential) = self.stored(host) {
            return Ok(Some(credential.clone()));
        }
        let Some(helpers) = &self.helpers else { return Ok(None) };
        let found = helpers.get(host).await?;
        Ok(found.map(|HelperLogin { helper, username, secret }| Credential {
            login: if username == IDENTITY_TOKEN_USER {
                Login::IdentityToken { username: String::new(), token: secret }
            } else {
                Login::Password { username, password: secret }
            },
            origin: Origin::Helper(helper),
        }))
    }

    /// Describes `credential`, which is used for `host`, without any of its content; where there is none, with the parts of
    /// a user's configuration that could not be read.
    pub(crate) fn describe_login(&self, host: &Host, credential: Option<&Credential>) -> String {
        if let Some(credential) = credential {
            return credential.to_string();
        }
        let mut text = "no login, since there are no credentials for it".to_owned();
        let own = |problem: &&CredentialsError| {
            problem.host().is_none_or(|named| named.endpoint() == host.endpoint())
        };
        for problem in self.problems.iter().filter(own).take(MAX_REPORTED_PROBLEMS) {
            let _ = write!(text, "; {problem}");
            if let CredentialsError::File { source, .. } = problem {
                let _ = write!(text, ": {source}");
            }
        }
        text
    }

    /// Has the helper of `host` asked again, whose login the registry just refused.
    pub(crate) fn forget_answer(&self, host: &Host) {
        if let Some(helpers) = self.helpers.as_ref().filter(|_| self.stored(host).is_none()) {
            helpers.forget(host);
        }
    }

    pub(crate) fn set_helpers(
        &mut self,
        by_host: BTreeMap<Host, String>,
        fallback: Option<String>,
        origin: &Origin,
    ) {
        self.helpers = Helpers::new(by_host, fallback, origin);
    }

    fn stored(&self, host: &Host) -> Option<&Credential> {
        let entry = self.entries.get(&host.endpoint()).map(|entry| &entry.credential);
        entry.or_else(|| self.ecr.as_ref().filter(|_| host.is_ecr()))
    }

    fn add_entries(
        &mut self,
        entries: BTreeMap<String, AuthEntry>,
        origin: &Origin,
    ) -> Result<(), CredentialsError> {
        for (index, (key, entry)) in entries.into_iter().enumerate() {
            let Some((host, rank)) = parse_key(&key) else {
                return Err(CredentialsError::Key { origin: origin.clone(), index: index + 1 });
            };
            let Some(login) = entry.login(&host, origin)? else { continue };
            self.add(host, rank, login, origin);
        }
        Ok(())
    }

    /// Adds a login, unless there is one under a more exact key.
    pub(crate) fn add(&mut self, host: Host, rank: KeyRank, login: Login, origin: &Origin) {
        let credential = Credential { login, origin: origin.clone() };
        if host.as_str() == ECR_WILDCARD {
            self.ecr = Some(credential);
        } else if self.entries.get(&host).is_none_or(|present| rank < present.rank) {
            self.entries.insert(host, Entry { rank, credential });
        }
    }
}

impl AuthEntry {
    /// Returns the login of this entry; none if it is empty, as docker writes it beside a credential store. Either of user
    /// name and password may be empty: some registries take a token for one of them and nothing for the other.
    pub(crate) fn login(self, host: &Host, origin: &Origin) -> Result<Option<Login>, CredentialsError> {
        let some = |secret: Option<Secret>| secret.filter(|secret| !secret.is_empty());
        let (mut username, mut password) = (self.username.unwrap_or_default(), some(self.password));
        if let Some(auth) = some(self.auth) {
            let bad = || CredentialsError::Auth { host: host.clone(), origin: origin.clone() };
            let (user, secret) = decode_auth(&auth).ok_or_else(bad)?;
            if username.is_empty() {
                username = user;
            }
            password = password.or(some(Some(secret)));
        }
        Ok(if let Some(token) = some(self.registrytoken) {
            Some(Login::RegistryToken(token))
        } else if let Some(token) = some(self.identitytoken) {
            Some(Login::IdentityToken { username, token })
        } else if username.is_empty() && password.is_none() {
            None
        } else {
            Some(Login::Password { username, password: password.unwrap_or_else(|| Secret::new("")) })
        })
    }
}

fn decode_auth(auth: &Secret) -> Option<(String, Secret)> {
    let bytes = zeroize::Zeroizing::new(BASE64.decode(auth.expose().trim()).ok()?);
    let text = std::str::from_utf8(&bytes).ok()?;
    let (username, password) = text.split_once(':')?;
    // docker's own writer once padded the password with NUL bytes.
    Some((username.to_owned(), Secret::new(password.trim_end_matches('\0'))))
}

/// Returns the host that a key of a docker configuration names: `host`, `host:port`, `https://host/path`; Docker Hub's
/// spellings all give the host that serves it.
pub(crate) fn parse_key(key: &str) -> Option<(Host, KeyRank)> {
    let (rest, scheme) = match key.split_once("://") {
        Some(("http" | "https", rest)) => (rest, true),
        Some(_) => return None,
        None => (key, false),
    };
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let host = Host::parse(host).ok()?;
    let rank = match (host.is_docker_hub(), scheme, path) {
        (true, _, "v1/" | "v1") | (_, false, "") => KeyRank::Exact,
        (_, true, "") => KeyRank::Scheme,
        _ => KeyRank::Path,
    };
    Some((host.endpoint(), rank))
}

fn parse<T: for<'de> Deserialize<'de>>(
    json: &str,
    origin: &Origin,
    expected: &'static str,
) -> Result<T, CredentialsError> {
    serde_json::from_str(json).map_err(|fault| CredentialsError::json(origin, expected, 0, &fault))
}

/// Returns the value of a Basic `Authorization` header for this user and password, without the scheme.
pub(crate) fn basic(username: &str, password: &Secret) -> Secret {
    let plain = zeroize::Zeroizing::new(format!("{username}:{}", password.expose()));
    Secret::new(general_purpose::STANDARD.encode(plain.as_bytes()))
}

#[cfg(test)]
mod tests;
