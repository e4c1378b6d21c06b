//! Files that appear whole or not at all.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;
use tokio::io::AsyncWrite;

use crate::diag::visible_path;

/// A file could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {path}", path = path.display())]
pub struct WriteError {
    path: PathBuf,
    source: io::Error,
}

impl WriteError {
    pub(super) fn new(path: &Path, source: io::Error) -> Self {
        Self { path: path.to_owned(), source }
    }
}

/// What to say of a file or folder that could not be made in `folder`: the crate names the one that it tried, which the
/// user has not heard of.
pub(super) fn without_temporary_name(folder: &Path, error: &io::Error) -> io::Error {
    let kind = error.kind();
    if kind == io::ErrorKind::NotFound {
        return io::Error::new(kind, format!("there is no folder {}; make it first", visible_path(folder)));
    }
    let text = error.to_string();
    io::Error::new(kind, text.split(" at path ").next().unwrap_or_default())
}

/// Writes `bytes` to `path`, replacing what is there.
///
/// # Errors
/// [`WriteError`]; what was there is then still there.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), WriteError> {
    let mut unfinished = UnfinishedFile::new(path)?;
    let written = unfinished.file().and_then(|mut file| file.write_all(bytes));
    written.map_err(|source| WriteError { path: path.to_owned(), source })?;
    unfinished.keep()
}

/// Makes sure that a file could be written to `path`, so that a build need not fail at its end.
///
/// # Errors
/// [`WriteError`].
pub fn check_writable(path: &Path) -> Result<(), WriteError> {
    UnfinishedFile::new(path).map(drop)
}

/// A file that is being written beside its final place. Dropping it removes it.
#[derive(Debug)]
pub(crate) struct UnfinishedFile {
    path: PathBuf,
    /// `None` where the place is a device or a pipe, which is written to directly.
    temporary: Option<NamedTempFile>,
    /// The folders that were made for it.
    made: MadeFolders,
}

/// Folders that were made. Dropping them removes those that are empty.
#[derive(Debug, Default)]
struct MadeFolders(Vec<PathBuf>);

impl MadeFolders {
    /// Makes `folder` and those above it where they are missing.
    fn new(folder: Option<&Path>) -> io::Result<Self> {
        let above = folder.into_iter().flat_map(Path::ancestors);
        let missing = above.take_while(|path| !path.as_os_str().is_empty() && !path.exists());
        let made = Self(missing.map(Path::to_owned).collect());
        folder.map_or(Ok(()), fs::create_dir_all)?;
        Ok(made)
    }
}

impl Drop for MadeFolders {
    fn drop(&mut self) {
        for folder in &self.0 {
            // One that has something in it stays.
            let _ = fs::remove_dir(folder);
        }
    }
}

impl UnfinishedFile {
    /// Begins a file at `path`, in folders that are made where they are missing.
    pub(super) fn with_folders(path: &Path) -> Result<Self, WriteError> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let made = MadeFolders::new(folder).map_err(|source| WriteError::new(path, source))?;
        Ok(Self { made, ..Self::new(path)? })
    }

    /// Begins a file at `path`.
    pub(crate) fn new(path: &Path) -> Result<Self, WriteError> {
        let is_special = fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir());
        let temporary = if is_special {
            None
        } else {
            let folder = match path.parent() {
                Some(folder) if !folder.as_os_str().is_empty() => folder,
                _ => Path::new("."),
            };
            let failed = |source| WriteError { path: path.to_owned(), source };
            if path.is_dir() {
                return Err(failed(io::ErrorKind::IsADirectory.into()));
            }
            let made = tempfile::Builder::new()
                .prefix(".bob-")
                .permissions(fs::Permissions::from_mode(0o666))
                .tempfile_in(folder);
            Some(made.map_err(|error| failed(without_temporary_name(folder, &error)))?)
        };
        Ok(Self { path: path.to_owned(), temporary, made: MadeFolders::default() })
    }

    /// Where it is being written, if that is a file of its own.
    pub(crate) fn temporary_path(&self) -> Option<&Path> {
        self.temporary.as_ref().map(NamedTempFile::path)
    }

    fn file(&mut self) -> io::Result<File> {
        match &self.temporary {
            Some(temporary) => temporary.reopen(),
            None => File::options().write(true).open(&self.path),
        }
    }

    /// Where its bytes go.
    pub(crate) fn writer(&mut self) -> Result<Box<dyn AsyncWrite + Send + Unpin>, WriteError> {
        let file = self.file().map_err(|source| WriteError { path: self.path.clone(), source })?;
        Ok(Box::new(tokio::fs::File::from_std(file)))
    }

    /// Puts the file into its place.
    pub(crate) fn keep(mut self) -> Result<(), WriteError> {
        self.made.0.clear();
        match self.temporary {
            None => Ok(()),
            Some(temporary) => match temporary.persist(&self.path) {
                Ok(_) => Ok(()),
                Err(failed) => Err(WriteError { path: self.path, source: failed.error }),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_nothing_else_is_left() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("meta.json");
        write(&path, b"one").unwrap();
        let unfinished = UnfinishedFile::new(&path).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"one");
        drop(unfinished);
        write(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_folder_or_a_missing_parent_is_named() {
        let dir = tempfile::tempdir().unwrap();
        for path in [dir.path().to_owned(), dir.path().join("no/such/file")] {
            let error = write(&path, b"").unwrap_err();
            assert_eq!(error.to_string(), format!("cannot write {}", path.display()));
        }
        let folder = dir.path().join("no");
        let error = write(&folder.join("file"), b"").unwrap_err();
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert_eq!(cause, format!("there is no folder {}; make it first", folder.display()));
    }

    #[test]
    fn the_name_of_the_unfinished_file_is_in_no_error() {
        let made = tempfile::Builder::new().prefix(".bob-").tempfile_in("/proc/self");
        let error = without_temporary_name(Path::new("/proc/self"), &made.unwrap_err());
        assert!(!error.to_string().contains(".bob-"), "{error}");
        let refused = io::Error::new(io::ErrorKind::PermissionDenied, "no at path \"/x/.bob-1\"");
        assert_eq!(without_temporary_name(Path::new("/x"), &refused).to_string(), "no");
    }

    #[test]
    fn missing_folders_are_made_and_go_again_with_a_file_that_is_not_kept() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b/c.tar");
        let unfinished = UnfinishedFile::with_folders(&path).unwrap();
        assert!(dir.path().join("a/b").is_dir());
        drop(unfinished);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
        UnfinishedFile::with_folders(&path).unwrap().keep().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"");
        drop(UnfinishedFile::with_folders(&dir.path().join("a/d")).unwrap());
        assert!(path.exists());
    }

    #[test]
    fn a_device_is_written_to_and_stays() {
        write(Path::new("/dev/null"), b"x").unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
    }
}
