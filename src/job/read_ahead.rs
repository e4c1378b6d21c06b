//! Has buildkitd read the folders of a build while the base images are looked up: a registry that is far away takes as long
//! to answer as a context to be sent.
//!
//! Which files are read is known for sure only when the bases are: their ONBUILD instructions may read more. So it is what
//! the same Dockerfile reads on bases that set nothing. That is nearly always the same, and then the steps are the same as
//! those of the build's graph: buildkitd runs each of them once.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use tokio_util::task::AbortOnDropHandle;

use super::request::ParsedDockerfile;
use crate::buildkit::{Gateway, SolveOptions};
use crate::converter::plan::Options;

/// Begins to read what a Dockerfile reads of folders, where that can be guessed. What is returned ends the reading when it is
/// dropped.
pub(super) async fn read_ahead(
    gateway: &Gateway,
    dockerfile: &ParsedDockerfile<'_>,
    options: &Options,
) -> Option<AbortOnDropHandle<()>> {
    // The value of a variable may come from a base, and a wrong one may be that of all files.
    dockerfile.converter().filter(|converter| converter.reads_fixed_paths())?;
    let guessed = dockerfile.convert_with_placeholders(options).await.ok()?;
    // Most platforms of a build read the same.
    let mut folders = BTreeMap::new();
    for (_, build) in guessed.builds {
        let read = build.marshal("").ok()?.definition.local_folders();
        folders.extend(read.into_iter().map(|folder| (folder.root(), folder)));
    }
    let gateway = gateway.clone();
    let reading = async move {
        let evaluated = SolveOptions { evaluate: true, ..SolveOptions::default() };
        let read = folders.values().map(|folder| gateway.solve(folder.encode(), evaluated));
        for outcome in join_all(read).await {
            if let Err(error) = outcome {
                // The build says it where it reads the same.
                tracing::debug!(error = &error as &dyn std::error::Error, "a folder was not read ahead");
            }
        }
    };
    Some(AbortOnDropHandle::new(tokio::spawn(reading)))
}
