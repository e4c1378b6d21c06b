//! How images reach their registries: by buildkitd itself, or through a proxy in this process that
//! alone holds the credentials.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use tokio::net::TcpListener;

use super::image_names::ImageNames;
use super::steps::StepsOfParts;
use crate::image::Reference;
use crate::job::error::Error;
use crate::job::progress_link::ProgressLink;
use crate::job::report::client_error::describe_client_error;
use crate::job::session::grants::RegistryGrants;
use crate::job::session::logins::SessionLogins;
use crate::proxy::{self, AccessTokens, Alias, Config, Limits, Pin, Rights, UploadObserver};
use crate::registry::{
    Authenticator, Client, Credentials, Host, HttpProxies, Repository, Transport, TransportConfig,
};
use crate::secret::Secret;

/// The side that pushes with the credentials.
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
pub struct UnknownPushMethod {
    given: String,
}

impl FromStr for PushVia {
    type Err = UnknownPushMethod;

    fn from_str(text: &str) -> Result<Self, UnknownPushMethod> {
        match text {
            "auto" => Ok(Self::Auto),
            "proxy" => Ok(Self::Proxy),
            "session" => Ok(Self::Session),
            _ => Err(UnknownPushMethod { given: text.to_owned() }),
        }
    }
}

/// The digest of the empty text: a blob that a probe may name.
const NO_BLOB: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// The routes of all images of one build. Dropping it stops the proxy.
#[derive(Debug, Default)]
pub(crate) struct PushRoutes {
    /// The names that buildkitd has for the images that go through the proxy.
    pub(crate) image_names: ImageNames,
    /// Access tokens of proxies on this machine, by their hosts.
    pub(crate) proxies: BTreeMap<String, AccessTokens>,
    /// The logins that buildkitd may have.
    pub(crate) grants: Arc<RegistryGrants>,
    /// The steps of the other parts of the build, where it runs on several daemons.
    pub(crate) steps: Option<StepsOfParts>,
    /// The endpoints of the images that go through the proxy, by their names.
    repositories: BTreeMap<String, RegistryEndpoint>,
    /// The authenticator for the registries of all other images.
    others: Option<Arc<Authenticator>>,
    handle: Option<proxy::Handle>,
}

/// The repository of an image, and the authenticator for its registry.
#[derive(Debug, Clone)]
pub(crate) struct RegistryEndpoint {
    pub(crate) repository: Repository,
    pub(crate) auth: Arc<Authenticator>,
}

/// An image that is to go through the proxy.
#[derive(Debug)]
pub(crate) struct ProxiedImage<'a> {
    /// The image.
    pub(crate) reference: &'a Reference,
    /// Its repository's name at the proxy.
    pub(crate) alias: String,
    /// The rights of buildkitd.
    pub(crate) rights: Rights,
    /// The authenticator for its registry.
    pub(crate) auth: Arc<Authenticator>,
}

/// Returns an authenticator that talks to registries with `credentials`.
pub(crate) fn authenticator(credentials: Credentials) -> Result<Arc<Authenticator>, Error> {
    Ok(Arc::new(Authenticator::new(transport()?, credentials)))
}

/// Returns an authenticator that talks to registries with `credentials`, and to the `insecure` ones by plain http or TLS
/// whose certificates are not checked, as the attribute `registry.insecure` asks for.
pub(crate) fn authenticator_for(
    credentials: Credentials,
    insecure: BTreeSet<Host>,
) -> Result<Arc<Authenticator>, Error> {
    Ok(Arc::new(Authenticator::new(transport_with(insecure)?, credentials)))
}

/// Returns a transport to registries.
pub(crate) fn transport() -> Result<Arc<Transport>, Error> {
    transport_with(BTreeSet::new())
}

/// Returns a transport that speaks plain HTTP, or TLS without checking certificates, to `insecure` hosts.
fn transport_with(insecure: BTreeSet<Host>) -> Result<Arc<Transport>, Error> {
    Ok(Arc::new(Transport::new(&TransportConfig {
        unverified: insecure.clone(),
        insecure,
        http_proxies: HttpProxies::from_environment(),
        ..TransportConfig::default()
    })?))
}

/// Returns the registry host of a reference; `None` where its domain is none.
pub(crate) fn registry_host(reference: &Reference) -> Option<Host> {
    Host::parse(reference.domain()).ok()
}

impl PushRoutes {
    /// Starts a proxy for `images`, if there are any. `proxies` are the tokens of those that run already, by
    /// their hosts; `others` is the authenticator for the registries of all other images. What is pushed is told by
    /// `progress`.
    pub(crate) async fn open(
        images: Vec<ProxiedImage<'_>>,
        proxies: BTreeMap<String, AccessTokens>,
        others: Arc<Authenticator>,
        progress: Option<&ProgressLink>,
    ) -> Result<Self, Error> {
        let mut routes = Self { proxies, others: Some(others), ..Self::default() };
        if images.is_empty() {
            return Ok(routes);
        }
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(Error::Listen)?;
        let port = listener.local_addr().map_err(Error::Listen)?.port();
        let local = format!("127.0.0.1:{port}");
        let mut aliases = BTreeMap::new();
        for image in images {
            let Ok(repository) = Repository::of(image.reference) else { continue };
            let name = image.reference.name();
            routes.grants.note_pushed_by_proxy(image.reference);
            routes.image_names.add(name, &format!("{local}/{}", image.alias));
            let alias = Alias {
                host: repository.host.clone(),
                repository: repository.name.clone(),
                pin: Pin::AsRequested,
                rights: image.rights,
                auth: Arc::clone(&image.auth),
            };
            routes.repositories.insert(name.to_owned(), RegistryEndpoint { repository, auth: image.auth });
            aliases.insert(image.alias, alias);
        }
        let tokens = AccessTokens { read: Some(random_token()), push: Some(random_token()) };
        let config = Config {
            aliases,
            mirror: None,
            access_tokens: tokens.clone(),
            limits: Limits::default(),
            uploads: progress.map(|progress| Arc::new(progress.clone()) as Arc<dyn UploadObserver>),
        };
        routes.handle = Some(proxy::spawn(vec![listener], config)?);
        routes.proxies.insert(local, tokens);
        Ok(routes)
    }

    /// Lets buildkitd push once the steps of all parts of the build have ended. Those of this part have.
    pub(crate) async fn allow_pushes_after_all(&self) {
        if let Some(steps) = &self.steps {
            steps.ended().await;
        }
        self.allow_pushes();
    }

    /// Lets buildkitd push: every step has ended, so that none of them sees what permits a write.
    pub(crate) fn allow_pushes(&self) {
        if let Some(handle) = &self.handle {
            handle.allow_pushes();
        }
        self.grants.allow_pushes();
    }

    /// Returns the logins that the session gives buildkitd, out of those of `registries`.
    pub(crate) fn session_logins(&self, registries: Arc<Authenticator>) -> Arc<SessionLogins> {
        Arc::new(SessionLogins {
            proxies: self.proxies.clone(),
            grants: Arc::clone(&self.grants),
            registries,
            unreachable: Mutex::default(),
            unnamed: Mutex::default(),
            exposure_warned: AtomicBool::default(),
        })
    }

    /// Returns why the registry of `reference` refuses a push, found out by asking it once more: with the proxy's
    /// credentials, or with the token of a proxy on this machine. `None` where there is nobody to ask, or
    /// the registry does not refuse.
    pub(crate) async fn push_refusal(&self, reference: &str) -> Option<String> {
        let RegistryEndpoint { repository, auth } =
            self.endpoint(&Reference::parse_named(reference).ok()?)?;
        // Mounting a blob begins like any upload, and gives up at once what it has begun.
        let asked = Client::new(Arc::clone(&auth)).mount_blob(&repository, NO_BLOB, &repository.name).await;
        Some(describe_client_error(&asked.err()?, &repository.host, &auth).await)
    }

    /// Returns why `reference` cannot be pulled, found out in the same way.
    pub(crate) async fn pull_refusal(&self, reference: &str) -> Option<String> {
        let parsed = Reference::parse_named(reference).ok()?;
        let RegistryEndpoint { repository, auth } = self.endpoint(&parsed)?;
        let asked = Client::new(Arc::clone(&auth)).head_manifest(&repository, parsed.version()).await;
        Some(describe_client_error(&asked.err()?, &repository.host, &auth).await)
    }

    /// Returns the endpoint of an image; `None` if its domain is no registry host.
    pub(crate) fn endpoint(&self, reference: &Reference) -> Option<RegistryEndpoint> {
        if let Some(endpoint) = self.repositories.get(reference.name()) {
            return Some(endpoint.clone());
        }
        let repository = Repository::of(reference).ok()?;
        Some(RegistryEndpoint { repository, auth: self.others.clone()? })
    }

    /// Stops the proxy at once: with the build all have ended who could go on with what they began. An upload that was
    /// refused stays begun, and would be waited for.
    pub(crate) fn close(self) {
        drop(self);
    }
}

fn random_token() -> Secret {
    Secret::new(hex::encode(rand::random::<[u8; 32]>()))
}
