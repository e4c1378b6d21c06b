//! `bob imagetools inspect`: what a registry has under a reference, or an OCI layout under a tag.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::Value;

use super::document::{Descriptor, Index};
use super::error::ImageToolsError;
use super::place::{Place, SCHEME};
use super::{ImageTools, document};

/// The size of the largest image configuration that is read, in bytes.
pub(super) const MAX_CONFIG_BYTES: usize = 16 << 20;
/// The size of all image configurations of one index together, in bytes.
const MAX_CONFIGS_BYTES: usize = 32 << 20;

/// What a registry has under a reference, or an OCI layout under a tag.
#[derive(Debug)]
pub struct Inspected {
    /// Where it is.
    pub place: Place,
    /// The media type, digest and size.
    pub descriptor: Descriptor,
    /// The exact bytes.
    pub bytes: Bytes,
    /// The index, if it is one.
    pub index: Option<Index>,
}

impl Inspected {
    /// Returns what an entry of the index is called. The tag of a reference stays, as buildx shows it.
    pub fn name_of(&self, entry: &Descriptor) -> String {
        let whole = self.place.to_string();
        let name = match &self.place {
            Place::Registry(_) => whole.split('@').next().unwrap_or_default().to_owned(),
            Place::Layout(_) => format!("{SCHEME}{}", self.place.name()),
        };
        format!("{name}@{}", entry.digest)
    }
}

impl ImageTools {
    /// Returns what is at the place that `text` writes.
    ///
    /// # Errors
    /// [`ImageToolsError`].
    pub async fn inspect(&self, text: &str) -> Result<Inspected, ImageToolsError> {
        let place = Place::parse(text)?;
        let manifest = self.manifest(&place).await?;
        let descriptor = Descriptor {
            media_type: manifest.descriptor.media_type,
            digest: manifest.descriptor.digest,
            size: i64::try_from(manifest.descriptor.size).unwrap_or(i64::MAX),
            ..Descriptor::default()
        };
        let index = if descriptor.is_index() { Some(index_of(&manifest.bytes, &place)?) } else { None };
        Ok(Inspected { place, descriptor, bytes: manifest.bytes, index })
    }

    /// Returns the image configurations by their platforms. What an index has besides images of platforms, such as
    /// attestations, has none.
    ///
    /// # Errors
    /// [`ImageToolsError`].
    pub async fn configs(&self, image: &Inspected) -> Result<BTreeMap<String, Value>, ImageToolsError> {
        let mut configs = BTreeMap::new();
        let Some(index) = &image.index else {
            let config = self.config(&image.place, &image.bytes).await?;
            let text = |name: &str| config.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
            let platform = document::PlatformDocument {
                os: text("os"),
                architecture: text("architecture"),
                variant: text("variant"),
                ..document::PlatformDocument::default()
            };
            configs.insert(platform.short(), config);
            return Ok(configs);
        };
        let mut bytes = 0;
        for entry in &index.manifests {
            let Some(platform) = entry.platform.as_ref().filter(|platform| platform.os != "unknown") else {
                continue;
            };
            let place = image.place.at(&entry.digest)?;
            let manifest = self.manifest(&place).await?;
            let config = self.config_bytes(&place, &manifest.bytes).await?;
            bytes += config.len();
            if bytes > MAX_CONFIGS_BYTES {
                let reference = image.place.to_string();
                return Err(ImageToolsError::TooManyConfigs { reference, limit: MAX_CONFIGS_BYTES });
            }
            configs.insert(platform.short(), parsed_config(&config, &place)?);
        }
        Ok(configs)
    }

    /// Returns the configuration that an image manifest names.
    pub(super) async fn config(&self, image: &Place, manifest: &[u8]) -> Result<Value, ImageToolsError> {
        parsed_config(&self.config_bytes(image, manifest).await?, image)
    }

    async fn config_bytes(&self, image: &Place, manifest: &[u8]) -> Result<Bytes, ImageToolsError> {
        let wrong = |source| ImageToolsError::Document {
            reference: image.to_string(),
            wanted: "image manifest",
            source,
        };
        let manifest: Value = serde_json::from_slice(manifest).map_err(wrong)?;
        let digest = manifest.pointer("/config/digest").and_then(Value::as_str).unwrap_or_default();
        self.blob(image, digest, MAX_CONFIG_BYTES).await
    }

    /// Returns the content of a blob of at most `limit` bytes that an image names.
    pub(super) async fn blob(
        &self,
        image: &Place,
        digest: &str,
        limit: usize,
    ) -> Result<Bytes, ImageToolsError> {
        let reference = match image {
            Place::Layout(layout) => return layout.blob(digest, limit),
            Place::Registry(reference) => reference,
        };
        let repository = self.endpoint(reference)?.repository;
        let blob = self.client().blob(&repository, digest, limit).await;
        self.told(blob, "read what belongs to", image, &repository).await
    }
}

fn parsed_config(bytes: &[u8], image: &Place) -> Result<Value, ImageToolsError> {
    serde_json::from_slice(bytes).map_err(|source| ImageToolsError::Document {
        reference: image.to_string(),
        wanted: "image configuration",
        source,
    })
}

/// The index that `bytes` are.
pub(super) fn index_of(bytes: &[u8], reference: &Place) -> Result<Index, ImageToolsError> {
    serde_json::from_slice(bytes).map_err(|source| ImageToolsError::Document {
        reference: reference.to_string(),
        wanted: "index",
        source,
    })
}
