//! Files, folders and links, made below one folder through descriptors; devices and other things that grant rights only
//! where they are asked for.

mod entry;

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat as Found};
use rustix::io::Errno;

use self::entry::{Attributes, Kind, make_device, set_times, times, unix_mode};
use super::order::{self, Order, OrderError};
use super::target::{ExportFolder, SpecialFiles};
use crate::buildkit::session::wire::Stat;

/// What entries that are not finished yet may take of memory, in bytes.
const MEMORY: usize = 64 << 20;
/// What one of them takes beside its path and attributes.
const ENTRY_BYTES: usize = 256;
/// The attributes of a file, in bytes; source: Linux's `limits.h`.
const XATTR_BYTES: usize = 64 << 10;
/// Characters of a path that an error shows.
const SHOWN_PATH: usize = 200;

/// Why a file could not be made.
#[derive(Debug, thiserror::Error)]
pub(super) enum DiskError {
    #[error("failed to {operation} {path}: {source}")]
    Io { operation: &'static str, path: String, source: io::Error },
    #[error(transparent)]
    Order(#[from] OrderError),
    #[error("{path:?} in the export is neither file, folder, link nor device (mode {mode:#x})")]
    Kind { path: String, mode: u32 },
    #[error("{path:?} in the export is a link to {target:?}, which the export has not sent as a file")]
    LinkTarget { path: String, target: String },
    #[error("{path:?} was replaced while its content was received")]
    Replaced { path: String },
    #[error("{path:?} in the export has {size} bytes, but {sent} came")]
    Size { path: String, size: u64, sent: u64 },
    #[error("{path:?} in the export has more than {XATTR_BYTES} bytes of attributes")]
    Attributes { path: String },
    #[error("the export lists too many files at once: those whose content has not come take {MEMORY} bytes")]
    Memory,
}

/// The beginning of a path, for messages.
pub(super) fn shown(path: &[u8]) -> String {
    String::from_utf8_lossy(path).chars().take(SHOWN_PATH).collect()
}

fn failed<E: Into<io::Error>>(operation: &'static str, path: &[u8]) -> impl Fn(E) -> DiskError {
    let path = shown(path);
    move |e| DiskError::Io { operation, path: path.clone(), source: e.into() }
}

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// What tells a file from every other one.
type FileId = (u64, u64);

fn id_of(found: &Found) -> FileId {
    (found.st_dev, found.st_ino)
}

/// A folder whose mode and time are set once everything is in it: its files hold it, and it holds the one above.
#[derive(Debug)]
struct Folder {
    path: Vec<u8>,
    /// `None` for the root, which stays as it is.
    made: Option<(FileId, Attributes)>,
    parent: Option<Rc<Folder>>,
    memory: usize,
}

/// A file that was made empty, and waits for its content.
#[derive(Debug)]
pub(super) struct ListedFile {
    path: Vec<u8>,
    id: FileId,
    size: u64,
    attributes: Attributes,
    folder: Rc<Folder>,
    memory: usize,
}

/// A file whose content is coming.
#[derive(Debug)]
pub(super) struct OpenFile {
    file: File,
    listed: ListedFile,
    written: u64,
}

/// The folder that is written to.
#[derive(Debug)]
pub(super) struct Disk {
    root: Arc<OwnedFd>,
    /// The folder of the last entry, which the next one mostly shares.
    current: (Vec<u8>, Arc<OwnedFd>),
    target: ExportFolder,
    order: Order,
    /// The folders of the last entry, the root first.
    folders: Vec<Rc<Folder>>,
    /// The files that were made, for links to them. Each stands for a file on the disk, which is full before memory is.
    made: HashSet<FileId>,
    /// Bytes that unfinished entries take.
    memory: usize,
}

impl Disk {
    pub(super) fn open(target: ExportFolder) -> Result<Self, DiskError> {
        let dest = &target.path;
        let failed = |source| DiskError::Io { operation: "open", path: dest.display().to_string(), source };
        std::fs::create_dir_all(dest).map_err(failed)?;
        // The folder itself may be a link: the user named it.
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = rustix::fs::open(dest, flags, Mode::empty()).map_err(|e| failed(e.into()))?;
        let root = Arc::new(root);
        let folder = Folder { path: Vec::new(), made: None, parent: None, memory: 0 };
        Ok(Self {
            current: (Vec::new(), Arc::clone(&root)),
            root,
            target,
            order: Order::new(),
            folders: vec![Rc::new(folder)],
            made: HashSet::new(),
            memory: 0,
        })
    }

    /// Returns the folder that `path` lies in, and its name there.
    fn parent<'a>(&mut self, path: &'a [u8]) -> Result<(Arc<OwnedFd>, &'a [u8]), DiskError> {
        order::check(path)?;
        let (dir, name) = match path.iter().rposition(|b| *b == b'/') {
            Some(slash) => (&path[..slash], &path[slash + 1..]),
            None => (&path[..0], path),
        };
        if self.current.0 != dir {
            let mut fd = Arc::clone(&self.root);
            for part in dir.split(|b| *b == b'/').filter(|part| !part.is_empty()) {
                let next = rustix::fs::openat(&fd, part, FOLDER, Mode::empty())
                    .map_err(failed("open the folder of", path))?;
                fd = Arc::new(next);
            }
            self.current = (dir.to_vec(), fd);
        }
        Ok((Arc::clone(&self.current.1), name))
    }

    /// Makes an entry. A regular file stays empty and is returned, for its content to come.
    pub(super) fn create(&mut self, stat: Stat) -> Result<Option<ListedFile>, DiskError> {
        let depth = self.order.next(&stat.path)?;
        while self.folders.len() > depth + 1 {
            if let Some(complete) = self.folders.pop() {
                self.release(complete)?;
            }
        }
        let kind = Kind::of(&stat)?;
        if kind.is_special() && self.target.special_files == SpecialFiles::LeaveOut {
            self.target.left_out.count_special_file();
            return Ok(None);
        }
        let path = stat.path.as_slice();
        let (parent, name) = self.parent(path)?;
        let old = make_room(&parent, name, kind, path)?;
        match kind {
            Kind::Folder => self.create_folder(&parent, old.as_ref(), stat)?,
            Kind::Symlink => {
                rustix::fs::symlinkat(stat.linkname.as_slice(), &parent, name)
                    .map_err(failed("link", path))?;
                set_times(parent.as_fd(), name, &stat).map_err(failed("set the time of", path))?;
            }
            Kind::Special(kind) => {
                make_device(parent.as_fd(), name, kind, &stat).map_err(failed("create the device", path))?;
                set_times(parent.as_fd(), name, &stat).map_err(failed("set the time of", path))?;
            }
            Kind::HardLink => self.link(&parent, name, &stat)?,
            Kind::File => return self.create_file(&parent, stat).map(Some),
        }
        Ok(None)
    }

    fn create_folder(&mut self, parent: &OwnedFd, old: Option<&Found>, stat: Stat) -> Result<(), DiskError> {
        let name = name_of(&stat.path);
        let id = if let Some(old) = old {
            id_of(old)
        } else {
            rustix::fs::mkdirat(parent, name, Mode::RWXU).map_err(failed("create the folder", &stat.path))?;
            let made = rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW);
            id_of(&made.map_err(failed("look at", &stat.path))?)
        };
        let (attributes, memory) = self.attributes(&stat)?;
        let parent = self.folders.last().map(Rc::clone);
        let folder = Folder { path: stat.path, made: Some((id, attributes)), parent, memory };
        self.folders.push(Rc::new(folder));
        self.order.enter();
        Ok(())
    }

    fn create_file(&mut self, parent: &OwnedFd, stat: Stat) -> Result<ListedFile, DiskError> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let made = rustix::fs::openat(parent, name_of(&stat.path), flags, Mode::RUSR | Mode::WUSR)
            .and_then(rustix::fs::fstat)
            .map_err(failed("create", &stat.path))?;
        let id = id_of(&made);
        self.made.insert(id);
        let (attributes, memory) = self.attributes(&stat)?;
        let size = u64::try_from(stat.size).unwrap_or(0);
        let folder = Rc::clone(self.folders.last().expect("the root is never left"));
        Ok(ListedFile { path: stat.path, id, size, attributes, folder, memory })
    }

    /// Makes a further name for a file of this export.
    fn link(&mut self, parent: &OwnedFd, name: &[u8], stat: &Stat) -> Result<(), DiskError> {
        let path = stat.path.as_slice();
        let wrong = || DiskError::LinkTarget { path: shown(path), target: shown(&stat.linkname) };
        let (old_parent, old_name) = self.parent(&stat.linkname)?;
        let is_ours = |at: &OwnedFd, name| {
            rustix::fs::statat(at, name, AtFlags::SYMLINK_NOFOLLOW)
                .is_ok_and(|found| self.made.contains(&id_of(&found)))
        };
        if !is_ours(&old_parent, old_name) {
            return Err(wrong());
        }
        rustix::fs::linkat(&old_parent, old_name, parent, name, AtFlags::empty())
            .map_err(failed("link", path))?;
        // The name may have come to mean another file in between.
        if !is_ours(parent, name) {
            let _ = rustix::fs::unlinkat(parent, name, AtFlags::empty());
            return Err(wrong());
        }
        Ok(())
    }

    /// What is set of an entry in the end, and the memory that it takes until then.
    fn attributes(&mut self, stat: &Stat) -> Result<(Attributes, usize), DiskError> {
        let mut mode = unix_mode(stat.mode);
        let set_id = Mode::SUID | Mode::SGID;
        if mode.intersects(set_id) && self.target.special_files == SpecialFiles::LeaveOut {
            self.target.left_out.count_set_id();
            mode.remove(set_id);
        }
        let xattr_bytes: usize = stat.xattrs.iter().map(|(name, value)| name.len() + value.len()).sum();
        if xattr_bytes > XATTR_BYTES {
            return Err(DiskError::Attributes { path: shown(&stat.path) });
        }
        let mut xattrs = Vec::new();
        for (name, value) in &stat.xattrs {
            if self.target.special_files == SpecialFiles::Keep || name.starts_with("user.") {
                xattrs.push((name.clone(), value.clone()));
            } else if name != "security.selinux" {
                self.target.left_out.count_attribute();
            }
        }
        let memory = ENTRY_BYTES + stat.path.len() + xattr_bytes;
        self.memory += memory;
        if self.memory > MEMORY {
            return Err(DiskError::Memory);
        }
        Ok((Attributes { mode, times: times(stat), xattrs }, memory))
    }

    /// Opens a file that [`Disk::create`] made, for its content. What has taken its name is not written to, and opening
    /// it neither waits nor does anything.
    pub(super) fn open_file(&mut self, listed: ListedFile) -> Result<OpenFile, DiskError> {
        let (parent, name) = self.parent(&listed.path)?;
        let flags = OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let fd =
            rustix::fs::openat(&parent, name, flags, Mode::empty()).map_err(failed("open", &listed.path))?;
        let found = rustix::fs::fstat(&fd).map_err(failed("look at", &listed.path))?;
        if !FileType::from_raw_mode(found.st_mode).is_file() || id_of(&found) != listed.id {
            return Err(DiskError::Replaced { path: shown(&listed.path) });
        }
        Ok(OpenFile { file: File::from(fd), listed, written: 0 })
    }

    /// Sets mode, attributes and time of a file that is complete.
    pub(super) fn close_file(&mut self, open: OpenFile) -> Result<(), DiskError> {
        let OpenFile { file, listed, written } = open;
        if written < listed.size {
            return Err(DiskError::Size { path: shown(&listed.path), size: listed.size, sent: written });
        }
        listed.attributes.set(file.as_fd()).map_err(failed("set the mode of", &listed.path))?;
        self.memory -= listed.memory;
        self.release(listed.folder)
    }

    /// Lets go of a folder; if that was the last of it, sets mode, attributes and time, and lets go of the one above.
    fn release(&mut self, folder: Rc<Folder>) -> Result<(), DiskError> {
        let mut next = Some(folder);
        while let Some(Ok(folder)) = next.map(Rc::try_unwrap) {
            if let Some((id, attributes)) = folder.made {
                let (parent, name) = self.parent(&folder.path)?;
                let fd = rustix::fs::openat(&parent, name, FOLDER, Mode::empty())
                    .map_err(failed("open", &folder.path))?;
                let found = rustix::fs::fstat(&fd).map_err(failed("look at", &folder.path))?;
                if id_of(&found) != id {
                    return Err(DiskError::Replaced { path: shown(&folder.path) });
                }
                attributes.set(fd.as_fd()).map_err(failed("set the mode of", &folder.path))?;
            }
            self.memory -= folder.memory;
            next = folder.parent;
        }
        Ok(())
    }

    /// Lets go of the last folders, when the listing has ended and every file is complete.
    pub(super) fn finish(&mut self) -> Result<(), DiskError> {
        while let Some(folder) = self.folders.pop() {
            self.release(folder)?;
        }
        Ok(())
    }
}

impl OpenFile {
    pub(super) fn write(&mut self, data: &[u8]) -> Result<(), DiskError> {
        let listed = &self.listed;
        self.written += data.len() as u64;
        if self.written > listed.size {
            return Err(DiskError::Size { path: shown(&listed.path), size: listed.size, sent: self.written });
        }
        let failed = |source| DiskError::Io { operation: "write", path: shown(&listed.path), source };
        self.file.write_all(data).map_err(failed)
    }
}

/// Removes what is in the way of a new entry. Returns the folder that is there already where the entry is one.
fn make_room(parent: &OwnedFd, name: &[u8], kind: Kind, path: &[u8]) -> Result<Option<Found>, DiskError> {
    let found = match rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(found) => found,
        Err(Errno::NOENT) => return Ok(None),
        Err(e) => return Err(failed("look at", path)(e)),
    };
    let is_folder = FileType::from_raw_mode(found.st_mode).is_dir();
    if is_folder && kind == Kind::Folder {
        return Ok(Some(found));
    }
    if is_folder {
        remove_tree(parent, name).map_err(failed("replace", path))?;
    } else {
        rustix::fs::unlinkat(parent, name, AtFlags::empty()).map_err(failed("replace", path))?;
    }
    Ok(None)
}

/// Removes a folder with all that is in it, reached through the descriptor of the folder it lies in.
fn remove_tree(parent: &OwnedFd, name: &[u8]) -> io::Result<()> {
    let parent = Path::new("/proc/self/fd").join(parent.as_raw_fd().to_string());
    std::fs::remove_dir_all(parent.join(OsStr::from_bytes(name)))
}

/// The last part of a path.
fn name_of(path: &[u8]) -> &[u8] {
    path.rsplit(|b| *b == b'/').next().unwrap_or(path)
}

#[cfg(test)]
mod tests;
