//! Copies an image from one repository to another without buildkitd: within a registry by mounting its
//! blobs, between registries as a stream that is never held.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};

use super::base_layers::{MAX_CONCURRENT_REQUESTS, mount_all};
use super::manifest::{Blob, ImageManifest};
use super::routes::RegistryEndpoint;
use crate::http::body::{Body, BoxError};
use crate::job::failure::CopyFailure;
use crate::progress::{Step, StepTransfer};
use crate::registry::{Client, DigestHasher, Payload};

/// What a copy moved.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CopySummary {
    /// Blobs that stayed where they are, mounted or there before.
    pub(crate) kept: usize,
    /// Blobs that were uploaded.
    pub(crate) uploaded: usize,
    /// Bytes of the blobs that were uploaded.
    pub(crate) bytes: u64,
}

impl fmt::Display for CopySummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kept, uploaded, bytes } = self;
        write!(f, "{kept} blobs stay at the registry, {uploaded} uploaded ({bytes} bytes)")
    }
}

/// A copy of one image to a tag of another repository.
#[derive(Debug)]
pub(crate) struct Copy<'a> {
    /// Where it is.
    pub(crate) from: &'a RegistryEndpoint,
    /// Where it goes.
    pub(crate) to: &'a RegistryEndpoint,
    /// The tag that it gets.
    pub(crate) tag: &'a str,
    /// The image.
    pub(crate) image: &'a ImageManifest,
    /// The step that tells of it.
    pub(crate) step: &'a Step,
}

impl Copy<'_> {
    /// Puts the blobs into place, then the manifest: the very bytes that it has at its source.
    ///
    /// # Errors
    /// [`CopyFailure`]; the tag is what it was before then.
    pub(crate) async fn run(&self) -> Result<CopySummary, CopyFailure> {
        let summary = self.blobs().await?;
        let ImageManifest { manifest, media_type, .. } = self.image;
        let client = Client::new(Arc::clone(&self.to.auth));
        client
            .put_manifest(&self.to.repository, self.tag, media_type, manifest.bytes.clone())
            .await
            .map_err(CopyFailure::Write)?;
        Ok(summary)
    }

    async fn blobs(&self) -> Result<CopySummary, CopyFailure> {
        let blobs = self.image.blobs();
        let (from, to) = (&self.from.repository, &self.to.repository);
        if from == to {
            return Ok(CopySummary { kept: blobs.len(), ..CopySummary::default() });
        }
        let mut missing: Vec<&str> = blobs.keys().copied().collect();
        if from.host == to.host {
            missing = mount_all(&Client::new(Arc::clone(&self.to.auth)), to, &from.name, &missing).await;
        }
        let mut summary = CopySummary { kept: blobs.len() - missing.len(), ..CopySummary::default() };
        let missing: Vec<&Blob> = missing.iter().filter_map(|digest| blobs.get(digest).copied()).collect();
        let mut moved =
            stream::iter(missing.into_iter().map(|blob| self.blob(blob))).buffered(MAX_CONCURRENT_REQUESTS);
        while let Some(bytes) = moved.try_next().await? {
            match bytes {
                Some(bytes) => {
                    (summary.uploaded, summary.bytes) = (summary.uploaded + 1, summary.bytes + bytes);
                }
                None => summary.kept += 1,
            }
        }
        Ok(summary)
    }

    /// Uploads a blob unless it is there. Returns how many bytes that took.
    async fn blob(&self, blob: &Blob) -> Result<Option<u64>, CopyFailure> {
        let client = Client::new(Arc::clone(&self.to.auth));
        if client.has_blob(&self.to.repository, &blob.digest).await.map_err(CopyFailure::Write)? {
            return Ok(None);
        }
        let policy = self.to.auth.retry_policy();
        let mut attempt = 1;
        loop {
            let Err(failure) = self.stream(blob).await else { return Ok(Some(blob.size)) };
            let Some(pause) = policy.pause_after(attempt, failure.client_error()) else {
                return Err(failure);
            };
            let error = &failure as &dyn std::error::Error;
            tracing::warn!(digest = blob.digest, error, ?pause, "sending a blob again");
            tokio::time::sleep(pause).await;
            attempt += 1;
        }
    }

    /// Sends a blob once, as it comes from its source. A stream cannot be sent again by those below.
    async fn stream(&self, blob: &Blob) -> Result<(), CopyFailure> {
        let source = Client::new(Arc::clone(&self.from.auth));
        let response =
            source.blob_stream(&self.from.repository, &blob.digest).await.map_err(CopyFailure::Read)?;
        let target = Client::new(Arc::clone(&self.to.auth));
        let payload = Payload::Stream(checked(response.into_body(), blob, self.step));
        target
            .upload_blob(&self.to.repository, &blob.digest, blob.size, payload)
            .await
            .map_err(CopyFailure::Write)
    }
}

/// Returns the content of a blob as it comes, broken off before its end where it is not what the blob's digest says. The
/// step shows how far it is.
pub(crate) fn checked(body: Body, blob: &Blob, step: &Step) -> Body {
    let transfer = BlobTransfer {
        body,
        hash: DigestHasher::for_digest(&blob.digest),
        seen: 0,
        blob: blob.clone(),
        progress: step.begin_transfer(&blob.digest),
    };
    transfer.into_body()
}

/// Content that is not what its descriptor says.
#[derive(Debug, thiserror::Error)]
enum BlobMismatch {
    #[error("blob {digest} has more than its {size} bytes")]
    TooLong { digest: String, size: u64 },
    #[error("blob {digest} ended after {seen} of its {size} bytes")]
    TooShort { digest: String, seen: u64, size: u64 },
    #[error("what came as blob {digest} has another digest")]
    Digest { digest: String },
}

/// The stream of a blob from one registry to the other, checked as it passes.
struct BlobTransfer {
    body: Body,
    hash: DigestHasher,
    seen: u64,
    blob: Blob,
    progress: StepTransfer,
}

impl BlobTransfer {
    /// The same content, broken off before its end where it is not what the digest says.
    fn into_body(self) -> Body {
        let frames = stream::try_unfold(self, async |mut transfer| {
            let bytes = transfer.next().await?;
            Ok::<_, BoxError>(bytes.map(|bytes| (Frame::data(bytes), transfer)))
        });
        StreamBody::new(frames).boxed_unsync()
    }

    async fn next(&mut self) -> Result<Option<Bytes>, BoxError> {
        let Blob { digest, size, .. } = &self.blob;
        let (digest, size) = (digest.clone(), *size);
        while let Some(frame) = self.body.frame().await {
            let Ok(bytes) = frame?.into_data() else { continue };
            self.seen += bytes.len() as u64;
            self.hash.update(&bytes);
            if self.seen > size {
                return Err(BlobMismatch::TooLong { digest, size }.into());
            }
            if self.seen == size && self.hash.clone().finish() != digest {
                return Err(BlobMismatch::Digest { digest }.into());
            }
            self.progress.reach(self.seen, size).await;
            return Ok(Some(bytes));
        }
        if self.seen < size {
            return Err(BlobMismatch::TooShort { digest, seen: self.seen, size }.into());
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::*;

    const ABC: &str = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    /// What arrives of a blob that comes as `parts`, and why it broke off.
    async fn pass(digest: &str, size: u64, parts: &[&'static str]) -> (String, Option<String>) {
        let frames =
            parts.iter().map(|part| Ok::<_, BoxError>(Frame::data(Bytes::from_static(part.as_bytes()))));
        let (updates, _gone) = mpsc::channel(64);
        let blob = serde_json::from_value(serde_json::json!({ "digest": digest, "size": size })).unwrap();
        let step = Step::begin(updates, "copy", "copy").await;
        let body = StreamBody::new(stream::iter(frames.collect::<Vec<_>>())).boxed_unsync();
        let (mut body, mut arrived) = (checked(body, &blob, &step), String::new());
        loop {
            match body.frame().await {
                Some(Ok(frame)) => arrived += std::str::from_utf8(&frame.into_data().unwrap()).unwrap(),
                Some(Err(error)) => return (arrived, Some(error.to_string())),
                None => return (arrived, None),
            }
        }
    }

    #[tokio::test]
    async fn a_blob_passes_as_it_is() {
        assert_eq!(pass(ABC, 3, &["a", "", "bc"]).await, ("abc".to_owned(), None));
    }

    #[tokio::test]
    async fn a_blob_that_is_not_what_it_should_be_never_arrives_whole() {
        let digest = format!("what came as blob {ABC} has another digest");
        assert_eq!(pass(ABC, 3, &["ab", "x"]).await, ("ab".to_owned(), Some(digest)));
        let long = format!("blob {ABC} has more than its 3 bytes");
        assert_eq!(pass(ABC, 3, &["ab", "cd"]).await, ("ab".to_owned(), Some(long)));
        let short = format!("blob {ABC} ended after 2 of its 3 bytes");
        assert_eq!(pass(ABC, 3, &["ab"]).await, ("ab".to_owned(), Some(short)));
    }
}
