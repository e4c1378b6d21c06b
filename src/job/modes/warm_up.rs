//! `bob daemon`: a buildkitd with a warm cache of base images.

use std::collections::BTreeMap;

use llb::{Constraints, Graph, ImageSource, MarshalOptions};

use super::reference;
use crate::buildkit::{BuildRequest, BuildResult, Gateway, SessionOptions, SolveOptions};
use crate::converter::lower::llb_platform;
use crate::image::{Platform, Reference};
use crate::job::daemon::builder::{Builder, DaemonChoice};
use crate::job::error::Error;
use crate::job::failure::SolveFailure;
use crate::job::interrupt::Interrupts;
use crate::job::push::image_names::ImageNames;
use crate::job::push::routes::{self, PushRoutes};
use crate::job::report::outcome;
use crate::job::run::{self, Display};
use crate::job::session::logins::DockerLogins;
use crate::progress::Mode;
use crate::workspace::variables;

/// A buildkitd to keep running.
#[derive(Debug)]
pub struct WarmCache {
    /// How it is started.
    pub daemon: DaemonChoice,
    /// Images to pull into its cache.
    pub images: Vec<String>,
    /// Where the credentials are.
    pub logins: DockerLogins,
}

/// Runs a buildkitd until a signal comes, after pulling images into its cache. An image that cannot be
/// pulled is logged and left out: builds then pull it themselves.
///
/// # Errors
/// [`Error`] where buildkitd cannot be started, or ends by itself.
pub async fn serve(service: &WarmCache, interrupts: &Interrupts) -> Result<(), Error> {
    let references = service.images.iter().map(|text| reference(variables::CACHE_IMAGES.name, text));
    let references = references.collect::<Result<Vec<_>, _>>()?;
    let work = Box::pin(work(service, &references, interrupts));
    interrupts.unless_twice(work).await
}

async fn work(service: &WarmCache, references: &[Reference], interrupts: &Interrupts) -> Result<(), Error> {
    let builder = match service.daemon.connect(interrupts.cancel()).await.map_err(Error::from) {
        Err(Error::Interrupted) => return Ok(()),
        other => other?,
    };
    tracing::info!(address = %builder.client.address(), "buildkitd runs");
    let outcome = tokio::select! {
        () = interrupts.cancel().cancelled() => Ok(()),
        ended = builder.exited() => Err(Error::DaemonEnded(ended)),
        () = warm(service, references, &builder, interrupts) => Ok(()),
    };
    builder.stop().await;
    outcome
}

/// Pulls the images one after the other, then rests.
async fn warm(service: &WarmCache, references: &[Reference], builder: &Builder, interrupts: &Interrupts) {
    for reference in references {
        match pull(service, reference, builder, interrupts).await {
            Ok(()) => tracing::info!(image = %reference, "is in the cache"),
            Err(error) => tracing::warn!(image = %reference, error = error.report(), "is not in the cache"),
        }
    }
    std::future::pending::<()>().await;
}

async fn pull(
    service: &WarmCache,
    reference: &Reference,
    builder: &Builder,
    interrupts: &Interrupts,
) -> Result<(), Error> {
    let routes = PushRoutes::default();
    routes.grants.grant_pull(reference);
    let credentials = routes.session_logins(routes::authenticator(service.logins.load()?)?);
    let session = SessionOptions { credentials: Some(credentials), ..SessionOptions::default() };
    let display = Display::new(Mode::QUIET, ImageNames::default());
    let request = BuildRequest { internal: true, ..BuildRequest::default() };
    let extract = |gateway| async move { extract(&gateway, reference).await };
    let finished = run::run(builder, request, session, display, interrupts.cancel(), extract).await;
    outcome::of_build(finished, None, &routes).await.map(drop)
}

/// Downloads and unpacks an image: a look into its root folder needs all of its layers.
async fn extract(gateway: &Gateway, reference: &Reference) -> Result<(BuildResult, ()), SolveFailure> {
    let platform = llb_platform(&Platform::host());
    let mut graph = Graph::new();
    let constraints = Constraints::named(format!("[cache] {reference}")).with_platform(platform.clone());
    let root = graph.source(ImageSource::new(reference.to_string()), constraints);
    let definition = graph.marshal(root, &MarshalOptions::new(platform, String::new()))?;
    let reference = gateway.solve(definition.encode(), SolveOptions::default()).await?;
    if let Some(reference) = &reference {
        gateway.read_dir(reference, "/", "").await?;
    }
    Ok((BuildResult::Single { reference, metadata: BTreeMap::new() }, ()))
}
