//! Images in OCI layouts of this machine, read and written.
//! (<https://github.com/opencontainers/image-spec/blob/main/image-layout.md>)

use std::fs::File;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio_util::io::ReaderStream;

use super::document::{Descriptor, Index, media_type_of};
use super::error::ImageToolsError;
use super::place::{LayoutPlace, Place};
use crate::beneath::Root;
use crate::http::body::{Body, BoxError};
use crate::image::digest;
use crate::job::context::layout;
use crate::job::result::layout::{self as index, LayoutFolder};
use crate::job::result::whole_files::UnfinishedFile;
use crate::registry::{DigestHasher, MAX_MANIFEST_BYTES, Manifest};

/// What a descriptor in the index of a layout is about, where it is only there to be found by that.
/// Source: `AnnotationManifestSubject` in core/images/annotations.go of containerd.
pub(super) const SUBJECT: &str = "io.containerd.manifest.subject";

/// A blob with another digest than it is called by.
#[derive(Debug, thiserror::Error)]
#[error("the content of {0} has another digest")]
struct OtherContent(String);

impl LayoutPlace {
    fn failed(&self, action: &'static str) -> impl Fn(BoxError) -> ImageToolsError + '_ {
        move |source| ImageToolsError::Place {
            place: Place::Layout(self.clone()).to_string(),
            action,
            source,
        }
    }

    /// Returns the manifest: that of the digest, else that of the tag in the layout's index.
    pub(super) fn manifest(&self) -> Result<Manifest, ImageToolsError> {
        let digest = match (&self.digest, &self.tag) {
            (Some(digest), _) => digest.clone(),
            (None, tag) => layout::tagged_digest(&self.folder, tag.as_deref().unwrap_or_default())
                .map_err(|error| self.failed("find")(error.into()))?,
        };
        let bytes = self.blob(&digest, MAX_MANIFEST_BYTES)?;
        let descriptor = crate::registry::Descriptor {
            digest,
            media_type: media_type_of(&bytes).to_owned(),
            size: bytes.len() as u64,
        };
        Ok(Manifest { descriptor, bytes })
    }

    /// Returns the content of a blob of at most `limit` bytes.
    pub(super) fn blob(&self, digest: &str, limit: usize) -> Result<Bytes, ImageToolsError> {
        let read = || -> Result<Vec<u8>, BoxError> {
            let bytes = Root::open(&self.folder)?.read(&blob_path(digest)?, limit as u64)?;
            let mut hasher = DigestHasher::for_digest(digest);
            hasher.update(&bytes);
            if hasher.finish() == digest { Ok(bytes) } else { Err(OtherContent(digest.to_owned()).into()) }
        };
        read().map(Bytes::from).map_err(self.failed("read"))
    }

    /// Returns the content of a blob as a stream; it is not checked.
    pub(super) fn stream(&self, digest: &str) -> Result<Body, ImageToolsError> {
        let open = || -> Result<File, BoxError> {
            Ok(Root::open(&self.folder)?.file(&blob_path(digest)?)?.into_file())
        };
        let file = tokio::fs::File::from_std(open().map_err(self.failed("read"))?);
        let frames = ReaderStream::new(file).map_ok(Frame::data).map_err(BoxError::from);
        Ok(StreamBody::new(frames).boxed_unsync())
    }

    /// Whether the layout has the blob.
    pub(super) fn has(&self, digest: &str) -> bool {
        blob_path(digest).is_ok_and(|path| self.folder.join(path).is_file())
    }

    /// Makes the folder where it is missing.
    pub(super) fn begin(&self) -> Result<LayoutFolder, ImageToolsError> {
        LayoutFolder::new(&self.folder).map_err(|error| self.failed("write")(error.into()))
    }

    /// Writes a blob, whose content `body` has checked.
    pub(super) async fn write(&self, digest: &str, body: Body) -> Result<(), ImageToolsError> {
        self.try_write(digest, body).await.map_err(self.failed("write"))
    }

    async fn try_write(&self, digest: &str, mut body: Body) -> Result<(), BoxError> {
        let path = self.folder.join(blob_path(digest)?);
        std::fs::create_dir_all(path.parent().unwrap_or(&self.folder))?;
        let mut unfinished = UnfinishedFile::new(&path)?;
        let mut writer = unfinished.writer()?;
        while let Some(frame) = body.frame().await {
            if let Ok(bytes) = frame?.into_data() {
                writer.write_all(&bytes).await?;
            }
        }
        writer.flush().await?;
        drop(writer);
        Ok(unfinished.keep()?)
    }

    /// Puts an image whose manifest is there into the index: under its tag, or without a name where the place is a digest.
    pub(super) fn name(&self, descriptor: &Descriptor) -> Result<(), ImageToolsError> {
        let put = match (&self.digest, &self.tag) {
            (None, Some(tag)) => index::put_tagged(&self.folder, &json!(descriptor), tag),
            _ => index::put_unnamed(&self.folder, &json!(descriptor)),
        };
        put.map_err(|error| self.failed("write")(error.into()))
    }

    /// Returns the index of the layout.
    pub(super) fn index(&self) -> Result<Index, ImageToolsError> {
        let read = || -> Result<Index, BoxError> {
            let text = Root::open(&self.folder)?.read(Path::new("index.json"), MAX_MANIFEST_BYTES as u64)?;
            Ok(serde_json::from_slice(&text)?)
        };
        read().map_err(self.failed("read"))
    }
}

/// Returns the path of a blob in a layout.
fn blob_path(text: &str) -> Result<PathBuf, digest::DigestError> {
    digest::check(text)?;
    Ok(Path::new("blobs").join(text.replacen(':', "/", 1)))
}
