//! `bob.log`: why the build failed, for the control plane.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt as _;

use rustix::fs::{AtFlags, Mode, OFlags, mkdirat, openat, renameat, unlinkat};
use rustix::io::Errno;

use super::paths::CONTROL_FOLDER;
use super::{Error, Workspace};
use crate::beneath::{self, Root};

/// What the reader of `bob.log` takes of it, in bytes.
pub const MAX_LOG_BYTES: usize = 4096;

/// Writes `text` to the workspace's `bob.log`, whole or not at all, cut to [`MAX_LOG_BYTES`] bytes. Where `.gitpod`
/// is a link, nothing is written: it would be written wherever a repository wants it.
///
/// # Errors
/// [`Error::Log`] where the file cannot be written.
pub fn write_failure(workspace: &Workspace, text: &str) -> Result<(), Error> {
    let write = || -> Result<(), beneath::Error> {
        fs::create_dir_all(workspace.root())?;
        match mkdirat(Root::open(workspace.root())?, CONTROL_FOLDER, Mode::from(0o755)) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(errno) => return Err(errno.into()),
        }
        let folder = workspace.control_folder()?;
        let temporary = format!(".bob.log-{:016x}", rand::random::<u64>());
        let written = write_file(&folder, &temporary, cut_to_limit(text.trim_end()).as_bytes())
            .and_then(|()| Ok(renameat(&folder, &temporary, &folder, LOG)?));
        if written.is_err() {
            let _ = unlinkat(&folder, &temporary, AtFlags::empty());
        }
        Ok(written?)
    };
    write().map_err(|source| Error::Log { path: workspace.log_file(), source: source.into() })
}

/// The name of the log in the control folder.
const LOG: &str = "bob.log";

/// Makes a file that was not there before, which everybody may read.
fn write_file(folder: &OwnedFd, name: &str, bytes: &[u8]) -> io::Result<()> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut file = File::from(openat(folder, name, flags, Mode::from(0o600))?);
    file.write_all(bytes)?;
    file.set_permissions(fs::Permissions::from_mode(0o644))
}

/// Removes the `bob.log` of an earlier build, if there is one.
pub fn forget_failure(workspace: &Workspace) {
    let removed = workspace
        .control_folder()
        .and_then(|folder| unlinkat(&folder, LOG, AtFlags::empty()).map_err(beneath::Error::from));
    if let Err(error) = removed
        && !error.is_absent()
    {
        tracing::debug!(%error, "the earlier bob.log stays");
    }
}

/// The longest beginning of `text` that has at most [`MAX_LOG_BYTES`] bytes and cuts no character.
pub fn cut_to_limit(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_LOG_BYTES)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_between_characters() {
        let text = format!("{}é tail", "x".repeat(MAX_LOG_BYTES - 1));
        assert_eq!(cut_to_limit(&text), "x".repeat(MAX_LOG_BYTES - 1));
        assert_eq!(cut_to_limit("short"), "short");
    }

    #[test]
    fn the_log_is_replaced_whole_and_nothing_else_is_left() {
        let dir = tempfile::tempdir().unwrap();
        let workspace = Workspace::at(dir.path());
        write_failure(&workspace, "first").unwrap();
        write_failure(&workspace, "second\n").unwrap();
        assert_eq!(fs::read_to_string(workspace.log_file()).unwrap(), "second");
        assert_eq!(fs::read_dir(dir.path().join(".gitpod")).unwrap().count(), 1);
        assert_eq!(fs::metadata(workspace.log_file()).unwrap().permissions().mode() & 0o777, 0o644);
        forget_failure(&workspace);
        assert!(!workspace.log_file().exists());
    }

    #[test]
    fn a_link_in_place_of_the_folder_or_of_the_log_writes_nothing_elsewhere() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        for folder in ["root", "outside", "second/.gitpod"] {
            fs::create_dir_all(at(folder)).unwrap();
        }
        fs::write(at("outside/bob.log"), "kept").unwrap();
        std::os::unix::fs::symlink("../outside", at("root/.gitpod")).unwrap();
        let workspace = Workspace::at(at("root"));
        let error = write_failure(&workspace, "text").unwrap_err();
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert!(cause.ends_with(".gitpod\" is a link, which is not followed"), "{cause}");
        forget_failure(&workspace);
        assert_eq!(fs::read_to_string(at("outside/bob.log")).unwrap(), "kept");
        assert_eq!(fs::read_dir(at("outside")).unwrap().count(), 1);

        std::os::unix::fs::symlink("../../outside/bob.log", at("second/.gitpod/bob.log")).unwrap();
        let workspace = Workspace::at(at("second"));
        write_failure(&workspace, "text").unwrap();
        assert!(workspace.log_file().symlink_metadata().unwrap().is_file());
        assert_eq!(fs::read_to_string(at("outside/bob.log")).unwrap(), "kept");
        assert_eq!(fs::read_dir(at("second/.gitpod")).unwrap().count(), 1);
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("file");
        fs::write(&root, "").unwrap();
        let error = write_failure(&Workspace::at(&root), "text").unwrap_err();
        assert_eq!(error.to_string(), format!("cannot write {}/.gitpod/bob.log", root.display()));
    }
}
