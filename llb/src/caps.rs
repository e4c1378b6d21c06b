//! The capabilities that an op needs of the daemon.

use std::borrow::Cow;

use crate::marshal::DefaultPath;
use crate::op::Op;
use crate::op::exec::{ContentCache, ExecOp, MountKind, Network, Security};
use crate::op::source::{GitSource, LocalSource, ResolveMode, SourceOp};

/// Names of capabilities, in order and each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CapSet(Vec<Cow<'static, str>>);

impl CapSet {
    /// Returns a set without names.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds a name.
    pub fn insert(&mut self, cap: impl Into<Cow<'static, str>>) {
        let cap = cap.into();
        if self.0.is_empty() {
            // More than most ops need.
            self.0.reserve(6);
        }
        if let Err(at) = self.0.binary_search(&cap) {
            self.0.insert(at, cap);
        }
    }

    fn insert_if(&mut self, needed: bool, cap: &'static str) {
        if needed {
            self.insert(cap);
        }
    }

    /// Whether the set holds a name.
    pub fn contains(&self, cap: &str) -> bool {
        self.0.binary_search_by(|held| (**held).cmp(cap)).is_ok()
    }

    /// Whether the set holds no name.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the names in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        self.0.iter().map(|cap| &**cap)
    }

    pub(crate) fn append(&mut self, other: Self) {
        if self.is_empty() {
            *self = other;
        } else if *self != other {
            self.extend(other.0);
        }
    }
}

impl<C: Into<Cow<'static, str>>> Extend<C> for CapSet {
    fn extend<I: IntoIterator<Item = C>>(&mut self, caps: I) {
        caps.into_iter().for_each(|cap| self.insert(cap));
    }
}

impl<C: Into<Cow<'static, str>>> FromIterator<C> for CapSet {
    fn from_iter<I: IntoIterator<Item = C>>(caps: I) -> Self {
        let mut set = Self::new();
        set.extend(caps);
        set
    }
}

/// Adds the capabilities that BuildKit's client asks for an op (`addCap` in `client/llb`).
///
/// They follow from the op alone, and are no part of its identity. Copies ask for none beyond the base
/// of file ops, whatever they use: that is what the client does, too.
pub(crate) fn add(caps: &mut CapSet, op: &Op, limits_resources: bool, default_path: DefaultPath) {
    match op {
        Op::Source(source) => of_source(caps, source),
        Op::Exec(exec) => {
            of_exec(caps, exec);
            caps.insert_if(default_path == DefaultPath::Daemon, "exec.meta.setsdefaultpath");
            caps.insert_if(limits_resources, "exec.meta.linux.resources");
        }
        Op::File(_) => caps.insert("file.base"),
        Op::Merge(_) => caps.insert("mergeop"),
        Op::Diff(_) => caps.insert("diffop"),
        Op::Passthrough(_) => caps.insert("passthroughop"),
        Op::Build(_) => caps.insert("source.buildop.llbfilename"),
    }
}

fn of_source(caps: &mut CapSet, source: &SourceOp) {
    match source {
        SourceOp::Image(source) => {
            caps.insert("source.image");
            caps.insert_if(source.resolve_mode == ResolveMode::ForcePull, "source.image.resolvemode");
            caps.insert_if(source.layer_limit.is_some(), "source.image.layerlimit");
            caps.insert_if(!source.checksum.is_empty(), "source.image.checksum");
        }
        SourceOp::Local(source) => of_local(caps, source),
        SourceOp::Git(source) => of_git(caps, source),
        SourceOp::Http(source) => {
            caps.insert("source.http");
            caps.insert_if(!source.checksum.is_empty(), "source.http.checksum");
            caps.insert_if(source.mode != 0, "source.http.perm");
            // The name is misspelt in solver/pb/caps.go, and has to be.
            caps.insert_if(source.uid != 0 || source.gid != 0, "soruce.http.uidgid");
            caps.insert_if(!source.auth_header_secret.is_empty(), "source.http.auth");
            caps.insert_if(source.headers.is_some(), "source.http.header");
            caps.insert_if(source.signature.is_some(), "source.http.signatureverify");
        }
        SourceOp::OciLayout(_) => caps.insert("source.ocilayout"),
        SourceOp::Blob(_) => caps.insert("source.imageblob"),
        SourceOp::Raw(source) => {
            caps.insert_if(source.is_unique_local(), "source.local.unique");
        }
    }
}

fn of_local(caps: &mut CapSet, source: &LocalSource) {
    caps.insert("source.local");
    caps.insert_if(source.session_id.is_empty(), "source.local.unique");
    caps.insert_if(!source.session_id.is_empty(), "source.local.sessionid");
    caps.insert_if(!source.include_patterns.is_empty(), "source.local.includepatterns");
    caps.insert_if(!source.follow_paths.is_empty(), "source.local.followpaths");
    caps.insert_if(!source.exclude_patterns.is_empty(), "source.local.excludepatterns");
    caps.insert_if(!source.shared_key_hint.is_empty(), "source.local.sharedkeyhint");
    caps.insert_if(source.differ.is_some() && source.differ_required, "source.local.differ");
    caps.insert_if(source.metadata_only.is_some(), "source.local.metadatatransfer");
}

fn of_git(caps: &mut CapSet, source: &GitSource) {
    caps.insert("source.git");
    caps.insert_if(source.keep_git_dir, "source.git.keepgitdir");
    caps.insert("source.git.fullurl");
    caps.insert_if(source.has_chosen_secrets(), "source.git.httpauth");
    if source.is_ssh() {
        caps.insert("source.git.knownsshhosts");
        caps.insert("source.git.mountsshsock");
    }
    caps.insert_if(!source.checksum.is_empty(), "source.git.checksum");
    caps.insert_if(source.skip_submodules, "source.git.skipsubmodules");
    caps.insert_if(!source.mtime.is_empty(), "source.git.mtime");
    caps.insert_if(source.fetch_by_commit, "source.git.fetchbycommit");
    caps.insert_if(!source.bundle.is_empty(), "source.git.bundle");
    caps.insert_if(source.checkout_bundle, "source.git.checkoutbundle");
}

fn of_exec(caps: &mut CapSet, exec: &ExecOp) {
    caps.insert("exec.meta.base");
    caps.insert_if(!exec.valid_exit_codes.is_empty(), "exec.validexitcode");
    caps.insert_if(!exec.ulimits.is_empty(), "exec.meta.ulimit");
    caps.insert_if(exec.network != Network::Sandbox, "exec.meta.network");
    caps.insert_if(exec.security == Security::Insecure, "exec.meta.security");
    caps.insert_if(exec.proxy_env.is_some(), "exec.meta.proxyenv");
    caps.insert_if(!exec.root.is_scratch(), "exec.mount.bind");
    for mount in &exec.mounts {
        caps.insert_if(!mount.selector.is_empty(), "exec.mount.selector");
        match &mount.kind {
            MountKind::Cache { .. } => {
                caps.insert("exec.mount.cache");
                caps.insert("exec.mount.cache.sharing");
            }
            MountKind::Tmpfs { size_bytes } => {
                caps.insert("exec.mount.tmpfs");
                caps.insert_if(*size_bytes > 0, "exec.mount.tmpfs.size");
            }
            MountKind::Bind => caps.insert_if(!mount.source.is_scratch(), "exec.mount.bind"),
        }
        caps.insert_if(mount.content_cache != ContentCache::Default, "exec.mount.cache.content");
    }
    caps.insert_if(!exec.secrets.is_empty(), "exec.mount.secret");
    caps.insert_if(exec.secrets.iter().any(|secret| secret.env.is_some()), "exec.secretenv");
    caps.insert_if(!exec.ssh.is_empty(), "exec.mount.ssh");
    caps.insert_if(!exec.devices.is_empty(), "exec.meta.cdi");
}
