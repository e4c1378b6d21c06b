//! Image manifests and indexes at a registry, as far as copying and mounting layers needs them.
//! (<https://github.com/opencontainers/image-spec/blob/main/manifest.md>)

use std::collections::BTreeMap;

use http::HeaderValue;
use serde::Deserialize;

use crate::image::Platform;
use crate::registry::{Client, ClientError, Manifest, Repository};

/// The types of an image manifest, and of an index.
const MANIFESTS: [&str; 2] =
    ["application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json"];
const INDEXES: [&str; 2] =
    ["application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json"];

/// The manifest of an image for one platform.
#[derive(Debug)]
pub(super) struct ImageManifest {
    /// Its exact bytes.
    pub(super) manifest: Manifest,
    /// What it is written as.
    pub(super) media_type: HeaderValue,
    config: Blob,
    layers: Vec<Blob>,
}

/// A blob that a manifest names.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Blob {
    /// `sha256:…`.
    pub(super) digest: String,
    /// The size in bytes.
    pub(super) size: u64,
    #[serde(default)]
    urls: Vec<String>,
}

/// What a registry has under a reference.
#[derive(Debug)]
pub(super) enum Found {
    /// The image.
    Image(Box<ImageManifest>),
    /// Nothing.
    Missing,
    /// Something that is no image of the platform, or of a kind that is not known here.
    Unknown,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    media_type: Option<String>,
    config: Option<Blob>,
    #[serde(default)]
    layers: Vec<Blob>,
    #[serde(default)]
    manifests: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    digest: String,
    platform: Option<EntryPlatform>,
}

#[derive(Deserialize)]
struct EntryPlatform {
    os: String,
    architecture: String,
    #[serde(default)]
    variant: String,
}

impl Found {
    /// The image that `reference` (a tag or digest) names: of an index the one for `platform`
    /// (`os/architecture/variant`, normalised).
    pub(super) async fn look_up(
        client: &Client,
        repository: &Repository,
        reference: &str,
        platform: &str,
    ) -> Result<Self, ClientError> {
        let Some(manifest) = client.manifest(repository, reference).await? else { return Ok(Self::Missing) };
        let digest = match read(manifest) {
            Content::Image(image) => return Ok(Self::Image(image)),
            Content::Index(entries) => entries.into_iter().find(|entry| entry.is_for(platform)),
            Content::Unknown => None,
        };
        let Some(Entry { digest, .. }) = digest else { return Ok(Self::Unknown) };
        Ok(match client.manifest(repository, &digest).await?.map(read) {
            Some(Content::Image(image)) => Self::Image(image),
            _ => Self::Unknown,
        })
    }
}

enum Content {
    Image(Box<ImageManifest>),
    Index(Vec<Entry>),
    Unknown,
}

fn read(manifest: Manifest) -> Content {
    let Ok(document) = serde_json::from_slice::<Document>(&manifest.bytes) else { return Content::Unknown };
    // What a manifest says of itself goes before what the registry says of it.
    let media_type = document.media_type.as_deref().unwrap_or(&manifest.descriptor.media_type);
    if INDEXES.contains(&media_type) {
        return Content::Index(document.manifests);
    }
    match (document.config, HeaderValue::from_str(media_type)) {
        (Some(config), Ok(written)) if MANIFESTS.contains(&media_type) => {
            let layers = document.layers;
            Content::Image(Box::new(ImageManifest { media_type: written, manifest, config, layers }))
        }
        _ => Content::Unknown,
    }
}

impl Entry {
    fn is_for(&self, platform: &str) -> bool {
        self.platform.as_ref().is_some_and(|own| {
            let own = Platform {
                variant: own.variant.as_str().into(),
                ..Platform::new(&own.os, &own.architecture)
            };
            own.normalized().to_string() == platform
        })
    }
}

impl ImageManifest {
    /// Its layers, each once, by digest. Those that are to be had elsewhere (foreign layers) are left out.
    pub(super) fn layers(&self) -> BTreeMap<&str, &Blob> {
        let stored = self.layers.iter().filter(|layer| layer.urls.is_empty());
        stored.map(|layer| (layer.digest.as_str(), layer)).collect()
    }

    /// Every blob that it needs at its registry, each once, by digest.
    pub(super) fn blobs(&self) -> BTreeMap<&str, &Blob> {
        let mut blobs = self.layers();
        blobs.insert(&self.config.digest, &self.config);
        blobs
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::Descriptor;

    fn read_text(text: &str, media_type: &str) -> Content {
        let descriptor =
            Descriptor { digest: "sha256:0".into(), media_type: media_type.into(), size: text.len() as u64 };
        read(Manifest { descriptor, bytes: text.to_owned().into() })
    }

    #[test]
    fn an_image_has_its_layers_once_and_its_config() {
        let text = r#"{"config":{"digest":"sha256:c","size":2},"layers":[{"digest":"sha256:a","size":1},{"digest":"sha256:a","size":1},{"digest":"sha256:f","size":9,"urls":["https://x"]}]}"#;
        let Content::Image(image) = read_text(text, MANIFESTS[1]) else { panic!("an image") };
        assert_eq!(image.layers().keys().collect::<Vec<_>>(), [&"sha256:a"]);
        assert_eq!(image.blobs().keys().collect::<Vec<_>>(), [&"sha256:a", &"sha256:c"]);
        assert_eq!(image.media_type, MANIFESTS[1]);
    }

    #[test]
    fn an_index_has_one_image_for_each_platform() {
        let text = r#"{"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{"digest":"sha256:u","platform":{"os":"unknown","architecture":"unknown"}},{"digest":"sha256:a","platform":{"os":"linux","architecture":"arm64","variant":"v8"}},{"digest":"sha256:n"}]}"#;
        let Content::Index(entries) = read_text(text, "") else { panic!("an index") };
        let of = |platform: &str| entries.iter().find(|e| e.is_for(platform)).map(|e| e.digest.as_str());
        assert_eq!(of("linux/arm64"), Some("sha256:a"));
        assert_eq!(of("linux/amd64"), None);
    }

    #[test]
    fn other_documents_are_unknown() {
        let signed = r#"{"schemaVersion":1,"fsLayers":[]}"#;
        let old = "application/vnd.docker.distribution.manifest.v1+prettyjws";
        assert!(matches!(read_text(signed, old), Content::Unknown));
        assert!(matches!(read_text("[", MANIFESTS[0]), Content::Unknown));
        assert!(matches!(read_text("{}", MANIFESTS[0]), Content::Unknown));
    }
}
