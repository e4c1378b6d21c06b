//! Looks up what a conversion needs, at buildkitd and on disk.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::future::join_all;

use super::convert::Resolver;
use super::explain::Trouble;
use crate::buildkit::proto::pb;
use crate::buildkit::{self, Gateway, ImageQuery};
use crate::image::Platform;
use crate::plan::{Fact, Failure, IgnoreFile, ImageFact, Need};

/// Why something could not be looked up.
#[derive(Debug, thiserror::Error)]
pub(super) enum LookupError {
    /// An image, in a sentence.
    #[error("{0}")]
    Image(String),
    /// buildkitd.
    #[error(transparent)]
    Daemon(#[from] buildkit::Error),
    /// An ignore file.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A local context that was not given.
    #[error("there is no local context {0:?}")]
    NoContext(String),
    /// What is not built yet.
    #[error("{0} is not supported yet")]
    NotYet(&'static str),
}

/// Where the client's files are.
#[derive(Debug, Clone)]
pub(super) struct Folders {
    /// The Dockerfile, unless it comes from elsewhere than a file.
    pub(super) dockerfile: Option<PathBuf>,
    /// The main context.
    pub(super) context: PathBuf,
    /// Local named contexts by the name of their local source.
    pub(super) named: BTreeMap<String, PathBuf>,
}

/// Answers needs through the gateway of a build, all at once.
#[derive(Debug)]
pub(super) struct GatewayResolver<'a> {
    pub(super) gateway: &'a Gateway,
    pub(super) folders: &'a Folders,
    /// `default`, `pull` or `local`.
    pub(super) resolve_mode: &'static str,
}

impl Resolver for GatewayResolver<'_> {
    async fn resolve(&self, needs: &BTreeSet<Need>) -> Vec<(Need, Result<Fact, Failure>)> {
        let answers = needs.iter().map(async |need| {
            let answer = self.answer(need).await.map_err(|error| Arc::new(error) as Failure);
            (need.clone(), answer)
        });
        join_all(answers).await
    }
}

impl GatewayResolver<'_> {
    async fn answer(&self, need: &Need) -> Result<Fact, LookupError> {
        match need {
            Need::Image { reference, platform, log_name } => {
                let query = ImageQuery {
                    reference: reference.clone(),
                    platform: platform.as_ref().map(platform_message),
                    resolve_mode: self.resolve_mode.to_owned(),
                    log_name: log_name.clone(),
                    no_config: false,
                };
                image(self.gateway, query).await.map(Fact::Image)
            }
            Need::Ignore => self.folders.ignore_file().map(Fact::Ignore),
            Need::NamedIgnore { local, .. } => {
                let unknown = || LookupError::NoContext(local.clone());
                let folder = self.folders.named.get(local).ok_or_else(unknown)?;
                read_ignore_file(&folder.join(".dockerignore"), ".dockerignore").map(Fact::Ignore)
            }
            Need::SourceTime { .. } => {
                Err(LookupError::NotYet("SOURCE_DATE_EPOCH=context with a remote source"))
            }
            Need::OciLayout { .. } => Err(LookupError::NotYet("an OCI layout as a named context")),
        }
    }
}

impl Folders {
    /// The ignore file of the main context: the Dockerfile's own, else the folder's.
    fn ignore_file(&self) -> Result<Option<IgnoreFile>, LookupError> {
        if let Some(dockerfile) = &self.dockerfile
            && let Some(name) = dockerfile.file_name()
        {
            let mut name = name.to_owned();
            name.push(".dockerignore");
            let found = read_ignore_file(&dockerfile.with_file_name(&name), &name.to_string_lossy())?;
            if found.is_some() {
                return Ok(found);
            }
        }
        read_ignore_file(&self.context.join(".dockerignore"), ".dockerignore")
    }
}

fn read_ignore_file(path: &Path, name: &str) -> Result<Option<IgnoreFile>, LookupError> {
    match std::fs::read(path) {
        Ok(text) => Ok(Some(IgnoreFile { name: name.to_owned(), text })),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Ok(None)
        }
        Err(source) => Err(LookupError::Read { path: path.to_owned(), source }),
    }
}

/// Looks an image up; a failure of the registry comes in plain words.
pub(super) async fn image(gateway: &Gateway, query: ImageQuery) -> Result<ImageFact, LookupError> {
    let reference = query.reference.clone();
    let found = gateway.resolve_image(query).await.map_err(|error| match error.failure() {
        Some(failure) => LookupError::Image(Trouble::of(&failure.message).of_lookup(&reference)),
        None => LookupError::Daemon(error),
    })?;
    let mut fact = ImageFact::new(found.digest, found.config);
    // Only a source policy makes buildkitd take another image than the one that was asked for.
    let answered = found.source.strip_prefix("docker-image://").unwrap_or(&reference);
    if answered != reference {
        fact.reference = Some(answered.to_owned());
    }
    Ok(fact)
}

pub(super) fn platform_message(platform: &Platform) -> pb::Platform {
    pb::Platform {
        architecture: platform.architecture.clone(),
        os: platform.os.clone(),
        variant: platform.variant.clone(),
        os_version: platform.os_version.clone(),
        os_features: platform.os_features.clone().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_dockerfiles_own_ignore_file_comes_first() {
        let dir = tempfile::tempdir().unwrap();
        let folders = Folders {
            dockerfile: Some(dir.path().join("ops.Dockerfile")),
            context: dir.path().to_owned(),
            named: BTreeMap::new(),
        };
        assert_eq!(folders.ignore_file().unwrap(), None);
        fs::write(dir.path().join(".dockerignore"), "a").unwrap();
        assert_eq!(folders.ignore_file().unwrap().unwrap().name, ".dockerignore");
        fs::write(dir.path().join("ops.Dockerfile.dockerignore"), "b").unwrap();
        let found = folders.ignore_file().unwrap().unwrap();
        assert_eq!(
            (found.name.as_str(), found.text.as_slice()),
            ("ops.Dockerfile.dockerignore", b"b".as_slice())
        );
    }
}
