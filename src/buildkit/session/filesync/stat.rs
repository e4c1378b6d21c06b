//! What the daemon is sent about a file.
//!
//! Source: `fsutil/stat.go` and `stat_unix.go`.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsStr;
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd};
use std::path::Path;

use rustix::fs::{FileType, fstat, major, minor};
use rustix::io::Errno;

use crate::beneath::{FILE, open_entry};
use crate::buildkit::session::wire::Stat;
use crate::diag::visible_path;

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

/// Where an entry lies.
pub(super) struct Place<'a> {
    /// Its folder.
    pub(super) dir: BorrowedFd<'a>,
    /// Its name there.
    pub(super) name: &'a OsStr,
    /// Its whole path, for messages and for one look that cannot mislead, see [`xattrs_of_entry`].
    pub(super) full: &'a Path,
}

/// Device and inode of a file.
pub(super) fn id(found: &rustix::fs::Stat) -> (u64, u64) {
    (found.st_dev, found.st_ino)
}

/// Returns the stat of an entry under the name `path`, owned by root. `found` and `target` are what it was found to be
/// and where it leads if it is a link, see [`Folder::look_with_target`](super::folder::Folder::look_with_target).
///
/// # Errors
///
/// The error of listing attributes, with the path as Go prints it.
pub(super) fn of_entry(
    at: &Place<'_>,
    path: &[u8],
    (found, target): (rustix::fs::Stat, Vec<u8>),
    links: &mut HardLinks,
) -> Result<Stat, FileError> {
    let mut stat = base_stat(path, &found);
    let kind = FileType::from_raw_mode(found.st_mode);
    match kind {
        FileType::Directory => {}
        FileType::Symlink => stat.linkname = target,
        _ if found.st_nlink > 1 => {
            let first = links.0.entry(id(&found)).or_insert_with(|| path.to_vec());
            if first != path {
                stat.linkname.clone_from(first);
            }
        }
        _ => {}
    }
    stat.xattrs =
        xattrs_of_entry(at, kind).map_err(|e| FileError::new("failed to xattr", at.full, e.into()))?;
    Ok(stat)
}

/// Returns the stat of an open folder under the name `path`.
///
/// # Errors
///
/// The error of looking at it or listing its attributes.
pub(super) fn of_folder(folder: BorrowedFd<'_>, path: &[u8], full: &Path) -> Result<Stat, FileError> {
    let found = fstat(folder).map_err(|e| FileError::new("lstat", full, e.into()))?;
    let mut stat = base_stat(path, &found);
    stat.xattrs = xattrs_of_open(folder).map_err(|e| FileError::new("failed to xattr", full, e.into()))?;
    Ok(stat)
}

/// What mode, size, time and device say.
fn base_stat(path: &[u8], found: &rustix::fs::Stat) -> Stat {
    let mode = go_mode(found.st_mode);
    let nanoseconds = i64::try_from(found.st_mtime_nsec).unwrap_or_default();
    let mut stat = Stat {
        path: path.to_vec(),
        mode,
        mod_time: found.st_mtime.saturating_mul(1_000_000_000).saturating_add(nanoseconds),
        ..Stat::default()
    };
    if mode & mode::DIR == 0 {
        stat.size = found.st_size;
        if mode & mode::DEVICE != 0 {
            (stat.devmajor, stat.devminor) = (major(found.st_rdev).into(), minor(found.st_rdev).into());
        }
    }
    stat
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
        Self { operation, path: visible_path(path), source }
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

/// The attributes of an entry.
///
/// Attributes cannot be listed relative to a folder, and going through `/proc` takes longer than all the rest of
/// the walk. So the whole path only tells whether there are any, which few files have. What they are is asked
/// of the file itself: if the path should lead elsewhere by now, nothing from there is sent.
fn xattrs_of_entry(at: &Place<'_>, kind: FileType) -> rustix::io::Result<BTreeMap<String, Vec<u8>>> {
    match rustix::fs::llistxattr(at.full, &mut [0_u8; 256]) {
        Ok(0) | Err(Errno::NOTSUP) => return Ok(BTreeMap::new()),
        Ok(_) | Err(Errno::RANGE | Errno::NAMETOOLONG) => {}
        Err(error) => return Err(error),
    }
    let is_plain = matches!(kind, FileType::RegularFile | FileType::Directory);
    if is_plain && let Ok(opened) = open_entry(at.dir, at.name, FILE) {
        return xattrs_of_open(opened.as_fd());
    }
    // A link or a device, or a file that may not be opened.
    let through = Path::new("/proc/self/fd").join(at.dir.as_raw_fd().to_string()).join(at.name);
    xattrs(
        |buffer| rustix::fs::llistxattr(&through, buffer),
        |name, buffer| rustix::fs::lgetxattr(&through, name, buffer),
    )
}

fn xattrs_of_open(file: BorrowedFd<'_>) -> rustix::io::Result<BTreeMap<String, Vec<u8>>> {
    xattrs(
        |buffer| rustix::fs::flistxattr(file, buffer),
        |name, buffer| rustix::fs::fgetxattr(file, name, buffer),
    )
}

fn xattrs(
    list: impl Fn(&mut [u8]) -> rustix::io::Result<usize>,
    get: impl Fn(&str, &mut [u8]) -> rustix::io::Result<usize>,
) -> rustix::io::Result<BTreeMap<String, Vec<u8>>> {
    let mut out = BTreeMap::new();
    let names = match sized(list) {
        Ok(names) => names,
        Err(Errno::NOTSUP) => return Ok(out),
        Err(error) => return Err(error),
    };
    for name in names.split(|b| *b == 0).filter_map(|n| std::str::from_utf8(n).ok()) {
        if name.is_empty() || name.starts_with(APPLE) {
            continue;
        }
        // One that cannot be read is left out, as by the daemon's other clients.
        if let Ok(value) = sized(|buffer| get(name, buffer)) {
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
    use rustix::fs::{AtFlags, statat};

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

    fn look(dir: &Path, name: &str, links: &mut HardLinks) -> Stat {
        let folder = std::fs::File::open(dir).unwrap();
        let found = statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW).unwrap();
        let (name, full) = (OsStr::new(name), dir.join(name));
        let at = Place { dir: folder.as_fd(), name, full: &full };
        of_entry(&at, name.as_encoded_bytes(), (found, Vec::new()), links).unwrap()
    }

    #[test]
    fn a_socket_is_told_as_an_empty_regular_file() {
        let dir = tempfile::tempdir().unwrap();
        let _listener = std::os::unix::net::UnixListener::bind(dir.path().join("s")).unwrap();
        let stat = look(dir.path(), "s", &mut HardLinks::default());
        assert_eq!((stat.mode & mode::TYPE, stat.size), (0, 0));
    }

    #[test]
    fn a_hard_link_names_the_first_path_and_keeps_its_size() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("a"), "content").unwrap();
        std::fs::hard_link(dir.path().join("a"), dir.path().join("b")).unwrap();
        let mut links = HardLinks::default();
        let (first, second) = (look(dir.path(), "a", &mut links), look(dir.path(), "b", &mut links));
        assert_eq!((first.linkname.as_slice(), first.size), (b"".as_slice(), 7));
        assert_eq!((second.linkname.as_slice(), second.size), (b"a".as_slice(), 7));
    }

    /// A folder for files with attributes: beside the test program, since the filesystem of temporary files may keep
    /// none.
    fn folder_with_attributes() -> tempfile::TempDir {
        let program = std::env::current_exe().unwrap();
        tempfile::tempdir_in(program.parent().unwrap()).unwrap()
    }

    fn set_attribute(path: &Path, name: &str, value: &[u8]) -> rustix::io::Result<()> {
        rustix::fs::lsetxattr(path, name, value, rustix::fs::XattrFlags::empty())
    }

    /// Whether the kernel lets this process set `trusted.` attributes (xattr(7)): it is root of the whole machine, and
    /// not of a user namespace only.
    fn may_set_trusted_attributes() -> bool {
        const CAP_SYS_ADMIN: u32 = 21;
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:")).unwrap().trim();
        let has_capability = u64::from_str_radix(effective, 16).unwrap() & (1 << CAP_SYS_ADMIN) != 0;
        let users = std::fs::read_to_string("/proc/self/uid_map").unwrap();
        has_capability && users.split_whitespace().eq(["0", "0", "4294967295"])
    }

    #[test]
    fn attributes_are_read_whole_whatever_has_them() {
        let dir = folder_with_attributes();
        let at = |name: &str| dir.path().join(name);
        std::fs::write(at("file"), "").unwrap();
        std::fs::create_dir(at("folder")).unwrap();
        std::os::unix::fs::symlink("file", at("link")).unwrap();
        rustix::fs::mknodat(rustix::fs::CWD, at("pipe"), FileType::Fifo, 0o600.into(), 0).unwrap();
        let value = vec![b'v'; 1000];
        let is_read_whole = |name: &str, attribute: &str| {
            let stat = look(dir.path(), name, &mut HardLinks::default());
            assert_eq!(stat.xattrs.get(attribute), Some(&value), "{name}");
        };
        for name in ["file", "folder"] {
            set_attribute(&at(name), "user.long", &value).expect("the build folder keeps attributes");
            is_read_whole(name, "user.long");
        }
        // Links and pipes have no others than trusted ones.
        for name in ["link", "pipe"] {
            let set = set_attribute(&at(name), "trusted.long", &value);
            if may_set_trusted_attributes() {
                set.unwrap();
                is_read_whole(name, "trusted.long");
            } else {
                assert_eq!(set, Err(Errno::PERM), "{name}");
                eprintln!("nothing shown of a {name}: only root may set its attributes");
            }
        }
    }

    #[test]
    fn attributes_of_a_file_outside_are_not_told_where_its_path_leads_there() {
        let dir = folder_with_attributes();
        let (inside, outside) = (dir.path().join("in"), dir.path().join("out"));
        for folder in [&inside, &outside] {
            std::fs::create_dir(folder).unwrap();
            std::fs::write(folder.join("f"), "").unwrap();
        }
        set_attribute(&outside.join("f"), "user.secret", b"s").expect("the build folder keeps attributes");
        let folder = std::fs::File::open(&inside).unwrap();
        let found = statat(&folder, "f", AtFlags::SYMLINK_NOFOLLOW).unwrap();
        let full = outside.join("f");
        let at = Place { dir: folder.as_fd(), name: OsStr::new("f"), full: &full };
        assert_eq!(
            of_entry(&at, b"f", (found, Vec::new()), &mut HardLinks::default()).unwrap().xattrs,
            BTreeMap::new()
        );
    }

    #[test]
    fn errors_read_like_gos() {
        let error = FileError::new("open", Path::new("/x"), std::io::Error::from_raw_os_error(13));
        assert_eq!(error.to_string(), "open /x: permission denied");
    }
}
