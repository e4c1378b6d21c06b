//! Files that appear whole or not at all.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use tempfile::{NamedTempFile, TempDir};
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

/// A file that is written again and again, each time whole. Dropping this leaves what was written last.
#[derive(Debug)]
pub(crate) struct RewrittenFile {
    path: PathBuf,
    /// Where it is written before it gets into its place: one folder that only this user may change, and that a context in
    /// which it lies can leave out.
    folder: TempDir,
}

impl RewrittenFile {
    /// Returns the file at `path`, which is not there yet, or is a regular file or a link to one.
    ///
    /// # Errors
    /// [`WriteError`] where it cannot be made, or is something else: what is written twice is no stream for a pipe, and one
    /// that nobody reads would hold up the build.
    pub(crate) fn new(path: &Path) -> Result<Self, WriteError> {
        let failed = |source| WriteError::new(path, source);
        if fs::metadata(path).is_ok_and(|found| !found.is_file()) {
            return Err(failed(io::Error::other("what is there is no regular file; name another file")));
        }
        let place = folder_of(path);
        let folder = tempfile::Builder::new()
            .prefix(".bob-")
            .permissions(fs::Permissions::from_mode(0o700))
            .tempdir_in(place)
            .map_err(|error| failed(without_temporary_name(place, &error)))?;
        Ok(Self { path: path.to_owned(), folder })
    }

    /// Writes all of it. What is in its place is replaced, whatever it is by now: a link itself, not what it leads to.
    ///
    /// # Errors
    /// [`WriteError`]; what was there is then still there.
    pub(crate) fn write(&self, bytes: &[u8]) -> Result<(), WriteError> {
        let failed = |source| WriteError::new(&self.path, source);
        let mut file = new_file_in(self.folder.path()).map_err(failed)?;
        file.write_all(bytes).map_err(failed)?;
        file.persist(&self.path).map(drop).map_err(|error| failed(error.error))
    }

    /// Its place.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The folder in which it is being written.
    pub(crate) fn temporary_folder(&self) -> &Path {
        self.folder.path()
    }
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn new_file_in(folder: &Path) -> io::Result<NamedTempFile> {
    let permissions = fs::Permissions::from_mode(0o666);
    tempfile::Builder::new().prefix(".bob-").permissions(permissions).tempfile_in(folder)
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
pub(super) struct MadeFolders(Vec<PathBuf>);

impl MadeFolders {
    /// Makes `folder` and those above it where they are missing.
    pub(super) fn new(folder: Option<&Path>) -> io::Result<Self> {
        let above = folder.into_iter().flat_map(Path::ancestors);
        let missing = above.take_while(|path| !path.as_os_str().is_empty() && !path.exists());
        let made = Self(missing.map(Path::to_owned).collect());
        folder.map_or(Ok(()), fs::create_dir_all)?;
        Ok(made)
    }
}

impl MadeFolders {
    /// Whether there are none.
    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Has all of them stay.
    pub(super) fn keep(&mut self) {
        self.0.clear();
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
            let failed = |source| WriteError { path: path.to_owned(), source };
            if path.is_dir() {
                return Err(failed(io::ErrorKind::IsADirectory.into()));
            }
            let folder = folder_of(path);
            Some(new_file_in(folder).map_err(|error| failed(without_temporary_name(folder, &error)))?)
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
        self.made.keep();
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
    fn a_rewritten_file_replaces_a_link_and_never_opens_what_it_leads_to() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("other"), "other").unwrap();
        std::os::unix::fs::symlink("other", at("link")).unwrap();
        let file = RewrittenFile::new(&at("link")).unwrap();
        for text in ["one", "two"] {
            file.write(text.as_bytes()).unwrap();
            assert!(fs::symlink_metadata(at("link")).unwrap().is_file());
            assert_eq!(fs::read_to_string(at("link")).unwrap(), text);
        }
        // What somebody puts into its place meanwhile.
        fs::remove_file(at("link")).unwrap();
        make_pipe(&at("link"));
        file.write(b"three").unwrap();
        assert_eq!(fs::read(at("link")).unwrap(), b"three");
        fs::remove_file(at("link")).unwrap();
        fs::create_dir(at("link")).unwrap();
        assert!(file.write(b"four").unwrap_err().to_string().starts_with("cannot write "));
        assert_eq!(fs::read_dir(file.temporary_folder()).unwrap().count(), 0);
        drop(file);
        assert_eq!(fs::read(at("other")).unwrap(), b"other");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
    }

    #[test]
    fn a_rewritten_file_is_no_pipe_device_or_folder() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        make_pipe(&at("pipe"));
        std::os::unix::fs::symlink("pipe", at("link")).unwrap();
        std::os::unix::fs::symlink("/dev/null", at("device")).unwrap();
        for path in [at("pipe"), at("link"), at("device"), dir.path().to_owned()] {
            let error = RewrittenFile::new(&path).unwrap_err();
            assert_eq!(error.to_string(), format!("cannot write {}", path.display()));
        }
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 3);
    }

    fn make_pipe(path: &Path) {
        use rustix::fs::{CWD, FileType, Mode, mknodat};
        mknodat(CWD, path, FileType::Fifo, Mode::from(0o600), 0).unwrap();
    }

    #[test]
    fn a_device_is_written_to_and_stays() {
        write(Path::new("/dev/null"), b"x").unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
    }
}
