//! What a conversion is asked to do, apart from the Dockerfile's text.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::gotext::equal_fold;
use crate::gotext::parse_bool;
use crate::image::Platform;

/// The options of one build. The same options convert for every platform that is asked for.
///
/// They mean what the options of BuildKit's Dockerfile frontend mean (`frontend/dockerui/config.go`).
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// The stage to build; the last one if empty.
    pub target: String,
    /// The platforms to build for; none means the build platform, without insisting on it.
    pub platforms: Vec<Platform>,
    /// The places in `platforms` that stand for the build platform, whatever they hold. The converter does not look at
    /// them: whoever knows the build platform puts it there.
    pub of_builder: Vec<usize>,
    /// The platform of the builder.
    pub build_platform: Platform,
    /// Whether the result is an index of platforms; step names then begin with the platform.
    pub multi_platform: bool,
    /// Build arguments, those that only BuildKit reads included.
    pub build_args: BTreeMap<String, String>,
    /// Labels that are put on the image.
    pub labels: BTreeMap<String, String>,
    /// Steps that run even if they are cached.
    pub no_cache: NoCache,
    /// Lines for `/etc/hosts` of every RUN.
    pub add_hosts: Vec<(String, IpAddr)>,
    /// The network of every RUN that names none.
    pub network: Network,
    /// Size of `/dev/shm` in bytes; zero leaves it as it is.
    pub shm_size_bytes: i64,
    /// Limits of every RUN.
    pub ulimits: Vec<Ulimit>,
    /// Parent control group of every RUN; none if empty.
    pub cgroup_parent: String,
    /// Limits of processor and memory of every RUN.
    pub linux_resources: LinuxResources,
    /// How base images are looked up.
    pub resolve_mode: ResolveMode,
    /// Prefix of cache mount ids (`BUILDKIT_CACHE_MOUNT_NS`).
    pub cache_namespace: String,
    /// Host name of every RUN (`BUILDKIT_SANDBOX_HOSTNAME`); BuildKit's own if empty.
    pub hostname: String,
    /// Settings of the build checks that replace those of the Dockerfile (`BUILDKIT_DOCKERFILE_CHECK`).
    pub check: Option<String>,
    /// Where the files come from.
    pub context: Context,
    /// Named contexts by name, or by `name::platform`; each as the frontend writes it:
    /// `docker-image://…`, `oci-layout://…`, `local:NAME`, a Git or an HTTP URL.
    pub named_contexts: BTreeMap<String, String>,
    /// Shared key hints of local named contexts, by name.
    pub shared_keys: BTreeMap<String, String>,
    /// The session that local sources come from; without one they get a unique id when the graph is
    /// marshalled.
    pub session: Option<String>,
    /// What the source map calls the Dockerfile; no source map is made if empty.
    pub filename: String,
    /// Check every stage, not only those that the target needs.
    pub all_stages: bool,
    /// Find out what the target can be given.
    pub outline: bool,
    /// Find out which names of the Dockerfile options may refer to.
    pub names_in_use: bool,
}

impl Default for Options {
    /// A build of the last stage for this host, from a local context, with nothing set.
    fn default() -> Self {
        Self {
            target: String::new(),
            platforms: Vec::new(),
            of_builder: Vec::new(),
            build_platform: Platform::host(),
            multi_platform: false,
            build_args: BTreeMap::new(),
            labels: BTreeMap::new(),
            no_cache: NoCache::default(),
            add_hosts: Vec::new(),
            network: Network::default(),
            shm_size_bytes: 0,
            ulimits: Vec::new(),
            cgroup_parent: String::new(),
            linux_resources: LinuxResources::default(),
            resolve_mode: ResolveMode::default(),
            cache_namespace: String::new(),
            hostname: String::new(),
            check: None,
            context: Context::default(),
            named_contexts: BTreeMap::new(),
            shared_keys: BTreeMap::new(),
            session: None,
            filename: "Dockerfile".into(),
            all_stages: false,
            outline: false,
            names_in_use: false,
        }
    }
}

/// Build arguments that BuildKit reads itself and cannot use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OptionsError {
    /// `BUILDKIT_DISABLE_FILEOP` asks for something that is gone.
    #[error("build argument BUILDKIT_DISABLE_FILEOP: support for it was removed in BuildKit 0.11")]
    DisableFileOp,
    /// `BUILDKIT_MULTI_PLATFORM` is no truth value.
    #[error("build argument BUILDKIT_MULTI_PLATFORM: invalid boolean value {0:?}")]
    MultiPlatform(String),
    /// `BUILDKIT_MULTI_PLATFORM` forbids what was asked for.
    #[error("build argument BUILDKIT_MULTI_PLATFORM is false, but several platforms were asked for")]
    SeveralPlatforms,
}

impl Options {
    /// Whether the builder's own platform is one of those that are built for.
    pub fn builds_for_builder(&self) -> bool {
        !self.of_builder.is_empty()
    }

    /// These options for a builder of the platform `build_platform`.
    #[must_use]
    pub fn with_build_platform(mut self, build_platform: Platform) -> Self {
        for place in &self.of_builder {
            if let Some(platform) = self.platforms.get_mut(*place) {
                platform.clone_from(&build_platform);
            }
        }
        self.build_platform = build_platform;
        self
    }

    /// These options with build arguments, acting on those that BuildKit reads itself
    /// (`frontend/dockerui/config.go`). The platforms have to be set before.
    ///
    /// # Errors
    /// [`OptionsError`] for a `BUILDKIT_…` argument that cannot be used.
    pub fn with_build_args(mut self, build_args: BTreeMap<String, String>) -> Result<Self, OptionsError> {
        let get = |name: &str| build_args.get(name).map_or("", String::as_str);
        if parse_bool(get("BUILDKIT_DISABLE_FILEOP")) == Some(true) {
            return Err(OptionsError::DisableFileOp);
        }
        self.multi_platform = self.platforms.len() > 1;
        let multi = get("BUILDKIT_MULTI_PLATFORM");
        if !multi.is_empty() {
            let wanted = parse_bool(multi).ok_or_else(|| OptionsError::MultiPlatform(multi.to_owned()))?;
            if !wanted && self.multi_platform {
                return Err(OptionsError::SeveralPlatforms);
            }
            self.multi_platform = wanted;
        }
        get("BUILDKIT_CACHE_MOUNT_NS").clone_into(&mut self.cache_namespace);
        get("BUILDKIT_SANDBOX_HOSTNAME").clone_into(&mut self.hostname);
        self.check = build_args.get("BUILDKIT_DOCKERFILE_CHECK").cloned();
        self.build_args = build_args;
        Ok(self)
    }
}

/// Which steps run even if they are cached.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum NoCache {
    /// None.
    #[default]
    Off,
    /// All.
    All,
    /// Those of the stages of these names, in any case.
    Stages(Vec<String>),
}

impl NoCache {
    /// Whether the steps of the stage `name` run even if they are cached.
    pub fn covers(&self, name: &str) -> bool {
        match self {
            Self::Off => false,
            Self::All => true,
            Self::Stages(names) => names.iter().any(|n| equal_fold(n, name)),
        }
    }
}

/// The network of RUN.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Network {
    /// A network of its own.
    #[default]
    Sandbox,
    /// The host's.
    Host,
    /// None.
    None,
}

/// A resource limit of RUN.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ulimit {
    /// Its name, `nofile`.
    pub name: String,
    /// Soft limit.
    pub soft: i64,
    /// Hard limit.
    pub hard: i64,
}

/// Limits of processor and memory. Zero and empty mean no limit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LinuxResources {
    /// Memory in bytes.
    pub memory: i64,
    /// Memory and swap together in bytes; -1 leaves swap without a limit.
    pub memory_swap: i64,
    /// Relative weight of processor time.
    pub cpu_shares: u64,
    /// Period of the processor quota in microseconds.
    pub cpu_period: u64,
    /// Processor time in each period in microseconds.
    pub cpu_quota: i64,
    /// Processors that may be used, such as `0-3`.
    pub cpuset_cpus: String,
    /// Memory nodes that may be used, such as `0,1`.
    pub cpuset_mems: String,
}

/// How image references are looked up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ResolveMode {
    /// As the builder likes.
    #[default]
    Default,
    /// At the registry always (`--pull`).
    Pull,
    /// At the builder if it has the image.
    Local,
}

impl ResolveMode {
    /// The name that BuildKit's requests and ops use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Pull => "pull",
            Self::Local => "local",
        }
    }
}

/// Where the files of a build come from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Context {
    /// A folder of the client, sent as the local source `context`.
    #[default]
    Local,
    /// A Git repository, by its URL.
    Git(String),
    /// A file at an HTTP URL: an archive that is unpacked, or the Dockerfile itself.
    Http {
        /// The URL.
        url: String,
        /// Whether it holds an archive.
        archive: bool,
    },
}
