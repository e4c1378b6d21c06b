//! Exec: runs a command in a container.

use std::net::IpAddr;

use crate::graph::Output;
use crate::wire::Writer;

/// Runs a command in a container whose root is a file system of the graph.
///
/// Add it with [`Graph::exec`](crate::Graph::exec).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExecOp {
    /// The container's root file system.
    pub root: Output,
    /// Mount the root read-only; the op then has no output for it.
    pub readonly_root: bool,
    /// Command and arguments; at least one.
    pub args: Vec<String>,
    /// Environment, `NAME=VALUE` each. BuildKit's own client keeps every name once, in the order in
    /// which the names were last set.
    pub env: Vec<String>,
    /// Working directory, not empty.
    pub cwd: String,
    /// User that runs the command, `name-or-id[:group]`; the image's root if empty.
    pub user: String,
    /// Host name of the container; BuildKit's own if empty.
    pub hostname: String,
    /// Control group that the container's becomes a child of.
    pub cgroup_parent: String,
    /// Additional lines of `/etc/hosts`.
    pub extra_hosts: Vec<HostIp>,
    /// Resource limits of the process.
    pub ulimits: Vec<Ulimit>,
    /// Exit codes that mean success; 0 alone if empty.
    pub valid_exit_codes: Vec<i32>,
    /// Proxy variables, which do not count for the cache.
    pub proxy_env: Option<ProxyEnv>,
    /// Network that the container sees.
    pub network: Network,
    /// Privileges of the container.
    pub security: Security,
    /// Mounts besides the root, in any order.
    pub mounts: Vec<Mount>,
    /// Secrets, as files or environment variables.
    pub secrets: Vec<Secret>,
    /// Forwarded SSH agents.
    pub ssh: Vec<SshAgent>,
    /// Devices of the Container Device Interface.
    pub devices: Vec<Device>,
}

impl ExecOp {
    /// Returns an op that runs a command in the root directory of `root`.
    pub fn new<S: Into<String>>(root: Output, args: impl IntoIterator<Item = S>) -> Self {
        Self {
            root,
            args: args.into_iter().map(Into::into).collect(),
            cwd: "/".to_owned(),
            ..Self::default()
        }
    }
}

/// A line of `/etc/hosts`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostIp {
    /// Name of the host.
    pub host: String,
    /// Its address.
    pub ip: IpAddr,
}

/// A resource limit of a process, as `setrlimit` knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ulimit {
    /// Name in lower case without `RLIMIT_`, such as `nofile`.
    pub name: String,
    /// Soft limit.
    pub soft: i64,
    /// Hard limit.
    pub hard: i64,
}

/// Proxy settings that a command sees as environment variables in lower and upper case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProxyEnv {
    /// `HTTP_PROXY`.
    pub http_proxy: String,
    /// `HTTPS_PROXY`.
    pub https_proxy: String,
    /// `FTP_PROXY`.
    pub ftp_proxy: String,
    /// `NO_PROXY`.
    pub no_proxy: String,
    /// `ALL_PROXY`.
    pub all_proxy: String,
}

/// Network of a container.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Network {
    /// One of its own.
    #[default]
    Sandbox,
    /// That of the host, which needs the entitlement `network.host`.
    Host,
    /// Loopback only.
    None,
}

/// Privileges of a container.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Security {
    /// The usual restrictions.
    #[default]
    Sandbox,
    /// All capabilities and devices, which needs the entitlement `security.insecure`.
    Insecure,
}

/// A device of the Container Device Interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Fully qualified name, such as `vendor.example/gpu=gpu0`.
    pub name: String,
    /// Run without the device if the worker has none.
    pub optional: bool,
}

/// A mount besides the root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// Absolute path in the container.
    pub target: String,
    /// What is mounted; scratch is an empty directory.
    pub source: Output,
    /// Path in the source that is mounted; all of it if empty.
    pub selector: String,
    /// Mount read-only; the mount then has no output of its own.
    pub readonly: bool,
    /// Drop what the command writes here.
    pub no_output: bool,
    /// What keeps the files.
    pub kind: MountKind,
    /// Whether the content of the source counts for the cache, rather than its definition.
    pub content_cache: ContentCache,
}

impl Mount {
    /// Returns a mount of a file system, writable, whose changes become an output of the op.
    pub fn bind(target: impl Into<String>, source: Output) -> Self {
        Self {
            target: target.into(),
            source,
            selector: String::new(),
            readonly: false,
            no_output: false,
            kind: MountKind::Bind,
            content_cache: ContentCache::default(),
        }
    }

    /// Returns a mount of a directory that lasts from build to build and starts out empty.
    pub fn cache(target: impl Into<String>, id: impl Into<String>, sharing: CacheSharing) -> Self {
        Self {
            kind: MountKind::Cache {
                id: id.into(),
                sharing,
            },
            ..Self::bind(target, Output::SCRATCH)
        }
    }

    /// Returns a mount of memory, with a size limit in bytes unless it is zero.
    pub fn tmpfs(target: impl Into<String>, size_bytes: i64) -> Self {
        Self {
            kind: MountKind::Tmpfs { size_bytes },
            ..Self::bind(target, Output::SCRATCH)
        }
    }

    /// Whether the mount's state after the command is an output of the op.
    pub(crate) fn has_output(&self) -> bool {
        self.kind == MountKind::Bind && !self.readonly && !self.no_output
    }
}

/// What keeps the files of a mount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MountKind {
    /// A snapshot.
    Bind,
    /// A directory that lasts from build to build. A source other than scratch is its first content.
    Cache {
        /// Which directory; not empty.
        id: String,
        /// What happens when several commands use it at once.
        sharing: CacheSharing,
    },
    /// Memory. The source must be scratch.
    Tmpfs {
        /// Upper limit in bytes; none if zero.
        size_bytes: i64,
    },
}

/// What happens when several commands use one cache directory at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CacheSharing {
    /// All write to it.
    #[default]
    Shared,
    /// Each gets one of its own.
    Private,
    /// They wait for each other.
    Locked,
}

/// Whether a mount's content counts for the cache, rather than its definition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ContentCache {
    /// BuildKit decides.
    #[default]
    Default,
    /// The content counts.
    On,
    /// The definition counts.
    Off,
}

/// A secret that a command can read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secret {
    /// Which secret.
    pub id: String,
    /// Path of the file that holds it, if it is to be one.
    pub target: Option<String>,
    /// Environment variable that holds it, if it is to be one.
    pub env: Option<String>,
    /// Owner of the file.
    pub uid: u32,
    /// Group of the file.
    pub gid: u32,
    /// Permissions of the file.
    pub mode: u32,
    /// Run without the secret if the client has none.
    pub optional: bool,
}

impl Secret {
    /// Returns a secret in a file that only root can read.
    pub fn file(id: impl Into<String>, target: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            target: Some(target.into()),
            env: None,
            uid: 0,
            gid: 0,
            mode: 0o400,
            optional: false,
        }
    }

    /// Returns a secret in an environment variable.
    pub fn env(id: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            target: None,
            env: Some(name.into()),
            ..Self::file(id, "")
        }
    }
}

/// An SSH agent of the client, forwarded to a socket in the container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SshAgent {
    /// Which agent.
    pub id: String,
    /// Path of the socket; `/run/buildkit/ssh_agent.N` if empty, N counted from 0. The first agent's
    /// becomes `SSH_AUTH_SOCK` unless the environment has it.
    pub target: String,
    /// Owner of the socket.
    pub uid: u32,
    /// Group of the socket.
    pub gid: u32,
    /// Permissions of the socket.
    pub mode: u32,
    /// Run without the agent if the client has none.
    pub optional: bool,
}

impl SshAgent {
    /// Returns an agent whose socket only root can use.
    pub fn new(id: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            target: String::new(),
            uid: 0,
            gid: 0,
            mode: 0o600,
            optional: false,
        }
    }
}

/// What becomes of a mount.
pub(crate) enum MountResult {
    /// It is an output of the op.
    Result(u32),
    /// It is what it was.
    Unchanged(Output),
    /// It cannot be used any further.
    Lost,
}

impl ExecOp {
    /// Sorts the mounts by target. Returns the root's output index, if it has one, and what becomes of
    /// each mount, in the order before sorting.
    pub(crate) fn sort_mounts(&mut self) -> (Option<u32>, Vec<MountResult>) {
        todo!()
    }

    pub(crate) fn for_each_input(&self, _visit: impl FnMut(Output)) {
        todo!()
    }
}
