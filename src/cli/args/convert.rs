//! The conversion options that `bob build`, `bob llb` and `bob check` share.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::build_sources::{BuildSources, wanted_abilities};
use super::older_limits::OlderLimits;
use crate::converter::plan::{Context, NoCache, Options, ResolveMode};
use crate::diag::Source;
use crate::image::{Platform, PlatformError};
use crate::job::lookup::LocalFiles;
use crate::job::{BuildSubject, DockerfileSource};
use crate::workspace::{process_variable, variables};

use crate::cli::Failure;
use crate::cli::usage::UsageError;
use crate::cli::values::platform::{self, Platforms};
use crate::cli::values::run::{extra_host, network, resource, shm_size, ulimit};
use crate::cli::values::syntax::{pairs, path};
use crate::cli::values::{ValueError, build_context};

/// Conversion options, with the names and value syntax of `docker buildx build`.
#[derive(Debug, Default, Clone, clap::Args)]
pub struct ConvertArgs {
    /// Dockerfile: a path, a URL, or `-` for standard input [default: CONTEXT/Dockerfile]
    #[arg(short, long, value_name = "PATH", value_parser = path::any())]
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
    /// Limit of every RUN: memory, memory-swap, cpu-shares, cpu-period, cpu-quota, cpuset-cpus or cpuset-mems
    #[arg(long, value_name = "NAME=VALUE")]
    pub resource: Vec<String>,
    /// Limits by the flags of older builders.
    #[command(flatten)]
    pub older_limits: OlderLimits,
    /// Build arguments that hold where none of that name, in any case, is given.
    #[arg(skip)]
    pub default_build_args: BTreeMap<String, String>,
}

/// What the options come to: everything that a conversion starts from.
#[derive(Debug)]
pub struct Inputs {
    /// The options of the conversion.
    pub options: Options,
    /// The Dockerfile.
    pub dockerfile: DockerfileSource,
    /// The folders that the build reads, and their ignore files.
    pub files: LocalFiles,
    /// Attributes for buildkitd that no option stands for.
    pub attributes: BTreeMap<String, String>,
}

impl Inputs {
    /// The text of the Dockerfile, for `command`, which asks no buildkitd.
    ///
    /// # Errors
    /// `UsageError::NeedsBuildkitd` where only a buildkitd can fetch it, or tell what the context is.
    pub fn local_dockerfile(&self, command: &'static str) -> Result<&Source, UsageError> {
        match &self.dockerfile {
            DockerfileSource::Text(source) => match &self.options.context {
                Context::Http { .. } if self.files.upload.is_none() => {
                    Err(UsageError::NeedsBuildkitd { what: "a context at a web address", command })
                }
                _ => Ok(source),
            },
            DockerfileSource::InContext(_) => {
                Err(UsageError::NeedsBuildkitd { what: "the Dockerfile of a remote context", command })
            }
            DockerfileSource::Url(_) => {
                Err(UsageError::NeedsBuildkitd { what: "a Dockerfile at a web address", command })
            }
        }
    }
}

impl ConvertArgs {
    /// What is built out of `context`.
    pub fn subject<'a>(&'a self, context: &'a str) -> BuildSubject<'a> {
        BuildSubject { context, dockerfile: self.file.as_deref() }
    }

    /// The options, the Dockerfile and the folders that these arguments name. `build_platform` is the
    /// builder's platform, this machine's without one.
    ///
    /// # Errors
    /// [`Failure::Usage`] for a value that means nothing, [`Failure::Failed`] for a file that cannot be
    /// read.
    pub fn inputs(&self, context: Option<&str>, build_platform: Option<&str>) -> Result<Inputs, Failure> {
        let options = self.options(build_platform)?;
        let contexts: Vec<String> =
            self.build_context.iter().filter(|value| !value.is_empty()).cloned().collect();
        let named = build_context::parse(&contexts)?;
        let build_args = self.build_args()?;
        let options = options.with_build_args(build_args).map_err(UsageError::from)?;
        let file = self.file.as_deref().filter(|file| !file.as_os_str().is_empty());
        let sources = BuildSources::find(context.unwrap_or("."), file)?;
        let BuildSources { context, dockerfile, filename, files, mut attributes } = sources;
        let files = LocalFiles { named: named.folders, layouts: named.layouts, ..files };
        let shared_keys = named.shared_keys.iter();
        attributes.extend(shared_keys.map(|(name, key)| (format!("sharedkey:localdir:{name}"), key.clone())));
        let abilities = wanted_abilities(&context, &named.sources);
        attributes.extend(abilities.map(|names| ("frontend.caps".to_owned(), names)));
        let options = Options {
            context,
            filename,
            named_contexts: named.sources,
            shared_keys: named.shared_keys,
            ..options
        };
        Ok(Inputs { options, dockerfile, files, attributes })
    }

    /// The build arguments, with those of the environment.
    fn build_args(&self) -> Result<BTreeMap<String, String>, ValueError> {
        let mut build_args = pairs::parse("--build-arg", &self.build_arg, environment_text)?;
        for (name, value) in &self.default_build_args {
            if !build_args.keys().any(|given| given.eq_ignore_ascii_case(name)) {
                build_args.insert(name.clone(), value.clone());
            }
        }
        let epoch = variables::SOURCE_DATE_EPOCH.name;
        if let Some(value) = environment_text(epoch).filter(|value| !value.is_empty()) {
            build_args.entry(epoch.to_owned()).or_insert(value);
        }
        Ok(build_args)
    }

    /// The platforms to build for.
    fn platforms(&self) -> Result<Platforms, ValueError> {
        if !self.platform.is_empty() {
            return platform::parse("--platform", self.platform.iter().map(String::as_str));
        }
        let variable = variables::DOCKER_DEFAULT_PLATFORM.name;
        match environment_text(variable).filter(|value| !value.is_empty()) {
            Some(text) => platform::parse(variable, text.split(',')),
            None => Ok(Platforms::default()),
        }
    }

    /// The options without build arguments and contexts.
    fn options(&self, build_platform: Option<&str>) -> Result<Options, ValueError> {
        let Platforms { platforms, of_builder } = self.platforms()?;
        let options = Options {
            target: self.target.clone().unwrap_or_default(),
            platforms,
            of_builder,
            labels: pairs::parse("--label", &self.label, |_| Some(String::new()))?,
            no_cache: self.no_cache()?,
            add_hosts: extra_host::parse(&self.add_host)?,
            network: network::parse(self.network.as_deref().unwrap_or_default())?,
            shm_size_bytes: self.shm_size.as_deref().map_or(Ok(0), shm_size::parse)?,
            ulimits: ulimit::parse(&self.ulimit)?,
            cgroup_parent: self.cgroup_parent.clone().unwrap_or_default(),
            linux_resources: resource::parse(&self.resources())?,
            names_in_use: true,
            resolve_mode: if self.pull { ResolveMode::Pull } else { ResolveMode::Default },
            ..Options::default()
        };
        let Some(text) = build_platform else { return Ok(options) };
        let wrong = |error: PlatformError| ValueError::new("--build-platform", text, error.to_string());
        Ok(options.with_build_platform(Platform::parse(text).map_err(wrong)?.normalized()))
    }

    /// The limits of every RUN, those that hold last.
    fn resources(&self) -> Vec<String> {
        self.older_limits.resources().chain(self.resource.iter().cloned()).collect()
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
