//! Content stores that the daemon writes to: the method `Write`.
//!
//! Source: `plugins/services/content/contentserver/contentserver.go` and `core/content/proxy` of containerd. A blob is
//! written to a file of its own, and put into its place when it is complete and has its digest.

use std::fs::File;
use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;
use sha2::{Digest as _, Sha256};
use tokio::sync::{Semaphore, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

use super::{Answers, ContentStores, blocking};
use crate::image::digest;

/// Blobs that are written at once. BuildKit writes four.
const MAX_BLOBS: usize = 64;
/// The folder of blobs that are not complete.
const UNFINISHED: &str = "ingest";
/// Answers that wait for the daemon.
const WAITING_ANSWERS: usize = 4;

#[derive(Clone, Copy, Debug, PartialEq, Eq, prost::Enumeration)]
#[repr(i32)]
pub(super) enum Action {
    /// How far is it?
    Stat = 0,
    /// More content.
    Write = 1,
    /// The content is complete.
    Commit = 2,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct WriteRequest {
    #[prost(enumeration = "Action", tag = "1")]
    action: i32,
    /// What the daemon calls the write.
    #[prost(string, tag = "2")]
    reference: String,
    /// The blob's size, or zero.
    #[prost(int64, tag = "3")]
    total: i64,
    /// The blob's digest, or nothing.
    #[prost(string, tag = "4")]
    expected: String,
    #[prost(int64, tag = "5")]
    offset: i64,
    #[prost(bytes = "bytes", tag = "6")]
    data: Bytes,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct WriteResponse {
    #[prost(enumeration = "Action", tag = "1")]
    action: i32,
    #[prost(int64, tag = "4")]
    offset: i64,
    #[prost(int64, tag = "5")]
    total: i64,
    #[prost(string, tag = "6")]
    digest: String,
}

/// As many places as blobs may be written at once.
pub(super) fn places() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(MAX_BLOBS))
}

/// Answers the method `Write`, if there is a place for the blob.
pub(super) fn answer(
    stores: &ContentStores,
    places: &Arc<Semaphore>,
    request: Request<Streaming<WriteRequest>>,
) -> Result<Response<Answers<WriteResponse>>, Status> {
    let place = Arc::clone(places).try_acquire_owned();
    let place = place.map_err(|_| {
        Status::resource_exhausted(format!("more than {MAX_BLOBS} blobs are written at once"))
    })?;
    let folder = stores.writable(request.metadata())?.to_owned();
    let mut requests = request.into_inner();
    let (answers, stream) = mpsc::channel(WAITING_ANSWERS);
    tokio::spawn(async move {
        let _place = place;
        if let Err(status) = write(&folder, &mut requests, &answers).await {
            let _ = answers.send(Err(status)).await;
        }
    });
    Ok(Response::new(ReceiverStream::new(stream)))
}

async fn write(
    folder: &Path,
    requests: &mut Streaming<WriteRequest>,
    answers: &mpsc::Sender<Result<WriteResponse, Status>>,
) -> Result<(), Status> {
    let mut blob: Option<Box<Unfinished>> = None;
    let (mut total, mut expected) = (0, String::new());
    while let Some(request) = requests.message().await? {
        if !request.expected.is_empty() {
            digest::check(&request.expected).map_err(|error| {
                Status::invalid_argument(format!("{:?} is not a digest: {error}", request.expected))
            })?;
            expected.clone_from(&request.expected);
        }
        if request.total > 0 {
            total = request.total;
        }
        let is_commit = request.action == i32::from(Action::Commit);
        let mut current = match blob.take() {
            Some(blob) => blob,
            None if request.reference.is_empty() => {
                return Err(Status::invalid_argument("the first message of a write names it"));
            }
            None => Box::new(
                blocking({
                    let (folder, expected) = (folder.to_owned(), expected.clone());
                    move || Unfinished::create(&folder, &expected)
                })
                .await?,
            ),
        };
        let (action, total_now, expected_now) = (request.action, total, expected.clone());
        let (done, answer) = blocking(move || {
            if request.action != i32::from(Action::Stat) {
                current.append(request.offset, &request.data)?;
            }
            let mut digest = String::new();
            if is_commit {
                digest = current.commit(total_now, &expected_now)?;
            }
            let offset = i64::try_from(current.written).unwrap_or(i64::MAX);
            Ok((current, WriteResponse { action, offset, total: total_now, digest }))
        })
        .await?;
        if answers.send(Ok(answer)).await.is_err() || is_commit {
            return Ok(());
        }
        blob = Some(done);
    }
    Ok(())
}

/// A blob that is being written. Dropping it removes what came.
#[derive(Debug)]
struct Unfinished {
    /// The folder of the store.
    root: OwnedFd,
    /// The folder of unfinished blobs.
    folder: OwnedFd,
    name: String,
    file: File,
    hash: Sha256,
    written: u64,
}

fn failed(what: &'static str) -> impl Fn(std::io::Error) -> Status {
    move |error| Status::unknown(format!("cannot {what} the OCI layout: {error}"))
}

impl Unfinished {
    /// Begins a blob in the store `folder`, which is made where it is missing.
    ///
    /// # Errors
    /// `AlreadyExists` where the store has the blob `expected`.
    fn create(folder: &Path, expected: &str) -> Result<Self, Status> {
        std::fs::create_dir_all(folder).map_err(failed("make the folder of"))?;
        // The folder itself may be a link: the user named it.
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = rustix::fs::open(folder, flags, Mode::empty());
        let root = root.map_err(|error| failed("open the folder of")(error.into()))?;
        if !expected.is_empty() && has_blob(&root, expected) {
            return Err(Status::already_exists(format!("the blob {expected} exists")));
        }
        let unfinished = folder_in(&root, UNFINISHED).map_err(failed("make a folder of"))?;
        let name = format!("{:032x}", rand::random::<u128>());
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&unfinished, &name, flags, Mode::from_raw_mode(0o444));
        let file = File::from(file.map_err(|error| failed("write a file of")(error.into()))?);
        Ok(Self { root, folder: unfinished, name, file, hash: Sha256::new(), written: 0 })
    }

    fn append(&mut self, offset: i64, data: &[u8]) -> Result<(), Status> {
        let at = u64::try_from(offset).map_err(|_| Status::invalid_argument("a negative offset"))?;
        if at == 0 && self.written > 0 && !data.is_empty() {
            self.file.set_len(0).map_err(failed("write a file of"))?;
            std::io::Seek::rewind(&mut self.file).map_err(failed("write a file of"))?;
            (self.hash, self.written) = (Sha256::new(), 0);
        } else if at != self.written && at != 0 {
            let text = format!("a write at {at} where {} bytes are there", self.written);
            return Err(Status::out_of_range(text));
        }
        self.file.write_all(data).map_err(failed("write a file of"))?;
        self.hash.update(data);
        self.written += data.len() as u64;
        Ok(())
    }

    /// Puts the blob into its place. Returns its digest.
    fn commit(&mut self, total: i64, expected: &str) -> Result<String, Status> {
        if total > 0 && u64::try_from(total) != Ok(self.written) {
            let text = format!("unexpected commit size {}, expected {total}", self.written);
            return Err(Status::failed_precondition(text));
        }
        let encoded = hex::encode(self.hash.clone().finalize());
        let found = format!("sha256:{encoded}");
        if !expected.is_empty() && expected != found {
            let text = format!("unexpected commit digest {found}, expected {expected}");
            return Err(Status::failed_precondition(text));
        }
        let folder = folder_in(&self.root, "blobs").and_then(|blobs| folder_in(&blobs, "sha256"));
        let folder = folder.map_err(failed("make a folder of"))?;
        // What has its name already has its content, or was never what it said.
        rustix::fs::renameat(&self.folder, &self.name, &folder, &encoded)
            .map_err(|error| failed("write a file of")(error.into()))?;
        Ok(found)
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        let _ = rustix::fs::unlinkat(&self.folder, &self.name, AtFlags::empty());
        // The last one removes the folder as well.
        let _ = rustix::fs::unlinkat(&self.root, UNFINISHED, AtFlags::REMOVEDIR);
    }
}

/// The folder `name` in another one, made where it is missing. A link is none.
fn folder_in(folder: &OwnedFd, name: &str) -> std::io::Result<OwnedFd> {
    match rustix::fs::mkdirat(folder, name, Mode::from_raw_mode(0o755)) {
        Ok(()) | Err(Errno::EXIST) => {}
        Err(error) => return Err(error.into()),
    }
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(rustix::fs::openat(folder, name, flags, Mode::empty())?)
}

/// Whether a store has a blob.
fn has_blob(root: &OwnedFd, digest: &str) -> bool {
    let path = Path::new("blobs").join(digest.replacen(':', "/", 1));
    let found = rustix::fs::statat(root, &path, AtFlags::SYMLINK_NOFOLLOW);
    found.is_ok_and(|found| rustix::fs::FileType::from_raw_mode(found.st_mode).is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ABC: &str = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_blob_is_put_into_its_place_when_it_has_its_digest() {
        let dir = tempfile::tempdir().unwrap();
        let store = dir.path().join("new/store");
        let mut blob = Unfinished::create(&store, ABC).unwrap();
        blob.append(0, b"ab").unwrap();
        blob.append(2, b"c").unwrap();
        assert_eq!(names(&store), [UNFINISHED]);
        assert_eq!(blob.commit(3, ABC).unwrap(), ABC);
        drop(blob);
        assert_eq!(names(&store), ["blobs"]);
        assert_eq!(std::fs::read(store.join("blobs").join(ABC.replace(':', "/"))).unwrap(), b"abc");
        let again = Unfinished::create(&store, ABC).unwrap_err();
        assert_eq!(again.code(), tonic::Code::AlreadyExists);
    }

    #[test]
    fn a_blob_that_is_not_what_it_should_be_is_left_out() {
        let dir = tempfile::tempdir().unwrap();
        let begin = || {
            let mut blob = Unfinished::create(dir.path(), ABC).unwrap();
            blob.append(0, b"abc").unwrap();
            blob
        };
        assert!(begin().commit(4, ABC).unwrap_err().message().contains("commit size 3, expected 4"));
        let other = format!("sha256:{}", "0".repeat(64));
        assert!(begin().commit(3, &other).unwrap_err().message().contains("unexpected commit digest"));
        assert!(begin().append(7, b"x").unwrap_err().message().contains("a write at 7"));
        let mut again = begin();
        again.append(0, b"abc").unwrap();
        assert_eq!(again.commit(3, "").unwrap(), ABC, "a write at the beginning begins anew");
        drop(again);
        assert_eq!(names(dir.path()), ["blobs"]);
    }

    #[test]
    fn a_link_in_a_store_leads_nowhere() {
        let dir = tempfile::tempdir().unwrap();
        let (store, outside) = (dir.path().join("store"), dir.path().join("outside"));
        std::fs::create_dir_all(store.join("blobs")).unwrap();
        std::fs::create_dir_all(&outside).unwrap();
        std::os::unix::fs::symlink(&outside, store.join("blobs/sha256")).unwrap();
        let mut blob = Unfinished::create(&store, ABC).unwrap();
        blob.append(0, b"abc").unwrap();
        blob.commit(3, ABC).unwrap_err();
        drop(blob);
        std::os::unix::fs::symlink(&outside, store.join(UNFINISHED)).unwrap();
        Unfinished::create(&store, ABC).unwrap_err();
        assert!(names(&outside).is_empty());
    }
}
