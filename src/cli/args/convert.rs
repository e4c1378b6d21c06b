//! The conversion options that `bob build`, `bob llb` and `bob check` share.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::dockerfile_place::DockerfilePlace;
use crate::beneath;
use crate::converter::plan::git::GitRef;
use crate::converter::plan::{Context, NoCache, Options, ResolveMode};
use crate::diag::{Source, visible_path};
use crate::image::{Platform, PlatformError};
use crate::job::lookup::LocalFiles;
use crate::workspace::process_variable;

use crate::cli::Failure;
use crate::cli::usage::UsageError;
use crate::cli::values::run::{extra_host, network, shm_size, ulimit};
use crate::cli::values::syntax::pairs;
use crate::cli::values::{ValueError, build_context, platform};

/// Conversion options, with the names and value syntax of `docker buildx build`.
#[derive(Debug, Default, Clone, clap::Args)]
pub struct ConvertArgs {
    /// Dockerfile; `-` reads it from standard input [default: CONTEXT/Dockerfile]
    #[arg(short, long, value_name = "PATH")]
    pub file: Option<PathBuf>,
    /// Stage to build [default: the last one]
    #[arg(long, value_name = "STAGE")]
    pub target: Option<String>,
    /// Platforms to build for, separated by commas [default: the builder's]
    #[arg(long, value_name = "PLATFORM", value_delimiter = ',')]
    pub platform: Vec<String>,
    /// Build argument; without a value it is taken from the environment
    #[arg(long, value_name = "NAME[=VALUE]")]
    pub build_arg: Vec<String>,
    /// Additional context: a folder, an image (docker-image:), an OCI layout (oci-layout:), or the URL of a repository or file
    #[arg(long, value_name = "NAME=VALUE")]
    pub build_context: Vec<String>,
    /// Label for the image
    #[arg(long, value_name = "NAME[=VALUE]")]
    pub label: Vec<String>,
    /// Run every step even if it is cached
    #[arg(long)]
    pub no_cache: bool,
    /// Run the steps of these stages even if they are cached
    #[arg(long, value_name = "STAGE")]
    pub no_cache_filter: Vec<String>,
    /// Look base images up at their registries, whatever is cached
    #[arg(long)]
    pub pull: bool,
    /// Line for /etc/hosts of every RUN
    #[arg(long, value_name = "HOST:IP")]
    pub add_host: Vec<String>,
    /// Network of every RUN that names none: default, host or none
    #[arg(long, value_name = "MODE")]
    pub network: Option<String>,
    /// Size of /dev/shm of every RUN, as in 64m
    #[arg(long, value_name = "BYTES")]
    pub shm_size: Option<String>,
    /// Limit of every RUN
    #[arg(long, value_name = "NAME=SOFT[:HARD]")]
    pub ulimit: Vec<String>,
    /// Parent control group of every RUN
    #[arg(long, value_name = "GROUP")]
    pub cgroup_parent: Option<String>,
}

/// What the options come to: everything that a conversion starts from.
#[derive(Debug)]
pub struct Inputs {
    /// The options of the conversion.
    pub options: Options,
    /// The Dockerfile.
    pub dockerfile: Source,
    /// The folders that the build reads, and their ignore files.
    pub files: LocalFiles,
}

impl ConvertArgs {
    /// The options, the Dockerfile and the folders that these arguments name. `build_platform` is the
    /// builder's platform, this machine's without one.
    ///
    /// # Errors
    /// [`Failure::Usage`] for a value that means nothing, [`Failure::Failed`] for a file that cannot be
    /// read.
    pub fn inputs(&self, context: Option<&str>, build_platform: Option<&str>) -> Result<Inputs, Failure> {
        let (options, named) = self.options(build_platform).map_err(ValueError::into_failure)?;
        let build_args = pairs::parse("--build-arg", &self.build_arg, environment_text);
        let options = options
            .with_build_args(build_args.map_err(ValueError::into_failure)?)
            .map_err(UsageError::from)?;
        let context = context.unwrap_or(".");
        let mut files = LocalFiles { named, ..LocalFiles::default() };
        let mut options = options;
        if let Some(remote) = remote_context(context)? {
            options.context = remote;
        } else if context == "-" {
            return Err(UsageError::ContextFromStandardInput.into());
        } else {
            let folder = PathBuf::from(context);
            if !folder.is_dir() {
                return Err(UsageError::ContextNotAFolder { context: context.to_owned() }.into());
            }
            files.context = Some(folder);
        }
        let (place, name) = match (&self.file, &files.context) {
            (Some(path), Some(_)) => (DockerfilePlace::named(path, files.context.as_deref()), path.clone()),
            (Some(path), None) if path.is_absolute() => (DockerfilePlace::named(path, None), path.clone()),
            (None, Some(folder)) => DockerfilePlace::default_of(folder),
            (_, None) => return Err(UsageError::RemoteDockerfile.into()),
        };
        let shown = visible_path(name.strip_prefix("./").unwrap_or(&name));
        let cannot_read = |error: beneath::Error| {
            let help = if error.leads_out() { ", or name it with --file" } else { "" };
            Failure::Rendered(format!("error: cannot read the Dockerfile {shown}: {error}{help}"))
        };
        let read = place.and_then(|place| Ok((place.read()?, place)));
        let (text, place) = read.map_err(cannot_read)?;
        options.filename =
            name.file_name().map_or_else(|| "Dockerfile".into(), |name| name.to_string_lossy().into_owned());
        files.dockerfile_ignore = place.own_ignore_file()?;
        Ok(Inputs { options, dockerfile: Source::new(shown, text), files })
    }

    /// The options without build arguments, and the folders of named contexts by the names of their local sources.
    fn options(
        &self,
        build_platform: Option<&str>,
    ) -> Result<(Options, BTreeMap<String, PathBuf>), ValueError> {
        let mut options = Options {
            target: self.target.clone().unwrap_or_default(),
            platforms: platform::parse(&self.platform)?,
            labels: pairs::parse("--label", &self.label, |_| Some(String::new()))?,
            no_cache: self.no_cache()?,
            add_hosts: extra_host::parse(&self.add_host)?,
            network: network::parse(self.network.as_deref().unwrap_or_default())?,
            shm_size_bytes: self.shm_size.as_deref().map_or(Ok(0), shm_size::parse)?,
            ulimits: ulimit::parse(&self.ulimit)?,
            cgroup_parent: self.cgroup_parent.clone().unwrap_or_default(),
            resolve_mode: if self.pull { ResolveMode::Pull } else { ResolveMode::Default },
            ..Options::default()
        };
        if let Some(text) = build_platform {
            let parsed = Platform::parse(text);
            let wrong = |error: PlatformError| ValueError::new("--build-platform", text, error.to_string());
            options.build_platform = parsed.map_err(wrong)?.normalized();
        }
        let contexts = build_context::parse(&self.build_context)?;
        options.named_contexts = contexts.sources;
        Ok((options, contexts.folders))
    }

    fn no_cache(&self) -> Result<NoCache, ValueError> {
        let names = self.no_cache_filter.join(",");
        match (self.no_cache, self.no_cache_filter.is_empty()) {
            (true, false) => Err(ValueError::Conflict { first: "--no-cache", second: "--no-cache-filter" }),
            (false, true) => Ok(NoCache::Off),
            _ if names.is_empty() => Ok(NoCache::All),
            _ => Ok(NoCache::Stages(names.split(',').map(str::to_owned).collect())),
        }
    }
}

/// The value of a variable of this process where it is text.
fn environment_text(name: &str) -> Option<String> {
    process_variable(name)?.into_string().ok()
}

/// The context where it is a Git repository or a file at a web address.
fn remote_context(context: &str) -> Result<Option<Context>, UsageError> {
    let wrong = |source| UsageError::ContextRepository { context: context.to_owned(), source };
    if GitRef::parse(context).map_err(wrong)?.is_some() {
        return Ok(Some(Context::Git(context.to_owned())));
    }
    if context.starts_with("http://") || context.starts_with("https://") {
        return Err(UsageError::ContextAtWebAddress { context: context.to_owned() });
    }
    Ok(None)
}
