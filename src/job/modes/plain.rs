//! `bob build` outside of a workspace.

mod push_routes;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::distributed;
use crate::buildkit::proto::control::StatusResponse;
use crate::buildkit::{BuildRequest, CacheEntry, GatewayFailure as _, SessionOptions, SshAgent};
use crate::converter::plan::Options;
use crate::job::attestations::Attestations;
use crate::job::build_record::{BuildRecorder, RecordSettings};
use crate::job::cache::PreparedCaches;
use crate::job::daemon::builder::Builder;
use crate::job::dockerfile_origin::LOCAL_NAME;
use crate::job::engine::{EngineSettings, Engines, PREFER_IMAGE_DIGEST};
use crate::job::error::Error;
use crate::job::frontend_attributes;
use crate::job::interrupt::Interrupts;
use crate::job::lookup::ImageLock;
use crate::job::progress_link::ProgressLink;
use crate::job::push::image_layers;
use crate::job::push::routes::{self, PushRoutes, PushVia};
use crate::job::push::steps::StepsOfParts;
use crate::job::report::unused_names::GivenNames;
use crate::job::report::{excluded_file, outcome};
use crate::job::request::{ParsedDockerfile, Request};
use crate::job::result::metadata::Results;
use crate::job::result::output::{Destination, Output};
use crate::job::result::prepared::PreparedOutputs;
use crate::job::result::provenance::{self, ProvenanceDetail};
use crate::job::result::report_files::{Recorder, ReportFile};
use crate::job::run::{self, Display};
use crate::job::session::logins::SessionLogins;
use crate::job::solve::solve_dockerfile;
use crate::progress::Mode;
use crate::secret::SecretBytes;
use push_routes::{insecure_hosts, open_routes};

/// A Dockerfile to build, and what to do with the result.
#[derive(Debug, Clone)]
pub struct PlainBuild {
    /// The Dockerfile, the credentials and the buildkitd.
    pub request: Request,
    /// What becomes of the result.
    pub outputs: Vec<Output>,
    /// Where docker or podman is, for outputs that are loaded.
    pub engine: EngineSettings,
    /// Secrets for RUN steps.
    pub secrets: BTreeMap<String, SecretBytes>,
    /// SSH agents for RUN steps.
    pub ssh_agents: BTreeMap<String, SshAgent>,
    /// Caches to import.
    pub cache_imports: Vec<CacheEntry>,
    /// Caches to write.
    pub cache_exports: Vec<CacheEntry>,
    /// Rights that steps may use.
    pub entitlements: Vec<String>,
    /// Attributes for buildkitd that no option of the conversion stands for, such as `vcs:source`.
    pub frontend_attributes: BTreeMap<String, String>,
    /// What goes with the image.
    pub attestations: Attestations,
    /// How much of the provenance in the history is in the results.
    pub metadata_provenance: Option<ProvenanceDetail>,
    /// Where the record of the build goes, and whether that of the last one is compared with it for all to see.
    pub record: RecordSettings,
    /// How progress is shown.
    pub progress: Mode,
    /// Where reports of the build are written.
    pub reports: Vec<ReportFile>,
    /// The side that pushes with the credentials.
    pub push_via: PushVia,
}

/// Builds, exports, and returns what the exporters answered.
///
/// # Errors
/// [`Error`]; nothing is left running or half written then.
pub async fn build(build: &PlainBuild, interrupts: &Interrupts) -> Result<Results, Error> {
    let recorder = Recorder::begin(&build.reports).map_err(Error::Write)?;
    let work = Box::pin(work(build, &recorder, interrupts.cancel()));
    let outcome = tokio::select! {
        outcome = interrupts.unless_twice(work) => outcome,
        never = recorder.keep_writing() => never,
    };
    match (recorder.end(&outcome), outcome) {
        (Err(error), Ok(_)) => Err(Error::Write(error)),
        (written, outcome) => {
            // The reason of the build's failure is what the user has to know.
            if let Err(error) = written {
                tracing::warn!(error = &error as &dyn std::error::Error, "the report was not written");
            }
            outcome
        }
    }
}

async fn work(build: &PlainBuild, recorder: &Recorder, cancel: &CancellationToken) -> Result<Results, Error> {
    let Request { dockerfile, .. } = &build.request;
    if let Some(context) = &dockerfile.files.context {
        let failed = |source| Error::Read { what: "the build context", path: context.clone(), source };
        std::fs::read_dir(context).map_err(failed)?;
    }
    let whole = PartOfBuild { events: None, steps: None, is_first: true, recorder: recorder.clone() };
    if !distributed::is_wanted(build) || dockerfile.read()?.is_rejected() {
        return on_one(build, &whole, cancel).await;
    }
    match distributed::split(build, cancel).await?.as_slice() {
        [one] => on_one(one.build(), &whole, cancel).await,
        parts => distributed::work(build, parts, recorder, cancel).await,
    }
}

/// What a build is beside others that are shown together with it.
pub(super) struct PartOfBuild {
    /// Where its progress is shown with that of the others; absent: it is shown alone.
    pub(super) events: Option<mpsc::Sender<StatusResponse>>,
    /// The steps of all of them: this one pushes when all have ended.
    pub(super) steps: Option<StepsOfParts>,
    /// Whether it is the one that tells what the build checks found.
    pub(super) is_first: bool,
    /// What reports are made of, those of the others with it.
    pub(super) recorder: Recorder,
}

/// Builds on the first daemon that answers; on the next one where the connection to that is lost.
pub(super) async fn on_one(
    build: &PlainBuild,
    part: &PartOfBuild,
    cancel: &CancellationToken,
) -> Result<Results, Error> {
    let mut daemon = build.request.daemon.clone();
    let dockerfile = build.request.dockerfile.read()?;
    loop {
        let builder = if dockerfile.is_rejected() {
            // A daemon that runs keeps the failed build in its history. None is started for it.
            daemon.connect_to_running(cancel).await?
        } else {
            Some(daemon.connect(cancel).await?)
        };
        let Some(builder) = builder else {
            return Err(dockerfile.rejection().unwrap_or(Error::Interrupted));
        };
        let address = builder.client.address().clone();
        let next = daemon.after(&address);
        let outcome = work_on(build, &dockerfile, &builder, part, next.is_some(), cancel).await;
        builder.stop().await;
        match (outcome, next) {
            (Err(Error::Connection(error)), Some(next))
                if error.is_disconnection() && can_begin_again(build, part) =>
            {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(%address, error, "the build begins again on another buildkitd");
                daemon = next;
            }
            (outcome, _) => return outcome,
        }
    }
}

/// Whether nothing is used up by a build that did not come to its end, and no other part of it pushes already: its steps
/// would run again meanwhile.
fn can_begin_again(build: &PlainBuild, part: &PartOfBuild) -> bool {
    if part.steps.as_ref().is_some_and(StepsOfParts::have_all_ended) {
        return false;
    }
    let is_stdout = |output: &Output| matches!(output.destination, Destination::Stdout);
    build.request.dockerfile.files.upload.is_none() && !build.outputs.iter().any(is_stdout)
}

/// Whether a build is begun again on another daemon: it is the same one, and has one record.
fn is_begun_again<T>(outcome: &Result<T, Error>, build: &PlainBuild, part: &PartOfBuild) -> bool {
    let is_lost = matches!(outcome, Err(Error::Connection(error)) if error.is_disconnection());
    is_lost && can_begin_again(build, part)
}

async fn work_on(
    build: &PlainBuild,
    dockerfile: &ParsedDockerfile<'_>,
    builder: &Builder,
    part: &PartOfBuild,
    has_next: bool,
    cancel: &CancellationToken,
) -> Result<Results, Error> {
    let mut outputs = build.outputs.clone();
    let recorder = &part.recorder;
    let progress = ProgressLink::default();
    let engines = Engines::connect(&build.engine, &mut outputs, &progress).await?;
    refuse_attested_docker_archives(build, &outputs)?;
    let registries = routes::authenticator_for(build.request.logins.load()?, insecure_hosts(&outputs))?;
    let (mut routes, targets) = open_routes(build, builder, &registries, &progress, &mut outputs).await?;
    routes.steps = part.steps.clone();
    let caches = PreparedCaches::new(&build.cache_imports, &build.cache_exports)?;
    routes.grants.grant_caches(&caches.imports, &caches.exports);
    let options = dockerfile.options_before(builder).await?;
    let mut prepared = PreparedOutputs::new(&outputs, &engines)?;
    let request = BuildRequest {
        exports: prepared.take_exports(),
        cache_imports: caches.imports.clone(),
        cache_exports: caches.exports.clone(),
        entitlements: build.entitlements.clone(),
        frontend_attrs: frontend_attributes_of(build, &options),
        source_policy: build.request.policy(),
        ..BuildRequest::default()
    };
    let mut session = session(build, builder, routes.session_logins(registries));
    session.withheld_dirs.extend(prepared.unfinished());
    recorder.withhold_from(&mut session);
    session.writable_stores.extend(prepared.writable_stores());
    let record = BuildRecorder::new(&build.record, dockerfile.input);
    session.sent_files = record.sent_files();
    caches.offer(&mut session);
    let read_again = build.attestations.dockerfile_folder(dockerfile.input)?;
    if let Some(folder) = &read_again {
        session.local_dirs.entry(LOCAL_NAME.to_owned()).or_insert_with(|| folder.path().to_owned());
    }
    let display = display(build, part, &progress, &routes);
    let attestations = &build.attestations;
    let solve = |gateway| solve_dockerfile(dockerfile, gateway, &routes, &targets, attestations, recorder);
    let finished = run::run(builder, request, session, display, cancel, solve).await;
    let warnings = finished.journal.warnings();
    let outcome = outcome::of_build(finished, dockerfile.source(), &routes).await;
    let options = options.with_build_platform(dockerfile.build_platform(builder));
    let outcome = outcome.map_err(|error| excluded_file::explain(error, dockerfile, &options));
    if part.is_first {
        dockerfile.show_warnings();
        dockerfile.show_unused_names(&given_names(build));
    }
    if !(has_next && is_begun_again(&outcome, build, part)) {
        record.finish(dockerfile, &progress, &builder.client, recorder);
    }
    let outcome = outcome.map_err(|error| failure_of_output(&prepared, error));
    let outcome = outcome.and_then(|outcome| {
        caches.keep(&outcome.exporter_response)?;
        Ok(outcome)
    });
    let results = outcome.map(|outcome| {
        let lock = ImageLock::of_facts(&outcome.value, &options.build_platform);
        let response = told_response(outcome.exporter_response, &outputs);
        Results::new(response, &routes.image_names, lock).of_build(outcome.build_ref, warnings)
    });
    if recorder.is_recording()
        && part.events.is_none()
        && let Ok(results) = &results
    {
        let layers = image_layers::of_pushed(&build.outputs, results, &routes, &options.build_platform).await;
        recorder.set_layers(layers);
    }
    routes.close();
    let results = results?;
    prepared.keep(results.descriptor().as_ref())?;
    match build.metadata_provenance {
        Some(detail) => with_provenance(results, detail, builder).await,
        None => Ok(results),
    }
}

/// Refuses attestations in an archive of type docker: it has one manifest and no index, in which they would be.
fn refuse_attested_docker_archives(build: &PlainBuild, outputs: &[Output]) -> Result<(), Error> {
    let is_attested = !build.attestations.attributes.is_empty();
    if is_attested && outputs.iter().any(|output| output.exporter.name == "docker") {
        return Err(Error::AttestedDockerArchive);
    }
    Ok(())
}

/// Returns what the daemon is told of a build in the words of a frontend's attributes.
fn frontend_attributes_of(build: &PlainBuild, options: &Options) -> BTreeMap<String, String> {
    let mut attributes = frontend_attributes::of_options(options);
    attributes.extend(build.frontend_attributes.clone());
    attributes.extend(frontend_attributes::of_attestation_arguments(options));
    attributes.extend(build.attestations.attributes.clone());
    attributes
}

/// Returns how the progress of a build is shown: by itself, or with that of the other parts.
fn display(build: &PlainBuild, part: &PartOfBuild, progress: &ProgressLink, routes: &PushRoutes) -> Display {
    let mode = if part.events.is_some() { Mode::QUIET } else { build.progress };
    Display {
        link: progress.clone(),
        also: part.events.clone(),
        recorder: part.recorder.clone(),
        ..Display::new(mode, routes.image_names.clone())
    }
}

/// Returns what the user is told of the exporters' answer. As in buildx: an engine that knows images by their manifests never
/// hears of the other digest.
fn told_response(mut response: BTreeMap<String, String>, outputs: &[Output]) -> BTreeMap<String, String> {
    if outputs.iter().any(|output| output.attrs.contains_key(PREFER_IMAGE_DIGEST)) {
        response.remove("containerimage.config.digest");
    }
    response
}

/// Returns what a build is given by name.
fn given_names(build: &PlainBuild) -> GivenNames<'_> {
    GivenNames {
        secrets: build.secrets.keys().map(String::as_str).collect(),
        agents: build.ssh_agents.keys().map(String::as_str).collect(),
    }
}

/// Returns why an output did not get to its place, where that is why a build failed with `error`.
fn failure_of_output(prepared: &PreparedOutputs, error: Error) -> Error {
    if let Some(failure) = prepared.load_failure() {
        return Error::Engine(failure);
    }
    match error {
        // What a signal ended is no failure of its reader.
        Error::Daemon(_) | Error::Connection(_) => prepared.archive_failure().map_or(error, Error::Output),
        error => error,
    }
}

/// Returns results with the provenance that the daemon's history has of them.
async fn with_provenance(
    results: Results,
    detail: ProvenanceDetail,
    builder: &Builder,
) -> Result<Results, Error> {
    let members = async {
        let records = builder.client.provenance(results.build_ref()).await?;
        provenance::members(records, detail)
    };
    let members = members.await.map_err(|error| Error::Provenance(Box::new(error)))?;
    Ok(results.with_provenance(members))
}

fn session(build: &PlainBuild, builder: &Builder, credentials: Arc<SessionLogins>) -> SessionOptions {
    let files = &build.request.dockerfile.files;
    SessionOptions {
        shared_key: files.context.as_deref().map(shared_key).unwrap_or_default(),
        withheld_dirs: builder.state_folders().to_vec(),
        credentials: Some(credentials),
        secrets: build.secrets.clone(),
        ssh_agents: build.ssh_agents.clone(),
        ..files.session()
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
    hex::encode(&hash.finalize()[..16])
}
