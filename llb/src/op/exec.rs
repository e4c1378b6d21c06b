//! Exec: runs a command in a container.

use std::borrow::Cow;
use std::net::IpAddr;

use crate::graph::Output;
use crate::marshal::{Fault, Inputs};
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
    pub(crate) fn check(&self) -> Result<(), Fault> {
        if self.args.is_empty() {
            return Err(Fault::NoArguments);
        }
        if self.cwd.is_empty() {
            return Err(Fault::NoWorkingDirectory);
        }
        for mount in &self.mounts {
            match &mount.kind {
                MountKind::Tmpfs { .. } if !mount.source.is_scratch() => {
                    return Err(Fault::TmpfsSource(mount.target.clone()));
                }
                MountKind::Cache { id, .. } if id.is_empty() => {
                    return Err(Fault::NoCacheId(mount.target.clone()));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Sorts the mounts by target. Returns the root's output index, if it has one, and what becomes of
    /// each mount, in the order before sorting.
    pub(crate) fn sort_mounts(&mut self) -> (Option<u32>, Vec<MountResult>) {
        let mut mounts: Vec<_> = std::mem::take(&mut self.mounts)
            .into_iter()
            .enumerate()
            .collect();
        mounts.sort_by(|(_, a), (_, b)| a.target.cmp(&b.target));

        let before_root = mounts.partition_point(|(_, mount)| *mount.target < *ROOT);
        let mut next = 0;
        let mut result = || {
            next += 1;
            next - 1
        };
        let mut root = None;
        let mut results: Vec<_> = mounts.iter().map(|_| MountResult::Lost).collect();
        for (position, (given, mount)) in mounts.iter().enumerate() {
            if position == before_root && !self.readonly_root {
                root = Some(result());
            }
            if mount.has_output() {
                results[*given] = MountResult::Result(result());
            } else if mount.readonly {
                results[*given] = MountResult::Unchanged(mount.source);
            }
        }
        if before_root == mounts.len() && !self.readonly_root {
            root = Some(result());
        }
        self.mounts = mounts.into_iter().map(|(_, mount)| mount).collect();
        (root, results)
    }

    /// Calls `visit` with the source of every mount in the order in which they are written. The root
    /// is among them, before other mounts of `/`.
    pub(crate) fn for_each_input(&self, mut visit: impl FnMut(Output)) {
        let (before_root, after_root) = self.around_root();
        before_root.iter().for_each(|mount| visit(mount.source));
        visit(self.root);
        after_root.iter().for_each(|mount| visit(mount.source));
    }

    fn around_root(&self) -> (&[Mount], &[Mount]) {
        let at = self.mounts.partition_point(|mount| *mount.target < *ROOT);
        self.mounts.split_at(at)
    }

    pub(crate) fn encode(
        &self,
        w: &mut Writer,
        inputs: &mut Inputs<'_>,
        default_path: Option<&str>,
    ) {
        w.message(1, |w| self.encode_meta(w, default_path));
        let mut outputs = 0_i64..;
        let mut output = |has_output| match has_output {
            true => outputs.next().unwrap_or_default(),
            false => -1,
        };
        let (before_root, after_root) = self.around_root();
        for mount in before_root {
            mount.encode(w, inputs, output(mount.has_output()));
        }
        let root = Mount {
            readonly: self.readonly_root,
            ..Mount::bind(ROOT, self.root)
        };
        root.encode(w, inputs, output(root.has_output()));
        for mount in after_root {
            mount.encode(w, inputs, output(mount.has_output()));
        }
        for secret in &self.secrets {
            secret.encode_mount(w);
        }
        for (position, agent) in self.ssh.iter().enumerate() {
            agent.encode_mount(w, position);
        }
        w.int(3, self.network as i32);
        w.int(4, self.security as i32);
        for secret in &self.secrets {
            secret.encode_env(w);
        }
        for device in &self.devices {
            w.message(6, |w| {
                w.string(1, &device.name);
                w.bool(2, device.optional);
            });
        }
    }

    fn encode_meta(&self, w: &mut Writer, default_path: Option<&str>) {
        w.strings(1, &self.args);
        w.strings(2, &self.env);
        if let Some(agent) = self.ssh.first()
            && !self.has_env("SSH_AUTH_SOCK")
        {
            w.strings(2, [format!("SSH_AUTH_SOCK={}", agent.socket(0))]);
        }
        if let Some(path) = default_path
            && !self.has_env("PATH")
        {
            w.strings(2, [format!("PATH={path}")]);
        }
        w.string(3, &self.cwd);
        w.string(4, &self.user);
        if let Some(proxy) = &self.proxy_env {
            w.message(5, |w| {
                w.string(1, &proxy.http_proxy);
                w.string(2, &proxy.https_proxy);
                w.string(3, &proxy.ftp_proxy);
                w.string(4, &proxy.no_proxy);
                w.string(5, &proxy.all_proxy);
            });
        }
        for host in &self.extra_hosts {
            w.message(6, |w| {
                w.string(1, &host.host);
                w.string(2, &host.ip.to_canonical().to_string());
            });
        }
        w.string(7, &self.hostname);
        for ulimit in &self.ulimits {
            w.message(9, |w| {
                w.string(1, &ulimit.name);
                w.int(2, ulimit.soft);
                w.int(3, ulimit.hard);
            });
        }
        w.string(10, &self.cgroup_parent);
        w.bool(11, true); // removeMountStubsRecursive
        w.packed(12, self.valid_exit_codes.iter().copied());
    }

    fn has_env(&self, name: &str) -> bool {
        let set = |line: &String| {
            line.strip_prefix(name)
                .is_some_and(|rest| rest.starts_with('='))
        };
        self.env.iter().any(set)
    }
}

/// Where the root is mounted.
const ROOT: &str = "/";

/// Numbers of mount types in `solver/pb/ops.proto`. That of a bind mount is zero.
const SECRET: u64 = 1;
const SSH: u64 = 2;
const CACHE: u64 = 3;
const TMPFS: u64 = 4;

impl Mount {
    fn encode(&self, w: &mut Writer, inputs: &mut Inputs<'_>, output: i64) {
        let input = inputs.index_of(self.source);
        w.message(2, |w| {
            w.int(1, input);
            w.string(2, &self.selector);
            w.string(3, &self.target);
            w.int(4, output);
            w.bool(5, self.readonly);
            match &self.kind {
                MountKind::Bind => {}
                MountKind::Cache { id, sharing } => {
                    w.uint(6, CACHE);
                    w.message(20, |w| {
                        w.string(1, id);
                        w.int(2, *sharing as i32);
                    });
                }
                MountKind::Tmpfs { size_bytes } => {
                    w.uint(6, TMPFS);
                    w.message(19, |w| w.int(1, *size_bytes));
                }
            }
            w.int(24, self.content_cache as i32);
        });
    }
}

impl Secret {
    fn encode_mount(&self, w: &mut Writer) {
        let Some(target) = &self.target else { return };
        w.message(2, |w| {
            w.int(1, -1);
            w.string(3, target);
            w.uint(6, SECRET);
            w.message(21, |w| {
                encode_file(w, &self.id, [self.uid, self.gid, self.mode], self.optional);
            });
        });
    }

    fn encode_env(&self, w: &mut Writer) {
        let Some(name) = &self.env else { return };
        w.message(5, |w| {
            w.string(1, &self.id);
            w.string(2, name);
            w.bool(3, self.optional);
        });
    }
}

impl SshAgent {
    /// Returns the path of the socket of the agent at a position.
    fn socket(&self, position: usize) -> Cow<'_, str> {
        if self.target.is_empty() {
            format!("/run/buildkit/ssh_agent.{position}").into()
        } else {
            (&*self.target).into()
        }
    }

    fn encode_mount(&self, w: &mut Writer, position: usize) {
        w.message(2, |w| {
            w.int(1, -1);
            w.string(3, &self.socket(position));
            w.uint(6, SSH);
            w.message(22, |w| {
                encode_file(w, &self.id, [self.uid, self.gid, self.mode], self.optional);
            });
        });
    }
}

/// Writes the body that secret and SSH mounts have in common.
fn encode_file(w: &mut Writer, id: &str, uid_gid_mode: [u32; 3], optional: bool) {
    w.string(1, id);
    for (field, value) in (2..).zip(uid_gid_mode) {
        w.uint(field, value);
    }
    w.bool(5, optional);
}
