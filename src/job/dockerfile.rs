//! Builds a Dockerfile: reads it, converts it with buildkitd's help and returns the result.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::Path;

use futures_util::future::try_join_all;
use sha2::{Digest as _, Sha256};
use tonic::Code;

use super::lookup::gateway::GatewayResolver;
use super::lookup::{Converted, ImageLock, LocalFiles, convert};
use super::push::base_images::{BaseImage, base_images};
use super::push::base_layers::PushTargets;
use super::push::routes::PushRoutes;
use super::report::failure::Error;
use super::session::grants::RegistryGrants;
use crate::beneath::{MAX_TEXT_BYTES, OpenFile, Root};
use crate::buildkit::proto::{pb, rpc};
use crate::buildkit::{
    self, BuildResult, Gateway, GatewayFailure, LineRange, PlatformEntry, SolveOptions, SourceLocation,
    Warning, platforms_metadata,
};
use crate::converter::lint;
use crate::converter::plan::{Facts, IgnoreFile, Options};
use crate::converter::{Conversion, Converter, MarshalError, Marshalled, Rejected};
use crate::diag::{Source, Span};
use crate::image::Platform;

/// A Dockerfile to build, with everything around it.
#[derive(Debug)]
pub(super) struct Recipe {
    /// Its text, under the name that the user knows.
    pub(super) source: Source,
    /// How to convert it; the session is filled in when the build has one.
    pub(super) options: Options,
    /// The client's files.
    pub(super) files: LocalFiles,
    /// Where base images come from in place of their registries.
    pub(super) lock: Option<ImageLock>,
}

/// What a build leaves beside its result.
#[derive(Debug, Default)]
pub(super) struct Made {
    /// What the build checks found.
    pub(super) warnings: Vec<lint::Warning>,
    /// What was looked up, to write an image lock from.
    pub(super) facts: Facts,
}

/// Why a Dockerfile did not become a result.
#[derive(Debug, thiserror::Error)]
pub(super) enum DockerfileFailure {
    /// It is rejected.
    #[error("{}", rejected.error.message)]
    Rejected {
        /// Why, and what build checks found before that.
        rejected: Rejected,
        /// What daemons are told that the file is called.
        filename: String,
    },
    /// The graph cannot be encoded.
    #[error(transparent)]
    Marshal(#[from] MarshalError),
    /// buildkitd.
    #[error(transparent)]
    Daemon(#[from] buildkit::Error),
}

impl GatewayFailure for DockerfileFailure {
    fn is_disconnection(&self) -> bool {
        matches!(self, Self::Daemon(error) if error.is_disconnection())
    }

    fn to_status(&self) -> rpc::Status {
        match self {
            Self::Daemon(error) => error.to_status(),
            Self::Marshal(error) => buildkit::Failure::new(Code::Unknown, error.to_string()).to_status(),
            Self::Rejected { rejected, filename } => {
                let failure = buildkit::Failure::new(Code::Unknown, rejected.error.message.clone());
                match &rejected.error.location {
                    Some(location) => {
                        let place = source_location(&location.source, &location.spans, filename);
                        failure.with_source(place).to_status()
                    }
                    None => failure.to_status(),
                }
            }
        }
    }
}

/// The text of an open Dockerfile, called `name`.
///
/// # Errors
/// [`Error::Read`].
pub(super) fn read(file: OpenFile, name: &str) -> Result<Source, Error> {
    let path = file.path().to_owned();
    match file.read(MAX_TEXT_BYTES) {
        Ok(bytes) => Ok(Source::new(name, bytes)),
        Err(error) => Err(Error::Read { what: "the Dockerfile", path, source: error.into() }),
    }
}

/// The ignore file that belongs to the Dockerfile at `path` in `root` alone.
///
/// # Errors
/// [`Error::Read`].
pub(super) fn own_ignore_file(root: &Root, path: &Path) -> Result<Option<IgnoreFile>, Error> {
    super::lookup::own_ignore_file(root, path).map_err(|error| Error::Read {
        what: "the ignore file",
        path: error.path,
        source: error.reason.into(),
    })
}

impl Recipe {
    /// Makes sure that the Dockerfile is UTF-8 and parses, before any buildkitd is asked.
    ///
    /// # Errors
    /// [`Error::NotUtf8`], [`Error::Rejected`].
    pub(super) fn check(&self) -> Result<(), Error> {
        let bytes = self.source.bytes();
        if let Err(error) = std::str::from_utf8(bytes) {
            let line = bytes[..error.valid_up_to()].split(|byte| *byte == b'\n').count();
            return Err(Error::NotUtf8 { name: self.source.name().to_owned(), line });
        }
        match Converter::new(self.source.clone(), &self.options) {
            Ok(_) => Ok(()),
            Err(rejected) => {
                show_warnings(&rejected.warnings, &self.source);
                Err(Error::Rejected(rejected.error))
            }
        }
    }

    /// Converts with what the gateway of a build looks up. What that names is granted.
    pub(super) async fn convert(
        &self,
        gateway: &Gateway,
        options: &Options,
        grants: &RegistryGrants,
    ) -> Result<Converted, DockerfileFailure> {
        let resolver = GatewayResolver {
            gateway,
            grants,
            files: &self.files,
            lock: self.lock.as_ref(),
            build_platform: &options.build_platform,
            resolve_mode: options.resolve_mode.name(),
        };
        convert(&self.source, options, &resolver)
            .await
            .map_err(|rejected| DockerfileFailure::Rejected { rejected, filename: options.filename.clone() })
    }

    /// Converts and builds on the gateway of a build: when this returns, every step has ended, and pushes are allowed.
    /// Base layers are mounted into `targets` meanwhile.
    pub(super) async fn make(
        &self,
        gateway: Gateway,
        routes: &PushRoutes,
        targets: &PushTargets,
    ) -> Result<(BuildResult, Made), DockerfileFailure> {
        let options = Options { session: Some(gateway.session_id().to_owned()), ..self.options.clone() };
        let converted = self.convert(&gateway, &options, &routes.grants).await?;
        let bases: BTreeSet<BaseImage> =
            converted.builds.iter().flat_map(|(_, build)| base_images(&build.lowered)).collect();
        let marshal = |(platform, build): (_, Conversion)| Ok((platform, build.marshal("")?));
        let builds = converted.builds.into_iter().map(marshal).collect::<Result<Vec<_>, MarshalError>>()?;
        let built = async {
            let result = solve(&gateway, &options, &builds).await?;
            evaluate(&gateway, &result).await?;
            Ok::<_, DockerfileFailure>(result)
        };
        let (result, ()) = tokio::join!(built, targets.mount_beside_steps(&bases));
        let result = result?;
        routes.allow_pushes();
        targets.mount_after_steps(&bases).await;
        let warnings: Vec<_> = builds.into_iter().flat_map(|(_, build)| build.warnings).collect();
        for warning in &warnings {
            let message = warning_message(warning, &self.source, &options.filename);
            if let Err(error) = gateway.warn(message).await {
                tracing::debug!(
                    error = &error as &dyn std::error::Error,
                    "buildkitd was not told of a warning"
                );
            }
        }
        Ok((result, Made { warnings, facts: converted.facts }))
    }
}

/// Hands the graphs to buildkitd and puts the result together (BuildKit: `frontend/dockerui/build.go`).
async fn solve(
    gateway: &Gateway,
    options: &Options,
    builds: &[(Option<Platform>, Marshalled)],
) -> Result<BuildResult, DockerfileFailure> {
    let mut metadata = BTreeMap::new();
    let (mut references, mut entries) = (Vec::new(), Vec::new());
    for (platform, build) in builds {
        let solve_options = SolveOptions { evaluate: false, cache_imports: true };
        let reference = gateway.solve(build.definition.to_pb(), solve_options).await?;
        let entry = platform_entry(platform.as_ref().unwrap_or(&Platform::host()), &build.image.platform);
        let suffix = if options.multi_platform { format!("/{}", entry.id) } else { String::new() };
        metadata.insert(format!("containerimage.config{suffix}"), build.image.to_json());
        if let Some(base) = &build.base {
            metadata.insert(format!("containerimage.base.config{suffix}"), base.to_json());
        }
        if let Some(epoch) = build.epoch {
            metadata.insert(format!("source.date.epoch{suffix}"), epoch.to_string().into_bytes());
        }
        references.push((entry.id.clone(), reference));
        entries.push(entry);
    }
    metadata.insert("refs.platforms".to_owned(), platforms_metadata(&entries));
    if options.multi_platform {
        return Ok(BuildResult::Platforms { references: references.into_iter().collect(), metadata });
    }
    let reference = references.pop().and_then(|(_, reference)| reference);
    Ok(BuildResult::Single { reference, metadata })
}

/// Runs every step that a result needs, all platforms at once. Otherwise they would run while the daemon exports.
async fn evaluate(gateway: &Gateway, result: &BuildResult) -> Result<(), DockerfileFailure> {
    let references = match result {
        BuildResult::Single { reference, .. } => reference.iter().collect(),
        BuildResult::Platforms { references, .. } => references.values().flatten().collect::<Vec<_>>(),
    };
    try_join_all(references.into_iter().map(|reference| gateway.evaluate(reference))).await?;
    Ok(())
}

/// What `refs.platforms` says of a platform; Windows takes version and features from the image.
fn platform_entry(platform: &Platform, image: &Platform) -> PlatformEntry {
    let mut platform = platform.normalized();
    let id = platform.to_string();
    if platform.os == "windows" && image.os == platform.os {
        if platform.os_version.is_empty() {
            platform.os_version.clone_from(&image.os_version);
        }
        if platform.os_features.is_none() {
            platform.os_features.clone_from(&image.os_features);
        }
        platform = platform.normalized();
    }
    PlatformEntry {
        id,
        architecture: platform.architecture.into(),
        os: platform.os.into(),
        os_version: platform.os_version.into(),
        os_features: platform.os_features.unwrap_or_default(),
        variant: platform.variant.into(),
    }
}

fn source_location(source: &Source, spans: &[Span], filename: &str) -> SourceLocation {
    let line = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
    let range =
        |number| LineRange { start_line: line(number), end_line: line(number), ..LineRange::default() };
    SourceLocation {
        filename: filename.to_owned(),
        language: "Dockerfile".to_owned(),
        data: source.bytes().to_vec(),
        ranges: spans.iter().flat_map(|span| span.lines()).map(range).collect(),
    }
}

/// A warning for buildkitd's history, in the words of BuildKit's linter
/// (`frontend/dockerfile/linter/linter.go`). Its vertex stands for the Dockerfile itself.
fn warning_message(warning: &lint::Warning, source: &Source, filename: &str) -> Warning {
    let first = warning.span.map_or(0, Span::first);
    let spans: Vec<Span> = warning.span.into_iter().collect();
    let place = source_location(source, &spans, filename);
    let position = |line| Some(pb::Position { line, character: 0 });
    let range =
        |range: &LineRange| pb::Range { start: position(range.start_line), end: position(range.end_line) };
    let digest = Sha256::digest(source.bytes());
    Warning {
        vertex: digest.iter().fold("sha256:".to_owned(), |text, byte| text + &format!("{byte:02x}")),
        level: 1,
        short: format!("{}: {} (line {first})", warning.rule.name, warning.message),
        detail: vec![warning.rule.summary.to_owned()],
        url: String::new(),
        ranges: place.ranges.iter().map(range).collect(),
        source: Some(pb::SourceInfo {
            filename: place.filename,
            data: place.data,
            language: place.language,
            ..pb::SourceInfo::default()
        }),
    }
}

/// Writes warnings to standard error.
pub(super) fn show_warnings(warnings: &[lint::Warning], source: &Source) {
    let mut stderr = std::io::stderr().lock();
    for warning in warnings {
        let _ = writeln!(stderr, "{}", warning.diagnostic(source).render().trim_end());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::Diagnostic;

    fn recipe(text: &[u8]) -> Recipe {
        Recipe {
            source: Source::new("Dockerfile", text),
            options: Options::default(),
            files: LocalFiles::default(),
            lock: None,
        }
    }

    #[test]
    fn a_dockerfile_that_is_not_utf8_is_named_with_its_line() {
        let error = recipe(b"FROM scratch\nENV A=\xff\n").check().unwrap_err();
        assert_eq!(error.report(), "Dockerfile is not valid UTF-8 (line 2); save it as UTF-8");
        assert!(error.is_in_dockerfile());
    }

    #[test]
    fn a_dockerfile_that_does_not_parse_is_rejected_before_a_build() {
        recipe(b"FROM scratch\n").check().unwrap();
        let error = recipe(b"FROM scratch\nFRMO x\n").check().unwrap_err();
        assert!(error.workspace_report().starts_with("build failed: unknown instruction: FRMO"), "{error:?}");
    }

    #[test]
    fn a_dockerfile_without_end_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let file = std::fs::File::create(dir.path().join("Dockerfile")).unwrap();
        file.set_len(MAX_TEXT_BYTES + 1).unwrap();
        let file = Root::open(dir.path()).unwrap().file(Path::new("Dockerfile")).unwrap();
        assert_eq!(
            read(file, "Dockerfile").unwrap_err().report(),
            "cannot read the Dockerfile Dockerfile: it is larger than 10485760 bytes, which is the most that is read"
        );
    }

    #[test]
    fn a_rejection_tells_buildkitd_the_lines() {
        let source = Source::new("sub/Dockerfile", "FROM a\nFRMO b \\\n c\n");
        let error = Diagnostic::error("unknown instruction: FRMO").at(&source, [Span::new(2, 3)]);
        let rejected = Rejected { error: Box::new(error), warnings: Vec::new() };
        let status = DockerfileFailure::Rejected { rejected, filename: "Dockerfile".to_owned() }.to_status();
        assert_eq!(status.message, "unknown instruction: FRMO");
        let detail: serde_json::Value = serde_json::from_slice(&status.details[0].value).unwrap();
        assert_eq!(detail["info"]["filename"], "Dockerfile");
        assert_eq!(detail["ranges"][0]["start"]["line"], 2);
        assert_eq!(detail["ranges"][1]["start"]["line"], 3);
    }
}
