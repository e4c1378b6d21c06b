//! The sending side of a transfer: the listing, and file contents as the receiver asks for them.
//!
//! Files are read by a few threads in pieces of [`CHUNK_BYTES`]; the bounded channel to the connection is
//! all that waits in memory, whatever the size of the folder. Small packets go there many at a time ([`Batch`]).

mod batch;

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::File;
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::{Bytes, BytesMut};
use rustix::fs::{FileType, fstat};
use rustix::io::Errno;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TryRecvError;
use tokio_stream::{Stream, StreamExt as _};
use tonic::Status;

pub(super) use batch::Packets;
use batch::{Batch, Reply};

use super::filter::Patterns;
use super::folder::Withheld;
use super::listing::{ContentHash, Recording, SentFolder};
use super::stat::{FileError, mode};
use super::{lock, walk};
use crate::beneath::{self, Root};
use crate::buildkit::session::wire::{Packet, PacketType};
use crate::diag::visible_path;

/// Content of a file in one packet, at most.
const CHUNK_BYTES: usize = 512 << 10;
/// Batches of packets that may wait for the connection.
const WAITING_BATCHES: usize = 16;
/// Threads that read files.
const READERS: usize = 4;

type Replies = mpsc::Sender<Reply>;
/// Paths of the regular files in the listing, by their place in it, until they are asked for.
type Listed = Arc<Mutex<HashMap<u32, Box<[u8]>>>>;

/// The number and the path of a file that was asked for.
type Wanted = (u32, Box<[u8]>);

/// What a transfer is about.
#[derive(Debug)]
pub(super) struct Transfer {
    /// The folder.
    pub(super) root: Root,
    /// What of it is wanted.
    pub(super) patterns: Patterns,
    /// What is never sent.
    pub(super) withheld: Withheld,
    /// Where it is noted what is sent.
    pub(super) recording: Option<Recording>,
}

/// Starts a transfer and returns its packets. `requests` are those of the receiver.
pub(super) fn start(
    transfer: Transfer,
    requests: impl Stream<Item = Result<Packet, Status>> + Send + Unpin + 'static,
) -> Packets {
    let (replies, batches) = mpsc::channel(WAITING_BATCHES);
    let listed = Listed::default();
    let source =
        Arc::new(Source { root: transfer.root, losses: AtomicUsize::new(0), recording: transfer.recording });
    // The numbers of wanted files; small, and as many as there are files at most.
    let (wanted, queue) = mpsc::unbounded_channel();
    let queue = Arc::new(Mutex::new(queue));
    for _ in 0..READERS {
        let (source, queue, replies) = (Arc::clone(&source), Arc::clone(&queue), replies.clone());
        tokio::task::spawn_blocking(move || source.read_files(&queue, &replies));
    }
    tokio::spawn(take_requests(requests, Arc::clone(&listed), wanted, replies.clone()));
    let (patterns, withheld) = (transfer.patterns, transfer.withheld);
    tokio::task::spawn_blocking(move || list(&source, patterns, &withheld, &listed, &replies));
    Packets::new(batches)
}

/// Sends the listing.
fn list(source: &Source, patterns: Patterns, withheld: &Withheld, listed: &Listed, replies: &Replies) {
    let root = &source.root;
    let mut next_id = 0;
    let mut batch = Batch::new(replies);
    let mut noted = SentFolder::default();
    let mut emit = |mut stat: super::Stat| {
        (stat.uid, stat.gid) = (0, 0);
        if source.recording.is_some() {
            noted.list(&stat);
        }
        if stat.mode & mode::TYPE == 0 {
            lock(listed).insert(next_id, stat.path.as_slice().into());
        }
        next_id += 1;
        batch.add(Packet::stat(Some(stat)))
    };
    let outcome = patterns
        .filter(root)
        .map_err(walk::WalkError::from)
        .and_then(|filter| walk::walk(root, &filter, withheld, &mut emit));
    if let Some(recording) = &source.recording
        && outcome.is_ok()
    {
        recording.list(noted);
    }
    let _ = match outcome {
        Ok(()) => batch.add(Packet::stat(None)),
        Err(walk::WalkError::Stopped) => return,
        Err(error) => batch.add(Packet::error(&error.to_string())),
    };
    batch.send();
}

/// Takes the receiver's packets until it has everything.
async fn take_requests(
    mut requests: impl Stream<Item = Result<Packet, Status>> + Unpin,
    listed: Listed,
    wanted: mpsc::UnboundedSender<Wanted>,
    replies: Replies,
) {
    loop {
        // A receiver that is gone: dropping our ends lets the others end as well.
        let Some(Ok(packet)) = requests.next().await else { return };
        match PacketType::try_from(packet.kind) {
            Ok(PacketType::Req) => {
                let Some(path) = lock(&listed).remove(&packet.id) else {
                    let unknown = Status::invalid_argument(format!("invalid file id {}", packet.id));
                    let _ = replies.send(Reply::Status(unknown)).await;
                    return;
                };
                if wanted.send((packet.id, path)).is_err() {
                    return;
                }
            }
            Ok(PacketType::Fin) => {
                let _ = replies.send(Reply::Packets(vec![Packet::fin()])).await;
                return;
            }
            Ok(PacketType::Err) => {
                let text = String::from_utf8_lossy(&packet.data);
                let failed = Status::unknown(format!("error from receiver: {text}"));
                let _ = replies.send(Reply::Status(failed)).await;
                return;
            }
            _ => {}
        }
    }
}

/// Where the files of a transfer are read.
struct Source {
    root: Root,
    /// Files that were no longer what they were when they were listed.
    losses: AtomicUsize,
    /// Where it is noted what is sent.
    recording: Option<Recording>,
}

/// Files that are named when they are lost; the rest is counted.
const NAMED_LOSSES: usize = 10;

impl Source {
    /// Reads wanted files one after the other until there are no more.
    fn read_files(&self, queue: &Mutex<mpsc::UnboundedReceiver<Wanted>>, replies: &Replies) {
        let mut batch = Batch::new(replies);
        let mut contents = Vec::new();
        loop {
            // Whoever holds the queue waits for the receiver, or is about to leave it.
            let next = queue.try_lock().map_or(Err(TryRecvError::Empty), |mut queue| queue.try_recv());
            let next = match next {
                Ok(next) => Some(next),
                Err(TryRecvError::Disconnected) => None,
                // The receiver gets what there is before this thread waits.
                Err(TryRecvError::Empty) => {
                    self.note(&mut contents);
                    if !batch.send() {
                        return;
                    }
                    lock(queue).blocking_recv()
                }
            };
            let Some((id, path)) = next else { break };
            match self.send_file(id, Path::new(OsStr::from_bytes(&path)), &mut batch) {
                Ok((true, content)) => contents.extend(content.map(|content| (id, content))),
                Ok((false, _)) => return,
                Err(error) => {
                    batch.add(Packet::error(&error.to_string()));
                    break;
                }
            }
        }
        self.note(&mut contents);
        batch.send();
    }

    /// Notes contents of files, and forgets them.
    fn note(&self, contents: &mut Vec<(u32, u64)>) {
        if let Some(recording) = &self.recording
            && !contents.is_empty()
        {
            recording.contents(contents);
            contents.clear();
        }
    }

    /// Adds one file to `batch`; returns whether the connection takes more, and what stands for the content.
    ///
    /// What is sent ends where the file ended when it was opened, however it grows. One that has vanished or
    /// become shorter since is told in a warning, and what is left of it is sent: it was to change anyhow, and
    /// a listing made a moment later would not hold it. One that cannot be read ends the transfer with its name:
    /// BuildKit's own client sends such a file as if it were empty, which puts a wrong file into every image.
    fn send_file(
        &self,
        id: u32,
        path: &Path,
        batch: &mut Batch<'_>,
    ) -> Result<(bool, Option<u64>), FileError> {
        let failed = |operation, error| FileError::new(operation, &self.root.path().join(path), error);
        let mut complete = true;
        let mut content = None;
        if let Some((mut file, mut left)) = self.open(path)? {
            let mut hash = self.recording.as_ref().map(|_| ContentHash::new());
            while left > 0 {
                let mut piece = BytesMut::zeroed(left.min(CHUNK_BYTES));
                let length = fill(&mut file, &mut piece).map_err(|e| failed("read", e))?;
                complete = length == piece.len();
                left = if complete { left - length } else { 0 };
                piece.truncate(length);
                if let Some(hash) = &mut hash {
                    hash.update(&piece);
                }
                if length > 0 && !batch.add(Packet::data(id, piece.freeze())) {
                    return Ok((false, None));
                }
            }
            content = hash.as_ref().map(ContentHash::finish);
        }
        if !complete {
            self.lost(path, "became shorter while it was sent; the build has what was left of it");
        }
        Ok((batch.add(Packet::data(id, Bytes::new())), content))
    }

    /// Opens a listed file, through no link; returns its size too. `None` where it has no content: it is gone,
    /// or a socket, which is listed as an empty file.
    fn open(&self, path: &Path) -> Result<Option<(File, usize)>, FileError> {
        let failed = |error| FileError::new("open", &self.root.path().join(path), error);
        let opened = match self.root.open_unlinked(path, beneath::FILE) {
            Ok(opened) => opened,
            Err(Errno::NXIO) => return Ok(None),
            Err(Errno::NOENT | Errno::NOTDIR) => {
                self.lost(path, "vanished while the context was sent; the build has an empty file");
                return Ok(None);
            }
            Err(Errno::LOOP) => return Err(failed(changed(FileType::Symlink))),
            Err(errno) => return Err(failed(errno.into())),
        };
        let found = fstat(&opened).map_err(|errno| failed(errno.into()))?;
        match FileType::from_raw_mode(found.st_mode) {
            FileType::RegularFile => {
                Ok(Some((opened.into(), usize::try_from(found.st_size).unwrap_or(usize::MAX))))
            }
            other => Err(failed(changed(other))),
        }
    }

    /// Warns of a file that is not sent as it was listed.
    fn lost(&self, path: &Path, how: &str) {
        if self.losses.fetch_add(1, Ordering::Relaxed) < NAMED_LOSSES {
            tracing::warn!(target: WARNINGS, "{} {how}", visible_path(path));
        }
    }
}

/// What warnings are logged as: they matter to whoever builds, other than the rest of this module.
const WARNINGS: &str = concat!(env!("CARGO_CRATE_NAME"), "::context");

impl Drop for Source {
    fn drop(&mut self) {
        let unnamed = self.losses.load(Ordering::Relaxed).saturating_sub(NAMED_LOSSES);
        if unnamed > 0 {
            tracing::warn!(target: WARNINGS, "{unnamed} more files changed while the context was sent");
        }
    }
}

/// The failure of a file that was a regular one when it was listed.
fn changed(found: FileType) -> std::io::Error {
    match found {
        FileType::Directory => std::io::ErrorKind::IsADirectory.into(),
        FileType::Symlink => {
            std::io::Error::other("it became a link while the context was sent; build again")
        }
        _ => std::io::Error::other(
            "it became something else than a file while the context was sent; build again",
        ),
    }
}

/// Reads until the buffer is full or the file ends.
fn fill(file: &mut File, buffer: &mut [u8]) -> std::io::Result<usize> {
    let mut length = 0;
    while length < buffer.len() {
        match file.read(&mut buffer[length..]) {
            Ok(0) => break,
            Ok(n) => length += n,
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(length)
}

#[cfg(test)]
mod tests;
