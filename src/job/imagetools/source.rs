//! What `bob imagetools create` puts together: references, digests and descriptors.

use serde::Deserialize;

use super::document::Descriptor;
use super::error::ImageToolsError;
use super::place::{Place, SCHEME};
use crate::diag::redact_reference;
use crate::image::{Reference, ReferenceError, digest};

/// One source of a new image.
///
/// Source: `parseSource` in `commands/imagetools/create.go` in buildx.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// As it was given.
    pub(super) text: String,
    /// Where it is; absent for a digest or a descriptor alone.
    pub(super) place: Option<Place>,
    /// What is said of it, beside its digest.
    pub(super) descriptor: Option<Descriptor>,
}

/// A source that is none.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// Not a reference.
    #[error("{text:?} is no source: write an image reference, a digest, or a descriptor in JSON")]
    Reference {
        /// What was given.
        text: String,
        /// What is wrong with it.
        source: ReferenceError,
    },
    /// A digest of the wrong length, say.
    #[error("{text:?} is no digest: write sha256: and 64 hex digits")]
    Digest {
        /// What was given.
        text: String,
    },
    /// JSON that is no descriptor.
    #[error("a source in JSON is no descriptor; it needs mediaType, digest and size")]
    Json(#[source] serde_json::Error),
    /// The whole manifest where its descriptor should be.
    #[error("a source in JSON is a manifest or an index, where its descriptor is needed")]
    Manifest,
}

#[derive(Deserialize)]
struct Parsed {
    #[serde(default, rename = "schemaVersion")]
    schema_version: i64,
    #[serde(flatten)]
    descriptor: Descriptor,
}

impl Source {
    /// Returns the source that `text` writes.
    ///
    /// # Errors
    /// [`ImageToolsError::Source`], [`ImageToolsError::LayoutName`].
    pub fn parse(text: &str) -> Result<Self, ImageToolsError> {
        let text = text.trim();
        let shown = || redact_reference(text).into_owned();
        if text.starts_with('{') {
            let Parsed { schema_version, descriptor } = serde_json::from_str(text).map_err(|error| {
                if is_manifest(text) { SourceError::Manifest } else { SourceError::Json(error) }
            })?;
            if schema_version != 0 {
                return Err(SourceError::Manifest.into());
            }
            if !digest::is_registered(&descriptor.digest) {
                return Err(SourceError::Digest { text: descriptor.digest }.into());
            }
            let text = descriptor.digest.clone();
            return Ok(Self { text, place: None, descriptor: Some(descriptor) });
        }
        if text.starts_with(SCHEME) {
            let place = Some(Place::parse(text)?);
            return Ok(Self { text: shown(), place, descriptor: None });
        }
        if digest::is_registered(text) {
            let descriptor = Descriptor { digest: text.to_owned(), ..Descriptor::default() };
            return Ok(Self { text: text.to_owned(), place: None, descriptor: Some(descriptor) });
        }
        if text.starts_with("sha256") {
            return Err(SourceError::Digest { text: text.to_owned() }.into());
        }
        let reference = Reference::parse(text);
        let reference = reference.map_err(|source| SourceError::Reference { text: shown(), source })?;
        let place = Some(Place::Registry(reference.with_default_tag()));
        Ok(Self { text: shown(), place, descriptor: None })
    }
}

fn is_manifest(text: &str) -> bool {
    let value: Result<serde_json::Value, _> = serde_json::from_str(text);
    value.is_ok_and(|value| value.get("schemaVersion").is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_references_digests_and_descriptors() {
        let digest = format!("sha256:{}", "a".repeat(64));
        let source = Source::parse("alpine").unwrap();
        assert_eq!(source.place.unwrap().to_string(), "docker.io/library/alpine:latest");
        let source = Source::parse("oci-layout://out:v1").unwrap();
        assert_eq!(source.place.unwrap().to_string(), "oci-layout://out:v1");
        let source = Source::parse(&format!("{digest}\n")).unwrap();
        assert_eq!((source.place, source.descriptor.unwrap().digest), (None, digest.clone()));
        let text = format!(
            r#"{{"mediaType":"m","digest":"{digest}","size":3,"platform":{{"os":"linux","architecture":"arm64"}}}}"#
        );
        let descriptor = Source::parse(&text).unwrap().descriptor.unwrap();
        assert_eq!((descriptor.size, descriptor.platform.unwrap().architecture.as_str()), (3, "arm64"));
    }

    #[test]
    fn other_texts_are_refused_by_what_is_wrong() {
        for (text, start) in [
            ("sha256:abc", "\"sha256:abc\" is no digest"),
            ("UPPER", "\"UPPER\" is no source"),
            ("{", "a source in JSON is no descriptor"),
            ("{\"schemaVersion\":2,\"manifests\":[]}", "a source in JSON is a manifest or an index"),
            ("{\"digest\":\"md5:1\",\"size\":1}", "\"md5:1\" is no digest"),
        ] {
            let error = Source::parse(text).unwrap_err().to_string();
            assert!(error.starts_with(start), "{error}");
        }
    }
}
