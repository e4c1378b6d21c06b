//! Exec: runs a command in a container.

mod mount;

use std::fmt;
use std::net::IpAddr;

pub use mount::{CacheSharing, ContentCache, Mount, MountKind, Secret, SshAgent};

use crate::fault::Fault;
use crate::field;
use crate::graph::Output;
use crate::marshal::Inputs;
use crate::setters::setters;
use crate::text::Text;
use crate::wire::Writer;

/// Runs a command in a container whose root is a file system of the graph.
///
/// Add it with [`Graph::exec`](crate::Graph::exec).
///
/// Source: `NewExecOp` in [client/llb/exec.go](https://github.com/moby/buildkit/blob/v0.32.2/client/llb/exec.go).
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct ExecOp {
    /// The container's root file system.
    pub root: Output,
    /// Mount the root read-only; the op then has no output for it.
    pub readonly_root: bool,
    /// Command and arguments; at least one.
    pub args: Vec<Text>,
    /// Environment. BuildKit's own client keeps every name once, in the order in
    /// which the names were last set.
    pub env: Vec<EnvVar>,
    /// Working directory, not empty.
    pub cwd: Text,
    /// User that runs the command, `name-or-id[:group]`; the image's root if empty.
    pub user: Text,
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

setters! { ExecOp {
    with_readonly_root = value readonly_root: bool;
    with_env = list env: EnvVar;
    with_cwd = into cwd: Text;
    with_user = into user: Text;
    with_hostname = into hostname: String;
    with_cgroup_parent = into cgroup_parent: String;
    with_extra_hosts = list extra_hosts: HostIp;
    with_ulimits = list ulimits: Ulimit;
    with_valid_exit_codes = list valid_exit_codes: i32;
    with_proxy_env = into proxy_env: Option<ProxyEnv>;
    with_network = value network: Network;
    with_security = value security: Security;
    with_mounts = list mounts: Mount;
    with_secrets = list secrets: Secret;
    with_ssh = list ssh: SshAgent;
    with_devices = list devices: Device;
} }

impl ExecOp {
    /// Returns an op that runs a command in the root directory of `root`.
    pub fn new<S: Into<Text>>(root: Output, args: impl IntoIterator<Item = S>) -> Self {
        Self {
            root,
            args: args.into_iter().map(Into::into).collect(),
            cwd: Text::new_static(ROOT),
            ..Self::default()
        }
    }
}

/// An environment variable of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvVar {
    /// Its name.
    pub name: Text,
    /// Its value.
    pub value: Text,
}

impl EnvVar {
    /// A variable with a value.
    pub fn new(name: impl Into<Text>, value: impl Into<Text>) -> Self {
        Self { name: name.into(), value: value.into() }
    }
}

impl fmt::Display for EnvVar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.name, self.value)
    }
}

/// A line of `/etc/hosts`.
///
/// Source: `AddExtraHost` in [client/llb/exec.go](https://github.com/moby/buildkit/blob/v0.32.2/client/llb/exec.go).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostIp {
    /// Name of the host.
    pub host: String,
    /// Its address.
    pub ip: IpAddr,
}

/// A resource limit of a process, as `setrlimit` knows it.
///
/// Source: `AddUlimit` in [client/llb/exec.go](https://github.com/moby/buildkit/blob/v0.32.2/client/llb/exec.go).
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
///
/// Source: `WithProxy` in [client/llb/exec.go](https://github.com/moby/buildkit/blob/v0.32.2/client/llb/exec.go).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
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

setters! { ProxyEnv {
    with_http_proxy = into http_proxy: String;
    with_https_proxy = into https_proxy: String;
    with_ftp_proxy = into ftp_proxy: String;
    with_no_proxy = into no_proxy: String;
    with_all_proxy = into all_proxy: String;
} }

/// Network of a container. The numbers are those of `NetMode` in `solver/pb/ops.proto`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Network {
    /// One of its own.
    #[default]
    Sandbox = 0,
    /// That of the host, which needs the entitlement `network.host`.
    Host = 1,
    /// Loopback only.
    None = 2,
}

/// Privileges of a container. The numbers are those of `SecurityMode` in `solver/pb/ops.proto`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Security {
    /// The usual restrictions.
    #[default]
    Sandbox = 0,
    /// All capabilities and devices, which needs the entitlement `security.insecure`.
    Insecure = 1,
}

/// A device of the Container Device Interface.
///
/// Source: `AddCDIDevice` in [client/llb/exec.go](https://github.com/moby/buildkit/blob/v0.32.2/client/llb/exec.go).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Device {
    /// Fully qualified name, such as `vendor.example/gpu=gpu0`.
    pub name: String,
    /// Run without the device if the worker has none.
    pub optional: bool,
}

setters! { Device {
    with_optional = value optional: bool;
} }

impl Device {
    /// Returns a device that the command cannot do without.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), optional: false }
    }
}

/// Where the root is mounted.
const ROOT: &str = "/";

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
                    return Err(Fault::TmpfsSource(mount.target.to_string()));
                }
                MountKind::Cache { id, .. } if id.is_empty() => {
                    return Err(Fault::NoCacheId(mount.target.to_string()));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Sorts the mounts by target. Returns the root's output index, if it has one, and what becomes of
    /// each mount, in the order before sorting.
    pub(crate) fn sort_mounts(&mut self) -> (Option<u32>, Vec<MountResult>) {
        let mut mounts: Vec<_> = std::mem::take(&mut self.mounts).into_iter().enumerate().collect();
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
        for mount in before_root {
            visit(mount.source);
        }
        visit(self.root);
        for mount in after_root {
            visit(mount.source);
        }
    }

    /// Returns the file system that the output `index` of the op is before the command runs.
    pub(crate) fn mounted_at(&self, index: u32) -> Option<Output> {
        let (before_root, after_root) = self.around_root();
        let source = |mount: &Mount| mount.has_output().then_some(mount.source);
        let root = (!self.readonly_root).then_some(self.root);
        let before_root = before_root.iter().filter_map(source);
        before_root.chain(root).chain(after_root.iter().filter_map(source)).nth(index as usize)
    }

    fn around_root(&self) -> (&[Mount], &[Mount]) {
        let at = self.mounts.partition_point(|mount| *mount.target < *ROOT);
        self.mounts.split_at(at)
    }

    pub(crate) fn encode(&self, w: &mut Writer, inputs: &mut Inputs<'_>, default_path: Option<&str>) {
        w.message(field::exec_op::META, |w| self.encode_meta(w, default_path));
        let mut outputs = 0_i64..;
        let mut output = |has_output| {
            if has_output { outputs.next().unwrap_or_default() } else { -1 }
        };
        let (before_root, after_root) = self.around_root();
        for mount in before_root {
            mount.encode(w, inputs, output(mount.has_output()));
        }
        let root = Mount { readonly: self.readonly_root, ..Mount::bind(ROOT, self.root) };
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
        w.int(field::exec_op::NETWORK, self.network as i32);
        w.int(field::exec_op::SECURITY, self.security as i32);
        for secret in &self.secrets {
            secret.encode_env(w);
        }
        for device in &self.devices {
            w.message(field::exec_op::CDI_DEVICES, |w| {
                w.string(field::cdi_device::NAME, &device.name);
                w.bool(field::cdi_device::OPTIONAL, device.optional);
            });
        }
    }

    fn encode_meta(&self, w: &mut Writer, default_path: Option<&str>) {
        w.strings(field::meta::ARGS, &self.args);
        for variable in &self.env {
            w.joined(field::meta::ENV, [&*variable.name, "=", &*variable.value]);
        }
        if let Some(agent) = self.ssh.first()
            && !self.has_env("SSH_AUTH_SOCK")
        {
            w.joined(field::meta::ENV, ["SSH_AUTH_SOCK=", &*agent.socket(0)]);
        }
        if let Some(path) = default_path
            && !self.has_env("PATH")
        {
            w.joined(field::meta::ENV, ["PATH=", path]);
        }
        w.string(field::meta::CWD, &self.cwd);
        w.string(field::meta::USER, &self.user);
        if let Some(proxy) = &self.proxy_env {
            w.message(field::meta::PROXY_ENV, |w| {
                w.string(field::proxy_env::HTTP_PROXY, &proxy.http_proxy);
                w.string(field::proxy_env::HTTPS_PROXY, &proxy.https_proxy);
                w.string(field::proxy_env::FTP_PROXY, &proxy.ftp_proxy);
                w.string(field::proxy_env::NO_PROXY, &proxy.no_proxy);
                w.string(field::proxy_env::ALL_PROXY, &proxy.all_proxy);
            });
        }
        for host in &self.extra_hosts {
            w.message(field::meta::EXTRA_HOSTS, |w| {
                w.string(field::host_ip::HOST, &host.host);
                w.string(field::host_ip::IP, &host.ip.to_canonical().to_string());
            });
        }
        w.string(field::meta::HOSTNAME, &self.hostname);
        for ulimit in &self.ulimits {
            w.message(field::meta::ULIMIT, |w| {
                w.string(field::ulimit::NAME, &ulimit.name);
                w.int(field::ulimit::SOFT, ulimit.soft);
                w.int(field::ulimit::HARD, ulimit.hard);
            });
        }
        w.string(field::meta::CGROUP_PARENT, &self.cgroup_parent);
        w.bool(field::meta::REMOVE_MOUNT_STUBS_RECURSIVE, true);
        w.packed(field::meta::VALID_EXIT_CODES, self.valid_exit_codes.iter().copied());
    }

    fn has_env(&self, name: &str) -> bool {
        self.env.iter().any(|variable| variable.name == name)
    }
}
