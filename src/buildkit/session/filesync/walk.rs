//! The walk: depth first, siblings in the order of the bytes of their names, a folder's whole subtree
//! before its next sibling.
//!
//! Every entry is looked at through the descriptor of its folder, and every folder is opened through that of
//! its parent, never through a link: whatever changes meanwhile, the walk stays below the root.
//!
//! Source: `fsutil/fs.go` and the `Walk` of `filter.go`; the order is the one that its receiver checks.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use rustix::io::Errno;

use super::filter::FilterError;
use super::folder::{Entries, Entry, Folder, Withheld};
use super::stat::{self, FileError, HardLinks};
use crate::beneath::Root;
use crate::buildkit::session::wire::Stat;
use crate::converter::ignore::{DirState, Filter};

/// Folders that are kept open on the way to the current one. Those above them are opened again when the walk
/// comes back to them, so that a deep tree needs no more descriptors than a flat one.
const OPEN_FOLDERS: usize = 32;

/// Why a walk ends early.
#[derive(Debug, thiserror::Error)]
pub(super) enum WalkError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Filter(#[from] FilterError),
    /// A folder that is left out itself, but in which something is to be found.
    #[error(
        "{0}; something in it may be chosen: make it readable, or exclude it without an exception (!) inside"
    )]
    Closed(FileError),
    /// Whoever takes the entries wants no more.
    #[error("the transfer was ended")]
    Stopped,
}

/// A folder that is being walked.
struct Level {
    /// Path below the root, in bytes; empty for the root.
    path: Vec<u8>,
    /// `None` while it is closed to save descriptors.
    folder: Option<Folder>,
    /// Device and inode.
    id: (u64, u64),
    /// Entries still to come, last first.
    rest: Vec<Entry>,
    state: DirState,
    /// Whether the folder itself has been sent.
    sent: bool,
}

/// Sends the stat of everything below `root` that `filter` lets through to `emit`, in the order of the
/// protocol; `emit` returns whether it wants more. What is `withheld` is left out whatever the filter says.
///
/// # Errors
///
/// [`WalkError`]. Files that vanish meanwhile are left out, as are unreadable folders in which nothing is chosen.
pub(super) fn walk(
    root: &Root,
    filter: &Filter,
    withheld: &Withheld,
    emit: &mut dyn FnMut(Stat) -> bool,
) -> Result<(), WalkError> {
    let mut walk = Walk {
        root,
        filter,
        withheld,
        emit,
        links: HardLinks::default(),
        entries: Entries::default(),
        levels: Vec::new(),
    };
    let opened = Folder::open_below(root, Path::new(""))
        .and_then(|folder| walk.begin(Vec::new(), folder, DirState::default(), true));
    opened.map_err(|e| FileError::new("open", root.path(), e.into()))?;
    while let Some(level) = walk.levels.last_mut() {
        match level.rest.pop() {
            Some(entry) => walk.visit(&entry)?,
            None => drop(walk.levels.pop()),
        }
    }
    Ok(())
}

/// A walk under way.
struct Walk<'a> {
    root: &'a Root,
    filter: &'a Filter,
    withheld: &'a Withheld,
    emit: &'a mut dyn FnMut(Stat) -> bool,
    links: HardLinks,
    entries: Entries,
    levels: Vec<Level>,
}

impl Walk<'_> {
    /// Sends the next entry of the current folder if it is chosen, and enters it if something below it may be.
    fn visit(&mut self, entry: &Entry) -> Result<(), WalkError> {
        let Some(level) = self.levels.last() else { return Ok(()) };
        let path = join(&level.path, entry.name());
        let text = String::from_utf8_lossy(&path);
        let verdict = self.filter.check(&text, entry.is_dir(), &level.state).map_err(FilterError::from)?;
        if !verdict.selected && !verdict.descend {
            return Ok(());
        }
        let full = self.root.path().join(OsStr::from_bytes(&path));
        self.reopen_current()?;
        let Some(parent) = self.levels.last().and_then(|level| level.folder.as_ref()) else { return Ok(()) };
        if verdict.selected {
            let found = match parent.look_with_target(entry.name()) {
                Err(errno) if is_gone(errno) => return Ok(()),
                found => found.map_err(|e| FileError::new("lstat", &full, e.into()))?,
            };
            let is_withheld_file = self.withheld.holds_file(parent.id, entry.name());
            if is_withheld_file || self.withheld.holds(stat::id(&found.0)) {
                return Ok(());
            }
            let at = stat::Place { dir: parent.fd(), name: entry.name(), full: &full };
            let Some(stat) = gone_is_none(stat::of_entry(&at, &path, found, &mut self.links))? else {
                return Ok(());
            };
            let is_dir = stat.mode & stat::mode::DIR != 0;
            self.send_parents()?;
            self.send(stat)?;
            if !is_dir {
                return Ok(());
            }
        }
        if verdict.descend { self.enter(path, &full, verdict.state, verdict.selected) } else { Ok(()) }
    }

    /// Opens a folder and begins with its entries, unless it is withheld or became something else.
    fn enter(&mut self, path: Vec<u8>, full: &Path, state: DirState, sent: bool) -> Result<(), WalkError> {
        let Some(parent) = self.levels.last().and_then(|level| level.folder.as_ref()) else { return Ok(()) };
        let may_hold_more = |path: &[u8]| self.filter.may_select_below(&String::from_utf8_lossy(path));
        let begun = match parent.open(full.file_name().unwrap_or_default()) {
            Ok(folder) if self.withheld.holds(folder.id) => return Ok(()),
            Ok(folder) => self.begin(path, folder, state, sent),
            Err(Errno::ACCESS) if !sent && !may_hold_more(&path) => return Ok(()),
            Err(errno) => Err(errno),
        };
        let failure = |errno: Errno| FileError::new("open", full, errno.into());
        match begun {
            Err(Errno::ACCESS) if !sent => Err(WalkError::Closed(failure(Errno::ACCESS))),
            Err(errno) if errno != Errno::LOOP && !is_gone(errno) => Err(failure(errno).into()),
            _ => Ok(()),
        }
    }

    /// Begins with the entries of a folder. Of those on the way to it, only the last few stay open.
    fn begin(
        &mut self,
        path: Vec<u8>,
        folder: Folder,
        state: DirState,
        sent: bool,
    ) -> rustix::io::Result<()> {
        let rest = self.entries.read(&folder)?;
        self.levels.push(Level { path, id: folder.id, folder: Some(folder), rest, state, sent });
        if let Some(above) = self.levels.len().checked_sub(OPEN_FOLDERS + 1) {
            self.levels[above].folder = None;
        }
        Ok(())
    }

    /// Makes sure that the folder that is being walked is open. If it is not where it was, the rest of it is
    /// left out.
    fn reopen_current(&mut self) -> Result<(), WalkError> {
        if let Some(level) = self.levels.last_mut()
            && !reopen(self.root, level)?
        {
            level.rest.clear();
        }
        Ok(())
    }

    /// Sends the folders above a match that did not match themselves, just before the first match in them.
    fn send_parents(&mut self) -> Result<(), WalkError> {
        for index in 0..self.levels.len() {
            let level = &mut self.levels[index];
            if level.sent {
                continue;
            }
            let full = self.root.path().join(OsStr::from_bytes(&level.path));
            let was_closed = level.folder.is_none();
            reopen(self.root, level)?;
            let gone = || FileError::new("lstat", &full, Errno::NOENT.into());
            let stat = stat::of_folder(level.folder.as_ref().ok_or_else(gone)?.fd(), &level.path, &full)?;
            level.sent = true;
            if was_closed {
                level.folder = None;
            }
            self.send(stat)?;
        }
        Ok(())
    }

    fn send(&mut self, stat: Stat) -> Result<(), WalkError> {
        if (self.emit)(stat) { Ok(()) } else { Err(WalkError::Stopped) }
    }
}

/// Makes sure that the folder of `level` is open; returns whether it still is where it was.
fn reopen(root: &Root, level: &mut Level) -> Result<bool, FileError> {
    if level.folder.is_none() {
        let path = Path::new(OsStr::from_bytes(&level.path));
        match Folder::open_below(root, path) {
            Ok(folder) if folder.id == level.id => level.folder = Some(folder),
            Ok(_) | Err(Errno::LOOP) => {}
            Err(errno) if is_gone(errno) => {}
            Err(errno) => return Err(FileError::new("open", &root.path().join(path), errno.into())),
        }
    }
    Ok(level.folder.is_some())
}

fn is_gone(errno: Errno) -> bool {
    matches!(errno, Errno::NOENT | Errno::NOTDIR)
}

fn gone_is_none<T>(result: Result<T, FileError>) -> Result<Option<T>, FileError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.is_gone() => Ok(None),
        Err(error) => Err(error),
    }
}

fn join(parent: &[u8], name: &OsStr) -> Vec<u8> {
    let mut path = Vec::with_capacity(parent.len() + 1 + name.len());
    path.extend_from_slice(parent);
    if !path.is_empty() {
        path.push(b'/');
    }
    path.extend_from_slice(name.as_bytes());
    path
}

#[cfg(test)]
mod tests;
