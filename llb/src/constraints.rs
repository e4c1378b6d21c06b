//! What surrounds an op: its platform, its worker, and the metadata that is no part of its identity.

use std::borrow::Cow;

use crate::caps::CapSet;
use crate::platform::Platform;
use crate::setters::setters;
use crate::source_map::Location;

/// The key of [`OpMetadata::description`] whose value is shown as the name of a step.
pub const CUSTOM_NAME: &str = "llb.customname";

/// What surrounds an op. Platform and worker filter are part of the op's digest, all else is not.
///
/// Source: `MarshalConstraints` in [client/llb/marshal.go](https://github.com/moby/buildkit/blob/v0.32.2/client/llb/marshal.go).
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Constraints {
    /// The platform, or that of [`MarshalOptions`](crate::MarshalOptions) if there is none. It is
    /// written for exec and build ops and for image and OCI layout sources; other ops have no
    /// platform.
    pub platform: Option<Platform>,
    /// Containerd-style filters that a worker has to pass to run the op.
    pub worker_filter: Vec<String>,
    /// Names, cache and progress settings, resource limits.
    pub metadata: OpMetadata,
    /// Where the op comes from in its source files.
    pub locations: Vec<Location>,
}

setters! { Constraints {
    with_worker_filter = list worker_filter: String;
    with_metadata = value metadata: OpMetadata;
    with_locations = list locations: Location;
} }

impl Constraints {
    /// Returns constraints that give a step its name, and nothing else.
    pub fn named(name: impl Into<String>) -> Self {
        Self::default().with_name(name)
    }

    /// Returns these constraints with another name for the step.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.metadata.description.insert(CUSTOM_NAME, name);
        self
    }

    /// Returns these constraints for a platform.
    #[must_use]
    pub fn with_platform(self, platform: Platform) -> Self {
        Self { platform: Some(platform), ..self }
    }
}

/// Texts by key. There are two or three, so a sorted list holds them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Description(Vec<(Cow<'static, str>, String)>);

impl Description {
    /// Sets the text of a key.
    pub fn insert(&mut self, key: impl Into<Cow<'static, str>>, text: impl Into<String>) {
        let (key, text) = (key.into(), text.into());
        match self.0.binary_search_by(|(held, _)| held.cmp(&key)) {
            Ok(at) => self.0[at].1 = text,
            Err(at) => self.0.insert(at, (key, text)),
        }
    }

    /// Returns the text of a key.
    pub fn get(&self, key: &str) -> Option<&str> {
        let at = self.0.binary_search_by(|(held, _)| (**held).cmp(key)).ok()?;
        Some(&self.0[at].1)
    }

    /// Whether there are no texts.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns keys and texts in the order of the keys.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, text)| (&**key, text.as_str()))
    }

    fn append(&mut self, other: Self) {
        if self.is_empty() {
            *self = other;
        } else {
            other.0.into_iter().for_each(|(key, text)| self.insert(key, text));
        }
    }
}

impl<K: Into<Cow<'static, str>>, T: Into<String>> FromIterator<(K, T)> for Description {
    fn from_iter<I: IntoIterator<Item = (K, T)>>(texts: I) -> Self {
        let mut description = Self::default();
        texts.into_iter().for_each(|(key, text)| description.insert(key, text));
        description
    }
}

/// Facts about an op that are no part of its identity: ops that differ in nothing else have the same
/// digest and share their cached result.
///
/// Source: `mergeMetadata` in [client/llb/state.go](https://github.com/moby/buildkit/blob/v0.32.2/client/llb/state.go).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct OpMetadata {
    /// Run the op even if its result is cached.
    pub ignore_cache: bool,
    /// Free text for people and tools, see [`CUSTOM_NAME`].
    pub description: Description,
    /// Whether the result goes along in a cache export; the build's own setting if there is none.
    pub export_cache: Option<bool>,
    /// Capabilities that the daemon needs to run the op. [`Graph::marshal`](crate::Graph::marshal)
    /// adds those that follow from the op.
    pub caps: CapSet,
    /// Steps of one group are shown as one.
    pub progress_group: Option<ProgressGroup>,
    /// Limits for the container of an exec op.
    pub linux_resources: Option<Box<LinuxResources>>,
}

setters! { OpMetadata {
    with_ignore_cache = value ignore_cache: bool;
    with_description = value description: Description;
    with_export_cache = into export_cache: Option<bool>;
    with_caps = value caps: CapSet;
    with_progress_group = into progress_group: Option<ProgressGroup>;
} }

impl OpMetadata {
    /// Returns this with limits for the container of an exec op.
    #[must_use]
    pub fn with_linux_resources(mut self, limits: LinuxResources) -> Self {
        self.linux_resources = Some(Box::new(limits));
        self
    }

    /// Returns the name that the step is shown under, if it was given one.
    pub fn custom_name(&self) -> Option<&str> {
        self.description.get(CUSTOM_NAME)
    }

    /// Adds what `other` says, which wins where both say something (`client/llb/state.go`).
    pub fn merge(&mut self, other: Self) {
        self.ignore_cache |= other.ignore_cache;
        self.description.append(other.description);
        self.export_cache = other.export_cache.or(self.export_cache);
        self.caps.append(other.caps);
        self.progress_group = other.progress_group.or_else(|| self.progress_group.take());
        self.linux_resources = other.linux_resources.or_else(|| self.linux_resources.take());
    }
}

/// Steps that progress shows as one.
///
/// Source: `ProgressGroup` in [client/llb/state.go](https://github.com/moby/buildkit/blob/v0.32.2/client/llb/state.go).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProgressGroup {
    /// What the members have in common.
    pub id: String,
    /// Name of the whole group.
    pub name: String,
    /// A group whose members are all weak is shown only if one of them runs.
    pub weak: bool,
}

setters! { ProgressGroup {
    with_weak = value weak: bool;
} }

impl ProgressGroup {
    /// Returns the group of all steps with this id.
    pub fn new(id: impl Into<String>, name: impl Into<String>) -> Self {
        Self { id: id.into(), name: name.into(), weak: false }
    }
}

/// Control group limits of a container. Zero and empty mean no limit.
///
/// Source: `WithLinuxResources` in [client/llb/state.go](https://github.com/moby/buildkit/blob/v0.32.2/client/llb/state.go).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LinuxResources {
    /// Memory in bytes.
    pub memory: i64,
    /// Memory and swap together in bytes.
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

setters! { LinuxResources {
    with_memory = value memory: i64;
    with_memory_swap = value memory_swap: i64;
    with_cpu_shares = value cpu_shares: u64;
    with_cpu_period = value cpu_period: u64;
    with_cpu_quota = value cpu_quota: i64;
    with_cpuset_cpus = into cpuset_cpus: String;
    with_cpuset_mems = into cpuset_mems: String;
} }
