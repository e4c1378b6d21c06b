//! What an entry is, and its mode, times and attributes as the kernel takes them.

use std::os::fd::BorrowedFd;

use rustix::fs::{AtFlags, FileType, Mode, RawMode, Timespec, Timestamps, XattrFlags, makedev};
use rustix::io::Errno;

use super::{DiskError, shown};
use crate::buildkit::session::filesync::mode;
use crate::buildkit::session::wire::Stat;

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    HardLink,
    Folder,
    Symlink,
    /// A device or a named pipe.
    Special(FileType),
}

impl Kind {
    pub(super) fn of(stat: &Stat) -> Result<Self, DiskError> {
        const CHARACTER_DEVICE: u32 = mode::DEVICE | mode::CHAR_DEVICE;
        match stat.mode & mode::TYPE {
            0 if stat.linkname.is_empty() => Ok(Self::File),
            0 => Ok(Self::HardLink),
            mode::DIR => Ok(Self::Folder),
            mode::SYMLINK => Ok(Self::Symlink),
            mode::NAMED_PIPE => Ok(Self::Special(FileType::Fifo)),
            mode::DEVICE => Ok(Self::Special(FileType::BlockDevice)),
            CHARACTER_DEVICE => Ok(Self::Special(FileType::CharacterDevice)),
            _ => Err(DiskError::Kind { path: shown(&stat.path), mode: stat.mode }),
        }
    }

    pub(super) fn is_special(self) -> bool {
        matches!(self, Self::Special(_))
    }
}

/// What is set once the content is there.
#[derive(Debug)]
pub(super) struct Attributes {
    pub(super) mode: Mode,
    pub(super) times: Timestamps,
    pub(super) xattrs: Vec<(String, Vec<u8>)>,
}

impl Attributes {
    pub(super) fn set(&self, fd: BorrowedFd<'_>) -> rustix::io::Result<()> {
        for (name, value) in &self.xattrs {
            // Many attributes are the superuser's: as by BuildKit's client, one that cannot be set is left out.
            let _ = rustix::fs::fsetxattr(fd, name.as_str(), value, XattrFlags::empty());
        }
        rustix::fs::fchmod(fd, self.mode)?;
        rustix::fs::futimens(fd, &self.times)
    }
}

pub(super) fn set_times(parent: BorrowedFd<'_>, name: &[u8], stat: &Stat) -> rustix::io::Result<()> {
    rustix::fs::utimensat(parent, name, &times(stat), AtFlags::SYMLINK_NOFOLLOW)
}

pub(super) fn times(stat: &Stat) -> Timestamps {
    let time = Timespec {
        tv_sec: stat.mod_time.div_euclid(1_000_000_000),
        tv_nsec: stat.mod_time.rem_euclid(1_000_000_000),
    };
    Timestamps { last_access: time, last_modification: time }
}

pub(super) fn make_device(
    parent: BorrowedFd<'_>,
    name: &[u8],
    kind: FileType,
    stat: &Stat,
) -> rustix::io::Result<()> {
    let number = |n: i64| u32::try_from(n).map_err(|_| Errno::INVAL);
    let device = makedev(number(stat.devmajor)?, number(stat.devminor)?);
    let mode = unix_mode(stat.mode);
    rustix::fs::mknodat(parent, name, kind, mode, device)?;
    // Again, since the process's umask took bits away.
    rustix::fs::chmodat(parent, name, mode, AtFlags::empty())
}

/// The permission bits as the kernel has them.
pub(super) fn unix_mode(go: u32) -> Mode {
    let mut raw: RawMode = go & 0o777;
    for (go_bit, bit) in [(mode::SETUID, 0o4000), (mode::SETGID, 0o2000), (mode::STICKY, 0o1000)] {
        if go & go_bit != 0 {
            raw |= bit;
        }
    }
    Mode::from_raw_mode(raw)
}
