//! The graph of a Dockerfile whose base images a buildkitd looks up, without building it.

use std::collections::BTreeMap;

use tokio_util::sync::CancellationToken;

use crate::buildkit::{BuildRequest, BuildResult, Gateway, SessionOptions};
use crate::converter::Rejected;
use crate::converter::dockerfile::Stage;
use crate::converter::plan::{Need, Options};
use crate::diag::Source;
use crate::job::daemon::builder::Builder;
use crate::job::error::Error;
use crate::job::failure::{ConversionFailure, SolveFailure};
use crate::job::frontend_attributes;
use crate::job::interrupt::Interrupts;
use crate::job::lookup::{Converted, LockResolver, PlaceholderImages};
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
    /// Whether base images were needed and nobody could look at them: they then count as images that set nothing.
    pub lacks_images: bool,
}

/// Converts a Dockerfile. A buildkitd is found or started only if there is something to look up.
///
/// # Errors
/// [`Error`]; what the build checks found before that is on standard error.
pub async fn graph(request: &Request, interrupts: &Interrupts) -> Result<Converted, Error> {
    let dockerfile = request.dockerfile.parse()?;
    let look = Look { request, dockerfile: &dockerfile, progress: Mode::QUIET, cancel: interrupts.cancel() };
    let work = Box::pin(async {
        if let Some(Ok(converted)) = look.with_placeholders().await
            && needs_files_only(&converted)
        {
            return Ok(converted);
        }
        let builder = request.daemon.connect(look.cancel).await?;
        let converted = look.convert_at(&builder).await;
        builder.stop().await;
        if converted.is_err() {
            dockerfile.show_warnings();
        }
        converted
    });
    interrupts.unless_twice(work).await.unwrap_or(Err(Error::Interrupted))
}

/// Converts a Dockerfile to say what is in it. Base images are looked up by the lock of the request, else by the
/// buildkitd that is named or runs. None is started for them.
///
/// # Errors
/// [`Error`] for whatever is not the Dockerfile's fault.
pub async fn inspect(
    request: &Request,
    progress: Mode,
    interrupts: &Interrupts,
) -> Result<Inspection, Error> {
    let dockerfile = request.dockerfile.read()?;
    let look = Look { request, dockerfile: &dockerfile, progress, cancel: interrupts.cancel() };
    interrupts.unless_twice(Box::pin(look.inspect())).await.unwrap_or(Err(Error::Interrupted))
}

/// Reads and parses a Dockerfile, and does nothing more with it. A buildkitd is found or started only if it has to fetch
/// the text. Returns the stages and the text.
///
/// # Errors
/// [`Error`]; what the build checks found in a Dockerfile that is rejected is on standard error.
pub async fn read_stages(
    request: &Request,
    progress: Mode,
    interrupts: &Interrupts,
) -> Result<(Vec<Stage>, Source), Error> {
    let dockerfile = request.dockerfile.parse()?;
    let look = Look { request, dockerfile: &dockerfile, progress, cancel: interrupts.cancel() };
    let work = Box::pin(async {
        if dockerfile.source().is_none() {
            let builder = request.daemon.connect(look.cancel).await?;
            let fetched = look.fetch_at(&builder).await;
            builder.stop().await;
            fetched?;
        }
        match dockerfile.converter() {
            Some(Ok(converter)) => Ok((converter.dockerfile().stages.clone(), converter.source().clone())),
            _ => Err(dockerfile.rejection().unwrap_or(Error::Interrupted)),
        }
    });
    interrupts.unless_twice(work).await.unwrap_or(Err(Error::Interrupted))
}

/// A Dockerfile that is looked at.
struct Look<'a> {
    request: &'a Request,
    dockerfile: &'a ParsedDockerfile<'a>,
    progress: Mode,
    cancel: &'a CancellationToken,
}

impl Look<'_> {
    async fn inspect(&self) -> Result<Inspection, Error> {
        let DockerfileInput { options, files, image_lock, .. } = self.dockerfile.input;
        if let Some(lock) = image_lock
            && self.dockerfile.source().is_some()
        {
            let resolver = LockResolver { lock, files, build_platform: &options.build_platform };
            let converted = self.dockerfile.convert_with(options, &resolver).await;
            return self.inspection(converted.map_err(Error::from), false);
        }
        let placeholders = self.with_placeholders().await;
        match placeholders {
            Some(converted)
                if self.dockerfile.is_rejected() || converted.as_ref().is_ok_and(needs_files_only) =>
            {
                self.inspection(converted.map_err(Error::from), false)
            }
            placeholders => {
                let daemon = &self.request.daemon;
                let builder = if daemon.address.is_some() || placeholders.is_none() {
                    Some(daemon.connect(self.cancel).await?)
                } else {
                    daemon.connect_to_running(self.cancel).await?
                };
                match (builder, placeholders) {
                    (Some(builder), _) => {
                        let converted = self.convert_at(&builder).await;
                        builder.stop().await;
                        self.inspection(converted, false)
                    }
                    (None, Some(converted)) => self.inspection(converted.map_err(Error::from), true),
                    (None, None) => Err(Error::Interrupted),
                }
            }
        }
    }

    /// A rejected Dockerfile is a result of looking at it.
    fn inspection(
        &self,
        converted: Result<Converted, Error>,
        lacks_images: bool,
    ) -> Result<Inspection, Error> {
        let conversion = match converted {
            Ok(converted) => Ok(converted),
            Err(Error::Conversion(ConversionFailure::Rejected { rejected, .. })) => Err(rejected),
            Err(error) => return Err(error),
        };
        let source = self.dockerfile.source().cloned().unwrap_or_else(|| Source::new("", ""));
        Ok(Inspection { conversion, source, lacks_images })
    }

    /// Converts with images that set nothing; `None` where buildkitd has to fetch something before.
    async fn with_placeholders(&self) -> Option<Result<Converted, ConversionFailure>> {
        let DockerfileInput { options, files, .. } = self.dockerfile.input;
        if self.dockerfile.input.needs_fetch() && !self.dockerfile.is_rejected() {
            return None;
        }
        let resolver = PlaceholderImages { files, build_platform: &options.build_platform };
        Some(self.dockerfile.convert_with(options, &resolver).await)
    }

    /// Converts with what a buildkitd looks up.
    async fn convert_at(&self, builder: &Builder) -> Result<Converted, Error> {
        let routes = PushRoutes::default();
        let convert = async |gateway: Gateway, options: Options| {
            Ok(self.dockerfile.convert(&gateway, &options, &routes.grants).await?)
        };
        self.at_builder(builder, &routes, convert).await
    }

    /// Has buildkitd fetch the text.
    async fn fetch_at(&self, builder: &Builder) -> Result<(), Error> {
        self.at_builder(builder, &PushRoutes::default(), async |_, _| Ok(())).await
    }

    /// Fetches what is not known yet, then runs `function`. Nothing is built, and nothing is left in the history of
    /// buildkitd.
    async fn at_builder<T>(
        &self,
        builder: &Builder,
        routes: &PushRoutes,
        function: impl AsyncFnOnce(Gateway, Options) -> Result<T, SolveFailure>,
    ) -> Result<T, Error> {
        let credentials = routes.session_logins(routes::authenticator(self.request.logins.load()?)?);
        let files = &self.dockerfile.input.files;
        let session = SessionOptions { credentials: Some(credentials), ..files.session() };
        let options = self.dockerfile.options_for(builder).await?;
        let build = BuildRequest {
            internal: true,
            frontend_attrs: frontend_attributes::of_options(&options),
            ..BuildRequest::default()
        };
        let look = |gateway: Gateway| async move {
            let options = self.dockerfile.fetch(&gateway, &options).await?;
            let value = function(gateway, options).await?;
            Ok((BuildResult::Single { reference: None, metadata: BTreeMap::new() }, value))
        };
        let display = Display::new(self.progress, ImageNames::default());
        let finished = run::run(builder, build, session, display, self.cancel, look).await;
        outcome::of_build(finished, self.dockerfile.source(), routes).await.map(|outcome| outcome.value)
    }
}

/// Whether a conversion asked for nothing that only a buildkitd can look up.
fn needs_files_only(converted: &Converted) -> bool {
    converted.facts.iter().all(|(need, _)| matches!(need, Need::Ignore | Need::NamedIgnore { .. }))
}
