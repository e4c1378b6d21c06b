//! The actions of a file op.

use super::ActionId;
use super::owner::{Owner, encode_owner};
use crate::field;
use crate::graph::Output;
use crate::path;
use crate::setters::setters;
use crate::wire::Writer;

/// One change of a [`FileOp`](super::FileOp).
#[derive(Clone, Debug, PartialEq)]
pub enum FileAction {
    /// Copies files.
    Copy(Box<CopyAction>),
    /// Makes a file.
    Mkfile(MkfileAction),
    /// Makes a directory.
    Mkdir(MkdirAction),
    /// Removes files.
    Rm(RmAction),
    /// Makes a symbolic link.
    Symlink(SymlinkAction),
}

/// Copies files from a file system into the one that the chain changes.
///
/// Source: `Copy` in [client/llb/fileop.go](https://github.com/moby/buildkit/blob/v0.32.2/client/llb/fileop.go).
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "they are independent switches of BuildKit's message")]
#[non_exhaustive]
pub struct CopyAction {
    /// Where the files are.
    pub from: CopyFrom,
    /// Path of the source.
    pub src: String,
    /// Path of the destination. A trailing slash means a directory.
    pub dest: String,
    /// Owner; that of the source if there is none.
    pub owner: Option<Owner>,
    /// Permissions; those of the source if there are none.
    pub chmod: Option<Chmod>,
    /// Follow symbolic links in the source path.
    pub follow_symlinks: bool,
    /// Copy what is in a directory rather than the directory.
    pub dir_contents_only: bool,
    /// Unpack the source if it is an archive.
    pub attempt_unpack: bool,
    /// Make the directories of the destination path.
    pub create_dest_path: bool,
    /// Expand wildcards in the source path.
    pub allow_wildcard: bool,
    /// Do not fail if the wildcards match nothing.
    pub allow_empty_wildcard: bool,
    /// Time of what is copied, in nanoseconds since 1970; that of the source if there is none.
    pub timestamp: Option<i64>,
    /// Copy only what matches one of these.
    pub include_patterns: Vec<String>,
    /// Leave out what matches one of these.
    pub exclude_patterns: Vec<String>,
    /// Replace what stands at the destination even if it is of another type.
    pub always_replace_existing: bool,
    /// Fail if one of these is not among what the include patterns matched.
    pub required_paths: Vec<String>,
}

setters! { CopyAction {
    with_owner = into owner: Option<Owner>;
    with_chmod = into chmod: Option<Chmod>;
    with_follow_symlinks = value follow_symlinks: bool;
    with_dir_contents_only = value dir_contents_only: bool;
    with_attempt_unpack = value attempt_unpack: bool;
    with_create_dest_path = value create_dest_path: bool;
    with_allow_wildcard = value allow_wildcard: bool;
    with_allow_empty_wildcard = value allow_empty_wildcard: bool;
    with_timestamp = into timestamp: Option<i64>;
    with_include_patterns = list include_patterns: String;
    with_exclude_patterns = list exclude_patterns: String;
    with_always_replace_existing = value always_replace_existing: bool;
    with_required_paths = list required_paths: String;
} }

impl CopyAction {
    /// Returns a plain copy.
    pub fn new(from: impl Into<CopyFrom>, src: impl Into<String>, dest: impl Into<String>) -> Self {
        Self {
            from: from.into(),
            src: src.into(),
            dest: dest.into(),
            owner: None,
            chmod: None,
            follow_symlinks: false,
            dir_contents_only: false,
            attempt_unpack: false,
            create_dest_path: false,
            allow_wildcard: false,
            allow_empty_wildcard: false,
            timestamp: None,
            include_patterns: Vec::new(),
            exclude_patterns: Vec::new(),
            always_replace_existing: false,
            required_paths: Vec::new(),
        }
    }
}

/// Where a [`CopyAction`] copies from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CopyFrom {
    /// A file system of the graph.
    Output(Output),
    /// The result of an earlier action of the same op.
    Action(ActionId),
}

impl CopyFrom {
    pub(super) fn action(self) -> Option<ActionId> {
        match self {
            Self::Output(_) => None,
            Self::Action(id) => Some(id),
        }
    }
}

impl From<Output> for CopyFrom {
    fn from(output: Output) -> Self {
        Self::Output(output)
    }
}

/// Permissions that a copy gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chmod {
    /// Permission bits, set-user-id, set-group-id and sticky bit as in `chmod(2)`.
    Bits(u32),
    /// An expression such as `u=rwX,go=rX`; not empty.
    Symbolic(String),
}

/// Makes a file with some content.
///
/// Source: `Mkfile` in [client/llb/fileop.go](https://github.com/moby/buildkit/blob/v0.32.2/client/llb/fileop.go).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MkfileAction {
    /// Path of the file.
    pub path: String,
    /// Permission bits; only the lower nine count.
    pub mode: u32,
    /// Content.
    pub data: Vec<u8>,
    /// Owner; root if there is none.
    pub owner: Option<Owner>,
    /// Time of the file in nanoseconds since 1970; that of the build if there is none.
    pub timestamp: Option<i64>,
}

setters! { MkfileAction {
    with_owner = into owner: Option<Owner>;
    with_timestamp = into timestamp: Option<i64>;
} }

impl MkfileAction {
    /// Returns a file of root.
    pub fn new(path: impl Into<String>, mode: u32, data: impl Into<Vec<u8>>) -> Self {
        Self { path: path.into(), mode, data: data.into(), owner: None, timestamp: None }
    }
}

/// Makes a directory.
///
/// Source: `Mkdir` in [client/llb/fileop.go](https://github.com/moby/buildkit/blob/v0.32.2/client/llb/fileop.go).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MkdirAction {
    /// Path of the directory.
    pub path: String,
    /// Permission bits; only the lower nine count.
    pub mode: u32,
    /// Make the directories above, and do not fail if the directory is there.
    pub make_parents: bool,
    /// Owner; root if there is none.
    pub owner: Option<Owner>,
    /// Time of the directory in nanoseconds since 1970; that of the build if there is none.
    pub timestamp: Option<i64>,
}

setters! { MkdirAction {
    with_make_parents = value make_parents: bool;
    with_owner = into owner: Option<Owner>;
    with_timestamp = into timestamp: Option<i64>;
} }

impl MkdirAction {
    /// Returns a directory of root.
    pub fn new(path: impl Into<String>, mode: u32) -> Self {
        Self { path: path.into(), mode, make_parents: false, owner: None, timestamp: None }
    }
}

/// Removes a file or a directory with all that is in it.
///
/// Source: `Rm` in [client/llb/fileop.go](https://github.com/moby/buildkit/blob/v0.32.2/client/llb/fileop.go).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RmAction {
    /// Path of what is removed.
    pub path: String,
    /// Do not fail if there is nothing.
    pub allow_not_found: bool,
    /// Expand wildcards in the path.
    pub allow_wildcard: bool,
}

setters! { RmAction {
    with_allow_not_found = value allow_not_found: bool;
    with_allow_wildcard = value allow_wildcard: bool;
} }

impl RmAction {
    /// Returns the removal of one path, which must be there.
    pub fn new(path: impl Into<String>) -> Self {
        Self { path: path.into(), allow_not_found: false, allow_wildcard: false }
    }
}

/// Makes a symbolic link. Its paths are written as they are.
///
/// Source: `Symlink` in [client/llb/fileop.go](https://github.com/moby/buildkit/blob/v0.32.2/client/llb/fileop.go).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SymlinkAction {
    /// What the link points to.
    pub old_path: String,
    /// Path of the link.
    pub new_path: String,
    /// Owner; root if there is none.
    pub owner: Option<Owner>,
    /// Time of the link in nanoseconds since 1970; that of the build if there is none.
    pub timestamp: Option<i64>,
}

setters! { SymlinkAction {
    with_owner = into owner: Option<Owner>;
    with_timestamp = into timestamp: Option<i64>;
} }

impl SymlinkAction {
    /// Returns a link at `new_path` that points to `old_path`.
    pub fn new(old_path: impl Into<String>, new_path: impl Into<String>) -> Self {
        Self { old_path: old_path.into(), new_path: new_path.into(), owner: None, timestamp: None }
    }
}
macro_rules! actions {
    ($($name:ident($action:ty)),*) => {$(
        impl From<$action> for FileAction {
            fn from(action: $action) -> Self {
                Self::$name(action.into())
            }
        }
    )*};
}

actions!(Copy(CopyAction), Mkfile(MkfileAction), Mkdir(MkdirAction), Rm(RmAction), Symlink(SymlinkAction));

impl FileAction {
    /// Returns where the action copies from, if it does.
    pub(super) fn source(&self) -> Option<CopyFrom> {
        match self {
            Self::Copy(copy) => Some(copy.from),
            Self::Mkfile(_) | Self::Mkdir(_) | Self::Rm(_) | Self::Symlink(_) => None,
        }
    }

    /// Writes the member of the oneof. `base` is the input that names of owners are looked up in.
    pub(super) fn encode(&self, w: &mut Writer, dir: &str, base: i64) {
        match self {
            Self::Copy(copy) => w.message(field::file_action::COPY, |w| copy.encode(w, dir, base)),
            Self::Mkfile(mkfile) => w.message(field::file_action::MKFILE, |w| {
                w.string(field::mkfile::PATH, &path::normalize(dir, &mkfile.path, false));
                w.uint(field::mkfile::MODE, mkfile.mode & 0o777);
                w.bytes(field::mkfile::DATA, &mkfile.data);
                encode_owner(w, field::mkfile::OWNER, mkfile.owner.as_ref(), base);
                encode_time(w, field::mkfile::TIMESTAMP, mkfile.timestamp);
            }),
            Self::Mkdir(mkdir) => w.message(field::file_action::MKDIR, |w| {
                w.string(field::mkdir::PATH, &path::normalize(dir, &mkdir.path, false));
                w.uint(field::mkdir::MODE, mkdir.mode & 0o777);
                w.bool(field::mkdir::MAKE_PARENTS, mkdir.make_parents);
                encode_owner(w, field::mkdir::OWNER, mkdir.owner.as_ref(), base);
                encode_time(w, field::mkdir::TIMESTAMP, mkdir.timestamp);
            }),
            Self::Rm(rm) => w.message(field::file_action::RM, |w| {
                w.string(field::rm::PATH, &path::normalize(dir, &rm.path, false));
                w.bool(field::rm::ALLOW_NOT_FOUND, rm.allow_not_found);
                w.bool(field::rm::ALLOW_WILDCARD, rm.allow_wildcard);
            }),
            Self::Symlink(link) => w.message(field::file_action::SYMLINK, |w| {
                w.string(field::symlink::OLD_PATH, &link.old_path);
                w.string(field::symlink::NEW_PATH, &link.new_path);
                encode_owner(w, field::symlink::OWNER, link.owner.as_ref(), base);
                encode_time(w, field::symlink::TIMESTAMP, link.timestamp);
            }),
        }
    }
}
impl CopyAction {
    fn encode(&self, w: &mut Writer, dir: &str, base: i64) {
        w.string(field::copy::SRC, &path::normalize("/", &self.src, false));
        w.string(field::copy::DEST, &path::normalize(dir, &self.dest, true));
        encode_owner(w, field::copy::OWNER, self.owner.as_ref(), base);
        match &self.chmod {
            None => w.int(field::copy::MODE, -1),
            Some(Chmod::Bits(bits)) => w.int(field::copy::MODE, bits.cast_signed()),
            Some(Chmod::Symbolic(_)) => {}
        }
        w.bool(field::copy::FOLLOW_SYMLINK, self.follow_symlinks);
        w.bool(field::copy::DIR_COPY_CONTENTS, self.dir_contents_only);
        w.bool(field::copy::ATTEMPT_UNPACK, self.attempt_unpack);
        w.bool(field::copy::CREATE_DEST_PATH, self.create_dest_path);
        w.bool(field::copy::ALLOW_WILDCARD, self.allow_wildcard);
        w.bool(field::copy::ALLOW_EMPTY_WILDCARD, self.allow_empty_wildcard);
        encode_time(w, field::copy::TIMESTAMP, self.timestamp);
        w.strings(field::copy::INCLUDE_PATTERNS, &self.include_patterns);
        w.strings(field::copy::EXCLUDE_PATTERNS, &self.exclude_patterns);
        w.bool(field::copy::ALWAYS_REPLACE_EXISTING, self.always_replace_existing);
        if let Some(Chmod::Symbolic(mode)) = &self.chmod {
            w.string(field::copy::MODE_STR, mode);
        }
        w.strings(field::copy::REQUIRED_PATHS, &self.required_paths);
    }
}
fn encode_time(w: &mut Writer, field: u32, timestamp: Option<i64>) {
    w.int(field, timestamp.unwrap_or(-1));
}
