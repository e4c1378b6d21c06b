//! Folders below one folder, reached through descriptors without following links, whatever their modes are.

use std::ffi::CString;
use std::fs::Permissions;
use std::io;
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

/// A folder, and everything below it by relative paths. The empty path is the folder itself.
#[derive(Debug)]
pub(super) struct Tree {
    root: OwnedFd,
}

const FOLDER: OFlags = OFlags::DIRECTORY.union(OFlags::CLOEXEC);

impl Tree {
    /// Opens a folder. The folder itself may be a link: the user named it.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self { root: rustix::fs::open(path, OFlags::RDONLY | FOLDER, Mode::empty())? })
    }

    /// The folder at `path`; one below the tree's own may be listed and changed by its owner from now on.
    pub(super) fn folder(&self, path: &[u8]) -> io::Result<OwnedFd> {
        let mut folder = rustix::fs::openat(&self.root, ".", OFlags::RDONLY | FOLDER, Mode::empty())?;
        for name in path.split(|b| *b == b'/').filter(|name| !name.is_empty()) {
            let flags = OFlags::PATH | OFlags::NOFOLLOW | FOLDER;
            let mut found = rustix::fs::openat(&folder, name, flags, Mode::empty());
            if matches!(found, Err(Errno::ACCESS)) {
                open_up(&folder)?;
                found = rustix::fs::openat(&folder, name, flags, Mode::empty());
            }
            folder = found?;
        }
        // The mode of the folder itself is not this export's.
        if !path.is_empty() {
            open_up(&folder)?;
        }
        Ok(rustix::fs::openat(&folder, ".", OFlags::RDONLY | FOLDER, Mode::empty())?)
    }

    /// Removes what is at `path`, with everything in it where it is a folder.
    pub(super) fn remove(&self, path: &[u8]) -> io::Result<()> {
        let mut waiting = vec![path.to_vec()];
        // A folder stays on the list until it is empty.
        while let Some(path) = waiting.last() {
            let (parent, name) = self.parent(path)?;
            if unlink(&parent, name)? || rmdir(&parent, name)? {
                waiting.pop();
                continue;
            }
            let folder = self.folder(path)?;
            let mut folders = Vec::new();
            for name in names(&folder)? {
                if !unlink(&folder, name.as_bytes())? {
                    folders.push([path.as_slice(), b"/", name.as_bytes()].concat());
                }
            }
            waiting.extend(folders);
        }
        Ok(())
    }

    /// The folder that `path` lies in, and its name there.
    fn parent<'a>(&self, path: &'a [u8]) -> io::Result<(OwnedFd, &'a [u8])> {
        let (folder, name) = match path.iter().rposition(|b| *b == b'/') {
            Some(slash) => (&path[..slash], &path[slash + 1..]),
            None => (&path[..0], path),
        };
        Ok((self.folder(folder)?, name))
    }
}

/// Lets the owner of a folder list and change it.
fn open_up(folder: &OwnedFd) -> io::Result<()> {
    let mode = rustix::fs::fstat(folder)?.st_mode & 0o7777;
    if mode & 0o700 == 0o700 {
        return Ok(());
    }
    // A descriptor that only names the folder has no other way to it.
    let handle = Path::new("/proc/self/fd").join(folder.as_raw_fd().to_string());
    std::fs::set_permissions(handle, Permissions::from_mode(mode | 0o700))
}

/// Removes what is no folder. Returns whether nothing is left.
fn unlink(folder: &OwnedFd, name: &[u8]) -> io::Result<bool> {
    match rustix::fs::unlinkat(folder, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => Ok(true),
        // Linux says EISDIR, POSIX has EPERM for it.
        Err(Errno::ISDIR | Errno::PERM) if is_folder(&stat(folder, name)?) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Removes an empty folder. Returns whether it was one.
fn rmdir(folder: &OwnedFd, name: &[u8]) -> io::Result<bool> {
    match rustix::fs::unlinkat(folder, name, AtFlags::REMOVEDIR) {
        Ok(()) | Err(Errno::NOENT) => Ok(true),
        Err(Errno::NOTEMPTY | Errno::EXIST) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// What is at `name` in a folder, links not followed.
pub(super) fn stat(folder: &OwnedFd, name: &[u8]) -> rustix::io::Result<Stat> {
    rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)
}

pub(super) fn is_folder(found: &Stat) -> bool {
    FileType::from_raw_mode(found.st_mode).is_dir()
}

/// The names in a folder.
pub(super) fn names(folder: &OwnedFd) -> io::Result<Vec<CString>> {
    let mut names = Vec::new();
    for entry in Dir::read_from(folder.as_fd())? {
        let entry = entry?;
        let name = entry.file_name();
        if ![&b"."[..], b".."].contains(&name.to_bytes()) {
            names.push(name.to_owned());
        }
    }
    Ok(names)
}
