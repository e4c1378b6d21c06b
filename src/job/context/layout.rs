//! OCI layouts on this machine as named contexts: `oci-layout://FOLDER[:TAG][@DIGEST]`.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use crate::beneath::{self, Root};
use crate::image::digest;
use crate::image::reference::is_tag;
use crate::job::result::layout::{IMAGE_NAME, MAX_INDEX_BYTES, REFERENCE_NAME};

/// The tag where neither tag nor digest is given.
const DEFAULT_TAG: &str = "latest";
/// Names of an image in an index: a whole name, or a tag.
const NAME_ANNOTATIONS: [&str; 2] = [IMAGE_NAME, REFERENCE_NAME];

/// An image in an OCI layout: the folder, and which of its images.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OciLayout {
    /// The folder.
    pub folder: PathBuf,
    tag: Option<String>,
    digest: String,
}

/// Why a value names no image in an OCI layout.
#[derive(Debug, thiserror::Error)]
pub enum LayoutError {
    /// The folder is no OCI layout.
    #[error("{} is not an OCI layout: cannot read its index.json", folder.display())]
    Index {
        /// The folder.
        folder: PathBuf,
        /// Why not.
        source: beneath::Error,
    },
    /// `index.json` is not the JSON that it has to be.
    #[error("the index.json of {} is no image index", folder.display())]
    Syntax {
        /// The folder.
        folder: PathBuf,
        /// Why not.
        source: serde_json::Error,
    },
    /// No image has the tag, and there is not just one.
    #[error("{} has no image with the tag {tag:?}, but {}", folder.display(), Tags(tags))]
    NoSuchTag {
        /// The folder.
        folder: PathBuf,
        /// The tag.
        tag: String,
        /// The tags that it has.
        tags: Vec<String>,
    },
    /// A digest that is none.
    #[error("invalid digest {digest:?}")]
    Digest {
        /// What stands in its place.
        digest: String,
        /// What is wrong with it.
        source: digest::DigestError,
    },
}

/// Which tags there are, in words.
struct Tags<'a>(&'a [String]);

impl fmt::Display for Tags<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            [] => f.write_str("images without tags: name one by its digest"),
            tags => write!(f, "these: {}", tags.join(", ")),
        }
    }
}

#[derive(Deserialize)]
struct Index {
    #[serde(default)]
    manifests: Vec<Manifest>,
}

#[derive(Deserialize)]
struct Manifest {
    digest: String,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

impl OciLayout {
    /// Returns the image that the value of `--build-context` names after `oci-layout://`. Without a digest it is looked up
    /// in `index.json`: by its tag, else it is the only one that is there.
    ///
    /// Source: `Parse` in buildx's util/ocilayout/parse.go, `resolveDigest` in its build/opt.go.
    ///
    /// # Errors
    /// [`LayoutError`].
    pub fn find(value: &str) -> Result<Self, LayoutError> {
        let LayoutName { folder, tag, digest } = LayoutName::parse(value)?;
        let digest = match digest {
            Some(digest) => digest,
            None => look_up(&folder, tag.as_deref().unwrap_or(DEFAULT_TAG))?,
        };
        Ok(Self { folder, tag, digest })
    }

    /// Returns the name of the store in graphs: the same for the same folder, so that graphs stay the same. What is no folder
    /// of this machine is itself the name of a store, as BuildKit's frontend reads it.
    pub fn store(&self) -> String {
        if !self.folder.is_dir() {
            return self.folder.to_string_lossy().into_owned();
        }
        let folder = std::path::absolute(&self.folder).unwrap_or_else(|_| self.folder.clone());
        hex::encode(&Sha256::digest(folder.as_os_str().as_encoded_bytes())[..16])
    }

    /// Returns the context as a frontend is told it.
    pub fn source(&self) -> String {
        let tag = self.tag.as_ref().map(|tag| format!(":{tag}")).unwrap_or_default();
        format!("oci-layout://{}{tag}@{}", self.store(), self.digest)
    }
}

/// What `FOLDER[:TAG][@DIGEST]` names.
pub(in crate::job) struct LayoutName {
    /// The folder.
    pub(in crate::job) folder: PathBuf,
    /// The tag.
    pub(in crate::job) tag: Option<String>,
    /// The digest, checked.
    pub(in crate::job) digest: Option<String>,
}

impl LayoutName {
    /// Returns what `value` names.
    ///
    /// Source: `Parse` in buildx's util/ocilayout/parse.go.
    ///
    /// # Errors
    /// [`LayoutError::Digest`].
    pub(in crate::job) fn parse(value: &str) -> Result<Self, LayoutError> {
        let (rest, digest) = match value.rsplit_once('@') {
            Some((rest, digest)) if looks_like_digest(digest) => (rest, Some(Self::checked(digest)?)),
            _ => (value, None),
        };
        let (folder, tag) = match rest.rsplit_once(':') {
            Some((folder, tag)) if is_tag(tag) => (folder, Some(tag.to_owned())),
            _ => (rest, None),
        };
        Ok(Self { folder: PathBuf::from(folder), tag, digest })
    }

    /// Returns `digest` where it is one.
    ///
    /// # Errors
    /// [`LayoutError::Digest`].
    pub(in crate::job) fn checked(digest: &str) -> Result<String, LayoutError> {
        let wrong = |source| LayoutError::Digest { digest: digest.to_owned(), source };
        digest::check(digest).map_err(wrong)?;
        Ok(digest.to_owned())
    }
}

/// Returns the digest of an image in the folder: of the tag, else of the only one that is there.
fn look_up(folder: &Path, tag: &str) -> Result<String, LayoutError> {
    let manifests = manifests(folder)?;
    let only = || if let [only] = manifests.as_slice() { Some(only) } else { None };
    match named(&manifests, tag).or_else(only) {
        Some(found) => LayoutName::checked(&found.digest),
        None => Err(no_such_tag(folder, tag, &manifests)),
    }
}

/// Returns the digest of the image in the folder that has this tag.
///
/// # Errors
/// [`LayoutError`].
pub(in crate::job) fn tagged_digest(folder: &Path, tag: &str) -> Result<String, LayoutError> {
    let manifests = manifests(folder)?;
    let found = named(&manifests, tag).ok_or_else(|| no_such_tag(folder, tag, &manifests))?;
    LayoutName::checked(&found.digest)
}

/// Returns what the index of a layout has (BuildKit: `StoreIndex` in client/ociindex).
fn manifests(folder: &Path) -> Result<Vec<Manifest>, LayoutError> {
    let failed = |source| LayoutError::Index { folder: folder.to_owned(), source };
    let root = Root::open(folder).map_err(|error| failed(error.into()))?;
    let text = root.read(Path::new("index.json"), MAX_INDEX_BYTES).map_err(failed)?;
    let syntax = |source| LayoutError::Syntax { folder: folder.to_owned(), source };
    let Index { manifests } = serde_json::from_slice(&text).map_err(syntax)?;
    Ok(manifests)
}

fn named<'m>(manifests: &'m [Manifest], tag: &str) -> Option<&'m Manifest> {
    let named = |name: &&str| {
        manifests.iter().find(|manifest| manifest.annotations.get(*name).is_some_and(|found| found == tag))
    };
    NAME_ANNOTATIONS.iter().find_map(named)
}

fn no_such_tag(folder: &Path, tag: &str, manifests: &[Manifest]) -> LayoutError {
    let name = |manifest: &Manifest| {
        NAME_ANNOTATIONS.iter().rev().find_map(|name| manifest.annotations.get(*name)).cloned()
    };
    let tags = manifests.iter().filter_map(name).collect();
    LayoutError::NoSuchTag { folder: folder.to_owned(), tag: tag.to_owned(), tags }
}

fn looks_like_digest(text: &str) -> bool {
    let Some((algorithm, encoded)) = text.split_once(':') else { return false };
    !algorithm.is_empty()
        && algorithm.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+._-".contains(&byte))
        && encoded.len() >= 32
        && encoded.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(digit: char) -> String {
        format!("sha256:{}", digit.to_string().repeat(64))
    }

    /// A folder whose index has images of these names and digests.
    fn layout(images: &[(&str, &str, char)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let image = |(annotation, name, digit): &(&str, &str, char)| serde_json::json!({ "digest": digest(*digit), "annotations": { *annotation: name } });
        let manifests: Vec<_> = images.iter().map(image).collect();
        let index = serde_json::json!({ "schemaVersion": 2, "manifests": manifests });
        std::fs::write(dir.path().join("index.json"), index.to_string()).unwrap();
        dir
    }

    #[test]
    fn an_image_is_found_by_digest_by_tag_or_alone() {
        let [name, tag] = NAME_ANNOTATIONS;
        let dir = layout(&[(tag, "latest", 'a'), (tag, "v1", 'b'), (name, "v1", 'c')]);
        let folder = dir.path().display().to_string();
        let found = |rest: &str| OciLayout::find(&format!("{folder}{rest}")).map(|layout| layout.digest);
        assert_eq!(found("").unwrap(), digest('a'));
        assert_eq!(found(":v1").unwrap(), digest('c'), "a whole name goes before a tag");
        assert_eq!(found(&format!("@{}", digest('f'))).unwrap(), digest('f'), "a digest is taken as it is");
        assert_eq!(found(&format!(":x@{}", digest('f'))).unwrap(), digest('f'));
        let error = found(":nope").unwrap_err().to_string();
        assert_eq!(error, format!("{folder} has no image with the tag \"nope\", but these: latest, v1, v1"));
        let dir = layout(&[(tag, "other", 'd')]);
        let layout = OciLayout::find(&format!("{}:nope", dir.path().display())).unwrap();
        assert_eq!(layout.digest, digest('d'), "the only image is meant, whatever its tag");
        assert_eq!(layout.source(), format!("oci-layout://{}:nope@{}", layout.store(), digest('d')));
    }

    #[test]
    fn a_folder_that_is_no_layout_is_named() {
        let error = OciLayout::find("/nonexistent").unwrap_err();
        assert_eq!(error.to_string(), "/nonexistent is not an OCI layout: cannot read its index.json");
        let dir = layout(&[]);
        std::fs::write(dir.path().join("index.json"), "no JSON").unwrap();
        let error = OciLayout::find(&dir.path().display().to_string()).unwrap_err();
        assert!(error.to_string().ends_with("is no image index"), "{error}");
        let error = OciLayout::find(&format!("/x@sha256:{}", "a".repeat(40))).unwrap_err();
        assert!(error.to_string().starts_with("invalid digest"), "{error}");
    }
}
