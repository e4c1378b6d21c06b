//! Builds a Dockerfile: reads it, converts it with buildkitd's help and returns the result.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use llb::MarshalOptions;
use sha2::{Digest as _, Sha256};
use tonic::Code;

use super::convert::{Converted, Rejected, convert};
use super::failure::Error;
use super::resolve::{Folders, GatewayResolver};
use crate::buildkit::proto::{pb, rpc};
use crate::buildkit::{
    self, BuildResult, Gateway, GatewayFailure, LineRange, PlatformEntry, SolveOptions, SourceLocation,
    Warning, platforms_metadata,
};
use crate::diag::{Diagnostic, Level, Location, Source};
use crate::image::Platform;
use crate::plan::{Facts, Options};

/// A Dockerfile to build, with everything around it.
#[derive(Debug)]
pub(super) struct Recipe {
    /// Its text, under the name that the user knows.
    pub(super) source: Source,
    /// How to convert it; the session is filled in when the build has one.
    pub(super) options: Options,
    /// The client's files.
    pub(super) folders: Folders,
}

/// What a build leaves beside its result.
#[derive(Debug, Default)]
pub(super) struct Made {
    /// What the build checks found.
    pub(super) warnings: Vec<Diagnostic>,
    /// What was looked up, to write an image lock from.
    pub(super) facts: Facts,
}

/// Why a Dockerfile did not become a result.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unmade {
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
    Marshal(#[from] llb::MarshalError),
    /// buildkitd.
    #[error(transparent)]
    Daemon(#[from] buildkit::Error),
}

impl GatewayFailure for Unmade {
    fn to_status(&self) -> rpc::Status {
        match self {
            Self::Daemon(error) => error.to_status(),
            Self::Marshal(error) => buildkit::Failure::new(Code::Unknown, error.to_string()).to_status(),
            Self::Rejected { rejected, filename } => {
                let failure = buildkit::Failure::new(Code::Unknown, rejected.error.message.clone());
                match &rejected.error.location {
                    Some(location) => failure.with_source(source_location(location, filename)).to_status(),
                    None => failure.to_status(),
                }
            }
        }
    }
}

/// The Dockerfile at `path`, or on standard input, called `name`.
///
/// # Errors
/// [`Error::Read`], [`Error::NotUtf8`].
pub(super) fn read(path: Option<&Path>, name: &str) -> Result<Source, Error> {
    let failed =
        |source| Error::Read { what: "the Dockerfile", path: path.map_or("-".into(), PathBuf::from), source };
    let bytes = match path {
        Some(path) => fs::read(path).map_err(failed)?,
        None => {
            let mut bytes = Vec::new();
            std::io::stdin().lock().read_to_end(&mut bytes).map_err(failed)?;
            bytes
        }
    };
    match std::str::from_utf8(&bytes) {
        Ok(_) => Ok(Source::new(name, bytes)),
        Err(error) => {
            let before = &bytes[..error.valid_up_to()];
            let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
            Err(Error::NotUtf8 { name: name.to_owned(), line })
        }
    }
}

impl Recipe {
    /// Converts and solves on the gateway of a build.
    pub(super) async fn make(&self, gateway: Gateway) -> Result<(BuildResult, Made), Unmade> {
        let options = Options { session: Some(gateway.session_id().to_owned()), ..self.options.clone() };
        let resolver = GatewayResolver {
            gateway: &gateway,
            folders: &self.folders,
            resolve_mode: options.resolve_mode.name(),
        };
        let converted = convert(&self.source, &options, &resolver)
            .await
            .map_err(|rejected| Unmade::Rejected { rejected, filename: options.filename.clone() })?;
        let result = solve(&gateway, &options, &converted).await?;
        let warnings: Vec<_> = converted.builds.into_iter().flat_map(|(_, build)| build.warnings).collect();
        for warning in &warnings {
            if let Err(error) = gateway.warn(warning_message(warning, &options.filename)).await {
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
async fn solve(gateway: &Gateway, options: &Options, converted: &Converted) -> Result<BuildResult, Unmade> {
    let mut metadata = BTreeMap::new();
    let (mut references, mut entries) = (Vec::new(), Vec::new());
    for (platform, build) in &converted.builds {
        let lowered = &build.lowered;
        let marshal = MarshalOptions::new(graph_platform(&lowered.platform), String::new());
        let definition = lowered.graph.marshal(lowered.root, &marshal)?;
        let reference =
            gateway.solve(definition.to_pb(), SolveOptions { evaluate: false, cache_imports: true }).await?;
        let entry = platform_entry(platform.as_ref().unwrap_or(&Platform::host()), &lowered.image.platform);
        let suffix = if options.multi_platform { format!("/{}", entry.id) } else { String::new() };
        metadata.insert(format!("containerimage.config{suffix}"), lowered.image.to_json());
        if let Some(base) = &lowered.base {
            metadata.insert(format!("containerimage.base.config{suffix}"), base.to_json());
        }
        if let Some(epoch) = lowered.epoch {
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
        architecture: platform.architecture,
        os: platform.os,
        os_version: platform.os_version,
        os_features: platform.os_features.unwrap_or_default(),
        variant: platform.variant,
    }
}

pub(super) fn graph_platform(platform: &Platform) -> llb::Platform {
    llb::Platform {
        os: platform.os.clone(),
        architecture: platform.architecture.clone(),
        variant: platform.variant.clone(),
        os_version: platform.os_version.clone(),
        os_features: platform.os_features.clone().unwrap_or_default(),
    }
}

fn source_location(location: &Location, filename: &str) -> SourceLocation {
    let line = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
    let ranges = location.spans.iter().flat_map(|span| span.lines());
    SourceLocation {
        filename: filename.to_owned(),
        language: "Dockerfile".to_owned(),
        data: location.source.bytes().to_vec(),
        ranges: ranges
            .map(|number| LineRange {
                start_line: line(number),
                end_line: line(number),
                ..LineRange::default()
            })
            .collect(),
    }
}

/// A warning for buildkitd's history. Its vertex stands for the Dockerfile itself.
fn warning_message(diagnostic: &Diagnostic, filename: &str) -> Warning {
    let rule = match &diagnostic.level {
        Level::Warning(rule) => rule.as_str(),
        Level::Error => "",
    };
    let mut warning = Warning { level: 1, ..Warning::default() };
    warning.detail = diagnostic.help.iter().cloned().collect();
    let Some(location) = &diagnostic.location else {
        warning.short = format!("{rule}: {}", diagnostic.message);
        return warning;
    };
    let first = location.spans.first().map_or(0, |span| span.first());
    warning.short = format!("{rule}: {} (line {first})", diagnostic.message);
    warning.vertex = Sha256::digest(location.source.bytes())
        .iter()
        .fold("sha256:".to_owned(), |text, byte| text + &format!("{byte:02x}"));
    let place = source_location(location, filename);
    warning.source = Some(pb::SourceInfo {
        filename: place.filename,
        data: place.data,
        language: place.language,
        ..pb::SourceInfo::default()
    });
    let position = |line| Some(pb::Position { line, character: 0 });
    warning.ranges = place
        .ranges
        .iter()
        .map(|range| pb::Range { start: position(range.start_line), end: position(range.end_line) })
        .collect();
    warning
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dockerfile_that_is_not_utf8_is_named_with_its_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("Dockerfile");
        fs::write(&path, b"FROM scratch\nENV A=\xff\n").unwrap();
        let error = read(Some(&path), "Dockerfile").unwrap_err();
        assert_eq!(error.report(), "Dockerfile is not valid UTF-8 (line 2); save it as UTF-8");
        assert!(error.is_in_dockerfile());
    }

    #[test]
    fn a_missing_dockerfile_is_named() {
        let error = read(Some(Path::new("/nonexistent/Dockerfile")), "Dockerfile").unwrap_err();
        assert_eq!(
            error.report(),
            "cannot read the Dockerfile /nonexistent/Dockerfile: No such file or directory (os error 2)"
        );
    }

    #[test]
    fn a_rejection_tells_buildkitd_the_lines() {
        let source = Source::new("sub/Dockerfile", "FROM a\nFRMO b \\\n c\n");
        let error =
            Diagnostic::error("unknown instruction: FRMO").at(&source, [crate::diag::Span::new(2, 3)]);
        let rejected = Rejected { error: Box::new(error), warnings: Vec::new() };
        let status = Unmade::Rejected { rejected, filename: "Dockerfile".to_owned() }.to_status();
        assert_eq!(status.message, "unknown instruction: FRMO");
        let detail: serde_json::Value = serde_json::from_slice(&status.details[0].value).unwrap();
        assert_eq!(detail["info"]["filename"], "Dockerfile");
        assert_eq!(detail["ranges"][0]["start"]["line"], 2);
        assert_eq!(detail["ranges"][1]["start"]["line"], 3);
    }
}
