//! A new image is written: first what it needs and its repository lacks, then the image itself under its names.

use std::collections::BTreeMap;

use bytes::Bytes;
use futures_util::future::try_join_all;
use http::HeaderValue;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::ImageTools;
use super::combine::Combined;
use super::document::Descriptor;
use super::error::ImageToolsError;
use super::inspect::{at, index_of};
use crate::image::Reference;
use crate::job::failure::CopyFailure;
use crate::job::push::copy::Copy;
use crate::job::push::manifest::{INDEXES, ImageManifest};
use crate::job::report::client_error::describe_client_error;
use crate::job::run::STATUS_QUEUE;
use crate::progress::{self, Mode, Step};

impl ImageTools {
    /// Writes `image` under all of `targets`, and shows how far that is.
    ///
    /// # Errors
    /// [`ImageToolsError`]; names that were not yet written name what they did before.
    pub async fn publish(
        &self,
        image: &Combined,
        targets: &[Reference],
        progress: Mode,
        cancel: &CancellationToken,
    ) -> Result<(), ImageToolsError> {
        let mut repositories: BTreeMap<&str, Vec<&Reference>> = BTreeMap::new();
        for target in targets {
            if target.digest().is_some_and(|digest| digest != image.descriptor.digest) {
                let (reference, digest) = (target.to_string(), image.descriptor.digest.clone());
                return Err(ImageToolsError::TargetDigest { reference, digest });
            }
            repositories.entry(target.name()).or_default().push(target);
        }
        let (updates, raw) = mpsc::channel(STATUS_QUEUE);
        let follower = tokio::spawn(progress::follow(progress, raw));
        let work = async {
            for (name, targets) in repositories {
                let step = Step::begin(updates.clone(), name, &format!("pushing {name}")).await;
                let done = self.publish_in(image, &targets, &step).await;
                step.end(&done.as_ref().err().map(ToString::to_string).unwrap_or_default()).await;
                done?;
            }
            Ok(())
        };
        let done = cancel.run_until_cancelled(work).await.unwrap_or(Err(ImageToolsError::Interrupted));
        drop(updates);
        let _ = follower.await;
        done
    }

    /// Writes `image` under targets of one repository.
    async fn publish_in(
        &self,
        image: &Combined,
        targets: &[&Reference],
        step: &Step,
    ) -> Result<(), ImageToolsError> {
        let Some(&first) = targets.first() else { return Ok(()) };
        // What a single image consists of has to be there before it is; so do all images of an index.
        try_join_all(image.parts.iter().map(|(part, from)| self.bring(part, from, first, step))).await?;
        for &target in targets {
            let tag = target.tag().unwrap_or_else(|| target.version());
            step.log(&format!("pushing {} to {target}", image.descriptor.digest)).await;
            self.put(target, tag, &image.descriptor.media_type, image.bytes.clone()).await?;
        }
        Ok(())
    }

    /// Writes a manifest or an index into the repository of `target`, under a tag or its digest.
    async fn put(
        &self,
        target: &Reference,
        version: &str,
        media_type: &str,
        bytes: Bytes,
    ) -> Result<(), ImageToolsError> {
        let repository = self.endpoint(target)?.repository;
        let media_type = HeaderValue::from_str(media_type).unwrap_or(HeaderValue::from_static(INDEXES[0]));
        let put = self.client().put_manifest(&repository, version, &media_type, bytes).await;
        self.told(put, "push", target, &repository).await
    }

    /// Brings one image from where it is into the repository of `target`: within a registry its blobs are mounted.
    async fn bring(
        &self,
        part: &Descriptor,
        from: &Reference,
        target: &Reference,
        step: &Step,
    ) -> Result<(), ImageToolsError> {
        if from.name() == target.name() {
            return Ok(());
        }
        let reference = at(from, &part.digest)?;
        step.log(&format!("copying {} from {} to {}", part.digest, from.name(), target.name())).await;
        let manifest = self.manifest(&reference).await?;
        if INDEXES.contains(&manifest.descriptor.media_type.as_str()) {
            let below = index_of(&manifest.bytes, &reference)?.manifests;
            try_join_all(below.iter().map(|part| Box::pin(self.bring(part, from, target, step)))).await?;
            return self.put(target, &part.digest, &manifest.descriptor.media_type, manifest.bytes).await;
        }
        let (from, to) = (self.endpoint(from)?, self.endpoint(target)?);
        let read = ImageManifest::of(manifest, || format!("read {reference}"));
        let Some(image) = self.told(read, "read", &reference, &from.repository).await? else {
            let source = <serde_json::Error as serde::de::Error>::custom("its media type is not known");
            let reference = reference.to_string();
            return Err(ImageToolsError::Document { reference, wanted: "image manifest", source });
        };
        let copy = Copy { from: &from, to: &to, tag: &part.digest, image: &image, step };
        match copy.run().await {
            Ok(summary) => {
                step.log(&format!("{}: {summary}", part.digest)).await;
                Ok(())
            }
            Err(failure) => {
                let (side, reference, action) = match failure {
                    CopyFailure::Read(_) => (&from, &reference, "read"),
                    CopyFailure::Write(_) => (&to, target, "push"),
                };
                let host = &side.repository.host;
                let fault = describe_client_error(failure.client_error(), host, &self.auth).await;
                Err(ImageToolsError::Registry { action, reference: reference.to_string(), fault })
            }
        }
    }
}
