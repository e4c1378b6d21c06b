//! The graph of a Dockerfile whose base images a buildkitd looks up, without building it.

use std::collections::BTreeMap;

use tokio_util::sync::CancellationToken;

use crate::buildkit::{BuildRequest, BuildResult, SessionOptions};
use crate::converter::plan::Need;
use crate::job::error::Error;
use crate::job::interrupt::Interrupts;
use crate::job::lookup::{Converted, PlaceholderImages};
use crate::job::push::image_names::ImageNames;
use crate::job::push::routes::{self, PushRoutes};
use crate::job::report::outcome;
use crate::job::request::{DockerfileInput, ParsedDockerfile, Request};
use crate::job::run::{self, Display};
use crate::progress::Mode;

/// Converts a Dockerfile. A buildkitd is found or started only if there is an image to look up.
///
/// # Errors
/// [`Error`]; what the build checks found before that is on standard error.
pub async fn graph(request: &Request, interrupts: &Interrupts) -> Result<Converted, Error> {
    let dockerfile = request.dockerfile.parse()?;
    let work = Box::pin(work(request, &dockerfile, interrupts.cancel()));
    interrupts.unless_twice(work).await.unwrap_or(Err(Error::Interrupted))
}

async fn work(
    request: &Request,
    dockerfile: &ParsedDockerfile<'_>,
    cancel: &CancellationToken,
) -> Result<Converted, Error> {
    let DockerfileInput { options, files, .. } = &request.dockerfile;
    let local = PlaceholderImages { files, build_platform: &options.build_platform };
    let is_file = |need: &Need| matches!(need, Need::Ignore | Need::NamedIgnore { .. });
    if !request.dockerfile.needs_fetch() {
        match dockerfile.convert_with(options, &local).await {
            Ok(converted) if converted.facts.iter().all(|(need, _)| is_file(need)) => return Ok(converted),
            _ => {}
        }
    }
    let routes = PushRoutes::default();
    let credentials = routes.session_logins(routes::authenticator(request.logins.load()?)?);
    let session = SessionOptions { credentials: Some(credentials), ..files.session() };
    let build = BuildRequest { internal: true, ..BuildRequest::default() };
    let builder = request.daemon.connect(cancel).await?;
    let grants = &routes.grants;
    let options = dockerfile.options_for(&builder).await?;
    let options = &options;
    let convert = |gateway| async move {
        let options = dockerfile.fetch(&gateway, options).await?;
        let converted = dockerfile.convert(&gateway, &options, grants).await?;
        Ok((BuildResult::Single { reference: None, metadata: BTreeMap::new() }, converted))
    };
    let display = Display::new(Mode::QUIET, ImageNames::default());
    let finished = run::run(&builder, build, session, display, cancel, convert).await;
    let outcome = outcome::of_build(finished, dockerfile.source(), &routes).await;
    builder.stop().await;
    if outcome.is_err() {
        dockerfile.show_warnings();
    }
    outcome.map(|outcome| outcome.value)
}
