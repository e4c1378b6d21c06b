//! A new image is written: first what it needs and its place lacks, then the image itself under its names.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use futures_util::future::try_join_all;
use http::HeaderValue;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::ImageTools;
use super::combine::Combined;
use super::document::Descriptor;
use super::error::ImageToolsError;
use super::inspect::index_of;
use super::place::Place;
use crate::http::body::{BoxError, full_body};
use crate::job::failure::CopyFailure;
use crate::job::push::copy::{Copy, checked};
use crate::job::push::manifest::{Blob, INDEXES, ImageManifest};
use crate::job::push::routes::RegistryEndpoint;
use crate::job::report::client_error::describe_client_error;
use crate::job::run::STATUS_QUEUE;
use crate::progress::{self, Mode, Step};
use crate::registry::Payload;

/// Of how many images and documents it is asked what refers to them, at most.
const MAX_SUBJECTS: usize = 1000;

/// The images that are brought to one repository or layout.
struct Delivery<'a> {
    tools: &'a ImageTools,
    /// Where they go.
    target: &'a Place,
    step: &'a Step,
    /// What refers to them and came with them, by the digest that it refers to. Everything that was asked for has an entry.
    referrers: Mutex<BTreeMap<String, Vec<Descriptor>>>,
    /// Held while an image is copied: images share blobs, and a registry that is sent or mounts one twice at the same time
    /// may refuse the manifest that names it (Debian's answers `DIGEST_INVALID`).
    turn: tokio::sync::Mutex<()>,
}

impl ImageTools {
    /// Writes `image` under all of `targets`, and shows how far that is.
    ///
    /// # Errors
    /// [`ImageToolsError`]; names that were not yet written name what they did before.
    pub async fn publish(
        &self,
        image: &Combined,
        targets: &[Place],
        progress: Mode,
        cancel: &CancellationToken,
    ) -> Result<(), ImageToolsError> {
        let mut places: BTreeMap<String, Vec<&Place>> = BTreeMap::new();
        for target in targets {
            if target.digest().is_some_and(|digest| digest != image.descriptor.digest) {
                let (reference, digest) = (target.to_string(), image.descriptor.digest.clone());
                return Err(ImageToolsError::TargetDigest { reference, digest });
            }
            places.entry(target.name()).or_default().push(target);
        }
        let (updates, raw) = mpsc::channel(STATUS_QUEUE);
        let follower = tokio::spawn(progress::follow(progress, raw));
        let work = async {
            for (name, targets) in places {
                let step = Step::begin(updates.clone(), &name, &format!("pushing {name}")).await;
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

    /// Writes `image` under targets of one repository or layout.
    async fn publish_in(
        &self,
        image: &Combined,
        targets: &[&Place],
        step: &Step,
    ) -> Result<(), ImageToolsError> {
        let Some(&target) = targets.first() else { return Ok(()) };
        // Where it was made and the image does not get into it, it goes again.
        let _folder = match target {
            Place::Layout(layout) => Some(layout.begin()?),
            Place::Registry(_) => None,
        };
        let (referrers, turn) = (Mutex::default(), tokio::sync::Mutex::default());
        let delivery = Delivery { tools: self, target, step, referrers, turn };
        // What a single image consists of has to be there before it is; so do all images of an index.
        try_join_all(image.parts.iter().map(|(part, from)| delivery.bring(part, from))).await?;
        if image.descriptor.is_index()
            && let Some((_, from)) = image.parts.first()
        {
            delivery.bring_referrers(&image.descriptor.digest, from).await?;
        }
        for &target in targets {
            step.log(&format!("pushing {} to {target}", image.descriptor.digest)).await;
            self.put(&image.descriptor, image.bytes.clone(), target).await?;
        }
        let referrers = delivery.referrers.into_inner().unwrap_or_default();
        for (digest, referrers) in referrers.into_iter().filter(|(_, referrers)| !referrers.is_empty()) {
            self.make_known(target, &digest, &referrers).await?;
        }
        Ok(())
    }

    /// Writes a manifest at a place, under its tag if it has one.
    async fn put(
        &self,
        descriptor: &Descriptor,
        bytes: Bytes,
        target: &Place,
    ) -> Result<(), ImageToolsError> {
        match target {
            Place::Registry(reference) => {
                let repository = self.endpoint(reference)?.repository;
                let tag = reference.tag().unwrap_or_else(|| reference.version());
                let put = self.client().put_manifest(&repository, tag, &media_type(descriptor), bytes).await;
                self.told(put, "push", target, &repository).await
            }
            Place::Layout(layout) => {
                layout.write(&descriptor.digest, full_body(bytes)).await?;
                layout.name(descriptor)
            }
        }
    }
}

/// The media type of a manifest, as a header has it.
fn media_type(descriptor: &Descriptor) -> HeaderValue {
    HeaderValue::from_str(&descriptor.media_type).unwrap_or(HeaderValue::from_static(INDEXES[0]))
}

impl Delivery<'_> {
    /// Brings one image from where it is, with what refers to it and goes with it.
    async fn bring(&self, part: &Descriptor, from: &Place) -> Result<(), ImageToolsError> {
        if from.name() == self.target.name() {
            return Ok(());
        }
        let place = from.at(&part.digest)?;
        let target = self.target.name();
        self.step.log(&format!("copying {} from {} to {target}", part.digest, from.name())).await;
        let manifest = self.tools.manifest(&place).await?;
        let descriptor = Descriptor {
            media_type: manifest.descriptor.media_type.clone(),
            digest: part.digest.clone(),
            ..Descriptor::default()
        };
        if descriptor.is_index() {
            let below = index_of(&manifest.bytes, &place)?.manifests;
            try_join_all(below.iter().map(|part| Box::pin(self.bring(part, from)))).await?;
            self.put_by_digest(&descriptor, manifest.bytes).await?;
        } else {
            let failed = |source: BoxError| ImageToolsError::Place {
                action: "read",
                place: place.to_string(),
                source,
            };
            let read = ImageManifest::of(manifest, || format!("read {place}"));
            let image = read.map_err(|error| failed(error.into()))?;
            let image = image.ok_or_else(|| failed("its media type is not known".into()))?;
            self.copy(&descriptor, &image, &place).await?;
        }
        self.bring_referrers(&part.digest, from).await
    }

    /// Brings what refers to the image `digest` and goes with it.
    async fn bring_referrers(&self, digest: &str, from: &Place) -> Result<(), ImageToolsError> {
        if from.name() == self.target.name() {
            return Ok(());
        }
        // Lists of this kind are written by anybody, and may lead in a circle or without end.
        let asked = self.note_referrers(digest, &[]);
        if asked > MAX_SUBJECTS {
            let place = from.at(digest)?.to_string();
            let source = format!("there are more than {MAX_SUBJECTS} images and documents").into();
            return Err(ImageToolsError::Place { action: "follow what refers to", place, source });
        }
        if asked == 0 {
            return Ok(());
        }
        let referrers = self.tools.carried_referrers(from, digest).await?;
        try_join_all(referrers.iter().map(|referrer| Box::pin(self.bring(referrer, from)))).await?;
        self.note_referrers(digest, &referrers);
        Ok(())
    }

    /// Notes what refers to `digest`. Returns of how many digests that was asked; 0 where of this one it was asked before.
    fn note_referrers(&self, digest: &str, referrers: &[Descriptor]) -> usize {
        let mut all = self.referrers.lock().unwrap_or_else(PoisonError::into_inner);
        let is_known = all.contains_key(digest);
        all.entry(digest.to_owned()).or_default().extend_from_slice(referrers);
        if is_known { 0 } else { all.len() }
    }

    /// Writes a manifest without a name.
    async fn put_by_digest(&self, descriptor: &Descriptor, bytes: Bytes) -> Result<(), ImageToolsError> {
        match self.target {
            Place::Layout(layout) => layout.write(&descriptor.digest, full_body(bytes)).await,
            Place::Registry(reference) => {
                let repository = self.tools.endpoint(reference)?.repository;
                let (digest, kind) = (&descriptor.digest, media_type(descriptor));
                let put = self.tools.client().put_manifest(&repository, digest, &kind, bytes).await;
                self.tools.told(put, "push", self.target, &repository).await
            }
        }
    }

    /// Copies an image of one platform: its blobs, then its manifest.
    async fn copy(
        &self,
        descriptor: &Descriptor,
        image: &ImageManifest,
        place: &Place,
    ) -> Result<(), ImageToolsError> {
        let _turn = self.turn.lock().await;
        if let (Place::Registry(from), Place::Registry(to)) = (place, self.target) {
            let (from, to) = (self.tools.endpoint(from)?, self.tools.endpoint(to)?);
            return self.copy_between_registries(&descriptor.digest, image, (&from, &to), place).await;
        }
        for blob in image.blobs().into_values() {
            self.copy_blob(blob, place).await?;
        }
        self.put_by_digest(descriptor, image.manifest.bytes.clone()).await
    }

    /// Copies a blob from or to a layout, unless it is there.
    async fn copy_blob(&self, blob: &Blob, place: &Place) -> Result<(), ImageToolsError> {
        let target = match self.target {
            Place::Layout(layout) if layout.has(&blob.digest) => return Ok(()),
            Place::Layout(_) => None,
            Place::Registry(reference) => {
                let repository = self.tools.endpoint(reference)?.repository;
                let has = self.tools.client().has_blob(&repository, &blob.digest).await;
                if self.tools.told(has, "push", self.target, &repository).await? {
                    return Ok(());
                }
                Some(repository)
            }
        };
        let body = match place {
            Place::Layout(layout) => layout.stream(&blob.digest)?,
            Place::Registry(reference) => {
                let repository = self.tools.endpoint(reference)?.repository;
                let response = self.tools.client().blob_stream(&repository, &blob.digest).await;
                self.tools.told(response, "read", place, &repository).await?.into_body()
            }
        };
        let body = checked(body, blob, self.step);
        match (self.target, target) {
            (Place::Layout(layout), _) => layout.write(&blob.digest, body).await,
            (_, Some(repository)) => {
                let content = Payload::Stream(body);
                let client = self.tools.client();
                let put = client.upload_blob(&repository, &blob.digest, blob.size, content).await;
                self.tools.told(put, "push", self.target, &repository).await
            }
            (Place::Registry(_), None) => Ok(()),
        }
    }

    /// Copies an image between repositories: within a registry its blobs are mounted.
    async fn copy_between_registries(
        &self,
        digest: &str,
        image: &ImageManifest,
        (from, to): (&RegistryEndpoint, &RegistryEndpoint),
        place: &Place,
    ) -> Result<(), ImageToolsError> {
        match (Copy { from, to, tag: digest, image, step: self.step }).run().await {
            Ok(summary) => {
                self.step.log(&format!("{digest}: {summary}")).await;
                Ok(())
            }
            Err(failure) => {
                let (side, reference, action) = match failure {
                    CopyFailure::Read(_) => (from, place, "read"),
                    CopyFailure::Write(_) => (to, self.target, "push"),
                };
                let host = &side.repository.host;
                let fault = describe_client_error(failure.client_error(), host, &self.tools.auth).await;
                Err(ImageToolsError::Registry { action, reference: reference.to_string(), fault })
            }
        }
    }
}
