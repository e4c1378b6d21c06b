//! What a job is asked for, and a Dockerfile that was parsed for it once.

use std::sync::{Arc, OnceLock};

use super::context::fetch::{DockerfileSource, FetchedDockerfile, fetch};
use super::daemon::builder::{Builder, DaemonChoice, default_platform};
use super::dockerfile_origin::DockerfileOrigin;
use super::error::Error;
use super::failure::{ConversionFailure, SolveFailure};
use super::lookup::gateway::GatewayResolver;
use super::lookup::{Converted, ImageLock, LocalFiles, PlaceholderImages, Resolver, convert_parsed};
use super::report::unused_names::{GivenNames, show_unused_names};
use super::report::warnings::show_warnings;
use super::session::grants::RegistryGrants;
use super::session::logins::DockerLogins;
use super::source_policy::SourcePolicy;
use crate::buildkit::proto::sourcepolicy;
use crate::buildkit::{self, Gateway};
use crate::converter::dockerfile::frontend::Edition;
use crate::converter::lint::Warning;
use crate::converter::lower::NamesInUse;
use crate::converter::plan::{Context, Options};
use crate::converter::{Converter, Definition, MarshalError, Rejected};
use crate::diag::{Diagnostic, Source};
use crate::image::Platform;

/// A Dockerfile, and what is needed to convert and build it: what every job with a Dockerfile has.
#[derive(Debug, Clone)]
pub struct Request {
    /// The Dockerfile, with everything that its conversion reads.
    pub dockerfile: DockerfileInput,
    /// Where the credentials are.
    pub logins: DockerLogins,
    /// The buildkitd to use.
    pub daemon: DaemonChoice,
    /// Rules on what the build may take its files from; they hold for look-ups, too.
    pub source_policy: Option<SourcePolicy>,
}

impl Request {
    /// The source policy as buildkitd takes it.
    pub(super) fn policy(&self) -> Option<sourcepolicy::Policy> {
        self.source_policy.clone().map(|SourcePolicy(policy)| policy)
    }
}

/// A Dockerfile to convert, with everything around it.
#[derive(Debug, Clone)]
pub struct DockerfileInput {
    /// Its text, or where buildkitd fetches it.
    pub source: DockerfileSource,
    /// How to convert it; the session is filled in when the build has one.
    pub options: Options,
    /// The builder's platform where the user names one; else it is what the daemon says.
    pub build_platform: Option<Platform>,
    /// The context folder and local named contexts.
    pub files: LocalFiles,
    /// Where base images come from in place of their registries.
    pub image_lock: Option<ImageLock>,
}

/// A Dockerfile, ready to be converted once its text is known: at once, or when buildkitd has fetched it.
#[derive(Debug)]
pub(super) struct ParsedDockerfile<'a> {
    pub(super) input: &'a DockerfileInput,
    text: OnceLock<ParsedText>,
    /// What the build checks found, once it is known.
    warnings: OnceLock<Vec<Warning>>,
    /// The names that options may refer to, once they are known.
    names: OnceLock<NamesInUse>,
    /// The graphs that were handed to buildkitd, one a platform.
    graphs: OnceLock<Vec<Definition>>,
}

/// The text of a Dockerfile, parsed.
#[derive(Debug)]
struct ParsedText {
    source: Source,
    converter: Result<Converter, Rejected>,
    /// Where it comes from if that is not a folder of the client.
    origin: Option<DockerfileOrigin>,
}

impl ParsedText {
    fn of(
        source: Source,
        options: &Options,
        origin: Option<DockerfileOrigin>,
    ) -> Result<Self, ConversionFailure> {
        let bytes = source.bytes();
        if let Err(error) = std::str::from_utf8(bytes) {
            let line = bytes[..error.valid_up_to()].split(|byte| *byte == b'\n').count();
            return Err(ConversionFailure::NotUtf8 { name: source.name().to_owned(), line });
        }
        let converter = match Edition::of(&source, &options.build_args) {
            Ok(_) => Converter::new(source.clone(), options),
            Err(error) => Err(Rejected { error, warnings: Vec::new() }),
        };
        Ok(Self { source, converter, origin })
    }
}

fn not_fetched() -> Rejected {
    let error = Box::new(Diagnostic::error("the Dockerfile was not fetched"));
    Rejected { error, warnings: Vec::new() }
}

impl DockerfileInput {
    /// Returns whether buildkitd has to fetch something before it can be converted.
    pub(super) const fn needs_fetch(&self) -> bool {
        !matches!(self.source, DockerfileSource::Text(_))
            || (matches!(self.options.context, Context::Http { .. }) && self.files.upload.is_none())
    }

    /// Parses the Dockerfile, before any buildkitd is asked. What the build checks found in one that is rejected is
    /// on standard error then.
    ///
    /// # Errors
    /// [`ConversionFailure::NotUtf8`], [`ConversionFailure::Rejected`].
    pub(super) fn parse(&self) -> Result<ParsedDockerfile<'_>, Error> {
        let parsed = self.read()?;
        match parsed.rejection() {
            None => Ok(parsed),
            Some(error) => Err(error),
        }
    }

    /// Parses the Dockerfile where its text is known. One that is rejected is returned all the same, so that buildkitd
    /// can be told of it: every conversion then fails with the rejection.
    ///
    /// # Errors
    /// [`ConversionFailure::NotUtf8`].
    pub(super) fn read(&self) -> Result<ParsedDockerfile<'_>, Error> {
        let text = OnceLock::new();
        if let DockerfileSource::Text(source) = &self.source {
            let parsed = ParsedText::of(source.clone(), &self.options, None)?;
            text.get_or_init(|| parsed);
        }
        Ok(ParsedDockerfile {
            input: self,
            text,
            warnings: OnceLock::new(),
            names: OnceLock::new(),
            graphs: OnceLock::new(),
        })
    }
}

impl ParsedDockerfile<'_> {
    /// Returns the error for a Dockerfile that does not parse. What the build checks found in it is on standard error
    /// then.
    pub(super) fn rejection(&self) -> Option<Error> {
        let ParsedText { source, converter, .. } = self.text.get()?;
        let rejected = converter.as_ref().err()?.clone();
        show_warnings(&rejected.warnings, source);
        let origin = DockerfileOrigin { filename: self.input.options.filename.clone(), definition: None };
        Some(ConversionFailure::Rejected { rejected, origin }.into())
    }

    /// Returns whether it does not parse.
    pub(super) fn is_rejected(&self) -> bool {
        self.text.get().is_some_and(|text| text.converter.is_err())
    }

    /// Returns the Dockerfile parsed.
    ///
    /// # Errors
    /// [`ConversionFailure::Rejected`]; one that is not known counts as rejected.
    pub(super) fn into_converter(self) -> Result<Converter, ConversionFailure> {
        let origin = DockerfileOrigin { filename: self.input.options.filename.clone(), definition: None };
        let converter = self.text.into_inner().map_or_else(|| Err(not_fetched()), |text| text.converter);
        converter.map_err(|rejected| ConversionFailure::Rejected { rejected, origin })
    }

    /// Returns the Dockerfile parsed, once its text is known and where it parses.
    pub(super) fn converter(&self) -> Option<&Converter> {
        self.text.get()?.converter.as_ref().ok()
    }

    /// Returns the name in messages to buildkitd.
    pub(super) fn filename(&self) -> &str {
        let origin = self.text.get().and_then(|text| text.origin.as_ref());
        origin.map_or(&self.input.options.filename, |origin| &origin.filename)
    }

    /// Returns the text, once it is known.
    pub(super) fn source(&self) -> Option<&Source> {
        self.text.get().map(|text| &text.source)
    }

    /// Has buildkitd fetch what is not known yet, with the gateway of a build. Returns the options with what the context
    /// turned out to be.
    ///
    /// # Errors
    /// [`SolveFailure::Fetch`], [`ConversionFailure::NotUtf8`].
    pub(super) async fn fetch(&self, gateway: &Gateway, options: &Options) -> Result<Options, SolveFailure> {
        let mut options = options.clone();
        if !self.input.needs_fetch() || self.is_rejected() {
            return Ok(options);
        }
        let is_upload = self.input.files.upload.is_some();
        let fetched = fetch(gateway, &options, &self.input.source, is_upload).await?;
        options.context = fetched.context;
        if let Some(FetchedDockerfile { source, filename, definition }) = fetched.dockerfile {
            options.filename.clone_from(&filename);
            let origin = definition
                .map(|definition| DockerfileOrigin { filename, definition: Some(Arc::new(definition)) });
            let parsed = ParsedText::of(source, &options, origin)?;
            self.text.get_or_init(|| parsed);
        }
        Ok(options)
    }

    /// Returns where the text comes from, for messages to buildkitd.
    ///
    /// # Errors
    /// [`MarshalError`]: the graph of the source cannot be encoded.
    pub(super) fn origin(&self, options: &Options) -> Result<DockerfileOrigin, MarshalError> {
        match self.text.get().and_then(|text| text.origin.as_ref()) {
            Some(origin) => Ok(origin.clone()),
            None => DockerfileOrigin::of_folder(options),
        }
    }

    /// Returns the options as far as they matter before a build on `builder` begins. The builder's platform is asked for only
    /// where it is one of those that are built for: within a build the answer comes sooner ([`Self::options_on`]).
    ///
    /// # Errors
    /// [`Error::Connection`] where the builder does not say what its platform is.
    pub(super) async fn options_before(&self, builder: &Builder) -> Result<Options, Error> {
        let options = self.input.options.clone();
        if !options.builds_for_builder() || self.input.build_platform.is_some() {
            return Ok(options);
        }
        let named = builder.client.default_platform().await.map_err(Error::Connection)?;
        Ok(options.with_build_platform(default_platform(named)))
    }

    /// Returns the options for a build that has begun.
    ///
    /// # Errors
    /// [`buildkit::Error`] where the builder does not say what its platform is.
    pub(super) async fn options_on(&self, gateway: &Gateway) -> Result<Options, buildkit::Error> {
        let build_platform = match &self.input.build_platform {
            Some(platform) => platform.clone(),
            None => default_platform(gateway.default_platform().await?),
        };
        Ok(self.input.options.clone().with_build_platform(build_platform))
    }

    /// Returns the platform of the builder, once a build on it has asked for that ([`Self::options_on`]).
    pub(super) fn build_platform(&self, builder: &Builder) -> Platform {
        let given = self.input.build_platform.clone();
        given.unwrap_or_else(|| default_platform(builder.client.known_platform().cloned()))
    }

    /// Writes what the build checks found to standard error, however the build ended.
    pub(super) fn show_warnings(&self) {
        if let Some(source) = self.source() {
            show_warnings(self.warnings(), source);
        }
    }

    /// Returns what the build checks found in the conversion with a build's gateway; nothing before that.
    pub(super) fn warnings(&self) -> &[Warning] {
        self.warnings.get().map(Vec::as_slice).unwrap_or_default()
    }

    /// Writes to standard error what options, secrets and agents name in vain, where the conversion came to its end.
    pub(super) fn show_unused_names(&self, given: &GivenNames<'_>) {
        if let Some(names) = self.names.get() {
            show_unused_names(names, &self.input.options, given);
        }
    }

    /// Keeps the graphs that are handed to buildkitd.
    pub(super) fn keep_graphs(&self, graphs: Vec<Definition>) {
        let _ = self.graphs.set(graphs);
    }

    /// Returns the graphs that were handed to buildkitd; none before that.
    pub(super) fn graphs(&self) -> &[Definition] {
        self.graphs.get().map(Vec::as_slice).unwrap_or_default()
    }

    /// Converts with what `resolver` looks up.
    pub(super) async fn convert_with(
        &self,
        options: &Options,
        resolver: &impl Resolver,
    ) -> Result<Converted, ConversionFailure> {
        let converted = match self.text.get().map(|text| &text.converter) {
            Some(Ok(converter)) => convert_parsed(converter, options, resolver).await,
            Some(Err(rejected)) => Err(rejected.clone()),
            None => Err(not_fetched()),
        };
        match converted {
            Ok(converted) => Ok(converted),
            Err(rejected) => Err(ConversionFailure::Rejected { rejected, origin: self.origin(options)? }),
        }
    }

    /// Converts with images that set nothing in place of the bases.
    pub(super) async fn convert_with_placeholders(
        &self,
        options: &Options,
    ) -> Result<Converted, ConversionFailure> {
        let files = &self.input.files;
        self.convert_with(options, &PlaceholderImages { files, build_platform: &options.build_platform })
            .await
    }

    /// Converts with what the gateway of a build looks up. What that names is granted, and what the build checks find
    /// is kept.
    pub(super) async fn convert(
        &self,
        gateway: &Gateway,
        options: &Options,
        grants: &RegistryGrants,
    ) -> Result<Converted, ConversionFailure> {
        let resolver = GatewayResolver {
            gateway,
            grants,
            files: &self.input.files,
            lock: self.input.image_lock.as_ref(),
            build_platform: &options.build_platform,
            resolve_mode: options.resolve_mode.name(),
        };
        let converted = self.convert_with(options, &resolver).await;
        let found = match &converted {
            Ok(converted) => {
                converted.builds.iter().flat_map(|(_, build)| &build.warnings).cloned().collect()
            }
            Err(failure) => failure.warnings().to_vec(),
        };
        // A conversion that is asked for again finds the same.
        let _ = self.warnings.set(found);
        if let Some(names) = converted.as_ref().ok().and_then(Converted::names_in_use) {
            let _ = self.names.set(names);
        }
        converted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(text: &[u8]) -> DockerfileInput {
        DockerfileInput {
            source: DockerfileSource::Text(Source::new("Dockerfile", text)),
            options: Options::default(),
            build_platform: None,
            files: LocalFiles::default(),
            image_lock: None,
        }
    }

    #[test]
    fn a_dockerfile_that_is_not_utf8_is_named_with_its_line() {
        let input = input(b"FROM scratch\nENV A=\xff\n");
        let error = input.parse().unwrap_err();
        assert_eq!(error.report(), "Dockerfile is not valid UTF-8 (line 2); save it as UTF-8");
        assert!(error.is_in_dockerfile());
    }

    #[test]
    fn a_dockerfile_that_does_not_parse_is_rejected_before_a_build() {
        input(b"FROM scratch\n").parse().unwrap();
        let input = input(b"FROM scratch\nFRMO x\n");
        let error = input.parse().unwrap_err();
        assert!(error.workspace_report().starts_with("build failed: unknown instruction: FRMO"), "{error:?}");
    }
}
