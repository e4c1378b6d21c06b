//! Paths of a workspace, and the rule that the user's paths must lie in it.

use std::os::fd::OwnedFd;
use std::path::{Component, Path, PathBuf};

use rustix::io::Errno;

use super::{Error, variables};
use crate::beneath::{self, OpenFile, Root, open_entry};

/// The folder in which the ready file and `bob.log` lie.
pub(super) const CONTROL_FOLDER: &str = ".gitpod";

/// The root folder of a workspace: `/workspace`, another one in tests.
#[derive(Debug, Clone)]
pub struct Workspace {
    root: PathBuf,
}

impl Default for Workspace {
    fn default() -> Self {
        Self { root: PathBuf::from("/workspace") }
    }
}

impl Workspace {
    /// A workspace below `root`, which must be absolute.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The root folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The file whose appearance says that the workspace's content is there.
    pub fn ready_file(&self) -> PathBuf {
        self.root.join(CONTROL_FOLDER).join("ready")
    }

    /// The file that tells the control plane why a build failed.
    pub fn log_file(&self) -> PathBuf {
        self.root.join(CONTROL_FOLDER).join("bob.log")
    }

    /// Opens `.gitpod`, the folder through which the control plane and Bob talk. It must be a folder itself: a
    /// repository may hold a link of that name.
    ///
    /// # Errors
    /// [`beneath::Error::IsLink`], [`beneath::Error::Io`].
    pub(super) fn control_folder(&self) -> Result<OwnedFd, beneath::Error> {
        let root = Root::open(&self.root)?;
        open_entry(&root, CONTROL_FOLDER.as_ref(), beneath::FOLDER).map_err(|errno| match errno {
            Errno::LOOP => beneath::Error::IsLink { path: self.root.join(CONTROL_FOLDER) },
            errno => errno.into(),
        })
    }

    /// buildkitd's state: `/workspace/buildkit`.
    pub fn buildkit_root(&self) -> PathBuf {
        self.root.join("buildkit")
    }

    /// Opens the file at `path`, which must be in the workspace once its symlinks are resolved. Its own path is
    /// the one below the root.
    ///
    /// # Errors
    /// [`Error::Outside`], [`Error::Missing`], [`Error::WrongKind`], [`Error::Unreadable`].
    pub fn file(&self, path: &Path) -> Result<OpenFile, Error> {
        let subject = Subject {
            what: "Dockerfile",
            variable: variables::DOCKERFILE_PATH.name,
            setting: "`image.file` in `.gitpod.yml`",
        };
        let (root, place) = self.place(path, subject)?;
        root.file(&place).map_err(|error| match error {
            error if error.is_folder() => self.wrong_kind(path, subject, "file"),
            error => self.refused(path, subject, error),
        })
    }

    /// `path` with its symlinks resolved, which must be a folder in the workspace. Whoever opens it later has to
    /// see to it that it still is there ([`crate::beneath::Root::open_within`]).
    ///
    /// # Errors
    /// As for [`Workspace::file`].
    pub fn folder(&self, path: &Path) -> Result<PathBuf, Error> {
        let subject = Subject {
            what: "Build context",
            variable: variables::CONTEXT_DIR.name,
            setting: "`image.context` in `.gitpod.yml`",
        };
        let (root, place) = self.place(path, subject)?;
        match root.folder(&place) {
            Ok(folder) => Ok(folder.path().to_owned()),
            Err(error) if error.is_absent() && root.file(&place).is_ok() => {
                Err(self.wrong_kind(path, subject, "folder"))
            }
            Err(error) => Err(self.refused(path, subject, error)),
        }
    }

    /// The root, open, and where `path` lies below it.
    fn place(&self, path: &Path, subject: Subject) -> Result<(Root, PathBuf), Error> {
        let root = Root::open(&self.root).map_err(|error| self.refused(path, subject, error.into()))?;
        let Some(place) = root.place(path) else { return Err(self.outside(path, subject)) };
        Ok((root, place))
    }

    fn refused(&self, path: &Path, subject: Subject, error: beneath::Error) -> Error {
        let Subject { what, setting, .. } = subject;
        let relative = self.relative(path);
        match error {
            error if error.leads_out() => self.outside(path, subject),
            error if error.is_absent() => Error::Missing { what, path: relative, setting },
            error => Error::Unreadable { what, path: relative, setting, source: error.into() },
        }
    }

    fn outside(&self, path: &Path, Subject { what, variable, setting }: Subject) -> Error {
        Error::Outside { what, path: path.to_owned(), root: self.root.clone(), variable, setting }
    }

    fn wrong_kind(
        &self,
        path: &Path,
        Subject { what, setting, .. }: Subject,
        expected: &'static str,
    ) -> Error {
        Error::WrongKind { what, path: self.relative(path), expected, setting }
    }

    fn relative(&self, path: &Path) -> PathBuf {
        let clean = without_dots(path);
        match clean.strip_prefix(without_dots(&self.root)) {
            Ok(rest) if rest.as_os_str().is_empty() => PathBuf::from("."),
            Ok(rest) => rest.to_owned(),
            Err(_) => clean,
        }
    }
}

/// What a path is for and where the user sets it, as errors name it.
#[derive(Clone, Copy)]
struct Subject {
    what: &'static str,
    variable: &'static str,
    setting: &'static str,
}

/// `path` without `.` and `..`, going by names alone.
fn without_dots(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                clean.pop();
            }
            other => clean.push(other),
        }
    }
    clean
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    /// A folder with `workspace/Dockerfile`, `workspacefoo/Dockerfile` beside it, and the workspace.
    fn scene() -> (tempfile::TempDir, Workspace) {
        let dir = tempfile::tempdir().unwrap();
        for folder in ["workspace", "workspacefoo"] {
            fs::create_dir(dir.path().join(folder)).unwrap();
            fs::write(dir.path().join(folder).join("Dockerfile"), "FROM scratch\n").unwrap();
        }
        let workspace = Workspace::at(dir.path().join("workspace"));
        (dir, workspace)
    }

    #[test]
    fn a_file_in_the_workspace_is_given_back_resolved() {
        let (dir, workspace) = scene();
        symlink("Dockerfile", dir.path().join("workspace/link")).unwrap();
        for name in ["workspace/link", "workspacefoo/../workspace/Dockerfile"] {
            let file = workspace.file(&dir.path().join(name)).unwrap();
            assert_eq!(file.path(), Path::new("Dockerfile"), "{name}");
            assert_eq!(file.read(100).unwrap(), b"FROM scratch\n");
        }
    }

    #[test]
    fn a_name_that_only_begins_like_the_root_is_outside() {
        let (dir, workspace) = scene();
        let path = dir.path().join("workspacefoo/Dockerfile");
        let error = workspace.file(&path).unwrap_err();
        assert!(matches!(error, Error::Outside { .. }), "{error}");
        assert_eq!(
            error.to_string(),
            format!(
                "Dockerfile {} is not in {}; check BOB_DOCKERFILE_PATH and `image.file` in `.gitpod.yml`",
                path.display(),
                workspace.root().display()
            )
        );
    }

    #[test]
    fn a_symlink_and_dots_that_lead_out_are_outside() {
        let (dir, workspace) = scene();
        symlink("../workspacefoo/Dockerfile", dir.path().join("workspace/out")).unwrap();
        for name in ["workspace/out", "workspace/../workspacefoo/Dockerfile", "workspace/../missing"] {
            let error = workspace.file(&dir.path().join(name)).unwrap_err();
            assert!(matches!(error, Error::Outside { .. }), "{name}: {error}");
        }
    }

    #[test]
    fn a_missing_file_is_named_relative_to_the_workspace() {
        let (dir, workspace) = scene();
        for (name, relative) in
            [("workspace/sub/My.Dockerfile", "sub/My.Dockerfile"), ("workspace/Dockerfile/x", "Dockerfile/x")]
        {
            let error = workspace.file(&dir.path().join(name)).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("Dockerfile {relative} does not exist; check `image.file` in `.gitpod.yml`")
            );
        }
    }

    #[test]
    fn a_folder_is_no_dockerfile_and_a_file_no_context() {
        let (dir, workspace) = scene();
        let error = workspace.file(&dir.path().join("workspace")).unwrap_err();
        assert_eq!(error.to_string(), "Dockerfile . is not a file; check `image.file` in `.gitpod.yml`");
        let error = workspace.folder(&dir.path().join("workspace/Dockerfile")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "Build context Dockerfile is not a folder; check `image.context` in `.gitpod.yml`"
        );
    }

    #[test]
    fn a_symlink_loop_is_an_error_and_no_hang() {
        let (dir, workspace) = scene();
        symlink("loop", dir.path().join("workspace/loop")).unwrap();
        let error = workspace.file(&dir.path().join("workspace/loop")).unwrap_err();
        assert!(matches!(error, Error::Unreadable { .. }), "{error}");
    }

    #[test]
    fn what_is_neither_file_nor_folder_is_named() {
        let (dir, workspace) = scene();
        let pipe = dir.path().join("workspace/pipe");
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
        let error = workspace.file(&pipe).unwrap_err();
        assert_eq!(
            (error.to_string(), std::error::Error::source(&error).unwrap().to_string()),
            (
                "Dockerfile pipe cannot be read; check `image.file` in `.gitpod.yml`".to_owned(),
                "it is a FIFO, not a file".to_owned()
            )
        );
    }

    #[test]
    fn a_file_swapped_for_a_link_after_the_check_is_still_the_one_that_was_checked() {
        let (dir, workspace) = scene();
        let path = dir.path().join("workspace/Dockerfile");
        let file = workspace.file(&path).unwrap();
        fs::write(dir.path().join("secret"), "secret").unwrap();
        fs::remove_file(&path).unwrap();
        symlink("../secret", &path).unwrap();
        assert_eq!(file.read(100).unwrap(), b"FROM scratch\n");
        assert!(matches!(workspace.file(&path).unwrap_err(), Error::Outside { .. }));
    }
}
