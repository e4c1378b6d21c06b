//! `bob imagetools inspect`: what is attested of the images of an index.
//!
//! Source: `scanSBOM` and `scanProvenance` in `util/imagetools/loader.go` in buildx.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ImageTools;
use super::document::{Descriptor, Index, PlatformDocument};
use super::error::ImageToolsError;
use super::inspect::Inspected;
use super::place::Place;
use super::referrers::ATTESTED_DIGEST;

/// The size of all statements of one index together, in bytes.
const MAX_STATEMENTS_BYTES: usize = 64 << 20;
/// What the layer of a statement says that it is of.
const KIND: &str = "in-toto.io/predicate-type";

/// What is attested of one image.
#[derive(Debug, Default, PartialEq)]
pub struct Attested {
    /// Lists of what is in it.
    pub sbom: Option<Sbom>,
    /// How it was built.
    pub provenance: Option<Provenance>,
}

/// Lists of what is in an image.
#[derive(Debug, PartialEq, Serialize)]
pub struct Sbom {
    #[serde(rename = "SPDX")]
    first: Value,
    #[serde(rename = "AdditionalSPDXs", skip_serializing_if = "Vec::is_empty")]
    others: Vec<Value>,
}

/// How an image was built.
#[derive(Debug, PartialEq, Serialize)]
pub struct Provenance {
    #[serde(rename = "SLSA")]
    predicate: Value,
}

#[derive(Deserialize)]
struct Manifest {
    #[serde(default)]
    layers: Vec<Descriptor>,
}

/// The predicate of a statement.
#[derive(Deserialize)]
struct Statement {
    #[serde(default)]
    predicate: Value,
}

/// A statement in a signed envelope.
#[derive(Deserialize)]
struct Envelope {
    payload: String,
}

impl Attested {
    /// Adds a statement, whose kind is known.
    fn add(&mut self, kind: &str, predicate: Value) {
        if kind != "https://spdx.dev/Document" {
            self.provenance = Some(Provenance { predicate });
            return;
        }
        match &mut self.sbom {
            Some(sbom) => sbom.others.push(predicate),
            None => self.sbom = Some(Sbom { first: predicate, others: Vec::new() }),
        }
    }
}

impl ImageTools {
    /// Returns what is attested of the images of an index, by their platforms.
    ///
    /// # Errors
    /// [`ImageToolsError`].
    pub async fn attested(&self, image: &Inspected) -> Result<BTreeMap<String, Attested>, ImageToolsError> {
        let mut attested: BTreeMap<String, Attested> = BTreeMap::new();
        let Some(index) = &image.index else { return Ok(attested) };
        let mut left = MAX_STATEMENTS_BYTES;
        for entry in &index.manifests {
            let Some(platform) = attested_platform(index, entry) else { continue };
            let place = image.place.at(&entry.digest)?;
            let manifest = self.manifest(&place).await?;
            let manifest: Manifest = parsed(&manifest.bytes, &place, "image manifest")?;
            for layer in manifest.layers {
                let Some(kind) = kind_of(&layer) else { continue };
                let bytes = self.blob(&place, &layer.digest, left).await?;
                left -= bytes.len();
                let bytes = if layer.media_type.ends_with("+dsse") {
                    let Envelope { payload } = parsed(&bytes, &place, "statement")?;
                    let wrong = |error: base64::DecodeError| ImageToolsError::Place {
                        action: "read a statement of",
                        place: place.to_string(),
                        source: error.into(),
                    };
                    STANDARD.decode(payload).map_err(wrong)?.into()
                } else {
                    bytes
                };
                let Statement { predicate } = parsed(&bytes, &place, "statement")?;
                attested.entry(platform.clone()).or_default().add(kind, predicate);
            }
        }
        Ok(attested)
    }
}

/// The platform of the image that an entry of an index attests something of.
fn attested_platform(index: &Index, entry: &Descriptor) -> Option<String> {
    let subject = entry.annotations.get(ATTESTED_DIGEST)?;
    let image = index.manifests.iter().find(|image| image.digest == *subject)?;
    image.platform.as_ref().map(PlatformDocument::short)
}

/// The kind of statement in a layer, where it is one that is shown.
fn kind_of(layer: &Descriptor) -> Option<&str> {
    let is_statement = layer.media_type == "application/vnd.in-toto+json"
        || (layer.media_type.starts_with("application/vnd.in-toto.") && layer.media_type.ends_with("+dsse"));
    let kind = layer.annotations.get(KIND).filter(|_| is_statement)?;
    let is_shown = kind == "https://spdx.dev/Document" || kind.starts_with("https://slsa.dev/provenance/");
    is_shown.then_some(kind)
}

fn parsed<T: serde::de::DeserializeOwned>(
    bytes: &[u8],
    place: &Place,
    wanted: &'static str,
) -> Result<T, ImageToolsError> {
    let wrong = |source| ImageToolsError::Document { reference: place.to_string(), wanted, source };
    serde_json::from_slice(bytes).map_err(wrong)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_first_list_is_named_apart_from_the_others() {
        let mut attested = Attested::default();
        for number in 1..=3 {
            attested.add("https://spdx.dev/Document", json!(number));
        }
        attested.add("https://slsa.dev/provenance/v1", json!({ "buildDefinition": {} }));
        assert_eq!(json!(attested.sbom), json!({ "SPDX": 1, "AdditionalSPDXs": [2, 3] }));
        assert_eq!(json!(attested.provenance), json!({ "SLSA": { "buildDefinition": {} } }));
    }

    #[test]
    fn only_statements_of_known_kinds_are_shown() {
        let layer = |media_type: &str, kind: &str| Descriptor {
            media_type: media_type.into(),
            annotations: BTreeMap::from([(KIND.into(), kind.into())]),
            ..Descriptor::default()
        };
        let plain = "application/vnd.in-toto+json";
        for (media_type, kind, is_shown) in [
            (plain, "https://slsa.dev/provenance/v0.2", true),
            ("application/vnd.in-toto.spdx+dsse", "https://spdx.dev/Document", true),
            (plain, "https://example.com/other", false),
            ("application/octet-stream", "https://spdx.dev/Document", false),
        ] {
            assert_eq!(kind_of(&layer(media_type, kind)).is_some(), is_shown, "{media_type} {kind}");
        }
    }
}
