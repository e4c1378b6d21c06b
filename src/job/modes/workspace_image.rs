//! Workspace mode: the base layer from the user's Dockerfile, then the workspace image from the base.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::image_graph::solve_image;
use super::plain::shared_key;
use super::reference;
use super::workspace_dockerfile::read_when_ready;
use crate::buildkit::{self, BuildRequest, CacheEntry, SessionOptions};
use crate::image::{Platform, Reference};
use crate::job::attestations::Attestations;
use crate::job::build_record::{BuildRecorder, RecordSettings};
use crate::job::cache::PreparedCaches;
use crate::job::daemon::builder::{Builder, DaemonChoice};
use crate::job::engine::Engines;
use crate::job::error::Error;
use crate::job::frontend_attributes;
use crate::job::interrupt::Interrupts;
use crate::job::push::base_layers::PushTargets;
use crate::job::push::copy::Copy;
use crate::job::push::manifest::ManifestLookup;
use crate::job::push::routes::{self, ProxiedImage, PushRoutes};
use crate::job::report::{excluded_file, outcome};
use crate::job::request::{DockerfileInput, ParsedDockerfile};
use crate::job::result::output::Output;
use crate::job::result::prepared::PreparedOutputs;
use crate::job::result::report_files::Recorder;
use crate::job::run::{self, Display, STATUS_QUEUE};
use crate::job::session::logins::with_tokens;
use crate::job::solve::solve_dockerfile;
use crate::progress::{self, Mode, Step};
use crate::proxy::{AccessTokens, Rights};
use crate::registry::{Authenticator, Client, Credentials, Origin};
use crate::workspace::{AuthJson, Settings, Workspace, variables};

/// A workspace image to build.
#[derive(Debug)]
pub struct WorkspaceBuild {
    /// The workspace's folders.
    pub workspace: Workspace,
    /// What the control plane asks for.
    pub settings: Settings,
    /// Where the record of the base layer's build goes, and whether that of the last one is compared with it.
    pub record: RecordSettings,
    /// Caches to import.
    pub cache_imports: Vec<CacheEntry>,
    /// How long the workspace may take to be ready.
    pub ready_timeout: Duration,
    /// The buildkitd to use.
    pub daemon: DaemonChoice,
}

/// The settings, understood: references parsed, credentials read.
struct WorkspaceJob<'a> {
    build: &'a WorkspaceBuild,
    base: Reference,
    target: Reference,
    /// Asks registries with the base's credentials.
    base_registries: Arc<Authenticator>,
    routes: PushRoutes,
    cancel: &'a CancellationToken,
}

/// Builds the base layer where that is asked for, then the workspace image, and pushes both.
///
/// # Errors
/// [`Error`]; nothing is left running then.
pub async fn build_workspace(build: &WorkspaceBuild, interrupts: &Interrupts) -> Result<(), Error> {
    let work = Box::pin(work(build, interrupts.cancel()));
    interrupts.unless_twice(work).await
}

async fn work(build: &WorkspaceBuild, cancel: &CancellationToken) -> Result<(), Error> {
    let settings = &build.settings;
    let base = reference(variables::BASE_REF.name, &settings.base_ref)?;
    let target = reference(variables::TARGET_REF.name, &settings.target_ref)?;
    refuse_digests(settings, &base, &target)?;
    let transport = routes::transport()?;
    let authenticator = |credentials| Arc::new(Authenticator::new(Arc::clone(&transport), credentials));
    let base_registries = authenticator(credentials(settings.base_auth.as_ref())?);
    let base_auth = settings.base_auth.as_ref().map(|_| Arc::clone(&base_registries));
    let target_auth = match (&settings.base_auth, &settings.target_auth) {
        // The same credentials make one client, so that layers may be mounted from base to target.
        (Some(base), Some(target)) if base.expose() == target.expose() => base_auth.clone(),
        (_, Some(target)) => Some(authenticator(credentials(Some(target))?)),
        (_, None) => None,
    };
    let dockerfile = match &settings.base_step {
        Some(step) => Some(read_when_ready(&build.workspace, build.ready_timeout, step, cancel).await?),
        None => None,
    };
    // A Dockerfile that does not parse is rejected before any buildkitd is started for it.
    let dockerfile = dockerfile.as_ref().map(DockerfileInput::parse).transpose()?;
    let proxied = |reference, alias: &str, rights, auth: Option<Arc<Authenticator>>| {
        auth.map(|auth| ProxiedImage { reference, alias: alias.to_owned(), rights, auth })
    };
    let rights = if dockerfile.is_some() { Rights::PULL_PUSH } else { Rights::PULL };
    let same_name = base.name() == target.name();
    let proxied = [
        proxied(&base, "base", if same_name { Rights::PULL_PUSH } else { rights }, base_auth),
        proxied(
            &target,
            "target",
            Rights::PULL_PUSH,
            target_auth.filter(|_| !same_name || settings.base_auth.is_none()),
        ),
    ];
    let proxies = proxies(settings, [&base, &target]);
    let others = authenticator(with_tokens(&proxies, credentials(settings.base_auth.as_ref())?));
    let routes = PushRoutes::open(proxied.into_iter().flatten().collect(), proxies, others, None).await?;
    let job = WorkspaceJob { build, base, target, base_registries, routes, cancel };
    let mut builder = None;
    let outcome = job.run(&mut builder, dockerfile.as_ref()).await;
    job.routes.close();
    if let Some(builder) = builder {
        builder.stop().await;
    }
    outcome
}

/// The tokens of the workspace's own proxy, which listens on loopback only, by the names of its host.
fn proxies(settings: &Settings, references: [&Reference; 2]) -> BTreeMap<String, AccessTokens> {
    let read = settings.proxy_token.clone();
    let push = settings.proxy_push_token.clone().or_else(|| read.clone());
    if push.is_none() {
        return BTreeMap::new();
    }
    let loopback = references
        .into_iter()
        .filter(|reference| routes::registry_host(reference).is_some_and(|host| host.is_loopback()));
    let tokens = AccessTokens { read, push };
    loopback.map(|reference| (reference.domain().to_owned(), tokens.clone())).collect()
}

fn refuse_digests(settings: &Settings, base: &Reference, target: &Reference) -> Result<(), Error> {
    if target.digest().is_some() {
        return Err(Error::TargetWithDigest);
    }
    if settings.base_step.is_some() && base.digest().is_some() {
        return Err(Error::UnbuiltBaseWithDigest);
    }
    Ok(())
}

fn credentials(auth: Option<&AuthJson>) -> Result<Credentials, Error> {
    let Some(auth) = auth else { return Ok(Credentials::default()) };
    Ok(Credentials::from_auth_map(auth.expose(), &Origin::Variable(auth.variable.to_owned()))?)
}

impl WorkspaceJob<'_> {
    async fn run(
        &self,
        builder: &mut Option<Builder>,
        dockerfile: Option<&ParsedDockerfile<'_>>,
    ) -> Result<(), Error> {
        let base = match dockerfile {
            Some(dockerfile) => {
                let builder = self.connect(builder).await?;
                let digest = self.build_base(builder, dockerfile).await?;
                self.base.clone().with_digest(&digest).unwrap_or_else(|_| self.base.clone())
            }
            None => self.base.clone(),
        };
        tracing::info!(base = %base, target = %self.target, "making the workspace image");
        if self.copy_target(&base).await? {
            return Ok(());
        }
        self.build_target(self.connect(builder).await?, &base).await
    }

    /// The daemon, which is only looked for or started when something is to be built.
    async fn connect<'a>(&self, builder: &'a mut Option<Builder>) -> Result<&'a Builder, Error> {
        Ok(match builder {
            Some(builder) => builder,
            None => builder.insert(self.build.daemon.connect(self.cancel).await?),
        })
    }

    /// Builds and pushes the base layer. Returns its digest.
    async fn build_base(
        &self,
        builder: &Builder,
        dockerfile: &ParsedDockerfile<'_>,
    ) -> Result<String, Error> {
        let DockerfileInput { files, .. } = dockerfile.input;
        tracing::info!(base = %self.base, "building the base layer");
        let mut session = self.session(builder);
        if let Some(context) = &files.context {
            session.shared_key = shared_key(context);
            session.local_dirs.insert("context".to_owned(), context.clone());
        }
        if self.routes.image_names.daemon_name(self.base.name(), "").is_none() {
            self.routes.grants.grant_push(&self.base);
        }
        let caches = PreparedCaches::new(&self.build.cache_imports, &[])?;
        self.routes.grants.grant_caches(&caches.imports, &[]);
        let recorder = BuildRecorder::new(&self.build.record, dockerfile.input);
        session.sent_files = recorder.sent_files();
        caches.offer(&mut session);
        let options = dockerfile.options_before(builder).await?;
        for name in frontend_attributes::of_attestation_arguments(&options).keys() {
            tracing::warn!("{name} asks for no attestation here: images of a workspace have none");
        }
        let request = BuildRequest {
            exports: self.push(&self.base)?,
            cache_imports: caches.imports.clone(),
            frontend_attrs: frontend_attributes::of_options(&options),
            ..BuildRequest::default()
        };
        let display = Display::new(Mode::PLAIN, self.routes.image_names.clone());
        let link = display.link.clone();
        let targets = PushTargets::new(&self.routes, [&self.base], builder.shares_network());
        let (nothing, unrecorded) = (Attestations::default(), Recorder::default());
        let solve =
            |gateway| solve_dockerfile(dockerfile, gateway, &self.routes, &targets, &nothing, &unrecorded);
        let finished = run::run(builder, request, session, display, self.cancel, solve).await;
        let outcome = outcome::of_build(finished, dockerfile.source(), &self.routes).await;
        let options = options.with_build_platform(dockerfile.build_platform(builder));
        let outcome = outcome.map_err(|error| excluded_file::explain(error, dockerfile, &options));
        dockerfile.show_warnings();
        recorder.finish(dockerfile, &link, &builder.client, &Recorder::default());
        Ok(outcome?.exporter_response.get("containerimage.digest").cloned().unwrap_or_default())
    }

    /// Makes the workspace image without buildkitd: the base's manifest for this platform, byte by byte,
    /// under the target's tag. Returns whether it did; not where Bob cannot read the base by itself, or
    /// where it is of a kind that only buildkitd knows.
    async fn copy_target(&self, base: &Reference) -> Result<bool, Error> {
        let ends = (self.routes.endpoint(base), self.routes.endpoint(&self.target), self.target.tag());
        let (Some(from), Some(to), Some(tag)) = ends else { return Ok(false) };
        let platform = Platform::host().to_string();
        let client = Client::new(Arc::clone(&from.auth));
        let found = self
            .unless_cancelled(ManifestLookup::look_up(&client, &from.repository, base.version(), &platform))
            .await?;
        let image = match found {
            Ok(ManifestLookup::Image(image)) => image,
            Ok(ManifestLookup::Missing) => return Err(outcome::missing_base(base)),
            Ok(ManifestLookup::Unknown) => {
                tracing::info!(base = %base, "not a plain image for {platform}; leaving it to buildkitd");
                return Ok(false);
            }
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::info!(base = %base, error, "leaving it to buildkitd");
                return Ok(false);
            }
        };
        let (updates, raw) = mpsc::channel(STATUS_QUEUE);
        let follower = tokio::spawn(progress::follow(Mode::PLAIN, raw));
        let name = format!("[workspace] {} FROM {base}", self.target);
        let step = Step::begin(updates, "copy", &name).await;
        let copy = Copy { from: &from, to: &to, tag, image: &image, step: &step };
        let outcome = match self.unless_cancelled(copy.run()).await {
            Ok(Ok(summary)) => {
                step.log(&summary.to_string()).await;
                Ok(true)
            }
            Ok(Err(failure)) => Err(outcome::of_copy(&failure, (base, &from), (&self.target, &to)).await),
            Err(interrupted) => Err(interrupted),
        };
        step.end(&outcome.as_ref().err().map(Error::report).unwrap_or_default()).await;
        let _ = follower.await;
        outcome
    }

    async fn unless_cancelled<T>(&self, work: impl Future<Output = T>) -> Result<T, Error> {
        self.cancel.run_until_cancelled(work).await.ok_or(Error::Interrupted)
    }

    /// Pushes the workspace image through buildkitd: the base's layers under its unchanged configuration.
    async fn build_target(&self, builder: &Builder, base: &Reference) -> Result<(), Error> {
        let request = BuildRequest { exports: self.push(&self.target)?, ..BuildRequest::default() };
        let display = Display::new(Mode::PLAIN, self.routes.image_names.clone());
        let source = self.at_buildkitd(base);
        let shown = base.to_string();
        let solve = |gateway| async move {
            let solved = solve_image(&gateway, &source, &shown).await?;
            self.routes.allow_pushes();
            Ok(solved)
        };
        self.routes.grants.grant_pull(base);
        self.routes.grants.grant_push(&self.target);
        let session = self.session(builder);
        let finished = run::run(builder, request, session, display, self.cancel, solve).await;
        outcome::of_build(finished, None, &self.routes).await.map(drop)
    }

    /// What buildkitd calls an image.
    fn at_buildkitd(&self, reference: &Reference) -> String {
        let text = reference.to_string();
        let suffix = text.strip_prefix(reference.name()).unwrap_or_default();
        self.routes.image_names.daemon_name(reference.name(), suffix).unwrap_or(text)
    }

    fn push(&self, reference: &Reference) -> Result<Vec<buildkit::Export>, Error> {
        let mut output = Output::image(true);
        output.set_names(&[self.at_buildkitd(reference)]);
        Ok(PreparedOutputs::new(&[output], &Engines::default())?.take_exports())
    }

    /// A session that knows the proxies' tokens, and the base's credentials for what FROM names.
    fn session(&self, builder: &Builder) -> SessionOptions {
        SessionOptions {
            credentials: Some(self.routes.session_logins(Arc::clone(&self.base_registries))),
            local_dirs_within: Some(self.build.workspace.root().to_owned()),
            withheld_dirs: builder.state_folders().to_vec(),
            ..SessionOptions::default()
        }
    }
}
