//! A folder with a Dockerfile, and `bob build` in it.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use super::buildkitd::Buildkitd;
use super::command::Bob;
use super::guarded::tool;

/// `bob build` on the shared buildkitd, with a fresh context that holds `files`.
#[derive(Debug)]
pub struct Project {
    folder: tempfile::TempDir,
}

impl Project {
    /// A folder that holds `files`.
    pub fn new(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
            fs::write(path, text).expect("a file");
        }
        Self { folder }
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// `bob build ARGS .` in the folder.
    pub fn build(&self, args: &[&str]) -> Bob {
        self.build_on(Buildkitd::shared(), args)
    }

    /// The same on a buildkitd of the test's own.
    pub fn build_on(&self, daemon: &Buildkitd, args: &[&str]) -> Bob {
        self.build_at(&daemon.addr(), args)
    }

    /// The same on a buildkitd at `address`.
    pub fn build_at(&self, address: &str, args: &[&str]) -> Bob {
        Bob::new(["build", "--progress=plain", "--addr", address])
            .current_dir(self.path())
            .args(args)
            .arg(".")
    }

    /// The same by BuildKit's own client and Dockerfile frontend: `buildctl build --frontend dockerfile.v0 ARGS`.
    pub fn buildctl_on(&self, daemon: &Buildkitd, args: &[&str]) -> Output {
        let folder = self.path().display();
        Command::new(tool("buildctl"))
            .args(["--addr", &daemon.addr(), "build", "--progress=plain", "--frontend=dockerfile.v0"])
            .args(["--local", &format!("context={folder}"), "--local", &format!("dockerfile={folder}")])
            .args(args)
            .current_dir(self.path())
            .output()
            .expect("buildctl runs")
    }

    /// [`Project::buildctl_on`] the shared buildkitd, which has to succeed.
    pub fn buildctl(&self, args: &[&str]) -> Output {
        let output = self.buildctl_on(Buildkitd::shared(), args);
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        output
    }
}
