//! `mode=delete` of a local output: where files may be removed without asking.
//!
//! Source: `ValidateLocalExportDelete` in buildx (`build/opt.go`).

use std::io;
use std::path::{Path, PathBuf};

use super::{SETTING, ValueError};
use crate::job::{Destination, OldFiles, Output};

/// The value of `--allow` that lets a local output remove files outside of the current folder. It is no right of
/// buildkitd's.
pub(in crate::cli) const DELETE_RIGHT: &str = "buildx.local.delete";

/// Whether the values of `--allow` let outputs remove files anywhere.
pub(in crate::cli) fn may_delete(allowed: &[String]) -> Result<bool, ValueError> {
    let mut may_delete = false;
    for value in allowed {
        let Some(rest) = value.strip_prefix(DELETE_RIGHT) else { continue };
        if rest.starts_with('=') {
            return Err(ValueError::new("--allow", value, format!("{DELETE_RIGHT} does not accept a value")));
        }
        may_delete |= rest.is_empty();
    }
    Ok(may_delete)
}

/// Checks that outputs remove files only below `current_dir`.
pub(in crate::cli) fn check_deletions(outputs: &[Output], current_dir: &Path) -> Result<(), ValueError> {
    let outside = |path: &Path| {
        let (Ok(current_dir), Ok(path)) = (resolved(current_dir), resolved(&current_dir.join(path))) else {
            return true;
        };
        path == current_dir || !path.starts_with(&current_dir)
    };
    for output in outputs {
        if let Destination::Folder(folder) = &output.destination
            && folder.old_files == OldFiles::Delete
            && outside(&folder.path)
        {
            let fault = format!("mode=delete outside of the current folder needs --allow {DELETE_RIGHT}");
            return Err(ValueError::new(SETTING, &folder.path.to_string_lossy(), fault));
        }
    }
    Ok(())
}

/// The path without links, as far as it exists.
///
/// # Errors
/// A part that exists and cannot be looked at.
pub(in crate::cli) fn resolved(path: &Path) -> io::Result<PathBuf> {
    match path.canonicalize() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            // What does not exist cannot be gone back from: `missing/..` is no place that is known.
            let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { return Err(error) };
            Ok(resolved(folder)?.join(name))
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::values::owned;

    #[test]
    fn files_are_removed_below_the_current_folder_only() {
        let dir = tempfile::tempdir().unwrap();
        let current = dir.path().join("work");
        std::fs::create_dir_all(current.join("sub")).unwrap();
        std::os::unix::fs::symlink(dir.path(), current.join("link")).unwrap();
        let check = |value: &str| check_deletions(&[super::super::parse(value).unwrap()], &current);
        for dest in ["out", "sub", "sub/../sub/new/er", "./out"] {
            check(&format!("type=local,mode=delete,dest={dest}")).unwrap();
        }
        for dest in [".", "..", "../out", "link", "link/new", "/", "missing/../.."] {
            let error = check(&format!("type=local,mode=DELETE,dest={dest}")).unwrap_err().to_string();
            assert!(error.contains("--allow buildx.local.delete"), "{error}");
            check(&format!("type=local,dest={dest}")).unwrap();
        }
    }

    #[test]
    fn the_right_to_remove_files_takes_no_value() {
        let may = |values: &[&str]| may_delete(&owned(values));
        assert!(!may(&["network.host", "buildx.local.deleted"]).unwrap());
        assert!(may(&["network.host", "buildx.local.delete"]).unwrap());
        let error = may(&["buildx.local.delete=true"]).unwrap_err().to_string();
        assert!(error.contains("buildx.local.delete does not accept a value"), "{error}");
    }
}
