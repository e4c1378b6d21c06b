//! Mounts of exec ops, secrets and SSH agents among them.

use std::borrow::Cow;

use crate::field;
use crate::graph::Output;
use crate::marshal::Inputs;
use crate::setters::setters;
use crate::text::Text;
use crate::wire::Writer;

/// Numbers of mount types in `solver/pb/ops.proto`. That of a bind mount is zero.
const SECRET: u64 = 1;
const SSH: u64 = 2;
const CACHE: u64 = 3;
const TMPFS: u64 = 4;

/// A mount besides the root.
///
/// Source: `AddMount` in [client/llb/exec.go](https://github.com/moby/buildkit/blob/v0.32.2/client/llb/exec.go).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Mount {
    /// Absolute path in the container.
    pub target: Text,
    /// What is mounted; scratch is an empty directory.
    pub source: Output,
    /// Path in the source that is mounted; all of it if empty.
    pub selector: Text,
    /// Mount read-only; the mount then has no output of its own.
    pub readonly: bool,
    /// Drop what the command writes here.
    pub no_output: bool,
    /// What keeps the files.
    pub kind: MountKind,
    /// Whether the content of the source counts for the cache, rather than its definition.
    pub content_cache: ContentCache,
}

setters! { Mount {
    with_source = value source: Output;
    with_selector = into selector: Text;
    with_readonly = value readonly: bool;
    with_no_output = value no_output: bool;
    with_content_cache = value content_cache: ContentCache;
} }

impl Mount {
    /// Returns a mount of a file system, writable, whose changes become an output of the op.
    pub fn bind(target: impl Into<Text>, source: Output) -> Self {
        Self {
            target: target.into(),
            source,
            selector: Text::default(),
            readonly: false,
            no_output: false,
            kind: MountKind::Bind,
            content_cache: ContentCache::default(),
        }
    }

    /// Returns a mount of a directory that lasts from build to build and starts out empty.
    pub fn cache(target: impl Into<Text>, id: impl Into<String>, sharing: CacheSharing) -> Self {
        Self { kind: MountKind::Cache { id: id.into(), sharing }, ..Self::bind(target, Output::SCRATCH) }
    }

    /// Returns a mount of memory, with a size limit in bytes unless it is zero.
    pub fn tmpfs(target: impl Into<Text>, size_bytes: i64) -> Self {
        Self { kind: MountKind::Tmpfs { size_bytes }, ..Self::bind(target, Output::SCRATCH) }
    }

    /// Whether the mount's state after the command is an output of the op.
    pub(crate) fn has_output(&self) -> bool {
        self.kind == MountKind::Bind && !self.readonly && !self.no_output
    }

    pub(super) fn encode(&self, w: &mut Writer, inputs: &mut Inputs<'_>, output: i64) {
        let input = inputs.index_of(self.source);
        w.message(field::exec_op::MOUNTS, |w| {
            w.int(field::mount::INPUT, input);
            w.string(field::mount::SELECTOR, &self.selector);
            w.string(field::mount::DEST, &self.target);
            w.int(field::mount::OUTPUT, output);
            w.bool(field::mount::READONLY, self.readonly);
            match &self.kind {
                MountKind::Bind => {}
                MountKind::Cache { id, sharing } => {
                    w.uint(field::mount::MOUNT_TYPE, CACHE);
                    w.message(field::mount::CACHE_OPT, |w| {
                        w.string(field::cache_opt::ID, id);
                        w.int(field::cache_opt::SHARING, *sharing as i32);
                    });
                }
                MountKind::Tmpfs { size_bytes } => {
                    w.uint(field::mount::MOUNT_TYPE, TMPFS);
                    w.message(field::mount::TMPFS_OPT, |w| w.int(field::tmpfs_opt::SIZE, *size_bytes));
                }
            }
            w.int(field::mount::CONTENT_CACHE, self.content_cache as i32);
        });
    }
}

/// What keeps the files of a mount.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
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

/// What happens when several commands use one cache directory at once. The numbers are those of `CacheSharingOpt` in `solver/pb/ops.proto`.
///
/// Source: `AsPersistentCacheDir` in [client/llb/exec.go](https://github.com/moby/buildkit/blob/v0.32.2/client/llb/exec.go).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum CacheSharing {
    /// All write to it.
    #[default]
    Shared = 0,
    /// Each gets one of its own.
    Private = 1,
    /// They wait for each other.
    Locked = 2,
}

/// Whether a mount's content counts for the cache, rather than its definition. The numbers are those of `MountContentCache` in `solver/pb/ops.proto`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ContentCache {
    /// BuildKit decides.
    #[default]
    Default = 0,
    /// The content counts.
    On = 1,
    /// The definition counts.
    Off = 2,
}

/// A secret that a command can read.
///
/// Source: `AddSecretWithDest` in [client/llb/exec.go](https://github.com/moby/buildkit/blob/v0.32.2/client/llb/exec.go).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
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

setters! { Secret {
    with_target = into target: Option<String>;
    with_env = into env: Option<String>;
    with_uid = value uid: u32;
    with_gid = value gid: u32;
    with_mode = value mode: u32;
    with_optional = value optional: bool;
} }

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
        Self { target: None, env: Some(name.into()), ..Self::file(id, "") }
    }

    pub(super) fn encode_mount(&self, w: &mut Writer) {
        let Some(target) = &self.target else { return };
        w.message(field::exec_op::MOUNTS, |w| {
            w.int(field::mount::INPUT, -1);
            w.string(field::mount::DEST, target);
            w.uint(field::mount::MOUNT_TYPE, SECRET);
            w.message(field::mount::SECRET_OPT, |w| {
                encode_file(w, &self.id, [self.uid, self.gid, self.mode], self.optional);
            });
        });
    }

    pub(super) fn encode_env(&self, w: &mut Writer) {
        let Some(name) = &self.env else { return };
        w.message(field::exec_op::SECRET_ENV, |w| {
            w.string(field::secret_env::ID, &self.id);
            w.string(field::secret_env::NAME, name);
            w.bool(field::secret_env::OPTIONAL, self.optional);
        });
    }
}

/// An SSH agent of the client, forwarded to a socket in the container.
///
/// Source: `AddSSHSocket` in [client/llb/exec.go](https://github.com/moby/buildkit/blob/v0.32.2/client/llb/exec.go).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
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

setters! { SshAgent {
    with_target = into target: String;
    with_uid = value uid: u32;
    with_gid = value gid: u32;
    with_mode = value mode: u32;
    with_optional = value optional: bool;
} }

impl SshAgent {
    /// Returns an agent whose socket only root can use.
    pub fn new(id: impl Into<String>) -> Self {
        Self { id: id.into(), target: String::new(), uid: 0, gid: 0, mode: 0o600, optional: false }
    }

    /// Returns the path of the socket of the agent at a position.
    pub(super) fn socket(&self, position: usize) -> Cow<'_, str> {
        if self.target.is_empty() {
            format!("/run/buildkit/ssh_agent.{position}").into()
        } else {
            (&*self.target).into()
        }
    }

    pub(super) fn encode_mount(&self, w: &mut Writer, position: usize) {
        w.message(field::exec_op::MOUNTS, |w| {
            w.int(field::mount::INPUT, -1);
            w.string(field::mount::DEST, &self.socket(position));
            w.uint(field::mount::MOUNT_TYPE, SSH);
            w.message(field::mount::SSH_OPT, |w| {
                encode_file(w, &self.id, [self.uid, self.gid, self.mode], self.optional);
            });
        });
    }
}

/// Writes the body that secret and SSH mounts have in common.
fn encode_file(w: &mut Writer, id: &str, uid_gid_mode: [u32; 3], optional: bool) {
    w.string(field::file_opt::ID, id);
    let fields = [field::file_opt::UID, field::file_opt::GID, field::file_opt::MODE];
    for (field, value) in fields.into_iter().zip(uid_gid_mode) {
        w.uint(field, value);
    }
    w.bool(field::file_opt::OPTIONAL, optional);
}
