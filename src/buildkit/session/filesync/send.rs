//! The sending side of a transfer: the listing, and file contents as the receiver asks for them.
//!
//! Files are read by a few threads in pieces of [`CHUNK_BYTES`]; the bounded channel to the connection is
//! all that waits in memory, whatever the size of the folder.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Bytes, BytesMut};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

use super::filter::Patterns;
use super::stat::{FileError, mode};
use super::walk;
use crate::buildkit::session::wire::{Packet, PacketType};

/// Content of a file in one packet, at most.
const CHUNK_BYTES: usize = 512 << 10;
/// Packets that may wait for the connection.
const WAITING_PACKETS: usize = 16;
/// Threads that read files.
const READERS: usize = 4;

type Replies = mpsc::Sender<Result<Packet, Status>>;
/// Paths of the regular files in the listing, by their place in it, until they are asked for.
type Listed = Arc<Mutex<HashMap<u32, Box<[u8]>>>>;

/// The number and the path of a file that was asked for.
type Wanted = (u32, Box<[u8]>);

/// Starts a transfer of what `patterns` choose below `root` and returns its packets.
pub(super) fn start(
    root: PathBuf,
    patterns: Patterns,
    requests: Streaming<Packet>,
) -> ReceiverStream<Result<Packet, Status>> {
    let (replies, stream) = mpsc::channel(WAITING_PACKETS);
    let listed = Listed::default();
    let root: Arc<Path> = root.into();
    // The numbers of wanted files; small, and as many as there are files at most.
    let (wanted, queue) = mpsc::unbounded_channel();
    let queue = Arc::new(Mutex::new(queue));
    for _ in 0..READERS {
        let (root, queue, replies) = (Arc::clone(&root), Arc::clone(&queue), replies.clone());
        tokio::task::spawn_blocking(move || read_files(&root, &queue, &replies));
    }
    tokio::spawn(take_requests(requests, Arc::clone(&listed), wanted, replies.clone()));
    tokio::task::spawn_blocking(move || list(&root, patterns, &listed, &replies));
    ReceiverStream::new(stream)
}

/// Sends the listing.
fn list(root: &Path, patterns: Patterns, listed: &Listed, replies: &Replies) {
    let mut next_id = 0;
    let mut emit = |mut stat: super::Stat| {
        (stat.uid, stat.gid) = (0, 0);
        if stat.mode & mode::TYPE == 0 {
            lock(listed).insert(next_id, stat.path.as_slice().into());
        }
        next_id += 1;
        replies.blocking_send(Ok(Packet::stat(Some(stat)))).is_ok()
    };
    let outcome = patterns
        .filter(root)
        .map_err(walk::WalkError::from)
        .and_then(|filter| walk::walk(root, &filter, &mut emit));
    let _ = match outcome {
        Ok(()) => replies.blocking_send(Ok(Packet::stat(None))),
        Err(walk::WalkError::Stopped) => return,
        Err(error) => replies.blocking_send(Ok(Packet::error(&error.to_string()))),
    };
}

/// Takes the receiver's packets until it has everything.
async fn take_requests(
    mut requests: Streaming<Packet>,
    listed: Listed,
    wanted: mpsc::UnboundedSender<Wanted>,
    replies: Replies,
) {
    loop {
        // A receiver that is gone: dropping our ends lets the others end as well.
        let Ok(Some(packet)) = requests.message().await else { return };
        match PacketType::try_from(packet.kind) {
            Ok(PacketType::Req) => {
                let Some(path) = lock(&listed).remove(&packet.id) else {
                    let _ = replies
                        .send(Err(Status::invalid_argument(format!("invalid file id {}", packet.id))))
                        .await;
                    return;
                };
                if wanted.send((packet.id, path)).is_err() {
                    return;
                }
            }
            Ok(PacketType::Fin) => {
                let _ = replies.send(Ok(Packet::fin())).await;
                return;
            }
            Ok(PacketType::Err) => {
                let text = String::from_utf8_lossy(&packet.data);
                let _ = replies.send(Err(Status::unknown(format!("error from receiver: {text}")))).await;
                return;
            }
            _ => {}
        }
    }
}

/// Reads wanted files one after the other until there are no more.
fn read_files(root: &Path, queue: &Mutex<mpsc::UnboundedReceiver<Wanted>>, replies: &Replies) {
    loop {
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv();
        let Some((id, path)) = next else { return };
        let full = walk::full_path(root, &path);
        match send_file(id, &full, replies) {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => {
                let _ = replies.blocking_send(Ok(Packet::error(&error.to_string())));
                return;
            }
        }
    }
}

/// Sends one file; returns whether the connection takes more.
///
/// A file that cannot be read ends the transfer with its name. BuildKit's own client sends such a file as if
/// it were empty, which puts a wrong file into the image.
fn send_file(id: u32, full: &Path, replies: &Replies) -> Result<bool, FileError> {
    let failed = |operation, error| FileError::new(operation, full, error);
    let meta = full.symlink_metadata().map_err(|e| failed("open", e))?;
    // A socket is listed as an empty file and cannot be opened.
    if !meta.file_type().is_socket() {
        let mut file = File::open(full).map_err(|e| failed("open", e))?;
        let mut left = usize::try_from(meta.len()).unwrap_or(usize::MAX);
        loop {
            // One byte more than what is left, so that a small file ends with its first piece.
            let mut piece = BytesMut::zeroed(left.saturating_add(1).min(CHUNK_BYTES));
            let length = fill(&mut file, &mut piece).map_err(|e| failed("read", e))?;
            let at_end = length < piece.len();
            piece.truncate(length);
            left = left.saturating_sub(length);
            if length > 0 && replies.blocking_send(Ok(Packet::data(id, piece.freeze()))).is_err() {
                return Ok(false);
            }
            if at_end {
                break;
            }
        }
    }
    Ok(replies.blocking_send(Ok(Packet::data(id, Bytes::new()))).is_ok())
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

fn lock(listed: &Listed) -> std::sync::MutexGuard<'_, HashMap<u32, Box<[u8]>>> {
    listed.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pieces of a file, or the error that ends the transfer.
    fn pieces(path: &Path) -> Result<Vec<usize>, String> {
        let (replies, mut stream) = mpsc::channel(WAITING_PACKETS);
        send_file(7, path, &replies).map_err(|e| e.to_string())?;
        drop(replies);
        let packets = std::iter::from_fn(|| stream.blocking_recv()).map(Result::unwrap);
        Ok(packets.inspect(|p| assert_eq!(p.id, 7)).map(|p| p.data.len()).collect())
    }

    #[test]
    fn a_file_ends_with_an_empty_piece() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        let cases: [(usize, &[usize]); 4] = [
            (0, &[0]),
            (3, &[3, 0]),
            (CHUNK_BYTES, &[CHUNK_BYTES, 0]),
            (2 * CHUNK_BYTES + 1, &[CHUNK_BYTES, CHUNK_BYTES, 1, 0]),
        ];
        for (size, expected) in cases {
            std::fs::write(&path, vec![1; size]).unwrap();
            assert_eq!(pieces(&path).unwrap(), expected);
        }
    }

    #[test]
    fn a_socket_is_sent_as_an_empty_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        let _listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
        assert_eq!(pieces(&path).unwrap(), [0]);
    }

    #[test]
    fn a_file_that_is_gone_ends_the_transfer_with_its_name() {
        let error = pieces(Path::new("/nonexistent/f")).unwrap_err();
        assert_eq!(error, "open /nonexistent/f: no such file or directory");
    }

    #[test]
    fn a_file_that_became_a_folder_ends_the_transfer_with_its_name() {
        let dir = tempfile::tempdir().unwrap();
        let error = pieces(dir.path()).unwrap_err();
        assert!(error.ends_with("is a directory"), "{error}");
    }
}
