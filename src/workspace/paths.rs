//! Paths of a workspace, and the rule that the user's paths must lie in it.

use std::io;
use std::path::{Component, Path, PathBuf};

use super::Error;

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
        self.root.join(".gitpod/ready")
    }

    /// The file that tells the control plane why a build failed.
    pub fn log_file(&self) -> PathBuf {
        self.root.join(".gitpod/bob.log")
    }

    /// buildkitd's state: `/workspace/buildkit`.
    pub fn buildkit_root(&self) -> PathBuf {
        self.root.join("buildkit")
    }

    /// `path` with its symlinks resolved, which must be a file in the workspace.
    ///
    /// # Errors
    /// [`Error::Outside`], [`Error::Missing`], [`Error::WrongKind`], [`Error::Unreadable`].
    pub fn file(&self, path: &Path) -> Result<PathBuf, Error> {
        let subject = Subject {
            what: "Dockerfile",
            variable: "BOB_DOCKERFILE_PATH",
            setting: "`image.file` in `.gitpod.yml`",
        };
        let real = self.resolve(path, subject)?;
        if real.is_file() { Ok(real) } else { Err(self.wrong_kind(path, subject, "file")) }
    }

    /// `path` with its symlinks resolved, which must be a folder in the workspace.
    ///
    /// # Errors
    /// As for [`Workspace::file`].
    pub fn folder(&self, path: &Path) -> Result<PathBuf, Error> {
        let subject = Subject {
            what: "Build context",
            variable: "BOB_CONTEXT_DIR",
            setting: "`image.context` in `.gitpod.yml`",
        };
        let real = self.resolve(path, subject)?;
        if real.is_dir() { Ok(real) } else { Err(self.wrong_kind(path, subject, "folder")) }
    }

    fn resolve(&self, path: &Path, Subject { what, variable, setting }: Subject) -> Result<PathBuf, Error> {
        let root = self.root.canonicalize().unwrap_or_else(|_| self.root.clone());
        let outside =
            || Error::Outside { what, path: path.to_owned(), root: self.root.clone(), variable, setting };
        match path.canonicalize() {
            Ok(real) if real.starts_with(&root) => Ok(real),
            Ok(_) => Err(outside()),
            Err(_) if !self.names_inside(path) => Err(outside()),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                Err(Error::Missing { what, path: self.relative(path), setting })
            }
            Err(source) => Err(Error::Unreadable { what, path: self.relative(path), setting, source }),
        }
    }

    fn wrong_kind(
        &self,
        path: &Path,
        Subject { what, setting, .. }: Subject,
        expected: &'static str,
    ) -> Error {
        Error::WrongKind { what, path: self.relative(path), expected, setting }
    }

    /// Whether `path` lies in the workspace going by its name alone.
    fn names_inside(&self, path: &Path) -> bool {
        without_dots(path).starts_with(without_dots(&self.root))
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
        let expected = dir.path().join("workspace/Dockerfile").canonicalize().unwrap();
        assert_eq!(workspace.file(&dir.path().join("workspace/link")).unwrap(), expected);
        assert_eq!(
            workspace.file(&dir.path().join("workspacefoo/../workspace/Dockerfile")).unwrap(),
            expected
        );
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
}
