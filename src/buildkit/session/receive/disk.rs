//! Files, folders, links and devices, made below one folder through descriptors.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::Arc;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, RawMode, Timespec, Timestamps, XattrFlags, makedev};
use rustix::io::Errno;

use crate::buildkit::session::filesync::mode;
use crate::buildkit::session::wire::Stat;

/// Why a file could not be made.
#[derive(Debug, thiserror::Error)]
pub(super) enum DiskError {
    #[error("failed to {operation} {path}: {source}")]
    Io { operation: &'static str, path: String, source: io::Error },
    #[error("the path {path:?} in the export leads out of its folder")]
    Path { path: String },
}

fn shown(path: &[u8]) -> String {
    String::from_utf8_lossy(path).into_owned()
}

fn failed<E: Into<io::Error>>(operation: &'static str, path: &[u8]) -> impl Fn(E) -> DiskError {
    let path = shown(path);
    move |e| DiskError::Io { operation, path: path.clone(), source: e.into() }
}

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// The folder that is written to.
#[derive(Debug)]
pub(super) struct Disk {
    root: Arc<OwnedFd>,
    /// The folder of the last entry, which the next one mostly shares.
    current: (Vec<u8>, Arc<OwnedFd>),
    /// Folders whose mode and time are set once everything is in them.
    folders: Vec<Stat>,
}

impl Disk {
    pub(super) fn open(dest: &Path) -> Result<Self, DiskError> {
        let failed = |source| DiskError::Io { operation: "open", path: dest.display().to_string(), source };
        std::fs::create_dir_all(dest).map_err(failed)?;
        // The folder itself may be a link: the user named it.
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = rustix::fs::open(dest, flags, Mode::empty()).map_err(|e| failed(e.into()))?;
        let root = Arc::new(root);
        Ok(Self { current: (Vec::new(), Arc::clone(&root)), root, folders: Vec::new() })
    }

    /// Returns the folder that `path` lies in, and its name there.
    fn parent<'a>(&mut self, path: &'a [u8]) -> Result<(Arc<OwnedFd>, &'a [u8]), DiskError> {
        let (dir, name) = match path.iter().rposition(|b| *b == b'/') {
            Some(slash) => (&path[..slash], &path[slash + 1..]),
            None => (&path[..0], path),
        };
        let plain = |name: &[u8]| !name.is_empty() && name != b"." && name != b".." && !name.contains(&0);
        let dir_is_plain = dir.is_empty() || dir.split(|b| *b == b'/').all(plain);
        if path.starts_with(b"/") || !plain(name) || !dir_is_plain {
            return Err(DiskError::Path { path: shown(path) });
        }
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

    /// Makes an entry; a regular file stays empty until its content comes.
    pub(super) fn create(&mut self, stat: &Stat) -> Result<(), DiskError> {
        let path = stat.path.as_slice();
        let (parent, name) = self.parent(path)?;
        let kind = stat.mode & mode::TYPE;
        let old = match rustix::fs::statat(&parent, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(old) => Some(FileType::from_raw_mode(old.st_mode)),
            Err(Errno::NOENT) => None,
            Err(e) => return Err(failed("look at", path)(e)),
        };
        if kind == mode::DIR && old == Some(FileType::Directory) {
            self.folders.push(stat.clone());
            return Ok(());
        }
        match old {
            Some(FileType::Directory) => remove_tree(&parent, name).map_err(failed("replace", path))?,
            Some(_) => {
                rustix::fs::unlinkat(&parent, name, AtFlags::empty()).map_err(failed("replace", path))?;
            }
            None => {}
        }
        if kind == mode::DIR {
            rustix::fs::mkdirat(&parent, name, Mode::RWXU).map_err(failed("create the folder", path))?;
            self.folders.push(stat.clone());
        } else if kind == mode::SYMLINK {
            rustix::fs::symlinkat(stat.linkname.as_slice(), &parent, name).map_err(failed("link", path))?;
            set_times(parent.as_fd(), name, stat).map_err(failed("set the time of", path))?;
        } else if kind != 0 {
            make_device(parent.as_fd(), name, stat).map_err(failed("create the device", path))?;
            set_times(parent.as_fd(), name, stat).map_err(failed("set the time of", path))?;
        } else if !stat.linkname.is_empty() {
            let (old_parent, old_name) = self.parent(&stat.linkname)?;
            rustix::fs::linkat(&old_parent, old_name, &parent, name, AtFlags::empty())
                .map_err(failed("link", path))?;
        } else {
            let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            rustix::fs::openat(&parent, name, flags, Mode::RUSR | Mode::WUSR)
                .map_err(failed("create", path))?;
        }
        Ok(())
    }

    /// Opens a file that [`Disk::create`] made, for its content.
    pub(super) fn open_file(&mut self, stat: Stat) -> Result<OpenFile, DiskError> {
        let (parent, name) = self.parent(&stat.path)?;
        let flags = OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd =
            rustix::fs::openat(&parent, name, flags, Mode::empty()).map_err(failed("open", &stat.path))?;
        Ok(OpenFile { file: File::from(fd), stat })
    }

    /// Sets mode, attributes and time of the folders, the innermost first.
    pub(super) fn finish(&mut self) -> Result<(), DiskError> {
        for stat in std::mem::take(&mut self.folders).into_iter().rev() {
            let (parent, name) = self.parent(&stat.path)?;
            let fd = rustix::fs::openat(&parent, name, FOLDER, Mode::empty())
                .map_err(failed("open", &stat.path))?;
            finish_fd(fd.as_fd(), &stat).map_err(failed("set the mode of", &stat.path))?;
        }
        Ok(())
    }
}

/// A file whose content is coming.
#[derive(Debug)]
pub(super) struct OpenFile {
    file: File,
    stat: Stat,
}

impl OpenFile {
    pub(super) fn write(&mut self, data: &[u8]) -> Result<(), DiskError> {
        let failed = |source| DiskError::Io { operation: "write", path: shown(&self.stat.path), source };
        self.file.write_all(data).map_err(failed)
    }

    pub(super) fn finish(self) -> Result<(), DiskError> {
        finish_fd(self.file.as_fd(), &self.stat).map_err(failed("set the mode of", &self.stat.path))
    }
}

/// Removes a folder with all that is in it, reached through the descriptor of the folder it lies in.
fn remove_tree(parent: &OwnedFd, name: &[u8]) -> io::Result<()> {
    let parent = Path::new("/proc/self/fd").join(parent.as_raw_fd().to_string());
    std::fs::remove_dir_all(parent.join(OsStr::from_bytes(name)))
}

fn finish_fd(fd: BorrowedFd<'_>, stat: &Stat) -> rustix::io::Result<()> {
    for (key, value) in &stat.xattrs {
        // Many attributes are the superuser's: as by BuildKit's client, one that cannot be set is left out.
        let _ = rustix::fs::fsetxattr(fd, key.as_str(), value, XattrFlags::empty());
    }
    rustix::fs::fchmod(fd, unix_mode(stat.mode))?;
    rustix::fs::futimens(fd, &times(stat))
}

fn set_times(parent: BorrowedFd<'_>, name: &[u8], stat: &Stat) -> rustix::io::Result<()> {
    rustix::fs::utimensat(parent, name, &times(stat), AtFlags::SYMLINK_NOFOLLOW)
}

fn times(stat: &Stat) -> Timestamps {
    let time = Timespec {
        tv_sec: stat.mod_time.div_euclid(1_000_000_000),
        tv_nsec: stat.mod_time.rem_euclid(1_000_000_000),
    };
    Timestamps { last_access: time, last_modification: time }
}

fn make_device(parent: BorrowedFd<'_>, name: &[u8], stat: &Stat) -> rustix::io::Result<()> {
    let kind = if stat.mode & mode::NAMED_PIPE != 0 {
        FileType::Fifo
    } else if stat.mode & mode::CHAR_DEVICE != 0 {
        FileType::CharacterDevice
    } else {
        FileType::BlockDevice
    };
    let number = |n: i64| u32::try_from(n).map_err(|_| Errno::INVAL);
    let device = makedev(number(stat.devmajor)?, number(stat.devminor)?);
    let mode = unix_mode(stat.mode);
    rustix::fs::mknodat(parent, name, kind, mode, device)?;
    // Again, since the process's umask took bits away.
    rustix::fs::chmodat(parent, name, mode, AtFlags::empty())
}

/// The permission bits as the kernel has them.
fn unix_mode(go: u32) -> Mode {
    let mut raw: RawMode = go & 0o777;
    for (go_bit, bit) in [(mode::SETUID, 0o4000), (mode::SETGID, 0o2000), (mode::STICKY, 0o1000)] {
        if go & go_bit != 0 {
            raw |= bit;
        }
    }
    Mode::from_raw_mode(raw)
}

#[cfg(test)]
mod tests;
