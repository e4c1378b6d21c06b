//! Image locks: base images pinned to a digest and a configuration, so that no network is needed.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{LocalFiles, Resolver};
use crate::converter::plan::{Fact, FactFailure, Facts, ImageFact, Need, Needs};
use crate::image::Platform;

/// Pinned images, by reference and platform.
#[derive(Debug, Clone, Default)]
pub struct ImageLock(BTreeMap<(String, String), Entry>);

#[derive(Debug, Clone)]
struct Entry {
    digest: String,
    config: serde_json::Value,
}

/// The file: `{"images":[{"ref","platform","digest","config"}]}`.
#[derive(Serialize, Deserialize)]
#[serde(expecting = "an object with `images`")]
struct File {
    images: Vec<Image>,
}

#[derive(Serialize, Deserialize)]
#[serde(expecting = "an object with `ref`, `platform`, `digest` and `config`")]
struct Image {
    r#ref: String,
    platform: String,
    digest: String,
    config: serde_json::Value,
}

/// What an image lock cannot answer, or why a text is none.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Not the JSON that an image lock is.
    #[error("not an image lock")]
    Syntax(#[from] serde_json::Error),
    /// An image that is not in it.
    #[error("not found in the image lock for platform {platform}")]
    Missing {
        /// The platform.
        platform: String,
    },
    /// Something that an image lock has no place for.
    #[error("{what} cannot be looked up in an image lock")]
    NotAnImage {
        /// What.
        what: &'static str,
    },
}

impl ImageLock {
    /// The lock that `text` holds.
    ///
    /// # Errors
    /// [`LockError::Syntax`].
    pub fn parse(text: &[u8]) -> Result<Self, LockError> {
        let file: File = serde_json::from_slice(text)?;
        let entry = |image: Image| {
            ((image.r#ref, image.platform), Entry { digest: image.digest, config: image.config })
        };
        Ok(Self(file.images.into_iter().map(entry).collect()))
    }

    /// Adds the images of another lock.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// The lock of every image among the facts of a conversion. Images that were asked for without a
    /// platform are those of `build_platform`.
    pub fn of_facts(facts: &Facts, build_platform: &Platform) -> Self {
        let mut lock = Self::default();
        for (need, answer) in facts.iter() {
            let (Need::Image { reference, platform, .. }, Ok(Fact::Image(image))) = (need, answer) else {
                continue;
            };
            let platform = platform.as_ref().unwrap_or(build_platform).normalized().to_string();
            let config = serde_json::from_slice(&image.json).unwrap_or_default();
            lock.0.insert((reference.to_string(), platform), Entry { digest: image.digest.clone(), config });
        }
        lock
    }

    /// The lock as it is written to a file, images by reference and platform.
    pub fn to_json(&self) -> String {
        let image = |((reference, platform), entry): (&(String, String), &Entry)| Image {
            r#ref: reference.clone(),
            platform: platform.clone(),
            digest: entry.digest.clone(),
            config: entry.config.clone(),
        };
        let file = File { images: self.0.iter().map(image).collect() };
        serde_json::to_string_pretty(&file).expect("strings and JSON values always have a JSON form")
    }

    fn answer(&self, need: &Need, build_platform: &Platform) -> Result<Fact, LockError> {
        let (reference, platform) = match need {
            Need::Image { reference, platform, .. } | Need::OciLayout { reference, platform, .. } => {
                (reference, platform)
            }
            Need::SourceTime { .. } => {
                return Err(LockError::NotAnImage { what: "the time of a remote source" });
            }
            Need::Ignore | Need::NamedIgnore { .. } => return Err(LockError::NotAnImage { what: "a file" }),
        };
        let platform = platform.as_ref().unwrap_or(build_platform).normalized().to_string();
        let found = self.0.get(&(reference.to_string(), platform.clone()));
        // A digest names one image of an OCI layout, whatever platform is asked for.
        let found = match need {
            Need::OciLayout { .. } => found.or_else(|| {
                let built_here = build_platform.normalized().to_string();
                self.0.get(&(reference.to_string(), built_here))
            }),
            _ => found,
        };
        match found {
            Some(entry) => {
                let json = serde_json::to_vec(&entry.config)?;
                Ok(Fact::Image(ImageFact::new(entry.digest.clone(), json)))
            }
            None => Err(LockError::Missing { platform }),
        }
    }
}

/// Answers from an image lock and files of this machine, never from the network.
#[derive(Debug)]
pub struct LockResolver<'a> {
    /// The images.
    pub lock: &'a ImageLock,
    /// The files.
    pub files: &'a LocalFiles,
    /// The platform of images that are asked for without one.
    pub build_platform: &'a Platform,
}

impl Resolver for LockResolver<'_> {
    async fn resolve(&self, needs: &Needs) -> Vec<(Need, Result<Fact, FactFailure>)> {
        let locked = |need: &Need| {
            let answer = self.lock.answer(need, self.build_platform);
            answer.map_err(|error| Arc::new(error) as FactFailure)
        };
        let answer = |need: &Need| (need.clone(), self.files.answer(need).unwrap_or_else(|| locked(need)));
        needs.iter().map(|(need, _)| answer(need)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::Reference;

    #[test]
    fn a_lock_is_written_as_it_is_read() {
        let text = r#"{"images":[{"ref":"docker.io/library/a:1","platform":"linux/amd64","digest":"sha256:0","config":{"os":"linux"}}]}"#;
        let lock = ImageLock::parse(text.as_bytes()).unwrap();
        let need =
            Need::Image { reference: Reference::parse("docker.io/library/a:1").unwrap(), platform: None };
        let build = Platform::new("linux", "amd64");
        let fact = lock.answer(&need, &build).unwrap();
        let mut facts = Facts::new();
        facts.insert(need.clone(), Ok(fact));
        let again = ImageLock::of_facts(&facts, &build).to_json();
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&again).unwrap(),
            serde_json::from_str::<serde_json::Value>(text).unwrap()
        );
        assert!(matches!(
            lock.answer(&need, &Platform::new("linux", "arm64")),
            Err(LockError::Missing { .. })
        ));
    }

    #[test]
    fn other_json_is_no_lock() {
        assert!(matches!(ImageLock::parse(b"[]"), Err(LockError::Syntax(_))));
    }
}
