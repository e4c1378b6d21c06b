//! Moves a folder's content into another folder.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{Mode, Stat, Timespec, Timestamps, XattrFlags};
use rustix::io::Errno;

use super::tree::{Tree, is_folder, names, stat};
use crate::job::result::output::OldFiles;

/// The attributes of a file, in bytes; source: Linux's `limits.h`.
const XATTR_BYTES: usize = 64 << 10;

/// Moves everything in `received` into `place`, which lies on the same file system. What has the same name is replaced,
/// folders are merged.
pub(super) fn merge(received: &Path, place: &Path, old_files: OldFiles) -> io::Result<()> {
    let (from, to) = (Tree::open(received)?, Tree::open(place)?);
    // It may lie in the very folder that it is moved into.
    let own = rustix::fs::fstat(from.folder(b"")?)?;
    // The folders that both have, each after the one that it lies in. A folder's mode and time are set when all below
    // is in place.
    let mut folders: Vec<(Vec<u8>, Option<Stat>)> = vec![(Vec::new(), None)];
    let mut next = 0;
    while let Some((path, _)) = folders.get(next).cloned() {
        next += 1;
        let (source, target) = (from.folder(&path)?, to.folder(&path)?);
        let mut moved = names(&source)?;
        moved.sort();
        if old_files == OldFiles::Delete {
            for old in names(&target)? {
                let found = stat(&target, old.as_bytes())?;
                if moved.binary_search(&old).is_err() && !is_same(&found, &own) {
                    to.remove(&join(&path, old.as_bytes()))?;
                }
            }
        }
        for name in moved {
            let name = name.as_bytes();
            let new = stat(&source, name)?;
            if is_folder(&new) && stat(&target, name).is_ok_and(|old| is_folder(&old)) {
                folders.push((join(&path, name), Some(new)));
            } else {
                move_entry(&from, &to, &path, (&source, &target), (name, &new))?;
            }
        }
    }
    for (path, attributes) in folders.iter().rev() {
        if let Some(attributes) = attributes {
            set_attributes(&from.folder(path)?, &to.folder(path)?, attributes)?;
        }
    }
    Ok(())
}

/// Moves one entry of the folder `path`, which replaces what has its name there.
fn move_entry(
    from: &Tree,
    to: &Tree,
    path: &[u8],
    (source, target): (&OwnedFd, &OwnedFd),
    (name, new): (&[u8], &Stat),
) -> io::Result<()> {
    match stat(target, name) {
        // A file or a link is replaced in one step by one that is no folder.
        Ok(old) if is_folder(&old) || is_folder(new) => to.remove(&join(path, name))?,
        Ok(_) | Err(Errno::NOENT) => {}
        Err(error) => return Err(error.into()),
    }
    if is_folder(new) {
        // A folder can only be moved by who may write to it.
        let moved = from.folder(&join(path, name))?;
        rustix::fs::renameat(source, name, target, name)?;
        rustix::fs::fchmod(&moved, mode_of(new))?;
        return Ok(rustix::fs::futimens(&moved, &times_of(new))?);
    }
    Ok(rustix::fs::renameat(source, name, target, name)?)
}

/// Gives the folder `target` the attributes, mode and times that `source` came with.
fn set_attributes(source: &OwnedFd, target: &OwnedFd, found: &Stat) -> io::Result<()> {
    copy_xattrs(source.as_fd(), target.as_fd());
    rustix::fs::fchmod(target, mode_of(found))?;
    Ok(rustix::fs::futimens(target, &times_of(found))?)
}

/// Copies extended attributes. As where files are received, one that cannot be set is left out.
fn copy_xattrs(source: BorrowedFd<'_>, target: BorrowedFd<'_>) {
    let mut list = vec![0; XATTR_BYTES];
    let Ok(length) = rustix::fs::flistxattr(source, &mut list) else { return };
    for name in list[..length].split(|b| *b == 0).filter(|name| !name.is_empty()) {
        let mut value = vec![0; XATTR_BYTES];
        if let Ok(length) = rustix::fs::fgetxattr(source, name, &mut value) {
            let _ = rustix::fs::fsetxattr(target, name, &value[..length], XattrFlags::empty());
        }
    }
}

fn is_same(one: &Stat, other: &Stat) -> bool {
    (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino)
}

fn mode_of(found: &Stat) -> Mode {
    Mode::from_raw_mode(found.st_mode & 0o7777)
}

fn times_of(found: &Stat) -> Timestamps {
    let access = Timespec { tv_sec: found.st_atime as _, tv_nsec: found.st_atime_nsec as _ };
    let modification = Timespec { tv_sec: found.st_mtime as _, tv_nsec: found.st_mtime_nsec as _ };
    Timestamps { last_access: access, last_modification: modification }
}

fn join(path: &[u8], name: &[u8]) -> Vec<u8> {
    if path.is_empty() { name.to_vec() } else { [path, b"/", name].concat() }
}
