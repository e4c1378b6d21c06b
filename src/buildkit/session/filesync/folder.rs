//! Folders as a transfer holds them: open, known by device and inode.

use std::ffi::{OsStr, OsString};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, RawDir, fstat, openat, readlinkat, statat};
use rustix::io::Result;

use super::stat;
use crate::beneath::{self, Root, open_entry};

/// An open folder.
#[derive(Debug)]
pub(super) struct Folder {
    fd: OwnedFd,
    /// Device and inode.
    pub(super) id: (u64, u64),
}

impl Folder {
    /// Opens the folder at `path` below `root`, where no link is on the way.
    pub(super) fn open_below(root: &Root, path: &Path) -> Result<Self> {
        Self::new(root.open_unlinked(path, beneath::FOLDER)?)
    }

    /// Opens the folder `name` in this one.
    pub(super) fn open(&self, name: &OsStr) -> Result<Self> {
        Self::new(open_entry(&self.fd, name, beneath::FOLDER)?)
    }

    fn new(fd: OwnedFd) -> Result<Self> {
        Ok(Self { id: stat::id(&fstat(&fd)?), fd })
    }

    /// What the entry `name` is; a link is not followed.
    pub(super) fn look(&self, name: &OsStr) -> Result<rustix::fs::Stat> {
        statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW)
    }

    /// What the entry `name` is and, of a link, where it leads. Both are asked of the link itself: a moment
    /// later its name may stand for another file.
    pub(super) fn look_with_target(&self, name: &OsStr) -> Result<(rustix::fs::Stat, Vec<u8>)> {
        let is_link = |found: &rustix::fs::Stat| FileType::from_raw_mode(found.st_mode) == FileType::Symlink;
        let found = self.look(name)?;
        if !is_link(&found) {
            return Ok((found, Vec::new()));
        }
        let opened = open_entry(&self.fd, name, OFlags::PATH)?;
        let found = fstat(&opened)?;
        let target =
            if is_link(&found) { readlinkat(&opened, "", Vec::new())?.into_bytes() } else { Vec::new() };
        Ok((found, target))
    }

    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// What one found entry is.
pub(super) struct Entry {
    name: Box<[u8]>,
    is_dir: bool,
}

impl Entry {
    pub(super) fn name(&self) -> &OsStr {
        OsStr::from_bytes(&self.name)
    }

    /// Whether it was a folder when its parent was read.
    pub(super) fn is_dir(&self) -> bool {
        self.is_dir
    }
}

/// Bytes of entries that are read at once.
const ENTRIES_BYTES: usize = 32 << 10;

/// Reads folders, all through one buffer.
pub(super) struct Entries(Vec<MaybeUninit<u8>>);

impl Default for Entries {
    fn default() -> Self {
        Self(vec![MaybeUninit::uninit(); ENTRIES_BYTES])
    }
}

impl Entries {
    /// The entries of a folder, the first one last.
    pub(super) fn read(&mut self, folder: &Folder) -> Result<Vec<Entry>> {
        let mut entries = Vec::new();
        let mut found = RawDir::new(&folder.fd, &mut self.0);
        while let Some(entry) = found.next() {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if matches!(name, b"." | b"..") {
                continue;
            }
            let kind = match entry.file_type() {
                // Some filesystems do not say.
                FileType::Unknown => folder
                    .look(OsStr::from_bytes(name))
                    .map_or(FileType::Unknown, |found| FileType::from_raw_mode(found.st_mode)),
                kind => kind,
            };
            entries.push(Entry { name: name.into(), is_dir: kind == FileType::Directory });
        }
        entries.sort_unstable_by(|a, b| b.name.cmp(&a.name));
        Ok(entries)
    }
}

/// What no transfer ever holds.
#[derive(Debug, Default)]
pub(super) struct Withheld {
    /// Folders by device and inode: no spelling of a path and no mount escapes that.
    ids: Vec<(u64, u64)>,
    /// Files by their folders and names.
    names: Vec<((u64, u64), OsString)>,
}

impl Withheld {
    /// Those of `paths` that are there (of a link, the link itself), and whatever may have the names of `files`.
    pub(super) fn find(paths: &[PathBuf], files: &[PathBuf]) -> Self {
        let ids = paths.iter().filter_map(|path| Some(stat::id(&rustix::fs::lstat(path).ok()?)));
        let names = files.iter().filter_map(|path| {
            let folder = std::path::absolute(path).ok()?;
            let folder = rustix::fs::stat(folder.parent()?).ok()?;
            Some((stat::id(&folder), path.file_name()?.to_owned()))
        });
        Self { ids: ids.collect(), names: names.collect() }
    }

    pub(super) fn holds(&self, id: (u64, u64)) -> bool {
        self.ids.contains(&id)
    }

    /// Whether the entry `name` of `folder` is one of the files.
    pub(super) fn holds_file(&self, folder: (u64, u64), name: &OsStr) -> bool {
        self.names.iter().any(|(id, own)| *id == folder && own == name)
    }

    /// Whether `root` is one of them or lies in one.
    pub(super) fn surrounds(&self, root: &Root) -> Result<bool> {
        if self.ids.is_empty() {
            return Ok(false);
        }
        let mut id = stat::id(&fstat(root)?);
        let mut above = openat(root, "..", beneath::STEP | OFlags::CLOEXEC, Mode::empty())?;
        loop {
            if self.holds(id) {
                return Ok(true);
            }
            let next = stat::id(&fstat(&above)?);
            if next == id {
                return Ok(false);
            }
            id = next;
            above = openat(&above, "..", beneath::STEP | OFlags::CLOEXEC, Mode::empty())?;
        }
    }
}
