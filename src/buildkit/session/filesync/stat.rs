//! What is told about a file.
//!
//! Source: `fsutil/stat.go` and `stat_unix.go`.

use std::collections::{BTreeMap, HashMap};
use std::fs::Metadata;
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rustix::fs::{Dev, FileType, major, minor};
use rustix::io::Errno;

use crate::buildkit::session::wire::Stat;

/// The bits of Go's `FileMode` above the permissions; source: Go's `io/fs`.
pub(crate) mod mode {
    pub(crate) const DIR: u32 = 1 << 31;
    pub(crate) const SYMLINK: u32 = 1 << 27;
    pub(crate) const DEVICE: u32 = 1 << 26;
    pub(crate) const NAMED_PIPE: u32 = 1 << 25;
    pub(crate) const SETUID: u32 = 1 << 23;
    pub(crate) const SETGID: u32 = 1 << 22;
    pub(crate) const CHAR_DEVICE: u32 = 1 << 21;
    pub(crate) const STICKY: u32 = 1 << 20;
    /// Every bit that makes a file something else than a regular one.
    pub(crate) const TYPE: u32 = DIR | SYMLINK | DEVICE | NAMED_PIPE | CHAR_DEVICE | 1 << 24 | 1 << 19;
}

/// Attributes that macOS keeps for itself.
const APPLE: &str = "com.apple.";

/// Go's `FileMode` of a mode as the kernel has it. Sockets lose their type and become regular files.
fn go_mode(st_mode: u32) -> u32 {
    let kind = match FileType::from_raw_mode(st_mode) {
        FileType::Directory => mode::DIR,
        FileType::Symlink => mode::SYMLINK,
        FileType::BlockDevice => mode::DEVICE,
        FileType::CharacterDevice => mode::DEVICE | mode::CHAR_DEVICE,
        FileType::Fifo => mode::NAMED_PIPE,
        _ => 0,
    };
    let mut out = kind | (st_mode & 0o777);
    for (bit, go_bit) in [(0o4000, mode::SETUID), (0o2000, mode::SETGID), (0o1000, mode::STICKY)] {
        if st_mode & bit != 0 {
            out |= go_bit;
        }
    }
    out
}

/// The first path that was sent of each file with several names, by device and inode.
#[derive(Debug, Default)]
pub(super) struct HardLinks(HashMap<(u64, u64), Vec<u8>>);

/// Returns the stat of the file at `full`, told as `path`, owned by root.
///
/// # Errors
///
/// The error of reading a link or listing attributes, with the path as Go prints it.
pub(super) fn of_file(
    full: &Path,
    path: &[u8],
    meta: &Metadata,
    links: &mut HardLinks,
) -> Result<Stat, FileError> {
    let mode = go_mode(meta.mode());
    let mut stat = Stat {
        path: path.to_vec(),
        mode,
        mod_time: meta.mtime().saturating_mul(1_000_000_000).saturating_add(meta.mtime_nsec()),
        ..Stat::default()
    };
    if !meta.is_dir() {
        stat.size = meta.size().cast_signed();
        if mode & mode::DEVICE != 0 {
            let device: Dev = meta.rdev();
            (stat.devmajor, stat.devminor) = (major(device).into(), minor(device).into());
        }
    }
    if meta.is_symlink() {
        let target = std::fs::read_link(full).map_err(|e| FileError::new("readlink", full, e))?;
        stat.linkname = target.into_os_string().into_vec();
    } else if !meta.is_dir() && meta.nlink() > 1 {
        let first = links.0.entry((meta.dev(), meta.ino())).or_insert_with(|| path.to_vec());
        if first != path {
            stat.linkname.clone_from(first);
        }
    }
    stat.xattrs = xattrs(full).map_err(|e| FileError::new("failed to xattr", full, e.into()))?;
    Ok(stat)
}

/// A failed operation on a file, in the words of Go's `PathError`: these become the error of the build.
#[derive(Debug, thiserror::Error)]
#[error("{operation} {path}: {}", go_error_text(.source))]
pub(super) struct FileError {
    operation: &'static str,
    path: String,
    pub(super) source: std::io::Error,
}

impl FileError {
    pub(super) fn new(operation: &'static str, path: &Path, source: std::io::Error) -> Self {
        Self { operation, path: path.display().to_string(), source }
    }

    /// Whether the file went away between being listed and being looked at.
    pub(super) fn is_gone(&self) -> bool {
        use std::io::ErrorKind::{NotADirectory, NotFound};
        matches!(self.source.kind(), NotFound | NotADirectory)
    }
}

/// `permission denied` rather than `Permission denied (os error 13)`.
fn go_error_text(error: &std::io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or(&text);
    let mut chars = text.chars();
    chars.next().map(|first| first.to_lowercase().chain(chars).collect()).unwrap_or_default()
}

fn xattrs(full: &Path) -> rustix::io::Result<BTreeMap<String, Vec<u8>>> {
    let mut out = BTreeMap::new();
    let names = match sized(|buffer| rustix::fs::llistxattr(full, buffer)) {
        Ok(names) => names,
        Err(Errno::NOTSUP) => return Ok(out),
        Err(error) => return Err(error),
    };
    for name in names.split(|b| *b == 0).filter_map(|n| std::str::from_utf8(n).ok()) {
        if name.is_empty() || name.starts_with(APPLE) {
            continue;
        }
        // One that cannot be read is left out, as by the daemon's other clients.
        if let Ok(value) = sized(|buffer| rustix::fs::lgetxattr(full, name, buffer)) {
            out.insert(name.to_owned(), value);
        }
    }
    Ok(out)
}

/// The largest value and the longest list of names, in bytes; source: Linux's `limits.h`.
const XATTR_BYTES: usize = 64 << 10;

/// Reads a value of unknown length: few files have attributes, so a small buffer mostly suffices.
fn sized(read: impl Fn(&mut [u8]) -> rustix::io::Result<usize>) -> rustix::io::Result<Vec<u8>> {
    let mut buffer = vec![0; 256];
    let length = match read(&mut buffer) {
        Err(Errno::RANGE) => {
            buffer.resize(XATTR_BYTES, 0);
            read(&mut buffer)?
        }
        first => first?,
    };
    buffer.truncate(length);
    Ok(buffer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_become_gos() {
        assert_eq!(go_mode(0o100_644), 0o644);
        assert_eq!(go_mode(0o040_755), mode::DIR | 0o755);
        assert_eq!(go_mode(0o120_777), mode::SYMLINK | 0o777);
        assert_eq!(go_mode(0o020_666), mode::DEVICE | mode::CHAR_DEVICE | 0o666);
        assert_eq!(go_mode(0o060_660), mode::DEVICE | 0o660);
        assert_eq!(go_mode(0o010_600), mode::NAMED_PIPE | 0o600);
        assert_eq!(go_mode(0o104_755), mode::SETUID | 0o755);
        assert_eq!(go_mode(0o041_777), mode::DIR | mode::STICKY | 0o777);
        assert_eq!(go_mode(0o102_755), mode::SETGID | 0o755);
    }

    #[test]
    fn a_socket_is_told_as_an_empty_regular_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        let _listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
        let stat =
            of_file(&path, b"s", &path.symlink_metadata().unwrap(), &mut HardLinks::default()).unwrap();
        assert_eq!((stat.mode & mode::TYPE, stat.size), (0, 0));
    }

    #[test]
    fn a_hard_link_names_the_first_path_and_keeps_its_size() {
        let dir = tempfile::tempdir().unwrap();
        let (a, b) = (dir.path().join("a"), dir.path().join("b"));
        std::fs::write(&a, "content").unwrap();
        std::fs::hard_link(&a, &b).unwrap();
        let mut links = HardLinks::default();
        let first = of_file(&a, b"a", &a.symlink_metadata().unwrap(), &mut links).unwrap();
        let second = of_file(&b, b"b", &b.symlink_metadata().unwrap(), &mut links).unwrap();
        assert_eq!((first.linkname.as_slice(), first.size), (b"".as_slice(), 7));
        assert_eq!((second.linkname.as_slice(), second.size), (b"a".as_slice(), 7));
    }

    #[test]
    fn long_attributes_are_read_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        std::fs::write(&path, "").unwrap();
        let value = vec![b'v'; 1000];
        if rustix::fs::lsetxattr(&path, "user.long", &value, rustix::fs::XattrFlags::empty())
            == Err(Errno::NOTSUP)
        {
            return;
        }
        assert_eq!(xattrs(&path).unwrap()["user.long"], value);
    }

    #[test]
    fn errors_read_like_gos() {
        let error = FileError::new("open", Path::new("/x"), std::io::Error::from_raw_os_error(13));
        assert_eq!(error.to_string(), "open /x: permission denied");
    }
}
