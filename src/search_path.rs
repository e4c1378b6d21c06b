//! Programs by their names, as `PATH` says where they are.
//!
//! Folders of `PATH` that are not absolute are left out: they depend on the current folder, which may be a repository
//! that has a program of the name that is looked for. An empty entry of `PATH` is such a folder too.

use std::env::{join_paths, split_paths};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// Returns the first file called `name` in the folders of `search_path` that may be executed.
pub fn find_program(name: &str, search_path: Option<&OsStr>) -> Option<PathBuf> {
    let folders = split_paths(search_path?).filter(|folder| folder.is_absolute());
    folders.map(|folder| folder.join(name)).find(|path| is_program(path))
}

/// Whether there is a file at `path` that may be executed.
pub fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    path.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

/// Returns `search_path` without the folders that are left out, for a program that is started.
pub fn absolute(search_path: &OsStr) -> Option<OsString> {
    join_paths(split_paths(search_path).filter(|folder| folder.is_absolute())).ok()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn program(folder: &Path, mode: u32) -> PathBuf {
        let path = folder.join("tool");
        std::fs::write(&path, "#!/bin/sh\n").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        path
    }

    #[test]
    fn the_first_program_on_the_path_is_found() {
        let folders = [(); 3].map(|()| tempfile::tempdir().unwrap());
        let (_, found) = (program(folders[1].path(), 0o644), program(folders[2].path(), 0o755));
        let search = join_paths(folders.iter().map(tempfile::TempDir::path)).unwrap();
        assert_eq!(find_program("tool", Some(&search)), Some(found));
        assert_eq!(find_program("other", Some(&search)), None);
        assert_eq!(find_program("tool", None), None);
    }

    #[test]
    fn the_current_folder_is_no_place_for_a_program() {
        let here = std::env::current_dir().unwrap();
        let folder = tempfile::tempdir_in(&here).unwrap();
        program(folder.path(), 0o755);
        let relative = folder.path().strip_prefix(&here).unwrap();
        for search in [relative.as_os_str(), "".as_ref(), ".".as_ref(), ":".as_ref()] {
            assert_eq!(find_program("tool", Some(search)), None, "{search:?}");
        }
        assert_eq!(absolute("/usr/bin::.:bin:/bin:".as_ref()).unwrap(), "/usr/bin:/bin");
    }
}
