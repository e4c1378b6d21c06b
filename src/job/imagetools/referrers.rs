//! What refers to an image: attestations and signatures that say of themselves that they are about it.
//! (<https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-referrers>)

use bytes::Bytes;
use http::HeaderValue;

use super::ImageTools;
use super::document::{Descriptor, Index};
use super::error::ImageToolsError;
use super::layout::SUBJECT;
use super::place::{LayoutPlace, Place};
use crate::job::push::manifest::{IMAGES, INDEXES};
use crate::registry::MAX_MANIFEST_BYTES;

/// The type of what BuildKit attests of an image.
pub(super) const ATTESTATION: &str = "application/vnd.docker.attestation.manifest.v1+json";
/// The types of what goes with an image wherever it goes: attestations, signatures of cosign, bundles of sigstore.
///
/// Source: `supportedArtifactTypes` in `util/imagetools/create.go` in buildx.
const CARRIED: [&str; 3] = [
    ATTESTATION,
    "application/vnd.dev.cosign.artifact.sig.v1+json",
    "application/vnd.dev.sigstore.bundle.v0.3+json",
];
/// What the entry of an attestation in an index says which image it is of.
/// Source: `util/attestation/types.go` in BuildKit.
pub(super) const ATTESTED_DIGEST: &str = "vnd.docker.reference.digest";

impl ImageTools {
    /// Returns what refers to the image `digest` that lies where `place` does, as far as it goes with the image.
    pub(super) async fn carried_referrers(
        &self,
        place: &Place,
        digest: &str,
    ) -> Result<Vec<Descriptor>, ImageToolsError> {
        let mut found = self.referrers(place, digest).await?;
        found.retain(|referrer| CARRIED.contains(&referrer.artifact_type.as_str()));
        Ok(found)
    }

    /// Returns what refers to the image `digest` that lies where `place` does.
    pub(super) async fn referrers(
        &self,
        place: &Place,
        digest: &str,
    ) -> Result<Vec<Descriptor>, ImageToolsError> {
        let reference = match place {
            Place::Layout(layout) => return referrers_in(layout, digest),
            Place::Registry(reference) => reference,
        };
        let repository = self.endpoint(reference)?.repository;
        let listed = self.client().referrers(&repository, digest).await;
        let listed = match self.told(listed, "list what refers to", place, &repository).await? {
            // A registry without such lists: clients keep one under a tag.
            None => self.tagged_list(place, digest).await?,
            listed => listed,
        };
        let Some(listed) = listed else { return Ok(Vec::new()) };
        // What is no list refers to nothing.
        Ok(serde_json::from_slice::<Index>(&listed).map(|index| index.manifests).unwrap_or_default())
    }

    /// Returns the list of what refers to `digest` that clients keep under a tag.
    /// (<https://github.com/opencontainers/distribution-spec/blob/main/spec.md#unavailable-referrers-api>)
    async fn tagged_list(&self, place: &Place, digest: &str) -> Result<Option<Bytes>, ImageToolsError> {
        let Place::Registry(reference) = place else { return Ok(None) };
        let repository = self.endpoint(reference)?.repository;
        let found = self.client().manifest(&repository, &list_tag(digest)).await;
        let found = self.told(found, "list what refers to", place, &repository).await?;
        Ok(found.map(|manifest| manifest.bytes))
    }

    /// Makes it known at `target` that `referrers`, which are there, refer to `digest`.
    pub(super) async fn make_known(
        &self,
        target: &Place,
        digest: &str,
        referrers: &[Descriptor],
    ) -> Result<(), ImageToolsError> {
        let reference = match target {
            Place::Layout(layout) => return make_known_in(layout, digest, referrers),
            Place::Registry(reference) => reference,
        };
        let repository = self.endpoint(reference)?.repository;
        let listed = self.client().referrers(&repository, digest).await;
        if self.told(listed, "list what refers to", target, &repository).await?.is_some() {
            return Ok(());
        }
        let known = self.tagged_list(target, digest).await?;
        let mut index = known.and_then(|list| serde_json::from_slice(&list).ok()).unwrap_or_else(|| Index {
            schema_version: 2,
            media_type: INDEXES[0].to_owned(),
            ..Index::default()
        });
        let count = index.manifests.len();
        for referrer in referrers {
            if index.manifests.iter().all(|known| known.digest != referrer.digest) {
                index.manifests.push(referrer.clone());
            }
        }
        if index.manifests.len() == count {
            return Ok(());
        }
        let media_type = HeaderValue::from_static(INDEXES[0]);
        let (tag, list) = (list_tag(digest), index.to_bytes().into());
        let put = self.client().put_manifest(&repository, &tag, &media_type, list).await;
        self.told(put, "push", target, &repository).await
    }
}

/// Returns the tag of the list of what refers to `digest`.
fn list_tag(digest: &str) -> String {
    digest.replacen(':', "-", 1)
}

/// Returns what refers to `digest` in a layout: what its images lead to, and what its index calls so.
///
/// Source: `fetchOCILayoutReferrers` in `util/imagetools/ocilayout_referrers.go` in buildx.
fn referrers_in(layout: &LayoutPlace, digest: &str) -> Result<Vec<Descriptor>, ImageToolsError> {
    let mut found: Vec<Descriptor> = Vec::new();
    for descriptor in reachable(layout)? {
        let is_attestation = descriptor.annotations.get(ATTESTED_DIGEST).is_some_and(|of| of == digest);
        let refers = || -> Result<bool, ImageToolsError> {
            if !IMAGES.contains(&descriptor.media_type.as_str()) {
                return Ok(false);
            }
            let manifest = layout.blob(&descriptor.digest, MAX_MANIFEST_BYTES)?;
            let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap_or_default();
            Ok(manifest.pointer("/subject/digest").is_some_and(|subject| subject == digest))
        };
        if is_attestation || refers()? {
            found.push(descriptor);
        }
    }
    let called = layout.index()?.manifests;
    let called =
        called.into_iter().filter(|entry| entry.annotations.get(SUBJECT).is_some_and(|of| of == digest));
    for entry in called {
        if found.iter().all(|known| known.digest != entry.digest) {
            found.push(entry);
        }
    }
    Ok(found)
}

/// Returns everything that the images of a layout's index lead to, themselves included, each once.
fn reachable(layout: &LayoutPlace) -> Result<Vec<Descriptor>, ImageToolsError> {
    let mut found: Vec<Descriptor> = Vec::new();
    let mut left = layout.index()?.manifests;
    left.retain(|entry| !entry.annotations.contains_key(SUBJECT));
    left.reverse();
    while let Some(descriptor) = left.pop() {
        if found.iter().any(|known| known.digest == descriptor.digest) {
            continue;
        }
        if descriptor.is_index() && layout.has(&descriptor.digest) {
            let index = layout.blob(&descriptor.digest, MAX_MANIFEST_BYTES)?;
            let below = serde_json::from_slice::<Index>(&index).map(|index| index.manifests);
            left.extend(below.unwrap_or_default().into_iter().rev());
        }
        found.push(descriptor);
    }
    Ok(found)
}

/// Puts `referrers` into the index of a layout where none of its images leads to them.
///
/// Source: `writePendingOCILayoutReferrers` in `util/imagetools/ocilayout_referrers.go` in buildx.
fn make_known_in(
    layout: &LayoutPlace,
    digest: &str,
    referrers: &[Descriptor],
) -> Result<(), ImageToolsError> {
    let known = reachable(layout)?;
    let unnamed = LayoutPlace { tag: None, digest: Some(digest.to_owned()), ..layout.clone() };
    for referrer in
        referrers.iter().filter(|referrer| known.iter().all(|known| known.digest != referrer.digest))
    {
        let mut referrer = referrer.clone();
        referrer.annotations.entry(SUBJECT.to_owned()).or_insert_with(|| digest.to_owned());
        unnamed.name(&referrer)?;
    }
    Ok(())
}
