//! `bob build` outside of a workspace.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use tokio_util::sync::CancellationToken;

use crate::buildkit::{BuildRequest, CacheEntry, SecretBytes, SessionOptions};
use crate::converter::plan::Options;
use crate::diag::Source;
use crate::image::Reference;
use crate::job::daemon::builder::{Builder, DaemonChoice};
use crate::job::dockerfile::{Recipe, show_warnings};
use crate::job::interrupt::Interrupts;
use crate::job::lookup::{ImageLock, LocalFiles};
use crate::job::push::base_layers::PushTargets;
use crate::job::push::routes::{self, ProxiedImage, PushRoutes, PushVia};
use crate::job::report::failure::Error;
use crate::job::report::outcome;
use crate::job::result::metadata::Results;
use crate::job::result::output::Output;
use crate::job::result::staged::Staged;
use crate::job::run;
use crate::job::session::logins::{DockerLogins, SessionLogins};
use crate::progress::Mode;
use crate::proxy::Rights;
use crate::registry::Authenticator;

/// A Dockerfile to build, and what to do with the result.
#[derive(Debug)]
pub struct PlainBuild {
    /// The Dockerfile.
    pub dockerfile: Source,
    /// The context folder and local named contexts.
    pub files: LocalFiles,
    /// How to convert the Dockerfile.
    pub options: Options,
    /// Where base images come from in place of their registries.
    pub image_lock: Option<ImageLock>,
    /// What becomes of the result.
    pub outputs: Vec<Output>,
    /// Secrets for RUN steps.
    pub secrets: BTreeMap<String, SecretBytes>,
    /// Sockets of SSH agents for RUN steps.
    pub ssh_agents: BTreeMap<String, PathBuf>,
    /// Caches to import.
    pub cache_imports: Vec<CacheEntry>,
    /// Caches to write.
    pub cache_exports: Vec<CacheEntry>,
    /// Rights that steps may use.
    pub entitlements: Vec<String>,
    /// How progress is shown.
    pub progress: Mode,
    /// Who pushes with the credentials.
    pub push_via: PushVia,
    /// Where the credentials are.
    pub logins: DockerLogins,
    /// The buildkitd to use.
    pub daemon: DaemonChoice,
}

/// Builds, exports, and returns what the exporters answered.
///
/// # Errors
/// [`Error`]; nothing is left running or half written then.
pub async fn build(build: &PlainBuild, interrupts: &Interrupts) -> Result<Results, Error> {
    let work = Box::pin(work(build, interrupts.cancel()));
    interrupts.unless_twice(work).await.unwrap_or(Err(Error::Interrupted))
}

async fn work(build: &PlainBuild, cancel: &CancellationToken) -> Result<Results, Error> {
    if let Some(context) = &build.files.context {
        let failed = |source| Error::Read { what: "the build context", path: context.clone(), source };
        std::fs::read_dir(context).map_err(failed)?;
    }
    let recipe = Recipe {
        source: build.dockerfile.clone(),
        options: build.options.clone(),
        files: build.files.clone(),
        lock: build.image_lock.clone(),
    };
    recipe.check()?;
    let builder = build.daemon.connect(cancel).await?;
    let outcome = work_on(build, &recipe, &builder, cancel).await;
    builder.stop().await;
    outcome
}

async fn work_on(
    build: &PlainBuild,
    recipe: &Recipe,
    builder: &Builder,
    cancel: &CancellationToken,
) -> Result<Results, Error> {
    let mut outputs = build.outputs.clone();
    let registries = routes::authenticator(build.logins.load()?)?;
    let (routes, targets) = routes(build, builder, &registries, &mut outputs).await?;
    routes.grants.grant_caches(&build.cache_imports, &build.cache_exports);
    let mut staged = Staged::new(&outputs)?;
    let request = BuildRequest {
        exports: staged.take_exports(),
        cache_imports: build.cache_imports.clone(),
        cache_exports: build.cache_exports.clone(),
        entitlements: build.entitlements.clone(),
        ..BuildRequest::default()
    };
    let mut session = session(build, builder, routes.session_logins(registries));
    session.withheld_dirs.extend(staged.unfinished_files());
    let display = (build.progress, routes.image_names.clone());
    let make = |gateway| recipe.make(gateway, &routes, &targets);
    let ended = run::run(builder, request, session, display, cancel, make).await;
    let outcome = outcome::dockerfile_build(ended, &recipe.source, &routes).await;
    let results = match outcome {
        Ok(outcome) => {
            show_warnings(&outcome.value.warnings, &recipe.source);
            let lock = ImageLock::of_facts(&outcome.value.facts, &recipe.options.build_platform);
            Ok(Results::new(outcome.exporter_response, &routes.image_names, lock))
        }
        Err((error, warnings)) => {
            show_warnings(&warnings, &recipe.source);
            Err(error)
        }
    };
    routes.close().await;
    let results = results?;
    staged.keep()?;
    Ok(results)
}

/// Opens the ways to the registries that are pushed to, and names the outputs as buildkitd has to.
/// Returns also where base layers are to be mounted.
async fn routes(
    build: &PlainBuild,
    builder: &Builder,
    registries: &Arc<Authenticator>,
    outputs: &mut [Output],
) -> Result<(PushRoutes, PushTargets), Error> {
    let (mut names, mut with_base_layers) = (BTreeSet::new(), BTreeSet::new());
    for output in outputs.iter().filter(|output| output.pushes()) {
        names.extend(output.names());
        with_base_layers.extend(output.names().into_iter().filter(|_| output.keeps_base_layers()));
    }
    if names.is_empty() {
        return Ok((PushRoutes::default(), PushTargets::default()));
    }
    let mut references = BTreeMap::new();
    for name in names {
        let parsed = Reference::parse(&name);
        let parsed =
            parsed.map_err(|source| Error::Reference { setting: "--tag", text: name.clone(), source })?;
        references.insert(name, parsed.with_default_tag());
    }
    let wishes = wishes(build, builder, registries, &references).await?;
    let by_proxy: BTreeSet<&str> = wishes.iter().map(|wish| wish.reference.name()).collect();
    let by_session: Vec<&Reference> =
        references.values().filter(|reference| !by_proxy.contains(reference.name())).collect();
    let routes = PushRoutes::open(wishes, BTreeMap::new(), Arc::clone(registries)).await?;
    for reference in by_session {
        routes.grants.grant_push(reference);
    }
    let with_base_layers = with_base_layers.iter().filter_map(|name| references.get(name));
    let targets = PushTargets::new(&routes, with_base_layers, builder.shares_network());
    for output in outputs.iter_mut().filter(|output| output.pushes()) {
        let at_buildkitd = |name: String| {
            let Some(reference) = references.get(&name) else { return name };
            let text = reference.to_string();
            let suffix = text.strip_prefix(reference.name()).unwrap_or_default();
            routes.image_names.daemon_name(reference.name(), suffix).unwrap_or(name)
        };
        let names: Vec<String> = output.names().into_iter().map(at_buildkitd).collect();
        output.set_names(&names);
    }
    Ok((routes, targets))
}

/// The images that go through the proxy.
async fn wishes<'a>(
    build: &PlainBuild,
    builder: &Builder,
    registries: &Arc<Authenticator>,
    references: &'a BTreeMap<String, Reference>,
) -> Result<Vec<ProxiedImage<'a>>, Error> {
    let may_use_proxy = match build.push_via {
        PushVia::Session => false,
        PushVia::Proxy => true,
        PushVia::Auto => builder.shares_network(),
    };
    let mut chosen: BTreeMap<String, &Reference> = BTreeMap::new();
    for reference in references.values().filter(|_| may_use_proxy) {
        let Some(host) = routes::registry_host(reference) else { continue };
        if build.push_via == PushVia::Proxy || registries.credentials().find(&host).await?.is_some() {
            chosen.insert(reference.name().to_owned(), reference);
        }
    }
    let wish = |(index, reference)| ProxiedImage {
        reference,
        alias: format!("image{index}"),
        rights: Rights::PULL_PUSH,
        auth: Arc::clone(registries),
    };
    Ok(chosen.into_values().enumerate().map(wish).collect())
}

fn session(build: &PlainBuild, builder: &Builder, credentials: Arc<SessionLogins>) -> SessionOptions {
    let mut local_dirs = build.files.named.clone();
    local_dirs.extend(build.files.context.clone().map(|context| ("context".to_owned(), context)));
    SessionOptions {
        shared_key: build.files.context.as_deref().map(shared_key).unwrap_or_default(),
        local_dirs,
        withheld_dirs: builder.state_folders().to_vec(),
        credentials: Some(credentials),
        secrets: build.secrets.clone(),
        ssh_agents: build.ssh_agents.clone(),
        ..SessionOptions::default()
    }
}

/// Names the snapshots of a context that later builds of the same folder on this machine may update.
pub(crate) fn shared_key(context: &Path) -> String {
    let machine = std::fs::read("/etc/machine-id").unwrap_or_default();
    let folder = context.canonicalize().unwrap_or_else(|_| context.to_owned());
    let mut hash = Sha256::new();
    hash.update(&machine);
    hash.update([0]);
    hash.update(folder.as_os_str().as_encoded_bytes());
    hash.finalize().iter().take(16).fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}
