//! A folder of files that is received to the side, and put into its place when the build has succeeded.
//!
//! A build that fails, or an export that breaks off, leaves the folder as it was. What is put into place replaces what
//! has its name; read-only files and folders of an earlier export are no obstacle.

mod merge;
mod tree;

use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use self::tree::Tree;
use super::output::{OldFiles, OutputFolder};
use super::whole_files::{WriteError, without_temporary_name};
use crate::buildkit::ExportFolder;

/// A folder that is being received. Dropping it removes what came.
#[derive(Debug)]
pub(crate) struct UnfinishedFolder {
    path: PathBuf,
    old_files: OldFiles,
    /// What came so far: a folder of its own on the same file system.
    received: Received,
    /// What the session is told.
    export: ExportFolder,
}

/// A folder that is removed when it is dropped, with everything in it, whatever the modes of that are.
#[derive(Debug)]
struct Received(PathBuf);

impl Drop for Received {
    fn drop(&mut self) {
        let removed = Tree::open(self.0.parent().unwrap_or(Path::new(".")));
        let name = self.0.file_name().map(OsStrExt::as_bytes).unwrap_or_default();
        match removed.and_then(|tree| tree.remove(name)) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => tracing::warn!(%error, "cannot remove {}", self.0.display()),
        }
    }
}

impl UnfinishedFolder {
    /// Begins to receive `folder`.
    ///
    /// # Errors
    /// [`WriteError`] where nothing can be written there.
    pub(crate) fn new(folder: &OutputFolder) -> Result<Self, WriteError> {
        let path = folder.path.clone();
        let failed = |source| WriteError::new(&path, source);
        let place = place_beside(&path).map_err(failed)?;
        let made = tempfile::Builder::new()
            .prefix(".bob-")
            .permissions(fs::Permissions::from_mode(0o777))
            .tempdir_in(&place)
            .map_err(|error| failed(without_temporary_name(&place, &error)))?;
        let received = Received(made.keep());
        let export = received.0.clone().into();
        let export = ExportFolder { special_files: folder.special_files, ..export };
        Ok(Self { path, old_files: folder.old_files, received, export })
    }

    /// The folder as the session receives into it.
    pub(crate) fn export(&self) -> ExportFolder {
        self.export.clone()
    }

    /// The place of what came so far.
    pub(crate) fn temporary_path(&self) -> &Path {
        &self.received.0
    }

    /// Says what was left out.
    pub(crate) fn warn_of_left_out(&self) {
        if !self.export.left_out.is_empty() {
            tracing::warn!(
                folder = %self.path.display(),
                "left out of the export: {}; -o type=local,allow-special=true,dest=… writes them",
                self.export.left_out
            );
        }
    }

    /// Puts everything into its place.
    ///
    /// # Errors
    /// [`WriteError`].
    pub(crate) fn keep(self) -> Result<(), WriteError> {
        let failed = |source| WriteError::new(&self.path, source);
        let received = &self.received.0;
        // An export that never came must not empty the folder.
        if self.old_files == OldFiles::Delete && self.export.transfers.load(Ordering::Acquire) == 0 {
            return Err(failed(io::Error::other("buildkitd sent no files")));
        }
        if self.path.is_dir() {
            return merge::merge(received, &self.path, self.old_files).map_err(failed);
        }
        if let Some(parent) = self.path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            fs::create_dir_all(parent).map_err(failed)?;
        }
        // A link to nowhere is replaced as well: it cannot be written through.
        match fs::symlink_metadata(&self.path) {
            Ok(found) if found.is_symlink() => fs::remove_file(&self.path).map_err(failed)?,
            _ => {}
        }
        fs::rename(received, &self.path).map_err(failed)
    }
}

/// The folder in which files can be made that are to become `path`: itself where it exists, since it may be a mount of
/// its own, else the nearest one above it.
fn place_beside(path: &Path) -> io::Result<PathBuf> {
    let mut place = path;
    loop {
        let place_or_here = if place.as_os_str().is_empty() { Path::new(".") } else { place };
        match fs::metadata(place_or_here) {
            Ok(found) if found.is_dir() => return Ok(place_or_here.to_owned()),
            Ok(_) => return Err(io::ErrorKind::NotADirectory.into()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        place = place.parent().ok_or(io::ErrorKind::NotFound)?;
    }
}

#[cfg(test)]
mod tests;
