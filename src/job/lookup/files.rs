//! The files that a conversion asks for, where they lie on this machine.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::TempDir;

use crate::beneath::{self, MAX_TEXT_BYTES, Root};
use crate::buildkit::{SessionOptions, Upload};
use crate::converter::plan::{Fact, FactFailure, IgnoreFile, Need};
use crate::diag::visible_path;

/// Where the local contexts of a build lie.
#[derive(Debug, Clone, Default)]
pub struct LocalFiles {
    /// The main context, `None` where it is not a folder.
    pub context: Option<PathBuf>,
    /// The folder in which the main context must lie whenever it is opened, `None` where it may lie anywhere.
    pub context_within: Option<PathBuf>,
    /// The ignore file beside the Dockerfile, `<Dockerfile>.dockerignore`, which goes before that of the
    /// main context.
    pub dockerfile_ignore: Option<IgnoreFile>,
    /// The folders of named contexts, by the names of their local sources.
    pub named: BTreeMap<String, PathBuf>,
    /// The folders of OCI layouts that are named contexts, by the names of their stores.
    pub layouts: BTreeMap<String, PathBuf>,
    /// The main context where it is an archive that the client sends.
    pub upload: Option<Upload>,
    /// The main context where it has no files: the folder is removed when nothing holds it any more.
    pub empty_context: Option<Arc<TempDir>>,
}

/// An ignore file that cannot be read. The text has the reason, because conversions tell no causes of what could
/// not be looked up.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {}: {reason}", visible_path(path))]
pub struct UnreadableIgnoreFile {
    /// The file.
    pub path: PathBuf,
    /// Why not.
    pub reason: beneath::Error,
}

impl LocalFiles {
    /// The session that offers them, with nothing else.
    pub(in crate::job) fn session(&self) -> SessionOptions {
        let mut local_dirs = self.named.clone();
        local_dirs.extend(self.context.clone().map(|context| ("context".to_owned(), context)));
        let stores = self.layouts.iter();
        SessionOptions {
            local_dirs,
            uploads: self.upload.iter().cloned().collect(),
            content_stores: stores.map(|(name, folder)| (format!("oci:{name}"), folder.clone())).collect(),
            ..SessionOptions::default()
        }
    }

    /// The answer to a need for a file, `None` for any other need.
    pub fn answer(&self, need: &Need) -> Option<Result<Fact, FactFailure>> {
        let fact = match need {
            Need::Ignore => match (&self.dockerfile_ignore, &self.context) {
                (Some(file), _) => Ok(Some(file.clone())),
                (None, Some(context)) => context_ignore(context, self.context_within.as_deref()),
                (None, None) => Ok(None),
            },
            Need::NamedIgnore { local, .. } => match self.named.get(local) {
                Some(folder) => context_ignore(folder, None),
                None => Ok(None),
            },
            Need::Image { .. } | Need::OciLayout { .. } | Need::SourceTime { .. } => return None,
        };
        Some(fact.map(Fact::Ignore).map_err(|error| -> FactFailure { Arc::new(error) }))
    }
}

/// `.dockerignore` of a context.
fn context_ignore(folder: &Path, within: Option<&Path>) -> Result<Option<IgnoreFile>, UnreadableIgnoreFile> {
    let root = match within {
        Some(outer) => Root::open_within(outer, folder),
        None => Root::open(folder).map_err(beneath::Error::from),
    };
    let root = root.map_err(|reason| UnreadableIgnoreFile { path: folder.to_owned(), reason })?;
    ignore_file(&root, Path::new(".dockerignore"))
}

/// The ignore file that belongs to the Dockerfile at `dockerfile` in `root` alone, if it is there. An empty one leaves
/// nothing out and stands in place of `.dockerignore` all the same, as with BuildKit's own frontend (`ReadEntrypoint` in
/// `frontend/dockerui/config.go`).
///
/// # Errors
/// [`UnreadableIgnoreFile`].
pub fn own_ignore_file(root: &Root, dockerfile: &Path) -> Result<Option<IgnoreFile>, UnreadableIgnoreFile> {
    let Some(name) = dockerfile.file_name() else { return Ok(None) };
    let mut name = name.to_owned();
    name.push(".dockerignore");
    ignore_file(root, &dockerfile.with_file_name(name))
}

/// The ignore file at `path` in `root`, `None` where there is none. A folder of that name is none.
fn ignore_file(root: &Root, path: &Path) -> Result<Option<IgnoreFile>, UnreadableIgnoreFile> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    match root.read(path, MAX_TEXT_BYTES) {
        Ok(text) => Ok(Some(IgnoreFile { name, text })),
        Err(error) if error.is_absent() || error.is_folder() => Ok(None),
        Err(reason) => Err(UnreadableIgnoreFile { path: root.path().join(path), reason }),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    fn ignore(folder: &Path) -> Result<Option<IgnoreFile>, String> {
        let files = LocalFiles { context: Some(folder.to_owned()), ..LocalFiles::default() };
        match files.answer(&Need::Ignore).unwrap() {
            Ok(Fact::Ignore(file)) => Ok(file),
            Ok(_) => panic!("another fact"),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn the_dockerfiles_own_ignore_file_lies_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("sub")).unwrap();
        let root = Root::open(dir.path()).unwrap();
        let path = Path::new("sub/ops.Dockerfile");
        assert_eq!(own_ignore_file(&root, path).unwrap(), None);
        fs::write(dir.path().join("sub/ops.Dockerfile.dockerignore"), "").unwrap();
        assert_eq!(own_ignore_file(&root, path).unwrap().unwrap().text, b"", "an empty one counts");
        fs::write(dir.path().join("sub/ops.Dockerfile.dockerignore"), "b").unwrap();
        let found = own_ignore_file(&root, path).unwrap().unwrap();
        assert_eq!((found.name.as_str(), found.text.as_slice()), ("ops.Dockerfile.dockerignore", &b"b"[..]));
    }

    #[test]
    fn an_ignore_file_that_leads_out_of_its_context_is_refused_and_one_inside_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(".dockerignore");
        assert_eq!(ignore(dir.path()), Ok(None));
        symlink("nowhere", &path).unwrap();
        assert_eq!(ignore(dir.path()), Ok(None));
        fs::write(dir.path().join("nowhere"), "x").unwrap();
        assert_eq!(ignore(dir.path()).unwrap().unwrap().text, b"x");
        for target in ["/proc/self/environ", "../../../../../../../etc/passwd", "/dev/zero"] {
            fs::remove_file(&path).unwrap();
            symlink(target, &path).unwrap();
            let error = ignore(dir.path()).unwrap_err();
            assert!(error.contains("the link \".dockerignore\" leads out of"), "{target}: {error}");
        }
    }

    #[test]
    fn a_context_that_came_to_lie_elsewhere_is_not_read() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        for name in ["workspace", "outside"] {
            fs::create_dir(at(name)).unwrap();
            fs::write(at(name).join(".dockerignore"), name).unwrap();
        }
        symlink("../outside", at("workspace/context")).unwrap();
        let (context, context_within) = (Some(at("workspace/context")), Some(at("workspace")));
        let files = LocalFiles { context, context_within, ..LocalFiles::default() };
        assert!(files.answer(&Need::Ignore).unwrap().is_err());
    }
}
