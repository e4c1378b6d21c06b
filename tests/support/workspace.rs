//! A workspace folder and `bob build` as its task.

use std::fs;
use std::path::Path;

use super::command::Bob;

/// A workspace root whose ready file is there.
#[derive(Debug)]
pub struct Workspace {
    folder: tempfile::TempDir,
}

impl Workspace {
    /// One that holds `files`, by paths relative to the workspace root.
    pub fn new(files: &[(&str, &str)]) -> Self {
        let workspace = Self { folder: tempfile::tempdir().expect("a temporary folder") };
        workspace.write(".gitpod/ready", "{}");
        for (name, text) in files {
            workspace.write(name, text);
        }
        workspace
    }

    /// The workspace root.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The absolute path of a file in it.
    pub fn at(&self, name: &str) -> String {
        self.path().join(name).display().to_string()
    }

    /// Writes a file.
    pub fn write(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
        fs::write(path, text).expect("a file");
    }

    /// `bob build` in workspace mode, without the linger.
    pub fn build(&self, base: &str, target: &str) -> Bob {
        Bob::new(["build", "--workspace-root"])
            .arg(self.path())
            .current_dir(self.path())
            .env("BOB_BASE_REF", base)
            .env("BOB_TARGET_REF", target)
            .env("BOB_LINGER", "0")
    }

    /// The text that the user of the workspace sees after a failure.
    pub fn log(&self) -> String {
        fs::read_to_string(self.path().join(".gitpod/bob.log")).unwrap_or_default()
    }
}
