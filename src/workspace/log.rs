//! `bob.log`: why the build failed, for the control plane.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;

use super::{Error, Workspace};

/// What the reader of `bob.log` takes of it, in bytes.
pub const LOG_LIMIT: usize = 4096;

/// Writes `text` to the workspace's `bob.log`, whole or not at all, cut to [`LOG_LIMIT`] bytes.
///
/// # Errors
/// [`Error::Log`] where the file cannot be written.
pub fn write_failure(workspace: &Workspace, text: &str) -> Result<(), Error> {
    let path = workspace.log_file();
    let write = || -> io::Result<()> {
        let folder = path.parent().ok_or(io::ErrorKind::NotFound)?;
        fs::create_dir_all(folder)?;
        let mut file = tempfile::Builder::new().prefix(".bob.log-").tempfile_in(folder)?;
        file.write_all(cut_to_limit(text.trim_end()).as_bytes())?;
        file.as_file().set_permissions(fs::Permissions::from_mode(0o644))?;
        file.persist(&path)?;
        Ok(())
    };
    write().map_err(|source| Error::Log { path: path.clone(), source })
}

/// Removes the `bob.log` of an earlier build, if there is one.
pub fn forget_failure(workspace: &Workspace) {
    if let Err(error) = fs::remove_file(workspace.log_file())
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::debug!(%error, "the earlier bob.log stays");
    }
}

/// The longest beginning of `text` that has at most [`LOG_LIMIT`] bytes and cuts no character.
pub fn cut_to_limit(text: &str) -> &str {
    &text[..text.floor_char_boundary(LOG_LIMIT)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_between_characters() {
        let text = format!("{}é tail", "x".repeat(LOG_LIMIT - 1));
        assert_eq!(cut_to_limit(&text), "x".repeat(LOG_LIMIT - 1));
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
    fn a_folder_that_cannot_be_made_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("file");
        fs::write(&root, "").unwrap();
        let error = write_failure(&Workspace::at(&root), "text").unwrap_err();
        assert_eq!(error.to_string(), format!("cannot write {}/.gitpod/bob.log", root.display()));
    }
}
