//! The graph of a Dockerfile whose base images a buildkitd looks up, without building it.

use std::collections::BTreeMap;

use tokio_util::sync::CancellationToken;

use crate::buildkit::{BuildRequest, BuildResult, SessionOptions};
use crate::converter::plan::{Need, Options};
use crate::diag::Source;
use crate::job::daemon::builder::DaemonChoice;
use crate::job::dockerfile::{Recipe, show_warnings};
use crate::job::interrupt::Interrupts;
use crate::job::lookup::{Converted, LocalFiles, PlaceholderImages, convert};
use crate::job::push::image_names::ImageNames;
use crate::job::push::routes::{self, PushRoutes};
use crate::job::report::failure::Error;
use crate::job::report::outcome;
use crate::job::run;
use crate::job::session::logins::DockerLogins;
use crate::progress::Mode;

/// A Dockerfile to convert.
#[derive(Debug)]
pub struct GraphBuild {
    /// The Dockerfile.
    pub dockerfile: Source,
    /// How to convert it.
    pub options: Options,
    /// The context folder and local named contexts.
    pub files: LocalFiles,
    /// Where the credentials are.
    pub logins: DockerLogins,
    /// The buildkitd to ask.
    pub daemon: DaemonChoice,
}

/// Converts a Dockerfile. A buildkitd is found or started only if there is an image to look up.
///
/// # Errors
/// [`Error`]; what the build checks found before that is on standard error.
pub async fn graph(build: GraphBuild, interrupts: &Interrupts) -> Result<Converted, Error> {
    let GraphBuild { dockerfile: source, options, files, logins, daemon } = build;
    let recipe = Recipe { source, options, files, lock: None };
    recipe.check()?;
    let work = Box::pin(work(&recipe, &logins, &daemon, interrupts.cancel()));
    interrupts.unless_twice(work).await.unwrap_or(Err(Error::Interrupted))
}

async fn work(
    recipe: &Recipe,
    logins: &DockerLogins,
    daemon: &DaemonChoice,
    cancel: &CancellationToken,
) -> Result<Converted, Error> {
    let local = PlaceholderImages { files: &recipe.files, build_platform: &recipe.options.build_platform };
    let is_file = |need: &Need| matches!(need, Need::Ignore | Need::NamedIgnore { .. });
    match convert(&recipe.source, &recipe.options, &local).await {
        Ok(converted) if converted.facts.iter().all(|(need, _)| is_file(need)) => return Ok(converted),
        _ => {}
    }
    let routes = PushRoutes::default();
    let credentials = routes.session_logins(routes::authenticator(logins.load()?)?);
    let session = SessionOptions { credentials: Some(credentials), ..SessionOptions::default() };
    let request = BuildRequest { internal: true, ..BuildRequest::default() };
    let builder = daemon.connect(cancel).await?;
    let grants = &routes.grants;
    let make = |gateway| async move {
        let converted = recipe.convert(&gateway, &recipe.options, grants).await?;
        Ok((BuildResult::Single { reference: None, metadata: BTreeMap::new() }, converted))
    };
    let display = (Mode::Quiet, ImageNames::default());
    let ended = run::run(&builder, request, session, display, cancel, make).await;
    let outcome = outcome::dockerfile_build(ended, &recipe.source, &routes).await;
    builder.stop().await;
    match outcome {
        Ok(outcome) => Ok(outcome.value),
        Err((error, warnings)) => {
            show_warnings(&warnings, &recipe.source);
            Err(error)
        }
    }
}
