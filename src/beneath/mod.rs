//! Files and folders of a repository, opened beneath a root that nothing in the repository leads out of.
//!
//! Whoever wrote a repository chose its names, links and kinds of files, and may change them while they are
//! read. So nothing is looked at by its path first and opened afterwards: links are resolved by their text,
//! the kernel opens what came of that beneath the root and refuses any link on the way (`openat2`), and what
//! was opened is asked what it is. Check and read go through one descriptor.

mod error;
mod named;
mod resolve;

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, ResolveFlags, fstat, openat, openat2, statat};
use rustix::io::Errno;

pub use error::Error;
pub use named::{read_named, read_stream};

/// The largest Dockerfile or ignore file that is read, in bytes.
pub const MAX_TEXT_BYTES: u64 = 10 << 20;

/// How a file is opened whose bytes are to be read: a FIFO does not wait for its writer, a terminal does not become this process's.
pub const FILE: OFlags = OFlags::RDONLY.union(OFlags::NONBLOCK).union(OFlags::NOCTTY);
/// How a folder is opened whose entries are to be read.
pub const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::NONBLOCK).union(OFlags::DIRECTORY);
/// How a folder is opened that only leads on.
pub const STEP: OFlags = OFlags::PATH.union(OFlags::DIRECTORY);
/// Never to be followed, never to be inherited.
const ALWAYS: OFlags = OFlags::NOFOLLOW.union(OFlags::CLOEXEC);

/// How often a path is resolved anew because a link appeared on it before it was opened.
const ATTEMPTS: usize = 16;

/// An open folder. What is opened beneath it lies beneath it.
#[derive(Debug)]
pub struct Root {
    dir: OwnedFd,
    /// Its real path, for messages and for links that name it.
    path: PathBuf,
    /// Its path as it was asked for, made absolute.
    named: PathBuf,
}

/// A regular file, open.
#[derive(Debug)]
pub struct OpenFile {
    file: File,
    /// Its path below the root, all links resolved.
    path: PathBuf,
}

impl Root {
    /// Opens the folder at `path`. Links are followed: whoever names a root vouches for it.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn open(path: &Path) -> io::Result<Self> {
        let dir = openat(CWD, path, STEP | OFlags::CLOEXEC, Mode::empty())?;
        Ok(Self { dir, path: path.canonicalize()?, named: std::path::absolute(path)? })
    }

    /// Opens the folder at `path`, which must lie in the folder `outer` when it is opened.
    ///
    /// # Errors
    /// [`Error`].
    pub fn open_within(outer: &Path, path: &Path) -> Result<Self, Error> {
        let outer = Self::open(outer)?;
        let inside = outer
            .place(path)
            .ok_or_else(|| Error::LeadsOut { path: path.to_owned(), root: outer.path.clone() })?;
        outer.folder(&inside)
    }

    /// The real path of the folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path below this folder that `path` names, `None` where it lies elsewhere. The folders above the
    /// last component are followed only where their names do not begin with those of this folder.
    pub fn place(&self, path: &Path) -> Option<PathBuf> {
        let absolute = std::path::absolute(path).ok()?;
        let is_plain = |rest: &&Path| !rest.components().any(|part| part == Component::ParentDir);
        let by_name = [&self.named, &self.path].into_iter().find_map(|root| absolute.strip_prefix(root).ok());
        if let Some(rest) = by_name.filter(is_plain) {
            return Some(rest.to_owned());
        }
        let (folder, name) = match (absolute.parent(), absolute.file_name()) {
            (Some(folder), Some(name)) => (folder, name),
            _ => (absolute.as_path(), OsStr::new("")),
        };
        let folder = folder.canonicalize().ok()?;
        Some(folder.strip_prefix(&self.path).ok()?.join(name))
    }

    /// Opens the regular file at `path`. Links are followed as long as they stay beneath this folder.
    ///
    /// # Errors
    /// [`Error`].
    pub fn file(&self, path: &Path) -> Result<OpenFile, Error> {
        let (fd, path) = self.open_resolved(path, FILE)?;
        match FileType::from_raw_mode(fstat(&fd)?.st_mode) {
            FileType::RegularFile => Ok(OpenFile { file: fd.into(), path }),
            found => Err(Error::NotAFile { found }),
        }
    }

    /// Reads the whole regular file at `path`, with links as for [`Root::file`].
    ///
    /// # Errors
    /// [`Error::TooLarge`] beyond `limit` bytes, any other [`Error`].
    pub fn read(&self, path: &Path, limit: u64) -> Result<Vec<u8>, Error> {
        self.file(path)?.read(limit)
    }

    /// Opens the folder at `path`, with links as for [`Root::file`].
    ///
    /// # Errors
    /// [`Error`].
    pub fn folder(&self, path: &Path) -> Result<Self, Error> {
        let (dir, path) = self.open_resolved(path, STEP)?;
        let join = |root: &Path| if path.as_os_str().is_empty() { root.to_owned() } else { root.join(&path) };
        Ok(Self { dir, path: join(&self.path), named: join(&self.named) })
    }

    /// Opens what lies at `path`, whatever it is, where no link is on the way.
    ///
    /// # Errors
    /// What the operating system says: [`Errno::LOOP`] where there is a link.
    pub fn open_unlinked(&self, path: &Path, flags: OFlags) -> rustix::io::Result<OwnedFd> {
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        match openat2(&self.dir, path, flags | ALWAYS, Mode::empty(), resolve) {
            // Kernels before 5.6, filters of system calls that do not know it, and paths too long for one call.
            Err(Errno::NOSYS | Errno::PERM | Errno::NAMETOOLONG) => self.open_by_steps(path, flags),
            outcome => outcome,
        }
    }

    /// The same, one folder after the other.
    fn open_by_steps(&self, path: &Path, flags: OFlags) -> rustix::io::Result<OwnedFd> {
        let mut reached: Option<OwnedFd> = None;
        let mut parts = path.components().peekable();
        while let Some(part) = parts.next() {
            let name = match part {
                Component::CurDir => OsStr::new("."),
                Component::Normal(name) => name,
                _ => return Err(Errno::XDEV),
            };
            let from = reached.as_ref().unwrap_or(&self.dir);
            let flags = if parts.peek().is_some() { STEP } else { flags };
            reached = Some(open_entry(from, name, flags)?);
        }
        reached.ok_or(Errno::NOENT)
    }

    /// Resolves the links of `path` and opens what is there then. Returns also the resolved path.
    fn open_resolved(&self, path: &Path, flags: OFlags) -> Result<(OwnedFd, PathBuf), Error> {
        for _ in 0..ATTEMPTS {
            let resolved = resolve::resolve(self, path)?;
            match self.open_unlinked(&resolved, flags) {
                Ok(fd) => return Ok((fd, resolved)),
                // A link that was not there a moment ago.
                Err(Errno::LOOP) => {}
                // What cannot be opened at all, such as a socket, is still told by its kind.
                Err(Errno::NXIO) => {
                    let found = statat(&self.dir, &resolved, AtFlags::SYMLINK_NOFOLLOW)?;
                    return Err(Error::NotAFile { found: FileType::from_raw_mode(found.st_mode) });
                }
                Err(errno) => return Err(errno.into()),
            }
        }
        Err(Errno::LOOP.into())
    }
}

impl AsFd for Root {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.dir.as_fd()
    }
}

/// Opens the entry `name` of the folder `dir`, which must not be a link.
///
/// # Errors
/// What the operating system says: [`Errno::LOOP`] for a link.
pub fn open_entry(dir: impl AsFd, name: &OsStr, flags: OFlags) -> rustix::io::Result<OwnedFd> {
    match openat(&dir, name, flags | ALWAYS, Mode::empty()) {
        // A link that is asked to be a folder is told as "not a folder".
        Err(Errno::NOTDIR) => {
            let found = statat(&dir, name, AtFlags::SYMLINK_NOFOLLOW)?;
            let is_link = FileType::from_raw_mode(found.st_mode) == FileType::Symlink;
            Err(if is_link { Errno::LOOP } else { Errno::NOTDIR })
        }
        outcome => outcome,
    }
}

impl OpenFile {
    /// Its path below the root, all links resolved.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file itself.
    pub fn into_file(self) -> File {
        self.file
    }

    /// Reads the whole file.
    ///
    /// # Errors
    /// [`Error::TooLarge`] beyond `limit` bytes, [`Error::Io`].
    pub fn read(self, limit: u64) -> Result<Vec<u8>, Error> {
        read_stream(self.file, limit)
    }
}

#[cfg(test)]
mod tests;
