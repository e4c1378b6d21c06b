//! Copies an image from one repository to another without buildkitd: within a registry by mounting its
//! blobs, between registries as a stream that is never held.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use sha2::{Digest as _, Sha256};

use super::manifest::{Blob, ImageManifest};
use super::mount::{AT_ONCE, mount_all};
use super::route::Place;
use crate::progress::{self, Step};
use crate::registry::{Body, BoxError, Client, ClientError, Payload};

/// How often a blob is sent at most.
const ATTEMPTS: u32 = 3;
/// The pause before a blob is sent again; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// How often a transfer's progress is told.
const TELL: Duration = Duration::from_millis(200);

/// What a copy moved.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tally {
    /// Blobs that stayed where they are, mounted or there before.
    pub(super) kept: usize,
    /// Blobs that were uploaded.
    pub(super) uploaded: usize,
    /// Bytes of the blobs that were uploaded.
    pub(super) bytes: u64,
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kept, uploaded, bytes } = self;
        write!(f, "{kept} blobs stay at the registry, {uploaded} uploaded ({bytes} bytes)")
    }
}

/// A copy that failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum CopyError {
    /// The source did not give a blob.
    #[error("the image cannot be read")]
    Read(#[source] ClientError),
    /// The target did not take something.
    #[error("the image cannot be written")]
    Write(#[source] ClientError),
}

/// One image on its way.
#[derive(Debug)]
pub(super) struct Copy<'a> {
    /// Where it is.
    pub(super) from: &'a Place,
    /// Where it goes.
    pub(super) to: &'a Place,
    /// The tag that it gets.
    pub(super) tag: &'a str,
    /// The image.
    pub(super) image: &'a ImageManifest,
    /// The step that tells of it.
    pub(super) step: &'a Step,
}

impl Copy<'_> {
    /// Puts the blobs into place, then the manifest: the very bytes that it has at its source.
    ///
    /// # Errors
    /// [`CopyError`]; the tag is what it was before then.
    pub(super) async fn run(&self) -> Result<Tally, CopyError> {
        let tally = self.blobs().await?;
        let ImageManifest { manifest, media_type, .. } = self.image;
        let client = Client::new(Arc::clone(&self.to.auth));
        client
            .put_manifest(&self.to.repository, self.tag, media_type, manifest.bytes.clone())
            .await
            .map_err(CopyError::Write)?;
        Ok(tally)
    }

    async fn blobs(&self) -> Result<Tally, CopyError> {
        let blobs = self.image.blobs();
        let (from, to) = (&self.from.repository, &self.to.repository);
        if from == to {
            return Ok(Tally { kept: blobs.len(), ..Tally::default() });
        }
        let mut missing: Vec<&str> = blobs.keys().copied().collect();
        if from.host == to.host {
            missing = mount_all(&Client::new(Arc::clone(&self.to.auth)), to, &from.name, &missing).await;
        }
        let mut tally = Tally { kept: blobs.len() - missing.len(), ..Tally::default() };
        let missing: Vec<&Blob> = missing.iter().filter_map(|digest| blobs.get(digest).copied()).collect();
        let mut moved = stream::iter(missing.into_iter().map(|blob| self.blob(blob))).buffered(AT_ONCE);
        while let Some(bytes) = moved.try_next().await? {
            match bytes {
                Some(bytes) => (tally.uploaded, tally.bytes) = (tally.uploaded + 1, tally.bytes + bytes),
                None => tally.kept += 1,
            }
        }
        Ok(tally)
    }

    /// Uploads a blob unless it is there. Returns how many bytes that took.
    async fn blob(&self, blob: &Blob) -> Result<Option<u64>, CopyError> {
        let client = Client::new(Arc::clone(&self.to.auth));
        if client.has_blob(&self.to.repository, &blob.digest).await.map_err(CopyError::Write)? {
            return Ok(None);
        }
        let mut pause = FIRST_PAUSE;
        let mut attempt = 1;
        loop {
            match self.stream(blob).await {
                Ok(()) => return Ok(Some(blob.size)),
                Err(error) if attempt < ATTEMPTS && error.may_pass() => {
                    tracing::warn!(
                        digest = blob.digest,
                        error = &error as &dyn std::error::Error,
                        "sending a blob again"
                    );
                }
                Err(error) => return Err(error),
            }
            tokio::time::sleep(pause).await;
            (pause, attempt) = (pause * 2, attempt + 1);
        }
    }

    async fn stream(&self, blob: &Blob) -> Result<(), CopyError> {
        let source = Client::new(Arc::clone(&self.from.auth));
        let response =
            source.blob_stream(&self.from.repository, &blob.digest).await.map_err(CopyError::Read)?;
        let passage = Passage {
            body: response.into_body(),
            hash: Sha256::new(),
            seen: 0,
            blob: blob.clone(),
            step: self.step.clone(),
            started: progress::timestamp(),
            told: Instant::now(),
        };
        let target = Client::new(Arc::clone(&self.to.auth));
        let payload = Payload::Stream(passage.into_body());
        target
            .upload_blob(&self.to.repository, &blob.digest, blob.size, payload)
            .await
            .map_err(CopyError::Write)
    }
}

impl CopyError {
    /// Whether sending again may help: the connection broke, or the registry is at fault.
    fn may_pass(&self) -> bool {
        match self {
            Self::Read(error) | Self::Write(error) => match error {
                ClientError::Status { status, .. } => status.is_server_error(),
                ClientError::Call { .. } | ClientError::Content { .. } => true,
                _ => false,
            },
        }
    }

    /// The error of the registry, without which side it was on.
    pub(super) fn inner(&self) -> &ClientError {
        match self {
            Self::Read(error) | Self::Write(error) => error,
        }
    }
}

/// Content that is not what its descriptor says.
#[derive(Debug, thiserror::Error)]
enum Wrong {
    #[error("blob {digest} has more than its {size} bytes")]
    TooLong { digest: String, size: u64 },
    #[error("blob {digest} ended after {seen} of its {size} bytes")]
    TooShort { digest: String, seen: u64, size: u64 },
    #[error("what came as blob {digest} has another digest")]
    Digest { digest: String },
}

/// A blob on its way from one registry to the other.
struct Passage {
    body: Body,
    hash: Sha256,
    seen: u64,
    blob: Blob,
    step: Step,
    started: bollard_buildkit_proto::google::protobuf::Timestamp,
    told: Instant,
}

impl Passage {
    /// The same content, broken off before its end where it is not what the digest says.
    fn into_body(self) -> Body {
        let frames = stream::try_unfold(self, async |mut passage| {
            let bytes = passage.next().await?;
            Ok::<_, BoxError>(bytes.map(|bytes| (Frame::data(bytes), passage)))
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
                return Err(Wrong::TooLong { digest, size }.into());
            }
            // Other algorithms are left to the registry, which checks every upload.
            if self.seen == size && digest.starts_with("sha256:") && self.digest() != digest {
                return Err(Wrong::Digest { digest }.into());
            }
            if self.seen == size || self.told.elapsed() >= TELL {
                self.told = Instant::now();
                self.step.transfer(&digest, self.started, self.seen, size).await;
            }
            return Ok(Some(bytes));
        }
        if self.seen < size {
            return Err(Wrong::TooShort { digest, seen: self.seen, size }.into());
        }
        Ok(None)
    }

    fn digest(&self) -> String {
        let bytes = self.hash.clone().finalize();
        bytes.iter().fold("sha256:".to_owned(), |text, byte| text + &format!("{byte:02x}"))
    }
}
