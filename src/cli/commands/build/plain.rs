//! From arguments to a build outside of a workspace.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::Path;

use super::Args;
use super::environment::BuildxVariables;
use super::outputs::{self, ImageAttributes};
use crate::cli::args::attestations::git_attributes;
use crate::cli::args::build_sources::needs_ssh;
use crate::cli::args::convert::Inputs;
use crate::cli::args::daemon::record_folder;
use crate::cli::args::image_lock;
use crate::cli::report::{listen, print, warn};
use crate::cli::usage::UsageError;
use crate::cli::values::{
    ValueError, cache,
    call::Call,
    run::{entitlement, secret, ssh},
};
use crate::cli::{Failure, subrequests};
use crate::converter::plan::{Network, Options};
use crate::diag::{visible, visible_path, with_causes};
use crate::gotext::parse_bool;
use crate::job::lookup::LocalFiles;
use crate::job::{
    self, BuildSubject, CacheEntry, DockerLogins, DockerfileInput, EngineSettings, Error, PlainBuild,
    RecordSettings, ReportFile, Request, Results, SshRequest, check_writable, docker_proxies, read_secret,
    ssh_agent,
};
use crate::workspace::{nonempty_process_variable, process_variable, variables};

/// A build argument that is an attribute of images.
const BUILD_INFO: &str = "BUILDKIT_INLINE_BUILDINFO_ATTRS";

pub(super) async fn run(args: Args) -> Result<(), Failure> {
    args.refuse()?;
    args.without_effect.warn();
    let variables = BuildxVariables::read()?;
    if let Some(path) = &args.iidfile {
        remove_old(path)?;
    }
    let build = plain_build(&args, &variables)?;
    for path in [&args.metadata_file, &args.iidfile, &args.image_lock_out].into_iter().flatten() {
        check_writable(path)?;
    }
    if build.outputs.is_empty() && !variables.expects_no_output {
        warn(
            "no output is named, so the result stays in buildkitd's cache; push it with --push, load it into docker with --load, or write it with --output",
        );
    }
    if let Some(text) = outputs::flags_without_image(&args, &build.outputs) {
        warn(&text);
    }
    let interrupts = listen()?;
    let mut results = job::build(&build, &interrupts).await?;
    if !variables.has_metadata_warnings {
        results.leave_out_warnings();
    }
    if let Some(path) = &args.metadata_file {
        results.write_metadata(path)?;
    }
    if let Some(path) = &args.image_lock_out {
        results.write_image_lock(path)?;
    }
    if let Some(path) = &args.iidfile {
        results.write_image_id(path)?;
    }
    if args.is_quiet() {
        // buildkitd's word: it may be anything. As in buildx, the line is empty where no image was made.
        print(format!("{}\n", visible(results.image_id().unwrap_or_default())).as_bytes())?;
    }
    Ok(())
}

/// Removes the image id of an earlier build, which a failing one must not leave.
fn remove_old(path: &Path) -> Result<(), Failure> {
    if !path.metadata().is_ok_and(|found| found.is_file()) {
        return Ok(());
    }
    std::fs::remove_file(path).map_err(|error| {
        Failure::failed(format!("cannot remove the old image id {}: {error}", visible_path(path)))
    })
}

/// Answers what `call` asks of the Dockerfile; nothing is built.
pub(super) async fn answer(args: Args, call: &Call) -> Result<(), Failure> {
    args.refuse()?;
    args.without_effect.warn();
    let variables = BuildxVariables::read()?;
    if !args.reports.is_empty() {
        return Err(UsageError::ReportWithoutBuild { method: args.method().to_owned() }.into());
    }
    let (request, _) = request(&args)?;
    outputs::parse(&args, &image_attributes(&request, &variables))?;
    if let Some(path) = &args.metadata_file {
        check_writable(path)?;
    }
    let progress = args.progress_mode()?;
    if let Some(path) = &args.iidfile {
        check_writable(path)?;
        remove_old(path)?;
    }
    subrequests::answer(request, call, progress, args.metadata_file.as_deref()).await?;
    match &args.iidfile {
        // As in buildx: no image, no id.
        Some(path) => Ok(Results::default().write_image_id(path)?),
        None => Ok(()),
    }
}

/// The Dockerfile, the logins and the buildkitd, and attributes that no option stands for.
fn request(args: &Args) -> Result<(Request, BTreeMap<String, String>), Failure> {
    let Some(context) = &args.context else { return Err(UsageError::NoContext.into()) };
    if context.is_empty() {
        return Err(UsageError::NoContext.into());
    }
    let mut convert = args.convert.clone();
    convert.default_build_args = proxies();
    let Inputs { options, dockerfile, files, attributes } = convert.inputs(Some(context), None)?;
    let image_lock = args.image_lock.as_deref().map(image_lock::read).transpose()?;
    let request = Request {
        dockerfile: DockerfileInput { source: dockerfile, options, build_platform: None, files, image_lock },
        logins: DockerLogins::of(nonempty_process_variable),
        daemon: args.daemon.choice()?,
        source_policy: args.attestations.source_policy()?,
    };
    let daemon = request.daemon.for_subject(args.convert.subject(context));
    Ok((Request { daemon, ..request }, attributes))
}

/// The build arguments that docker's configuration gives every build. A configuration that cannot be used gives none: as
/// with docker, it stops no build.
fn proxies() -> BTreeMap<String, String> {
    let Some(folder) = DockerLogins::of(nonempty_process_variable).folder else { return BTreeMap::new() };
    let host = nonempty_process_variable(variables::DOCKER_HOST.name);
    docker_proxies(&folder, host.as_deref().and_then(OsStr::to_str)).unwrap_or_else(|error| {
        warn(&format!("builds get no proxies: {}", with_causes(&error)));
        BTreeMap::new()
    })
}

fn image_attributes(request: &Request, variables: &BuildxVariables) -> ImageAttributes {
    ImageAttributes {
        build_info: request.dockerfile.options.build_args.get(BUILD_INFO).cloned(),
        no_oci_artifact: variables.no_oci_artifact,
    }
}

fn plain_build(args: &Args, variables: &BuildxVariables) -> Result<PlainBuild, Failure> {
    let progress = args.progress_mode()?;
    let (mut request, mut frontend_attributes) = request(args)?;
    let attributes = image_attributes(&request, variables);
    let DockerfileInput { options, files, .. } = &mut request.dockerfile;
    let attestations = args.attestations.attestations(&options.build_args)?;
    let inline = options.build_args.get("BUILDKIT_INLINE_CACHE");
    let (cache_imports, cache_exports) = caches(args, inline)?;
    frontend_attributes.extend(checkout_attributes(args, options, files));
    if let Some(repository) = frontend_attributes.get("vcs:source") {
        // A checkout is the same build wherever it lies.
        let folder = frontend_attributes.get("vcs:localdir:context").map_or("", String::as_str);
        let context = format!("{repository}:{folder}");
        let subject = BuildSubject { context: &context, dockerfile: args.convert.file.as_deref() };
        request.daemon = request.daemon.for_subject(subject);
    }
    let secret = |value: &String| -> Result<_, Error> {
        let (id, source) = secret::parse(value, &process_variable)?;
        let secret = read_secret(&id, source, &process_variable)?;
        Ok((id, secret))
    };
    let agent = |request: SshRequest| -> Result<_, Error> {
        Ok((request.id.clone(), ssh_agent(request, &nonempty_process_variable)?))
    };
    // As buildx: a context that is fetched over SSH needs the user's agent.
    let needs_agent = args.ssh.is_empty() && needs_ssh(&request.dockerfile.options.context);
    let default_agent = needs_agent.then(|| "default".to_owned());
    let ssh_values: Vec<String> = args.ssh.iter().cloned().chain(default_agent).collect();
    let reports = args.reports.iter().map(|path| ReportFile::new(path)).collect::<Result<Vec<_>, _>>();
    let reports = reports.map_err(UsageError::from)?;
    let understood = move || -> Result<PlainBuild, Error> {
        let mut entitlements = entitlement::parse(&args.allow)?;
        if request.dockerfile.options.network == Network::Host {
            entitlements.push("network.host".to_owned());
        }
        Ok(PlainBuild {
            outputs: outputs::parse(args, &attributes)?,
            engine: EngineSettings::of(nonempty_process_variable)
                .with_oci_artifacts(!attributes.no_oci_artifact),
            secrets: args.secrets.iter().map(secret).collect::<Result<_, _>>()?,
            ssh_agents: ssh::parse(&ssh_values)?.into_iter().map(agent).collect::<Result<_, _>>()?,
            cache_imports,
            cache_exports,
            entitlements,
            frontend_attributes,
            attestations,
            metadata_provenance: variables.metadata_provenance.filter(|_| args.metadata_file.is_some()),
            progress,
            record: RecordSettings { folder: record_folder(), is_explained: args.explain_cache },
            push_via: args.push_via,
            reports,
            request,
        })
    };
    Ok(understood()?)
}

/// What buildkitd is told of the Git working tree that the context lies in; labels go into `options`.
fn checkout_attributes(args: &Args, options: &mut Options, files: &LocalFiles) -> BTreeMap<String, String> {
    let Some(context) = &files.context else { return BTreeMap::new() };
    let dockerfile = args.convert.file.clone().unwrap_or_else(|| context.join("Dockerfile"));
    let dockerfile = Some(dockerfile.as_path()).filter(|path| path.is_file());
    let folder = match dockerfile.and_then(Path::parent) {
        Some(parent) if parent.as_os_str().is_empty() => Some(Path::new(".")),
        folder => folder,
    };
    let own = [("context", Some(context.as_path())), ("dockerfile", folder)];
    let own = own.into_iter().filter_map(|(name, folder)| Some((name, folder?)));
    let named = files.named.iter().map(|(name, folder)| (name.as_str(), folder.as_path()));
    git_attributes(options, context, dockerfile, own.chain(named))
}

/// The caches to read and those to write.
fn caches(args: &Args, inline: Option<&String>) -> Result<(Vec<CacheEntry>, Vec<CacheEntry>), ValueError> {
    let environment = &nonempty_process_variable;
    let from = cache::Setting { name: "--cache-from", purpose: cache::Use::Import, environment };
    let to = cache::Setting { name: "--cache-to", purpose: cache::Use::Export, environment };
    let imports = cache::parse_all(&from, &args.cache_from)?;
    let mut exports = cache::parse_all(&to, &args.cache_to)?;
    let wants_inline = inline.and_then(|value| parse_bool(value)) == Some(true);
    if wants_inline && !exports.iter().any(|entry| entry.kind == "inline") {
        exports.push(CacheEntry { kind: "inline".to_owned(), attrs: BTreeMap::new() });
    }
    Ok((imports, exports))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::pflag::parse_args;
    use crate::job::ProgressMode;

    fn error(args: &[&str]) -> String {
        let failure = plain_build(&parse_args(args).unwrap(), &BuildxVariables::default()).unwrap_err();
        assert_eq!(failure.exit_code(), 2, "{args:?}");
        failure.render()
    }

    #[test]
    fn the_network_of_the_host_is_a_right_that_is_asked_for() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("Dockerfile"), "FROM scratch\n").unwrap();
        let context = dir.path().to_str().unwrap();
        let build =
            |args: &[&str]| plain_build(&parse_args(args).unwrap(), &BuildxVariables::default()).unwrap();
        assert_eq!(build(&["--network=host", context]).entitlements, ["network.host"]);
        assert!(build(&["--network=none", context]).entitlements.is_empty());
        assert_eq!(build(&["-q", "--progress=auto", context]).progress, ProgressMode::QUIET);
    }

    #[test]
    fn an_old_image_id_is_removed() {
        let file = tempfile::NamedTempFile::new().unwrap();
        remove_old(file.path()).unwrap();
        assert!(!file.path().exists());
        remove_old(file.path()).unwrap();
        remove_old(Path::new("/dev/null")).unwrap();
        assert!(Path::new("/dev/null").exists());
    }

    #[test]
    fn wrong_usage_is_named() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("Dockerfile"), "FROM scratch\n").unwrap();
        let context = dir.path().to_str().unwrap();
        let missing =
            "error: the build context is missing: bob build [OPTIONS] CONTEXT, usually `bob build .`";
        assert_eq!(error(&["-t", "x"]), missing);
        let unnamed = "error: an image that is pushed needs a name; give one with --tag";
        assert_eq!(error(&["--push", context]), unnamed);
        assert!(error(&["--addr", "nonsense", context]).contains("has no scheme"));
        assert_eq!(error(&[""]), missing);
        assert!(error(&["--iidfile", "i", "-o", "out", context]).contains("makes no image"));
        let loud = error(&["-q", "--progress=plain", context]);
        assert_eq!(loud, "error: --progress=plain and --quiet do not go together");
        assert!(error(&["--allow", "foo", context]).contains("--allow \"foo\": there is no such right"));
        assert!(error(&["-o", "type=zip", context]).contains("there is no type \"zip\""));
    }
}
