//! File: copies, makes and removes files without running anything.

use crate::graph::Output;
use crate::marshal::Inputs;
use crate::path;
use crate::wire::Writer;

/// A chain of changes to a file system, each on top of the one before; the last one's result is the
/// op's. Add it with [`Graph::file`](crate::Graph::file).
///
/// ```
/// use llb::{Constraints, CopyAction, FileOp, Graph, LocalSource, MkdirAction, Output};
///
/// let mut graph = Graph::new();
/// let context = graph.source(LocalSource::new("context"), Constraints::default());
/// let mut file = FileOp::new(Output::SCRATCH);
/// file.push(MkdirAction { make_parents: true, ..MkdirAction::new("/srv/app", 0o755) });
/// file.push(CopyAction { allow_wildcard: true, ..CopyAction::new(context, "/*.html", "/srv/app/") });
/// let pages = graph.file(file, Constraints::named("copy the pages"));
/// # let _ = pages;
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct FileOp {
    base: Output,
    /// What relative paths of the actions are relative to; `/` unless set. (Paths of copies are
    /// relative to it at both ends.)
    pub dir: String,
    steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq)]
struct Step {
    parent: Parent,
    /// What the chain of parents starts from.
    base: Output,
    action: FileAction,
}

/// What an action of a [`FileOp`] changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parent {
    /// A file system of the graph.
    Base(Output),
    /// The result of an earlier action of the same op.
    Action(ActionId),
}

/// Stands for an action of a [`FileOp`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ActionId(u32);

impl FileOp {
    /// Returns a chain without actions yet on a base. User and group names of owners are looked up in
    /// the base.
    pub fn new(base: Output) -> Self {
        Self {
            base,
            dir: "/".to_owned(),
            steps: Vec::new(),
        }
    }

    /// Returns what the first action changes.
    pub fn base(&self) -> Output {
        self.base
    }

    /// Returns the actions in their order.
    pub fn actions(&self) -> impl ExactSizeIterator<Item = &FileAction> {
        self.steps.iter().map(|step| &step.action)
    }

    /// Whether the chain has no actions. Such an op cannot be marshalled.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Adds an action on top of the last one, or on the base if it is the first.
    pub fn push(&mut self, action: impl Into<FileAction>) -> ActionId {
        let parent = match self.steps.len() {
            0 => Parent::Base(self.base),
            len => Parent::Action(ActionId(len as u32 - 1)),
        };
        self.push_on(parent, action)
    }

    /// Adds an action on top of something else than the last one. With this an op prepares files on
    /// the side and copies them with [`CopyFrom::Action`].
    ///
    /// # Panics
    ///
    /// If the parent or a copy's source is an action that this op does not have.
    pub fn push_on(&mut self, parent: Parent, action: impl Into<FileAction>) -> ActionId {
        let action = action.into();
        let id = ActionId(self.steps.len() as u32);
        let copied = match &action {
            FileAction::Copy(copy) => copy.from.action(),
            _ => None,
        };
        let earlier = |id: ActionId| {
            let step = self.steps.get(id.0 as usize);
            step.unwrap_or_else(|| panic!("{id:?} is no action of this file op"))
        };
        copied.map(earlier);
        let base = match parent {
            Parent::Base(base) => base,
            Parent::Action(parent) => earlier(parent).base,
        };
        self.steps.push(Step {
            parent,
            base,
            action,
        });
        id
    }
}

/// One change of a [`FileOp`].
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
#[derive(Clone, Debug, PartialEq)]
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
    fn action(self) -> Option<ActionId> {
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
#[derive(Clone, Debug, PartialEq, Eq)]
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

impl MkfileAction {
    /// Returns a file of root.
    pub fn new(path: impl Into<String>, mode: u32, data: impl Into<Vec<u8>>) -> Self {
        Self {
            path: path.into(),
            mode,
            data: data.into(),
            owner: None,
            timestamp: None,
        }
    }
}

/// Makes a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
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

impl MkdirAction {
    /// Returns a directory of root.
    pub fn new(path: impl Into<String>, mode: u32) -> Self {
        Self {
            path: path.into(),
            mode,
            make_parents: false,
            owner: None,
            timestamp: None,
        }
    }
}

/// Removes a file or a directory with all that is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RmAction {
    /// Path of what is removed.
    pub path: String,
    /// Do not fail if there is nothing.
    pub allow_not_found: bool,
    /// Expand wildcards in the path.
    pub allow_wildcard: bool,
}

impl RmAction {
    /// Returns the removal of one path, which must be there.
    pub fn new(path: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            allow_not_found: false,
            allow_wildcard: false,
        }
    }
}

/// Makes a symbolic link. Its paths are written as they are.
#[derive(Clone, Debug, PartialEq, Eq)]
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

impl SymlinkAction {
    /// Returns a link at `new_path` that points to `old_path`.
    pub fn new(old_path: impl Into<String>, new_path: impl Into<String>) -> Self {
        Self {
            old_path: old_path.into(),
            new_path: new_path.into(),
            owner: None,
            timestamp: None,
        }
    }
}

/// Owner and group of files. What is `None` stays as it would be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Owner {
    /// The owner.
    pub user: Option<UserRef>,
    /// The group.
    pub group: Option<UserRef>,
}

impl Owner {
    /// Returns an owner and a group by number.
    pub fn ids(uid: u32, gid: u32) -> Self {
        Self {
            user: Some(UserRef::Id(uid)),
            group: Some(UserRef::Id(gid)),
        }
    }

    /// Returns what `user[:group]` means to BuildKit (`WithUser` in `client/llb/fileop.go`): decimal
    /// numbers are ids, `root` and nothing at all are 0, the rest are names.
    pub fn parse(text: &str) -> Self {
        let (user, group) = match text.split_once(':') {
            Some((user, group)) => (user, Some(group)),
            None => (text, None),
        };
        Self {
            user: Some(UserRef::parse(user)),
            group: group.map(UserRef::parse),
        }
    }
}

/// A user or a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UserRef {
    /// By number.
    Id(u32),
    /// By name, looked up in the file system that the chain starts from.
    Name(String),
}

impl UserRef {
    fn parse(text: &str) -> Self {
        if text.is_empty() || text == "root" {
            return Self::Id(0);
        }
        match text.parse::<i32>() {
            Ok(id) => Self::Id(id.cast_unsigned()),
            Err(_) => Self::Name(text.to_owned()),
        }
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

actions!(
    Copy(CopyAction),
    Mkfile(MkfileAction),
    Mkdir(MkdirAction),
    Rm(RmAction),
    Symlink(SymlinkAction)
);

impl FileOp {
    /// Calls `visit` with bases and sources in the order of `allOutputs` in `client/llb/fileop.go`:
    /// from the last action back, what an action copies before what it stands on.
    pub(crate) fn for_each_input(&self, mut visit: impl FnMut(Output)) {
        let mut seen = vec![false; self.steps.len()];
        let mut waiting = Vec::new();
        let mut next = self.steps.len().checked_sub(1);
        while let Some(at) = next {
            if !std::mem::replace(&mut seen[at], true) {
                let step = &self.steps[at];
                visit(step.base);
                if let Parent::Action(parent) = step.parent {
                    waiting.push(parent.0 as usize);
                }
                if let FileAction::Copy(copy) = &step.action {
                    match copy.from {
                        CopyFrom::Output(output) => visit(output),
                        CopyFrom::Action(id) => waiting.push(id.0 as usize),
                    }
                }
            }
            next = waiting.pop();
        }
    }

    /// Writes the actions. An action's input is an input of the op, or, after those, an earlier
    /// action; only the last one's result is an output.
    pub(crate) fn encode(&self, w: &mut Writer, inputs: &mut Inputs<'_>) {
        let indexes: Vec<(i64, i64)> = self
            .steps
            .iter()
            .map(|step| {
                let base = inputs.index_of(step.base);
                let copied = match &step.action {
                    FileAction::Copy(copy) => match copy.from {
                        CopyFrom::Output(output) => inputs.index_of(output),
                        CopyFrom::Action(_) => -1,
                    },
                    _ => -1,
                };
                (base, copied)
            })
            .collect();
        let action_index = |id: ActionId| inputs.len() + i64::from(id.0);

        for (at, (step, (base, copied))) in self.steps.iter().zip(indexes).enumerate() {
            let input = match step.parent {
                Parent::Base(_) => base,
                Parent::Action(parent) => action_index(parent),
            };
            let secondary = match &step.action {
                FileAction::Copy(copy) => copy.from.action().map_or(copied, action_index),
                _ => -1,
            };
            let output = if at + 1 == self.steps.len() { 0 } else { -1 };
            w.message(2, |w| {
                w.int(1, input);
                w.int(2, secondary);
                w.int(3, output);
                step.action.encode(w, &self.dir, base);
            });
        }
    }
}

impl FileAction {
    /// Writes the member of the oneof. `base` is the input that names of owners are looked up in.
    fn encode(&self, w: &mut Writer, dir: &str, base: i64) {
        match self {
            Self::Copy(copy) => w.message(4, |w| copy.encode(w, dir, base)),
            Self::Mkfile(mkfile) => w.message(5, |w| {
                w.string(1, &path::normalize(dir, &mkfile.path, false));
                w.uint(2, mkfile.mode & 0o777);
                w.bytes(3, &mkfile.data);
                encode_owner(w, 4, mkfile.owner.as_ref(), base);
                encode_time(w, 5, mkfile.timestamp);
            }),
            Self::Mkdir(mkdir) => w.message(6, |w| {
                w.string(1, &path::normalize(dir, &mkdir.path, false));
                w.uint(2, mkdir.mode & 0o777);
                w.bool(3, mkdir.make_parents);
                encode_owner(w, 4, mkdir.owner.as_ref(), base);
                encode_time(w, 5, mkdir.timestamp);
            }),
            Self::Rm(rm) => w.message(7, |w| {
                w.string(1, &path::normalize(dir, &rm.path, false));
                w.bool(2, rm.allow_not_found);
                w.bool(3, rm.allow_wildcard);
            }),
            Self::Symlink(link) => w.message(8, |w| {
                w.string(1, &link.old_path);
                w.string(2, &link.new_path);
                encode_owner(w, 3, link.owner.as_ref(), base);
                encode_time(w, 4, link.timestamp);
            }),
        }
    }
}

impl CopyAction {
    fn encode(&self, w: &mut Writer, dir: &str, base: i64) {
        let src = path::clean(&self.src);
        let src_dir = if src.starts_with('/') { "/" } else { dir };
        w.string(1, &path::join([src_dir, &src]));
        w.string(2, &path::normalize(dir, &self.dest, true));
        encode_owner(w, 3, self.owner.as_ref(), base);
        match &self.chmod {
            None => w.int(4, -1),
            Some(Chmod::Bits(bits)) => w.int(4, bits.cast_signed()),
            Some(Chmod::Symbolic(_)) => {}
        }
        w.bool(5, self.follow_symlinks);
        w.bool(6, self.dir_contents_only);
        w.bool(7, self.attempt_unpack);
        w.bool(8, self.create_dest_path);
        w.bool(9, self.allow_wildcard);
        w.bool(10, self.allow_empty_wildcard);
        encode_time(w, 11, self.timestamp);
        w.strings(12, &self.include_patterns);
        w.strings(13, &self.exclude_patterns);
        w.bool(14, self.always_replace_existing);
        if let Some(Chmod::Symbolic(mode)) = &self.chmod {
            w.string(15, mode);
        }
        w.strings(16, &self.required_paths);
    }
}

fn encode_time(w: &mut Writer, field: u32, timestamp: Option<i64>) {
    w.int(field, timestamp.unwrap_or(-1));
}

fn encode_owner(w: &mut Writer, field: u32, owner: Option<&Owner>, base: i64) {
    let Some(owner) = owner else { return };
    w.message(field, |w| {
        for (field, user) in [(1, &owner.user), (2, &owner.group)] {
            match user {
                None => {}
                Some(UserRef::Id(id)) => w.message(field, |w| w.scalar(2, u64::from(*id))),
                Some(UserRef::Name(name)) => w.message(field, |w| {
                    w.message(1, |w| {
                        w.string(1, name);
                        w.int(2, base);
                    });
                }),
            }
        }
    });
}
