//! Solves a Dockerfile on a buildkitd: converts it with the daemon's help, has every step run and returns the result.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;

use futures_util::future::{poll_immediate, try_join_all};
use tokio_util::task::AbortOnDropHandle;

use super::attestations::{Attestations, Scanner, scan};
use super::dockerfile_origin::DockerfileOrigin;
use super::failure::{ConversionFailure, SolveFailure};
use super::lookup::Converted;
use super::push::base_images::{BaseImage, base_images};
use super::push::base_layers::PushTargets;
use super::push::routes::PushRoutes;
use super::read_ahead::read_ahead;
use super::report::warnings::warning_message;
use super::request::ParsedDockerfile;
use super::result::report_files::Recorder;
use crate::buildkit::{BuildResult, Gateway, PlatformEntry, SolveOptions, platforms_metadata};
use crate::converter::plan::{Context, Facts, Options};
use crate::converter::{Conversion, Definition, MarshalError, Marshalled};
use crate::image::Platform;

/// Converts and builds on the gateway of a build: when this returns, every step has ended, and pushes are allowed.
/// Base layers are mounted into `targets` meanwhile. What `attestations` ask for is added; `recorder` is told of the
/// graphs. Returns also what was looked up.
pub(super) async fn solve_dockerfile(
    dockerfile: &ParsedDockerfile<'_>,
    gateway: Gateway,
    routes: &PushRoutes,
    targets: &PushTargets,
    attestations: &Attestations,
    recorder: &Recorder,
) -> Result<(BuildResult, Facts), SolveFailure> {
    let session = Some(gateway.session_id().to_owned());
    let options = dockerfile.options_on(&gateway).await?;
    let options = dockerfile.fetch(&gateway, &Options { session, ..options }).await?;
    let origin = dockerfile.origin(&options)?;
    let (converted, _reading) = convert(&gateway, dockerfile, &options, routes).await;
    let converted = match converted {
        Ok(converted) => converted,
        Err(failure) => {
            tell_warnings(&gateway, dockerfile, &origin).await;
            return Err(failure.into());
        }
    };
    let bases: BTreeSet<BaseImage> =
        converted.builds.iter().flat_map(|(_, build)| base_images(&build.lowered)).collect();
    let scans = match &attestations.generator {
        Some(generator) => {
            // The builder's platform runs the program, whatever the image is for.
            let (platform, mode) = (&options.build_platform, options.resolve_mode.name());
            let scanner = Scanner::find(&gateway, &routes.grants, generator, platform, mode).await?;
            Some(scans(&converted.builds, &scanner, &options, &origin)?)
        }
        None => None,
    };
    let marshal = |(platform, build): (_, Conversion)| {
        let mut build = build.marshal("")?;
        origin.put_into(&mut build.definition);
        // A folder in place of the whole stage says nothing of its platform, and an image without one cannot be exported.
        if build.image.platform.architecture.is_empty() {
            build.image.platform = options.build_platform.clone();
        }
        Ok((platform, build))
    };
    let builds = converted.builds.into_iter().map(marshal).collect::<Result<Vec<_>, MarshalError>>()?;
    for (_, build) in &builds {
        recorder.know(&build.definition);
    }
    dockerfile.keep_graphs(builds.iter().map(|(_, build)| build.definition.clone()).collect());
    let solved = async {
        let mut result = solve(&gateway, &options, &builds).await?;
        if let Some(scans) = scans {
            result = with_lists(&gateway, result, scans).await?;
        }
        if attestations.are_requested {
            read_sources_of_provenance(&gateway, dockerfile, &origin, &options).await?;
        }
        evaluate(&gateway, &result).await?;
        Ok::<_, SolveFailure>(result)
    };
    let telling = tell_warnings(&gateway, dockerfile, &origin);
    let (result, (), ()) = tokio::join!(solved, targets.mount_beside_steps(&bases), telling);
    let result = result?;
    routes.allow_pushes_after_all().await;
    targets.mount_after_steps(&bases).await;
    Ok((result, converted.facts))
}

/// Converts; where something has to be looked up, folders are read meanwhile.
async fn convert(
    gateway: &Gateway,
    dockerfile: &ParsedDockerfile<'_>,
    options: &Options,
    routes: &PushRoutes,
) -> (Result<Converted, ConversionFailure>, Option<AbortOnDropHandle<()>>) {
    let mut converting = pin!(dockerfile.convert(gateway, options, &routes.grants));
    if let Some(converted) = poll_immediate(converting.as_mut()).await {
        return (converted, None);
    }
    let reading = read_ahead(gateway, dockerfile, options).await;
    (converting.await, reading)
}

/// Returns the graphs that list the contents of each platform's result.
fn scans(
    builds: &[(Option<Platform>, Conversion)],
    scanner: &Scanner,
    options: &Options,
    origin: &DockerfileOrigin,
) -> Result<BTreeMap<String, Definition>, MarshalError> {
    let mut scans = BTreeMap::new();
    for (platform, build) in builds {
        let id = platform.as_ref().unwrap_or(&options.build_platform).normalized().to_string();
        let mut definition = scan(&build.lowered, scanner, &id)?;
        origin.put_into(&mut definition);
        scans.insert(id, definition);
    }
    Ok(scans)
}

/// Returns a result with the lists of contents that `scans` make.
async fn with_lists(
    gateway: &Gateway,
    result: BuildResult,
    scans: BTreeMap<String, Definition>,
) -> Result<BuildResult, SolveFailure> {
    let mut lists = BTreeMap::new();
    for (id, definition) in scans {
        let folder = gateway.solve(definition.encode(), SolveOptions::default()).await?;
        lists.extend(folder.map(|folder| (id, folder)));
    }
    Ok(BuildResult::Listed { result: Box::new(result), lists })
}

/// Has buildkitd read the Dockerfile and the ignore file: provenance names as sources what it reads in the build.
async fn read_sources_of_provenance(
    gateway: &Gateway,
    dockerfile: &ParsedDockerfile<'_>,
    origin: &DockerfileOrigin,
    options: &Options,
) -> Result<(), SolveFailure> {
    let Some(definition) = &origin.definition else { return Ok(()) };
    let evaluated = SolveOptions { evaluate: true, ..SolveOptions::default() };
    gateway.solve(definition.encode(), evaluated).await?;
    if options.context == Context::Local && dockerfile.input.files.dockerfile_ignore.is_none() {
        let ignore_file = DockerfileOrigin::ignore_file(options)?;
        gateway.solve(ignore_file.encode(), evaluated).await?;
    }
    Ok(())
}

/// Tells buildkitd what the build checks found, whether or not the build succeeds.
async fn tell_warnings(gateway: &Gateway, dockerfile: &ParsedDockerfile<'_>, origin: &DockerfileOrigin) {
    let Some(source) = dockerfile.source() else { return };
    for warning in dockerfile.warnings() {
        let message = warning_message(warning, source, origin);
        if let Err(error) = gateway.warn(message).await {
            tracing::debug!(error = &error as &dyn std::error::Error, "buildkitd was not told of a warning");
        }
    }
}

/// Hands the graphs to buildkitd and puts the result together (BuildKit: `frontend/dockerui/build.go`).
async fn solve(
    gateway: &Gateway,
    options: &Options,
    builds: &[(Option<Platform>, Marshalled)],
) -> Result<BuildResult, SolveFailure> {
    let mut metadata = BTreeMap::new();
    let (mut references, mut entries) = (Vec::new(), Vec::new());
    for (platform, build) in builds {
        let solve_options = SolveOptions { evaluate: false, cache_imports: true };
        let reference = gateway.solve(build.definition.encode(), solve_options).await?;
        let entry =
            platform_entry(platform.as_ref().unwrap_or(&options.build_platform), &build.image.platform);
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
async fn evaluate(gateway: &Gateway, result: &BuildResult) -> Result<(), SolveFailure> {
    try_join_all(result.references().into_iter().map(|reference| gateway.evaluate(reference))).await?;
    Ok(())
}

/// Returns what `refs.platforms` says of a platform; Windows takes version and features from the image.
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
