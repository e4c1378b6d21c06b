//! How images reach their registries: by buildkitd itself, or through a proxy in this process that
//! alone holds the credentials.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::str::FromStr;
use std::sync::Arc;

use tokio::net::TcpListener;

use super::failure::Error;
use super::logins::TOKEN_USER;
use super::rename::Renames;
use crate::image::Reference;
use crate::proxy::{self, Alias, Config, Limits, Pin, Rights};
use crate::registry::{
    Authenticator, Client, ClientError, Credentials, Host, Origin, Repository, Secret, Transport,
    TransportConfig,
};

/// Who pushes with the credentials.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PushVia {
    /// [`PushVia::Proxy`] where Bob holds credentials and buildkitd shares this host's network, else
    /// [`PushVia::Session`].
    #[default]
    Auto,
    /// A proxy in this process; buildkitd never sees the credentials.
    Proxy,
    /// buildkitd, which asks the session for them.
    Session,
}

/// A way to push that does not exist.
#[derive(Debug, thiserror::Error)]
#[error("unknown way to push {given:?}; use proxy, session or auto")]
pub struct UnknownWay {
    given: String,
}

impl FromStr for PushVia {
    type Err = UnknownWay;

    fn from_str(text: &str) -> Result<Self, UnknownWay> {
        match text {
            "auto" => Ok(Self::Auto),
            "proxy" => Ok(Self::Proxy),
            "session" => Ok(Self::Session),
            _ => Err(UnknownWay { given: text.to_owned() }),
        }
    }
}

/// The digest of the empty text: a blob that a probe may name.
const NO_BLOB: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// The ways of all images of one build. Dropping it stops the proxy.
#[derive(Debug, Default)]
pub(super) struct Routes {
    /// What buildkitd calls the images that go through the proxy.
    pub(super) renames: Renames,
    /// Access tokens of proxies on this machine, by their hosts.
    pub(super) tokens: BTreeMap<String, Secret>,
    /// Where each image really is, with who may talk to its registry.
    repositories: BTreeMap<String, (Repository, Arc<Authenticator>)>,
    handle: Option<proxy::Handle>,
}

/// A wish for an image to go through the proxy.
#[derive(Debug)]
pub(super) struct Wish<'a> {
    /// The image.
    pub(super) reference: &'a Reference,
    /// Its repository's name at the proxy.
    pub(super) alias: String,
    /// What buildkitd may do with it.
    pub(super) rights: Rights,
    /// With which credentials.
    pub(super) auth: Arc<Authenticator>,
}

/// Who talks to registries with `credentials`.
pub(super) fn authenticator(credentials: Credentials) -> Result<Arc<Authenticator>, Error> {
    let transport = Transport::new(&TransportConfig::default())?;
    Ok(Arc::new(Authenticator::new(Arc::new(transport), credentials)))
}

/// The registry host of a reference.
pub(super) fn registry_host(reference: &Reference) -> Option<Host> {
    Host::parse(reference.domain()).ok()
}

impl Routes {
    /// Starts a proxy for `wishes`, if there are any.
    pub(super) async fn open(wishes: Vec<Wish<'_>>) -> Result<Self, Error> {
        if wishes.is_empty() {
            return Ok(Self::default());
        }
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(Error::Listen)?;
        let port = listener.local_addr().map_err(Error::Listen)?.port();
        let local = format!("127.0.0.1:{port}");
        let (mut aliases, mut renames, mut repositories) =
            (BTreeMap::new(), Renames::default(), BTreeMap::new());
        for wish in wishes {
            let Some(host) = registry_host(wish.reference) else { continue };
            let repository = wish.reference.path().to_owned();
            let name = wish.reference.name();
            renames.add(&name, &format!("{local}/{}", wish.alias));
            let place = Repository { host: host.clone(), name: repository.clone() };
            repositories.insert(name, (place, Arc::clone(&wish.auth)));
            let alias =
                Alias { host, repository, pin: Pin::AsRequested, rights: wish.rights, auth: wish.auth };
            aliases.insert(wish.alias, alias);
        }
        let token = random_token();
        let config =
            Config { aliases, mirror: None, access_token: Some(token.clone()), limits: Limits::default() };
        let handle = proxy::spawn(vec![listener], config)?;
        Ok(Self { renames, tokens: BTreeMap::from([(local, token)]), repositories, handle: Some(handle) })
    }

    /// Why the registry of `reference` refuses a push, found out by asking it once more: with the proxy's
    /// credentials, or with the token of a proxy on this machine. `None` where there is nobody to ask, or
    /// the registry does not refuse.
    pub(super) async fn push_refusal(&self, reference: &str) -> Option<String> {
        let (repository, auth) = self.place(reference)?;
        // Mounting a blob begins like any upload, and gives up at once what it has begun.
        let asked = Client::new(Arc::clone(&auth)).mount_blob(&repository, NO_BLOB, &repository.name).await;
        Some(told(&asked.err()?, &repository.host, &auth).await)
    }

    /// Why `reference` cannot be pulled, likewise.
    pub(super) async fn pull_refusal(&self, reference: &str) -> Option<String> {
        let (repository, auth) = self.place(reference)?;
        let parsed = Reference::parse_named(reference).ok()?;
        let version = parsed.digest().or(parsed.tag()).unwrap_or("latest");
        let asked = Client::new(Arc::clone(&auth)).head_manifest(&repository, version).await;
        Some(told(&asked.err()?, &repository.host, &auth).await)
    }

    /// Where an image is, and with whose credentials it may be asked for.
    fn place(&self, reference: &str) -> Option<(Repository, Arc<Authenticator>)> {
        let parsed = Reference::parse_named(reference).ok()?;
        if let Some((repository, auth)) = self.repositories.get(&parsed.name()) {
            return Some((repository.clone(), Arc::clone(auth)));
        }
        let host = registry_host(&parsed).filter(Host::is_loopback)?;
        let credentials = match self.tokens.get(parsed.domain()) {
            Some(token) => token_login(parsed.domain(), token)?,
            None => Credentials::default(),
        };
        let auth = authenticator(credentials).ok()?;
        Some((Repository { host, name: parsed.path().to_owned() }, auth))
    }

    /// Stops the proxy.
    pub(super) async fn close(self) {
        if let Some(handle) = self.handle {
            handle.stop().await;
        }
    }
}

/// A login that is a proxy's access token.
fn token_login(host: &str, token: &Secret) -> Option<Credentials> {
    let login = serde_json::json!({ host: { "username": TOKEN_USER, "password": token.reveal() } });
    Credentials::from_auth_map(&login.to_string(), &Origin::Variable("BOB_PROXY_TOKEN".to_owned())).ok()
}

/// What went wrong, and with whose login where the registry did not accept it.
async fn told(error: &ClientError, host: &Host, auth: &Authenticator) -> String {
    let text = in_words(error);
    match error {
        ClientError::Status { status, .. } if matches!(status.as_u16(), 401 | 403) => {
            format!("{text} ({})", auth.login_words(host).await)
        }
        _ => text,
    }
}

/// What went wrong, without what was to be done.
fn in_words(error: &ClientError) -> String {
    let mut text = match error {
        ClientError::Status { status, message, .. } => format!("{status}{message}"),
        ClientError::Call { .. } => String::new(),
        other => other.to_string(),
    };
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        let _ = write!(text, "{}{cause}", if text.is_empty() { "" } else { ": " });
        source = cause.source();
    }
    text
}

fn random_token() -> Secret {
    let bytes: [u8; 32] = rand::random();
    Secret::new(bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}")))
}
