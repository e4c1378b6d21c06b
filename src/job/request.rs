//! What a job is asked for, and a Dockerfile that was parsed for it once.

use super::daemon::builder::DaemonChoice;
use super::error::Error;
use super::failure::ConversionFailure;
use super::lookup::gateway::GatewayResolver;
use super::lookup::{Converted, ImageLock, LocalFiles, Resolver, convert_parsed};
use super::report::warnings::show_warnings;
use super::session::grants::RegistryGrants;
use super::session::logins::DockerLogins;
use crate::buildkit::Gateway;
use crate::converter::plan::Options;
use crate::converter::{Converter, Rejected};
use crate::diag::Source;

/// A Dockerfile, and what is needed to convert and build it: what every job with a Dockerfile has.
#[derive(Debug)]
pub struct Request {
    /// The Dockerfile, with everything that its conversion reads.
    pub dockerfile: DockerfileInput,
    /// Where the credentials are.
    pub logins: DockerLogins,
    /// The buildkitd to use.
    pub daemon: DaemonChoice,
}

/// A Dockerfile to convert, with everything around it.
#[derive(Debug, Clone)]
pub struct DockerfileInput {
    /// Its text, under the name that the user knows.
    pub source: Source,
    /// How to convert it; the session is filled in when the build has one.
    pub options: Options,
    /// The context folder and local named contexts.
    pub files: LocalFiles,
    /// Where base images come from in place of their registries.
    pub image_lock: Option<ImageLock>,
}

/// A Dockerfile that was parsed, ready to be converted.
#[derive(Debug)]
pub(super) struct ParsedDockerfile<'a> {
    pub(super) input: &'a DockerfileInput,
    converter: Converter,
}

impl DockerfileInput {
    /// Parses the Dockerfile, before any buildkitd is asked. What the build checks found in one that is rejected is
    /// on standard error then.
    ///
    /// # Errors
    /// [`ConversionFailure::NotUtf8`], [`ConversionFailure::Rejected`].
    pub(super) fn parse(&self) -> Result<ParsedDockerfile<'_>, Error> {
        let bytes = self.source.bytes();
        if let Err(error) = std::str::from_utf8(bytes) {
            let line = bytes[..error.valid_up_to()].split(|byte| *byte == b'\n').count();
            return Err(ConversionFailure::NotUtf8 { name: self.source.name().to_owned(), line }.into());
        }
        match Converter::new(self.source.clone(), &self.options) {
            Ok(converter) => Ok(ParsedDockerfile { input: self, converter }),
            Err(rejected) => {
                show_warnings(&rejected.warnings, &self.source);
                Err(self.rejection(rejected).into())
            }
        }
    }

    fn rejection(&self, rejected: Rejected) -> ConversionFailure {
        ConversionFailure::Rejected { rejected, filename: self.options.filename.clone() }
    }
}

impl ParsedDockerfile<'_> {
    /// Converts with what `resolver` looks up.
    pub(super) async fn convert_with(
        &self,
        options: &Options,
        resolver: &impl Resolver,
    ) -> Result<Converted, ConversionFailure> {
        let converted = convert_parsed(&self.converter, options, resolver).await;
        converted.map_err(|rejected| self.input.rejection(rejected))
    }

    /// Converts with what the gateway of a build looks up. What that names is granted.
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
        self.convert_with(options, &resolver).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(text: &[u8]) -> DockerfileInput {
        DockerfileInput {
            source: Source::new("Dockerfile", text),
            options: Options::default(),
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
