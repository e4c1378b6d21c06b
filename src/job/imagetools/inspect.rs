//! `bob imagetools inspect`: what a registry has under a reference.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::Value;

use super::document::{Descriptor, Index};
use super::error::ImageToolsError;
use super::{ImageTools, document};
use crate::image::Reference;

/// The size of the largest image configuration that is read, in bytes.
pub(super) const CONFIG_LIMIT: usize = 16 << 20;
/// The size of all image configurations of one index together, in bytes.
const CONFIGS_LIMIT: usize = 32 << 20;

/// What a registry has under a reference.
#[derive(Debug)]
pub struct Inspected {
    /// The whole reference.
    pub reference: Reference,
    /// The media type, digest and size.
    pub descriptor: Descriptor,
    /// The exact bytes.
    pub bytes: Bytes,
    /// The index, if it is one.
    pub index: Option<Index>,
}

impl ImageTools {
    /// Returns what the registry has under `text`.
    ///
    /// # Errors
    /// [`ImageToolsError`].
    pub async fn inspect(&self, text: &str) -> Result<Inspected, ImageToolsError> {
        let wrong = |source| ImageToolsError::Reference {
            text: crate::diag::redact_reference(text).into_owned(),
            source,
        };
        let reference = Reference::parse(text).map_err(wrong)?.with_default_tag();
        let manifest = self.manifest(&reference).await?;
        let descriptor = Descriptor {
            media_type: manifest.descriptor.media_type,
            digest: manifest.descriptor.digest,
            size: i64::try_from(manifest.descriptor.size).unwrap_or(i64::MAX),
            ..Descriptor::default()
        };
        let index = if descriptor.is_index() { Some(index_of(&manifest.bytes, &reference)?) } else { None };
        Ok(Inspected { reference, descriptor, bytes: manifest.bytes, index })
    }

    /// Returns the image configurations by their platforms. What an index has besides images of platforms, such as
    /// attestations, has none.
    ///
    /// # Errors
    /// [`ImageToolsError`].
    pub async fn configs(&self, image: &Inspected) -> Result<BTreeMap<String, Value>, ImageToolsError> {
        let mut configs = BTreeMap::new();
        let Some(index) = &image.index else {
            let config = self.config(&image.reference, &image.bytes).await?;
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
            let reference = at(&image.reference, &entry.digest)?;
            let manifest = self.manifest(&reference).await?;
            let config = self.config_bytes(&reference, &manifest.bytes).await?;
            bytes += config.len();
            if bytes > CONFIGS_LIMIT {
                let reference = image.reference.to_string();
                return Err(ImageToolsError::TooManyConfigs { reference, limit: CONFIGS_LIMIT });
            }
            configs.insert(platform.short(), parsed_config(&config, &reference)?);
        }
        Ok(configs)
    }

    /// Returns the configuration that an image manifest names.
    pub(super) async fn config(&self, image: &Reference, manifest: &[u8]) -> Result<Value, ImageToolsError> {
        parsed_config(&self.config_bytes(image, manifest).await?, image)
    }

    async fn config_bytes(&self, image: &Reference, manifest: &[u8]) -> Result<Bytes, ImageToolsError> {
        let wrong = |source| ImageToolsError::Document {
            reference: image.to_string(),
            wanted: "image manifest",
            source,
        };
        let manifest: Value = serde_json::from_slice(manifest).map_err(wrong)?;
        let digest = manifest.pointer("/config/digest").and_then(Value::as_str).unwrap_or_default();
        let repository = self.endpoint(image)?.repository;
        let blob = self.client().blob(&repository, digest, CONFIG_LIMIT).await;
        self.told(blob, "read the configuration of", image, &repository).await
    }
}

fn parsed_config(bytes: &[u8], image: &Reference) -> Result<Value, ImageToolsError> {
    serde_json::from_slice(bytes).map_err(|source| ImageToolsError::Document {
        reference: image.to_string(),
        wanted: "image configuration",
        source,
    })
}

/// The index that `bytes` are.
pub(super) fn index_of(bytes: &[u8], reference: &Reference) -> Result<Index, ImageToolsError> {
    serde_json::from_slice(bytes).map_err(|source| ImageToolsError::Document {
        reference: reference.to_string(),
        wanted: "index",
        source,
    })
}

/// `reference` with this digest.
pub(super) fn at(reference: &Reference, digest: &str) -> Result<Reference, ImageToolsError> {
    let wrong =
        |source| ImageToolsError::Reference { text: format!("{}@{digest}", reference.name()), source };
    reference.clone().with_digest(digest).map_err(wrong)
}
