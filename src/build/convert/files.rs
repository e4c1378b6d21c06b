//! The files that a conversion asks for, where they lie on this machine.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::plan::{Fact, Failure, IgnoreFile, Need};

/// Where the local contexts of a build lie.
#[derive(Debug, Clone, Default)]
pub struct LocalFiles {
    /// The main context, `None` where it is not a folder.
    pub context: Option<PathBuf>,
    /// The ignore file beside the Dockerfile, `<Dockerfile>.dockerignore`, which goes before that of the
    /// main context.
    pub dockerfile_ignore: Option<IgnoreFile>,
    /// The folders of named contexts, by the names of their local sources.
    pub named: BTreeMap<String, PathBuf>,
}

/// An ignore file that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {}", path.display())]
struct Unreadable {
    path: PathBuf,
    source: io::Error,
}

impl LocalFiles {
    /// The answer to a need for a file, `None` for any other need.
    pub fn answer(&self, need: &Need) -> Option<Result<Fact, Failure>> {
        match need {
            Need::Ignore => Some(match (&self.dockerfile_ignore, &self.context) {
                (Some(file), _) => Ok(Fact::Ignore(Some(file.clone()))),
                (None, Some(context)) => read_ignore(context),
                (None, None) => Ok(Fact::Ignore(None)),
            }),
            Need::NamedIgnore { local, .. } => Some(match self.named.get(local) {
                Some(folder) => read_ignore(folder),
                None => Ok(Fact::Ignore(None)),
            }),
            Need::Image { .. } | Need::OciLayout { .. } | Need::SourceTime { .. } => None,
        }
    }
}

fn read_ignore(folder: &Path) -> Result<Fact, Failure> {
    let path = folder.join(".dockerignore");
    match std::fs::read(&path) {
        Ok(text) => Ok(Fact::Ignore(Some(IgnoreFile { name: ".dockerignore".into(), text }))),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::IsADirectory) => {
            Ok(Fact::Ignore(None))
        }
        Err(source) => Err(Arc::new(Unreadable { path, source })),
    }
}
