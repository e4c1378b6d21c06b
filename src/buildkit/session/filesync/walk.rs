//! The walk: depth first, siblings in the order of the bytes of their names, a folder's whole subtree
//! before its next sibling.
//!
//! Source: `fsutil/fs.go` and the `Walk` of `filter.go`; the order is the one that its receiver checks.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use super::filter::FilterError;
use super::stat::{self, FileError, HardLinks};
use crate::buildkit::session::wire::Stat;
use crate::ignore::{DirState, Filter};

/// Why a walk ends early.
#[derive(Debug, thiserror::Error)]
pub(super) enum WalkError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Filter(#[from] FilterError),
    /// Whoever takes the entries wants no more.
    #[error("the transfer was ended")]
    Stopped,
}

/// What one found entry is.
struct Entry {
    name: OsString,
    is_dir: bool,
}

/// A folder that is being walked.
struct Level {
    /// Path below the root, in bytes; empty for the root.
    path: Vec<u8>,
    /// Entries still to come, last first.
    rest: Vec<Entry>,
    state: DirState,
    /// Whether the folder itself has been sent.
    sent: bool,
}

/// Sends the stat of everything below `root` that `filter` lets through to `emit`, in the order of the
/// protocol; `emit` returns whether it wants more.
///
/// # Errors
///
/// [`WalkError`]. Files that vanish meanwhile are left out, as are unreadable folders that are filtered out.
pub(super) fn walk(
    root: &Path,
    filter: &Filter,
    emit: &mut dyn FnMut(Stat) -> bool,
) -> Result<(), WalkError> {
    let mut links = HardLinks::default();
    let rest = read_dir(root).map_err(|e| FileError::new("open", root, e))?;
    let mut levels = vec![Level { path: Vec::new(), rest, state: DirState::default(), sent: true }];
    while let Some(level) = levels.last_mut() {
        let Some(entry) = level.rest.pop() else {
            levels.pop();
            continue;
        };
        let path = join(&level.path, &entry.name);
        let verdict = filter
            .check(&String::from_utf8_lossy(&path), entry.is_dir, &level.state)
            .map_err(FilterError::from)?;
        let full = full_path(root, &path);
        let wanted = verdict.selected;
        if wanted {
            let Some(stat) = gone_is_none(look(&full, &path, &mut links))? else {
                continue;
            };
            send_parents(root, &mut levels, &mut links, emit)?;
            if !emit(stat) {
                return Err(WalkError::Stopped);
            }
        }
        if verdict.descend {
            let rest = match read_dir(&full) {
                Ok(rest) => rest,
                Err(e) if !wanted && e.kind() == std::io::ErrorKind::PermissionDenied => continue,
                Err(e) => match gone_is_none(Err(FileError::new("open", &full, e)))? {
                    Some(rest) => rest,
                    None => continue,
                },
            };
            levels.push(Level { path, rest, state: verdict.state, sent: wanted });
        }
    }
    Ok(())
}

/// Sends the folders above a match that did not match themselves, just before the first match in them.
fn send_parents(
    root: &Path,
    levels: &mut [Level],
    links: &mut HardLinks,
    emit: &mut dyn FnMut(Stat) -> bool,
) -> Result<(), WalkError> {
    for level in levels.iter_mut().filter(|l| !l.sent) {
        let full = full_path(root, &level.path);
        let stat = look(&full, &level.path, links)?;
        if !emit(stat) {
            return Err(WalkError::Stopped);
        }
        level.sent = true;
    }
    Ok(())
}

fn look(full: &Path, path: &[u8], links: &mut HardLinks) -> Result<Stat, FileError> {
    let meta = full.symlink_metadata().map_err(|e| FileError::new("lstat", full, e))?;
    stat::of_file(full, path, &meta, links)
}

fn gone_is_none<T>(result: Result<T, FileError>) -> Result<Option<T>, FileError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.is_gone() => Ok(None),
        Err(error) => Err(error),
    }
}

/// The entries of a folder, the first one last.
fn read_dir(path: &Path) -> std::io::Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(path)? {
        let entry = entry?;
        let is_dir = entry.file_type().is_ok_and(|t| t.is_dir());
        entries.push(Entry { name: entry.file_name(), is_dir });
    }
    entries.sort_unstable_by(|a, b| b.name.as_bytes().cmp(a.name.as_bytes()));
    Ok(entries)
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

/// The path of an entry below the root, as the operating system takes it.
pub(super) fn full_path(root: &Path, path: &[u8]) -> PathBuf {
    root.join(OsString::from_vec(path.to_vec()))
}

#[cfg(test)]
mod tests;
