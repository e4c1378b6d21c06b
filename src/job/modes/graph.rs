//! The graph of a Dockerfile whose base images a buildkitd looks up, without building it.

use std::collections::BTreeMap;

use tokio_util::sync::CancellationToken;

use crate::buildkit::{BuildRequest, BuildResult, Gateway, SessionOptions};
use crate::converter::plan::{Need, Options};
use crate::converter::{Converter, Rejected};
use crate::diag::Source;
use crate::job::daemon::builder::Builder;
use crate::job::error::Error;
use crate::job::failure::{ConversionFailure, SolveFailure};
use crate::job::frontend_attributes;
use crate::job::interrupt::Interrupts;
use crate::job::lookup::{Converted, LockResolver};
use crate::job::push::image_names::ImageNames;
use crate::job::push::routes::{self, PushRoutes};
use crate::job::report::outcome;
use crate::job::request::{DockerfileInput, ParsedDockerfile, Request};
use crate::job::run::{self, Display};
use crate::progress::Mode;

/// A Dockerfile that was looked at.
#[derive(Debug)]
pub struct Inspection {
    /// What it comes to, or why it is rejected.
    pub conversion: Result<Converted, Rejected>,
    /// Its text.
    pub source: Source,
    /// Its name in messages to buildkitd.
    pub filename: String,
    /// Whether base images were needed and nobody could look at them: they then count as images that set nothing.
    pub lacks_images: bool,
}

/// Converts a Dockerfile. A buildkitd is found or started only if there is an image to look up.
///
/// # Errors
/// [`Error`]; what the build checks found before that is on standard error.
pub async fn graph(request: &Request, interrupts: &Interrupts) -> Result<Converted, Error> {
    let dockerfile = request.dockerfile.parse()?;
    let work = Box::pin(async {
        if !request.dockerfile.needs_fetch()
            && let Ok(converted) = dockerfile.convert_with_placeholders(&dockerfile.input.options).await
            && needs_files_only(&converted)
        {
            return Ok(converted);
        }
        let builder = request.daemon.connect(interrupts.cancel()).await?;
        let converted = convert_at(&builder, request, &dockerfile, Mode::QUIET, interrupts.cancel()).await;
        builder.stop().await;
        if converted.is_err() {
            dockerfile.show_warnings();
        }
        converted
    });
    interrupts.unless_twice(work).await
}

/// Converts a Dockerfile to say what is in it. Base images are looked up by the lock of the request, else by the
/// buildkitd that is named or runs. None is started for it.
///
/// # Errors
/// [`Error`] for whatever is not the Dockerfile's fault.
pub async fn inspect(
    request: &Request,
    progress: Mode,
    interrupts: &Interrupts,
) -> Result<Inspection, Error> {
    let dockerfile = request.dockerfile.read()?;
    let work = Box::pin(inspect_read(request, &dockerfile, progress, interrupts.cancel()));
    interrupts.unless_twice(work).await
}

/// Parses a Dockerfile, and does nothing more with it. A buildkitd is found or started only if it has to fetch it.
///
/// # Errors
/// [`Error`], a Dockerfile that is rejected included.
pub async fn parse(request: &Request, progress: Mode, interrupts: &Interrupts) -> Result<Converter, Error> {
    let dockerfile = request.dockerfile.parse()?;
    if request.dockerfile.needs_fetch() {
        let (dockerfile, cancel, routes) = (&dockerfile, interrupts.cancel(), PushRoutes::default());
        let work = Box::pin(async {
            let builder = request.daemon.connect(cancel).await?;
            let fetch = |gateway: Gateway, options: Options| async move {
                dockerfile.fetch(&gateway, &options).await.map(drop)
            };
            let fetched = at_gateway(&builder, request, dockerfile, (progress, cancel), &routes, fetch).await;
            builder.stop().await;
            fetched
        });
        interrupts.unless_twice(work).await?;
    }
    Ok(dockerfile.into_converter()?)
}

async fn inspect_read(
    request: &Request,
    dockerfile: &ParsedDockerfile<'_>,
    progress: Mode,
    cancel: &CancellationToken,
) -> Result<Inspection, Error> {
    let DockerfileInput { options, files, image_lock, .. } = dockerfile.input;
    let inspected = |converted| inspection(dockerfile, converted, false);
    if request.dockerfile.needs_fetch() {
        let builder = request.daemon.connect(cancel).await?;
        let converted = convert_at(&builder, request, dockerfile, progress, cancel).await;
        builder.stop().await;
        return inspected(converted);
    }
    if let Some(lock) = image_lock {
        let resolver = LockResolver { lock, files, build_platform: &options.build_platform };
        return inspected(dockerfile.convert_with(options, &resolver).await.map_err(Error::from));
    }
    let placeholders = dockerfile.convert_with_placeholders(&dockerfile.input.options).await;
    if dockerfile.is_rejected() || placeholders.as_ref().is_ok_and(needs_files_only) {
        return inspected(placeholders.map_err(Error::from));
    }
    let builder = if request.daemon.addresses.is_empty() {
        request.daemon.connect_to_running(cancel).await?
    } else {
        Some(request.daemon.connect(cancel).await?)
    };
    let Some(builder) = builder else {
        return inspection(dockerfile, placeholders.map_err(Error::from), true);
    };
    let converted = convert_at(&builder, request, dockerfile, progress, cancel).await;
    builder.stop().await;
    inspected(converted)
}

/// A rejected Dockerfile is a result of looking at it.
fn inspection(
    dockerfile: &ParsedDockerfile<'_>,
    converted: Result<Converted, Error>,
    lacks_images: bool,
) -> Result<Inspection, Error> {
    let conversion = match converted {
        Ok(converted) => Ok(converted),
        Err(Error::Conversion(ConversionFailure::Rejected { rejected, .. })) => Err(rejected),
        Err(error) => return Err(error),
    };
    let filename = dockerfile.filename().to_owned();
    let source = dockerfile.source().cloned().unwrap_or_else(|| Source::new(&filename, ""));
    Ok(Inspection { conversion, source, filename, lacks_images })
}

/// Whether a conversion asked for nothing that only a buildkitd can look up.
fn needs_files_only(converted: &Converted) -> bool {
    converted.facts.iter().all(|(need, _)| matches!(need, Need::Ignore | Need::NamedIgnore { .. }))
}

/// Converts with what a buildkitd looks up. Nothing is built, and nothing is left in its history.
async fn convert_at(
    builder: &Builder,
    request: &Request,
    dockerfile: &ParsedDockerfile<'_>,
    progress: Mode,
    cancel: &CancellationToken,
) -> Result<Converted, Error> {
    let routes = PushRoutes::default();
    let grants = &routes.grants;
    let convert = |gateway: Gateway, options: Options| async move {
        let options = dockerfile.fetch(&gateway, &options).await?;
        Ok(dockerfile.convert(&gateway, &options, grants).await?)
    };
    at_gateway(builder, request, dockerfile, (progress, cancel), &routes, convert).await
}

/// Runs `function` on the gateway of a build that builds nothing.
async fn at_gateway<T, Fut>(
    builder: &Builder,
    request: &Request,
    dockerfile: &ParsedDockerfile<'_>,
    (progress, cancel): (Mode, &CancellationToken),
    routes: &PushRoutes,
    function: impl FnOnce(Gateway, Options) -> Fut,
) -> Result<T, Error>
where
    Fut: Future<Output = Result<T, SolveFailure>>,
{
    let credentials = routes.session_logins(routes::authenticator(request.logins.load()?)?);
    let session = SessionOptions { credentials: Some(credentials), ..request.dockerfile.files.session() };
    let options = dockerfile.options_before(builder).await?;
    let build = BuildRequest {
        internal: true,
        frontend_attrs: frontend_attributes::of_options(&options),
        source_policy: request.policy(),
        ..BuildRequest::default()
    };
    let run_function = |gateway| async move {
        let options = dockerfile.options_on(&gateway).await?;
        let value = function(gateway, options).await?;
        Ok((BuildResult::Single { reference: None, metadata: BTreeMap::new() }, value))
    };
    let display = Display::new(progress, ImageNames::default());
    let finished = run::run(builder, build, session, display, cancel, run_function).await;
    let outcome = outcome::of_build(finished, dockerfile.source(), routes).await;
    outcome.map(|outcome| outcome.value)
}
