//! The graph of a Dockerfile whose base images a buildkitd looks up, without building it.

use std::collections::BTreeMap;

use tokio_util::sync::CancellationToken;

use crate::buildkit::{BuildRequest, BuildResult, SessionOptions};
use crate::converter::Rejected;
use crate::converter::plan::Need;
use crate::job::daemon::builder::Builder;
use crate::job::error::Error;
use crate::job::failure::ConversionFailure;
use crate::job::frontend_attributes;
use crate::job::interrupt::Interrupts;
use crate::job::lookup::{Converted, LockResolver, PlaceholderImages};
use crate::job::push::image_names::ImageNames;
use crate::job::push::routes::{self, PushRoutes};
use crate::job::report::outcome;
use crate::job::request::{DockerfileInput, ParsedDockerfile, Request};
use crate::job::run;
use crate::progress::Mode;

/// A Dockerfile that was looked at.
#[derive(Debug)]
pub struct Inspection {
    /// What it comes to, or why it is rejected.
    pub conversion: Result<Converted, Rejected>,
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
        if let Ok(converted) = with_placeholders(&dockerfile).await
            && needs_files_only(&converted)
        {
            return Ok(converted);
        }
        let builder = request.daemon.connect(interrupts.cancel()).await?;
        let converted = convert_at(&builder, request, &dockerfile, Mode::Quiet, interrupts.cancel()).await;
        builder.stop().await;
        if converted.is_err() {
            dockerfile.show_warnings();
        }
        converted
    });
    interrupts.unless_twice(work).await.unwrap_or(Err(Error::Interrupted))
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
    interrupts.unless_twice(work).await.unwrap_or(Err(Error::Interrupted))
}

async fn inspect_read(
    request: &Request,
    dockerfile: &ParsedDockerfile<'_>,
    progress: Mode,
    cancel: &CancellationToken,
) -> Result<Inspection, Error> {
    let DockerfileInput { options, files, image_lock, .. } = dockerfile.input;
    if let Some(lock) = image_lock {
        let resolver = LockResolver { lock, files, build_platform: &options.build_platform };
        return inspection(dockerfile.convert_with(options, &resolver).await.map_err(Error::from), false);
    }
    let placeholders = with_placeholders(dockerfile).await;
    if dockerfile.is_rejected() || placeholders.as_ref().is_ok_and(needs_files_only) {
        return inspection(placeholders.map_err(Error::from), false);
    }
    let builder = if request.daemon.address.is_some() {
        Some(request.daemon.connect(cancel).await?)
    } else {
        request.daemon.connect_to_running(cancel).await?
    };
    let Some(builder) = builder else { return inspection(placeholders.map_err(Error::from), true) };
    let converted = convert_at(&builder, request, dockerfile, progress, cancel).await;
    builder.stop().await;
    inspection(converted, false)
}

/// A rejected Dockerfile is a result of looking at it.
fn inspection(converted: Result<Converted, Error>, lacks_images: bool) -> Result<Inspection, Error> {
    let conversion = match converted {
        Ok(converted) => Ok(converted),
        Err(Error::Conversion(ConversionFailure::Rejected { rejected, .. })) => Err(rejected),
        Err(error) => return Err(error),
    };
    Ok(Inspection { conversion, lacks_images })
}

/// Converts with images that set nothing.
async fn with_placeholders(dockerfile: &ParsedDockerfile<'_>) -> Result<Converted, ConversionFailure> {
    let DockerfileInput { options, files, .. } = dockerfile.input;
    let resolver = PlaceholderImages { files, build_platform: &options.build_platform };
    dockerfile.convert_with(options, &resolver).await
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
    let credentials = routes.session_logins(routes::authenticator(request.logins.load()?)?);
    let session = SessionOptions { credentials: Some(credentials), ..SessionOptions::default() };
    let options = dockerfile.options_for(builder).await?;
    let build = BuildRequest {
        internal: true,
        frontend_attrs: frontend_attributes::of_options(&options),
        ..BuildRequest::default()
    };
    let (options, grants) = (&options, &routes.grants);
    let convert = |gateway| async move {
        let converted = dockerfile.convert(&gateway, options, grants).await?;
        Ok((BuildResult::Single { reference: None, metadata: BTreeMap::new() }, converted))
    };
    let display = (progress, ImageNames::default());
    let finished = run::run(builder, build, session, display, cancel, convert).await;
    let outcome = outcome::of_build(finished, Some(&dockerfile.input.source), &routes).await;
    outcome.map(|outcome| outcome.value)
}
