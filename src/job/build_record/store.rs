//! The files that records are kept in: read as anybody's, written whole or not at all.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, fstat, openat, renameat, unlinkat};
use rustix::io::Errno;

use crate::beneath::{FILE, FOLDER, open_entry};
use crate::explain::{MAX_RECORD_BYTES, Record, RecordError};
use crate::job::StateError;
use crate::job::daemon::state::make_own_folder;

/// Records in one folder, at most: older ones go first.
const MAX_RECORDS: usize = 40;
/// How long a record is kept.
const MAX_AGE: Duration = Duration::from_hours(24 * 60);
/// What names of records end with.
const ENDING: &str = ".json";

/// Why a record cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The folder is not the user's own, or cannot be made.
    #[error("records of builds need a folder of this user's own")]
    Folder(#[from] StateError),
    /// A file cannot be read or written.
    #[error("a record of a build cannot be read or written")]
    Io(#[from] io::Error),
    /// Somebody else put the file there, or it is none.
    #[error("what lies in the place of the record is no file of this user's own")]
    Foreign,
    /// It is no record.
    #[error(transparent)]
    Record(#[from] RecordError),
}

impl From<Errno> for StoreError {
    fn from(errno: Errno) -> Self {
        Self::Io(errno.into())
    }
}

/// The place of one record.
#[derive(Debug, Clone)]
pub(super) struct Store {
    folder: PathBuf,
    /// What the names of all records of one context begin with.
    prefix: String,
    name: String,
}

impl Store {
    /// Returns the place in `folder` of the record of a build of the context `context`.
    pub(super) fn new(folder: &Path, context: &str, build: &str) -> Self {
        let (prefix, name) = (format!("{context}-"), format!("{context}-{build}{ENDING}"));
        Self { folder: folder.to_owned(), prefix, name }
    }

    /// Returns the folder and its real path.
    fn open_folder(&self, is_made: bool) -> Result<(OwnedFd, PathBuf), StoreError> {
        if !is_made && !self.folder.exists() {
            return Err(Errno::NOENT.into());
        }
        let path = make_own_folder(&self.folder)?;
        Ok((open_entry(CWD, path.as_os_str(), FOLDER)?, path))
    }

    /// Returns the record; `None` where there is none.
    pub(super) fn read(&self) -> Result<Option<Record>, StoreError> {
        absent_is_none(self.open_folder(false).and_then(|(folder, _)| read_file(&folder, &self.name)))
    }

    /// Returns the record of this context that was written last.
    pub(super) fn read_last(&self) -> Result<Option<Record>, StoreError> {
        let find = || {
            let (folder, path) = self.open_folder(false)?;
            let mut names = records(&path)?.into_iter().map(|(_, name)| name);
            let name = names.rfind(|name| name.starts_with(&self.prefix)).ok_or(Errno::NOENT)?;
            read_file(&folder, &name)
        };
        absent_is_none(find())
    }

    /// Puts a record in its place, and removes those that are too old or too many.
    pub(super) fn write(&self, record: &Record) -> Result<(), StoreError> {
        let bytes = record.to_bytes()?;
        let (folder, path) = self.open_folder(true)?;
        let temporary = format!(".bob-build-{:016x}", rand::random::<u64>());
        let written = write_file(&folder, &temporary, &bytes)
            .and_then(|()| Ok(renameat(&folder, &temporary, &folder, &self.name)?));
        if written.is_err() {
            let _ = unlinkat(&folder, &temporary, AtFlags::empty());
        }
        written?;
        remove_old(&path)?;
        Ok(())
    }
}

fn absent_is_none(outcome: Result<Record, StoreError>) -> Result<Option<Record>, StoreError> {
    match outcome {
        Ok(record) => Ok(Some(record)),
        Err(StoreError::Io(error)) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Reads a record that is this user's own.
fn read_file(folder: &impl AsFd, name: &str) -> Result<Record, StoreError> {
    let opened = match open_entry(folder, name.as_ref(), FILE) {
        Err(Errno::LOOP | Errno::NXIO) => return Err(StoreError::Foreign),
        opened => opened?,
    };
    let found = fstat(&opened)?;
    let is_file = FileType::from_raw_mode(found.st_mode) == FileType::RegularFile;
    if !is_file || found.st_uid != rustix::process::geteuid().as_raw() {
        return Err(StoreError::Foreign);
    }
    // One byte too many is enough to know that it is too large.
    let limit = u64::try_from(MAX_RECORD_BYTES + 1).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    File::from(opened).take(limit).read_to_end(&mut bytes)?;
    Ok(Record::from_bytes(&bytes)?)
}

/// Makes a file that was not there before, for this user alone.
fn write_file(folder: &OwnedFd, name: &str, bytes: &[u8]) -> io::Result<()> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut file = File::from(openat(folder, name, flags, Mode::from(0o600))?);
    file.write_all(bytes)
}

/// Returns the records in a folder with the times at which they were written, the last one last.
fn records(folder: &Path) -> io::Result<Vec<(SystemTime, String)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if let Ok(name) = entry.file_name().into_string()
            && name.ends_with(ENDING)
            && let Ok(metadata) = entry.metadata()
        {
            found.push((metadata.modified()?, name));
        }
    }
    found.sort();
    Ok(found)
}

fn remove_old(folder: &Path) -> io::Result<()> {
    let found = records(folder)?;
    let too_many = found.len().saturating_sub(MAX_RECORDS);
    for (index, (written, name)) in found.iter().enumerate() {
        if index < too_many || written.elapsed().is_ok_and(|age| age > MAX_AGE) {
            fs::remove_file(folder.join(name))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
