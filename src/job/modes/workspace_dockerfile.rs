//! The Dockerfile of a workspace, read once its content is there.

use std::path::Path;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::beneath::{MAX_TEXT_BYTES, OpenFile, Root};
use crate::converter::plan::{IgnoreFile, Options};
use crate::diag::Source;
use crate::job::context::fetch::DockerfileSource;
use crate::job::error::Error;
use crate::job::lookup::{self, LocalFiles};
use crate::job::request::DockerfileInput;
use crate::workspace::{self, BaseStep, Workspace};

/// Waits for the workspace's content, and returns the Dockerfile of the base layer with everything around it.
///
/// # Errors
/// [`Error::Interrupted`], [`Error::Workspace`], [`Error::Read`].
pub(super) async fn read_when_ready(
    workspace: &Workspace,
    ready_timeout: Duration,
    step: &BaseStep,
    cancel: &CancellationToken,
) -> Result<DockerfileInput, Error> {
    let ready = workspace::wait_until_ready(workspace, ready_timeout);
    cancel.run_until_cancelled(ready).await.ok_or(Error::Interrupted)??;
    let (file, context) = step.locate(workspace)?;
    let path = file.path().to_owned();
    let filename = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let failed = |source| Error::Read { what: "the workspace", path: workspace.root().to_owned(), source };
    let root = Root::open(workspace.root()).map_err(failed)?;
    Ok(DockerfileInput {
        source: DockerfileSource::Text(read(file, &path.display().to_string())?),
        options: Options { filename, ..Options::default() },
        build_platform: None,
        files: LocalFiles {
            context: Some(context),
            context_within: Some(workspace.root().to_owned()),
            dockerfile_ignore: own_ignore_file(&root, &path)?,
            ..LocalFiles::default()
        },
        image_lock: None,
    })
}

/// Returns the text of an open Dockerfile, called `name`.
fn read(file: OpenFile, name: &str) -> Result<Source, Error> {
    let path = file.path().to_owned();
    match file.read(MAX_TEXT_BYTES) {
        Ok(bytes) => Ok(Source::new(name, bytes)),
        Err(error) => Err(Error::Read { what: "the Dockerfile", path, source: error.into() }),
    }
}

/// Returns the ignore file that belongs to the Dockerfile at `path` in `root` alone.
fn own_ignore_file(root: &Root, path: &Path) -> Result<Option<IgnoreFile>, Error> {
    lookup::own_ignore_file(root, path).map_err(|error| Error::Read {
        what: "the ignore file",
        path: error.path,
        source: error.reason.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dockerfile_without_end_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let file = std::fs::File::create(dir.path().join("Dockerfile")).unwrap();
        file.set_len(MAX_TEXT_BYTES + 1).unwrap();
        let file = Root::open(dir.path()).unwrap().file(Path::new("Dockerfile")).unwrap();
        assert_eq!(
            read(file, "Dockerfile").unwrap_err().report(),
            "cannot read the Dockerfile Dockerfile: it is larger than 10485760 bytes, which is the most that is read"
        );
    }
}
