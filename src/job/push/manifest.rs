//! Image manifests and indexes at a registry, as far as copying and mounting layers needs them.
//! (<https://github.com/opencontainers/image-spec/blob/main/manifest.md>)

use std::collections::BTreeMap;

use http::HeaderValue;
use serde::Deserialize;

use crate::image::{Platform, digest};
use crate::registry::{Client, ClientError, Manifest, Repository};

/// The types of an image manifest: of the OCI, and of Docker.
pub(crate) const IMAGES: [&str; 2] =
    ["application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json"];
/// The types of an index: of the OCI, and of Docker.
pub(crate) const INDEXES: [&str; 2] =
    ["application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json"];

/// The largest size of a blob that is taken for one, in bytes: 16 TiB, so that all sizes of a manifest can be added up.
const MAX_BLOB: u64 = 1 << 44;

/// The manifest of an image for one platform.
#[derive(Debug)]
pub(crate) struct ImageManifest {
    /// Its exact bytes.
    pub(crate) manifest: Manifest,
    /// What it is written as.
    pub(crate) media_type: HeaderValue,
    config: Blob,
    layers: Vec<Blob>,
}

/// A blob that a manifest names.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Blob {
    /// `sha256:…`.
    pub(crate) digest: String,
    /// The size in bytes.
    pub(crate) size: u64,
    #[serde(default)]
    urls: Vec<String>,
}

/// What a registry has under a reference.
#[derive(Debug)]
pub(crate) enum ManifestLookup {
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

impl ManifestLookup {
    /// The image that `reference` (a tag or digest) names: of an index the one for `platform`
    /// (`os/architecture/variant`, normalised).
    pub(crate) async fn look_up(
        client: &Client,
        repository: &Repository,
        reference: &str,
        platform: &str,
    ) -> Result<Self, ClientError> {
        let Some(manifest) = client.manifest(repository, reference).await? else { return Ok(Self::Missing) };
        let what = || format!("read the image {reference} of {repository}");
        let digest = match read(manifest, what)? {
            Content::Image(image) => return Ok(Self::Image(image)),
            Content::Index(entries) => entries.into_iter().find(|entry| entry.is_for(platform)),
            Content::Unknown => None,
        };
        let Some(Entry { digest, .. }) = digest else { return Ok(Self::Unknown) };
        let found = client.manifest(repository, &digest).await?;
        Ok(match found.map(|manifest| read(manifest, what)).transpose()? {
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

/// What `manifest` is. An image that names a blob by what is no digest is refused: it would become part of a URL.
fn read(manifest: Manifest, what: impl Fn() -> String) -> Result<Content, ClientError> {
    let Ok(document) = serde_json::from_slice::<Document>(&manifest.bytes) else {
        return Ok(Content::Unknown);
    };
    // What a manifest says of itself goes before what the registry says of it.
    let media_type = document.media_type.as_deref().unwrap_or(&manifest.descriptor.media_type);
    if INDEXES.contains(&media_type) {
        return Ok(Content::Index(document.manifests));
    }
    let (Some(config), true) = (document.config, IMAGES.contains(&media_type)) else {
        return Ok(Content::Unknown);
    };
    for Blob { digest, size, .. } in document.layers.iter().chain([&config]) {
        if !digest::is_registered(digest) {
            return Err(ClientError::name(&what(), "digest of a blob", digest));
        }
        if *size > MAX_BLOB {
            return Err(ClientError::name(&what(), "size of a blob", &size.to_string()));
        }
    }
    let Ok(media_type) = HeaderValue::from_str(media_type) else { return Ok(Content::Unknown) };
    let layers = document.layers;
    Ok(Content::Image(Box::new(ImageManifest { manifest, media_type, config, layers })))
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
    /// The image that `manifest` is; `None` for an index and for what is not known here.
    ///
    /// # Errors
    /// [`ClientError::Name`] where it names a blob by what is no digest.
    pub(crate) fn of(manifest: Manifest, what: impl Fn() -> String) -> Result<Option<Self>, ClientError> {
        Ok(match read(manifest, what)? {
            Content::Image(image) => Some(*image),
            Content::Index(_) | Content::Unknown => None,
        })
    }

    /// Its layers, each once, by digest. Those that are to be had elsewhere (foreign layers) are left out.
    pub(crate) fn layers(&self) -> BTreeMap<&str, &Blob> {
        let stored = self.layers.iter().filter(|layer| layer.urls.is_empty());
        stored.map(|layer| (layer.digest.as_str(), layer)).collect()
    }

    /// Its layers, lowest first.
    pub(crate) fn layers_in_order(&self) -> &[Blob] {
        &self.layers
    }

    /// Its config.
    pub(crate) const fn config(&self) -> &Blob {
        &self.config
    }

    /// Every blob that it needs at its registry, each once, by digest.
    pub(crate) fn blobs(&self) -> BTreeMap<&str, &Blob> {
        let mut blobs = self.layers();
        blobs.insert(&self.config.digest, &self.config);
        blobs
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::Descriptor;

    /// A digest of the right length that begins with `start`.
    fn digest_of(start: &str) -> String {
        format!("sha256:{start:0<64}")
    }

    fn try_read(bytes: &[u8], media_type: &str) -> Result<Content, ClientError> {
        let descriptor =
            Descriptor { digest: digest_of("0"), media_type: media_type.into(), size: bytes.len() as u64 };
        read(Manifest { descriptor, bytes: bytes.to_vec().into() }, || "read an image".to_owned())
    }

    fn read_text(text: &str, media_type: &str) -> Content {
        try_read(text.as_bytes(), media_type).unwrap()
    }

    /// The text of a manifest with these blobs: a config, and two layers of which one is foreign.
    fn manifest(config: &str, layer: &str, size: &str) -> String {
        let foreign = digest_of("f");
        format!(
            r#"{{"config":{{"digest":"{config}","size":2}},"layers":[{{"digest":"{layer}","size":{size}}},{{"digest":"{layer}","size":{size}}},{{"digest":"{foreign}","size":9,"urls":["https://x"]}}]}}"#
        )
    }

    #[test]
    fn an_image_has_its_layers_once_and_its_config() {
        let (config, layer) = (digest_of("c"), digest_of("a"));
        let text = manifest(&config, &layer, "1");
        let Content::Image(image) = read_text(&text, IMAGES[1]) else { panic!("an image") };
        assert_eq!(image.layers().keys().collect::<Vec<_>>(), [&layer]);
        assert_eq!(image.blobs().keys().collect::<Vec<_>>(), [&layer, &config]);
        assert_eq!(image.media_type, IMAGES[1]);
    }

    #[test]
    fn a_blob_that_is_named_by_a_path_or_has_no_sane_size_is_refused() {
        let (good, long) = (digest_of("a"), digest_of("a") + "0");
        for bad in
            ["sha256:../../../other/manifests/x", "", "latest", "md5:0cc175b9c0f1b6a831c399e269772661", &long]
        {
            for text in [manifest(bad, &good, "1"), manifest(&good, bad, "1")] {
                let error = try_read(text.as_bytes(), IMAGES[0]).err().expect(bad).to_string();
                assert!(error.starts_with("cannot read an image: ") && error.len() < 200, "{error}");
            }
        }
        assert!(try_read(manifest(&good, &good, "17592186044417").as_bytes(), IMAGES[0]).is_err());
        for size in ["-1", "18446744073709551616", "1.5", "null"] {
            assert!(
                matches!(read_text(&manifest(&good, &good, size), IMAGES[0]), Content::Unknown),
                "{size}"
            );
        }
    }

    #[test]
    fn fuzz_what_is_read_of_a_manifest_can_stand_in_a_url() {
        let image = manifest(&digest_of("c"), &digest_of("a"), "1");
        let index = format!(
            r#"{{"mediaType":"{}","manifests":[{{"digest":"{}","platform":{{"os":"linux","architecture":"arm64"}}}}]}}"#,
            INDEXES[0],
            digest_of("a")
        );
        crate::fuzz::run(&[image.as_bytes(), index.as_bytes()], |bytes| match try_read(bytes, IMAGES[0]) {
            Ok(Content::Image(image)) => {
                let blobs = image.blobs();
                assert!(blobs.keys().all(|digest| digest::is_registered(digest)));
                blobs.values().map(|blob| blob.size).sum::<u64>();
            }
            Ok(Content::Index(entries)) => {
                let _ = entries.iter().filter(|entry| entry.is_for("linux/arm64")).count();
            }
            Ok(Content::Unknown) => {}
            Err(error) => assert!(!error.to_string().contains(char::is_control)),
        });
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
        assert!(matches!(read_text("[", IMAGES[0]), Content::Unknown));
        assert!(matches!(read_text("{}", IMAGES[0]), Content::Unknown));
    }
}
