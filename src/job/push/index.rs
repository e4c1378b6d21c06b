//! One index of platforms out of several that different daemons pushed, in the bytes of the one that a single daemon
//! would have pushed (BuildKit: `Commit` in exporter/containerimage/writer.go).

use std::fmt::Write as _;

use serde::Deserialize;
use serde_json::value::RawValue;

/// An index as BuildKit writes it, its parts as they are written.
#[derive(Debug, Deserialize)]
pub(crate) struct PlatformIndex<'a> {
    #[serde(rename = "mediaType")]
    media_type: &'a str,
    #[serde(borrow)]
    manifests: Vec<&'a RawValue>,
    #[serde(borrow, default)]
    annotations: Option<&'a RawValue>,
}

/// What tells images from attestations.
#[derive(Deserialize)]
struct Entry {
    digest: String,
    #[serde(default)]
    annotations: EntryAnnotations,
}

#[derive(Default, Deserialize)]
struct EntryAnnotations {
    /// The image that an attestation is about.
    #[serde(rename = "vnd.docker.reference.digest")]
    subject: Option<String>,
}

/// Why indexes cannot be joined.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// What was pushed is no index.
    #[error("what buildkitd pushed for one of the platforms is no index of platforms")]
    Syntax(#[from] serde_json::Error),
    /// An index has other images than were asked for.
    #[error("buildkitd pushed an index of {found} images where {expected} platforms were to be built")]
    Count {
        /// Images in the index.
        found: usize,
        /// Platforms that were asked for.
        expected: usize,
    },
}

impl<'a> PlatformIndex<'a> {
    /// Returns the index that `text` is.
    ///
    /// # Errors
    /// [`IndexError::Syntax`].
    pub(crate) fn parse(text: &'a [u8]) -> Result<Self, IndexError> {
        Ok(serde_json::from_slice(text)?)
    }

    /// Returns its media type.
    pub(crate) const fn media_type(&self) -> &'a str {
        self.media_type
    }

    /// Returns the images with their attestations, which stand behind all images.
    fn images(&self) -> Result<Vec<Image<'a>>, IndexError> {
        let mut images: Vec<(String, Image<'a>)> = Vec::new();
        for text in &self.manifests {
            let entry: Entry = serde_json::from_str(text.get())?;
            let subject = entry.annotations.subject;
            match subject.and_then(|subject| images.iter_mut().find(|(digest, _)| *digest == subject)) {
                Some((_, image)) => image.attestations.push(text.get()),
                None => images.push((entry.digest, Image { text: text.get(), attestations: Vec::new() })),
            }
        }
        Ok(images.into_iter().map(|(_, image)| image).collect())
    }
}

#[derive(Debug, Clone)]
struct Image<'a> {
    text: &'a str,
    attestations: Vec<&'a str>,
}

/// Returns the index with the images of all `parts`. Each part comes with the places of its images among those of all
/// platforms, in its own order.
///
/// # Errors
/// [`IndexError`].
pub(crate) fn join(parts: &[(PlatformIndex<'_>, &[usize])]) -> Result<String, IndexError> {
    let mut images = Vec::new();
    for (index, places) in parts {
        let found = index.images()?;
        if found.len() != places.len() {
            return Err(IndexError::Count { found: found.len(), expected: places.len() });
        }
        images.extend(places.iter().copied().zip(found));
    }
    images.sort_by_key(|(place, _)| *place);
    let attestations = images.iter().flat_map(|(_, image)| image.attestations.iter().copied());
    let manifests: Vec<&str> = images.iter().map(|(_, image)| image.text).chain(attestations).collect();
    let first = parts.first().map(|(index, _)| index);
    let media_type = serde_json::to_string(first.map_or("", PlatformIndex::media_type))?;
    let mut text = format!(
        "{{\n  \"schemaVersion\": 2,\n  \"mediaType\": {media_type},\n  \"manifests\": [\n    {}\n  ]",
        manifests.join(",\n    ")
    );
    if let Some(annotations) = first.and_then(|index| index.annotations) {
        let _ = write!(text, ",\n  \"annotations\": {}", annotations.get());
    }
    Ok(text + "\n}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An entry as Go indents it.
    fn entry(digest: &str, subject: Option<&str>) -> String {
        let annotations = subject.map(|subject| {
            format!(",\n      \"annotations\": {{\n        \"vnd.docker.reference.digest\": \"{subject}\"\n      }}")
        });
        format!("    {{\n      \"digest\": \"{digest}\"{}\n    }}", annotations.unwrap_or_default())
    }

    fn index(entries: &[String]) -> String {
        format!(
            "{{\n  \"schemaVersion\": 2,\n  \"mediaType\": \"t\",\n  \"manifests\": [\n{}\n  ],\n  \"annotations\": {{\n    \"k\": \"v\"\n  }}\n}}",
            entries.join(",\n")
        )
    }

    #[test]
    fn images_stand_in_the_order_of_platforms_and_attestations_behind_them() {
        let [a, b, c] = ["a", "b", "c"].map(|digest| entry(digest, None));
        let [of_a, of_b] = [entry("x", Some("a")), entry("y", Some("b"))];
        let first = index(&[a.clone(), c.clone(), of_a.clone()]);
        let second = index(&[b.clone(), of_b.clone()]);
        let parts = [
            (PlatformIndex::parse(first.as_bytes()).unwrap(), [0, 2].as_slice()),
            (PlatformIndex::parse(second.as_bytes()).unwrap(), &[1]),
        ];
        assert_eq!(join(&parts).unwrap(), index(&[a, b, c, of_a, of_b]));
    }

    #[test]
    fn what_is_no_index_or_has_other_images_is_an_error() {
        assert!(PlatformIndex::parse(b"{\"mediaType\":\"t\",\"config\":{}}").is_err());
        let text = index(&[entry("a", None)]);
        let error = join(&[(PlatformIndex::parse(text.as_bytes()).unwrap(), &[0, 1])]).unwrap_err();
        assert!(error.to_string().contains("an index of 1 images where 2"), "{error}");
    }
}
