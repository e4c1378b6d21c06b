//! Indexes and descriptors, read and written as Go's types of the image specification do it.
//! (<https://github.com/opencontainers/image-spec/blob/main/image-index.md>)

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};

use crate::gotext::json;
use crate::image::Platform;
use crate::job::push::manifest::{IMAGES, INDEXES};

/// The type of an image in Docker's format of 2015.
pub(super) const OLD_IMAGE: &str = "application/vnd.docker.distribution.manifest.v1+json";

/// What an index says of an image. The order of the fields is that in which Go writes them.
///
/// Source: `Descriptor` in `specs-go/v1/descriptor.go` of the image specification.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// The media type.
    #[serde(default, deserialize_with = "or_default")]
    pub media_type: String,
    /// `sha256:…`.
    pub digest: String,
    /// The size in bytes.
    #[serde(default, deserialize_with = "or_default")]
    pub size: i64,
    /// Where else its content is.
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "Vec::is_empty")]
    pub urls: Vec<String>,
    /// Annotations.
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// Its content, in base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
    /// The platform that it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<PlatformDocument>,
    /// What an artifact is.
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "String::is_empty")]
    pub artifact_type: String,
}

/// A platform as indexes and image configurations have it.
///
/// Source: `Platform` in `specs-go/v1/descriptor.go` of the image specification.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlatformDocument {
    /// The architecture.
    #[serde(default, deserialize_with = "or_default")]
    pub architecture: String,
    /// The operating system.
    #[serde(default, deserialize_with = "or_default")]
    pub os: String,
    /// The version of the operating system.
    #[serde(
        rename = "os.version",
        default,
        deserialize_with = "or_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub os_version: String,
    /// What the operating system has to have.
    #[serde(
        rename = "os.features",
        default,
        deserialize_with = "or_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub os_features: Vec<String>,
    /// The variant of the architecture.
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "String::is_empty")]
    pub variant: String,
}

/// An index of images.
///
/// Source: `Index` in `specs-go/v1/index.go` of the image specification.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Index {
    /// Always 2.
    #[serde(default, deserialize_with = "or_default")]
    pub schema_version: i64,
    /// The media type.
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "String::is_empty")]
    pub media_type: String,
    /// What an artifact is.
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "String::is_empty")]
    pub artifact_type: String,
    /// The images.
    #[serde(default, deserialize_with = "or_default")]
    pub manifests: Vec<Descriptor>,
    /// The image that this one is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Descriptor>,
    /// Annotations.
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

/// `null` leaves a field as it is in Go.
fn or_default<'d, T: Default + Deserialize<'d>, D: Deserializer<'d>>(deserializer: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

impl Index {
    /// The bytes that Go's `json.MarshalIndent` writes: the digest of an index is that of buildx's.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        json::to_vec_indent(self).expect("texts and numbers can be written")
    }
}

impl Descriptor {
    /// Whether it is an index.
    pub fn is_index(&self) -> bool {
        INDEXES.contains(&self.media_type.as_str())
    }
}

impl PlatformDocument {
    /// The platform, normalised.
    pub fn normalized(&self) -> Platform {
        let platform = Platform {
            variant: self.variant.as_str().into(),
            os_version: self.os_version.as_str().into(),
            ..Platform::new(&self.os, &self.architecture)
        };
        platform.normalized()
    }

    /// `os/architecture/variant`.
    pub fn short(&self) -> String {
        let platform =
            Platform { variant: self.variant.as_str().into(), ..Platform::new(&self.os, &self.architecture) };
        platform.short().to_string()
    }
}

/// The media type of a manifest for which its registry names none.
///
/// Source: `detectMediaType` in `util/imagetools/create.go` in buildx.
pub(super) fn media_type_of(bytes: &[u8]) -> &'static str {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Shape {
        #[serde(default)]
        media_type: Option<String>,
        #[serde(default)]
        config: Option<serde_json::Value>,
        #[serde(default)]
        fs_layers: Option<serde_json::Value>,
    }
    let Ok(shape) = serde_json::from_slice::<Shape>(bytes) else { return "" };
    let known = IMAGES.into_iter().chain(INDEXES).chain([OLD_IMAGE]);
    match (shape.media_type, shape.config, shape.fs_layers) {
        (Some(own), ..) => known.into_iter().find(|known| *known == own).unwrap_or_default(),
        (None, Some(_), _) => IMAGES[1],
        (None, None, Some(_)) => OLD_IMAGE,
        (None, None, None) => INDEXES[1],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_has_the_bytes_of_gos() {
        let text = r#"{"schemaVersion":2,"mediaType":"m","unknown":1,"annotations":null,"manifests":[
            {"size":3,"mediaType":"i","digest":"sha256:1","platform":{"os":"linux","architecture":"arm","variant":"v7"},
             "annotations":{"b":"<&>","a":"1"}}]}"#;
        let index: Index = serde_json::from_str(text).unwrap();
        assert_eq!(
            String::from_utf8(index.to_bytes()).unwrap(),
            r#"{
  "schemaVersion": 2,
  "mediaType": "m",
  "manifests": [
    {
      "mediaType": "i",
      "digest": "sha256:1",
      "size": 3,
      "annotations": {
        "a": "1",
        "b": "\u003c\u0026\u003e"
      },
      "platform": {
        "architecture": "arm",
        "os": "linux",
        "variant": "v7"
      }
    }
  ]
}"#
        );
    }

    #[test]
    fn a_manifest_without_a_type_is_told_by_its_shape() {
        assert_eq!(media_type_of(br#"{"config":{}}"#), IMAGES[1]);
        assert_eq!(media_type_of(br#"{"manifests":[]}"#), INDEXES[1]);
        assert_eq!(media_type_of(br#"{"fsLayers":["x"]}"#), OLD_IMAGE);
        assert_eq!(media_type_of(br#"{"mediaType":"application/vnd.oci.image.index.v1+json"}"#), INDEXES[0]);
        assert_eq!(media_type_of(b"nonsense"), "");
    }
}
