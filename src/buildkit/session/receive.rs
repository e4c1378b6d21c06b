//! The receiving side of a transfer: a tree of files written into a folder, and never outside it.
//!
//! Every name is checked and every folder is opened below the one before it without following links, so
//! neither a hostile listing nor a link in the target leads anywhere else; content goes only into files that the
//! transfer made itself. What a sender can make this side keep is bounded: entries by their bytes, requests, open
//! files and packets by their number. Source of the protocol: `fsutil/receive.go` and `rootdiskwriter.go`.

mod disk;
mod order;
mod target;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use prost::Message as _;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::{Status, Streaming};

use self::disk::{Disk, DiskError, ListedFile, OpenFile};
pub use self::target::{ExportFolder, LeftOut, SpecialFiles};
use super::wire::{Packet, PacketType, Stat};

/// Packets that may wait for the disk.
const WAITING_PACKETS: usize = 8;
/// The largest packet, in bytes. BuildKit's have 32 KiB of content.
const MAX_PACKET_BYTES: usize = 1 << 20;
/// Files that are asked for at once. BuildKit takes up 128 requests before it has answered one.
const MAX_REQUESTS: usize = 4096;
/// Files whose content comes at once. BuildKit sends four.
const MAX_OPEN_FILES: usize = 64;
/// Bytes of a sender's error that are passed on.
const MAX_ERROR_BYTES: usize = 4096;

/// Why a transfer into a folder ends early.
#[derive(Debug, thiserror::Error)]
enum ReceiveError {
    #[error(transparent)]
    Disk(#[from] DiskError),
    #[error("error from sender: {0}")]
    Sender(String),
    #[error("malformed packet")]
    Malformed(#[from] prost::DecodeError),
    #[error("a packet of {0} bytes; at most {MAX_PACKET_BYTES} are taken")]
    LargePacket(usize),
    #[error("content for file {0}, which was not asked for or is complete")]
    UnknownFile(u32),
    #[error("the contents of more than {MAX_OPEN_FILES} files come at once")]
    OpenFiles,
    #[error("more files are listed after the end of the listing")]
    Unlisted,
    #[error("the transfer ended early")]
    Truncated,
}

/// What comes from the sender.
type Incoming = mpsc::Receiver<Result<Bytes, ReceiveError>>;

/// Receives into `target`, which is created where missing; returns the packets to answer. `place` is held until the
/// transfer has ended.
pub(super) fn start(
    target: ExportFolder,
    mut messages: Streaming<Bytes>,
    place: OwnedSemaphorePermit,
) -> impl Stream<Item = Result<Bytes, Status>> + Send {
    let (packets, queue) = mpsc::channel(WAITING_PACKETS);
    // Unbounded: the sender may stop reading requests until its data is taken. There are at most `MAX_REQUESTS`.
    let (replies, stream) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok(Some(message)) = messages.message().await {
            let is_large = message.len() > MAX_PACKET_BYTES;
            let message = if is_large { Err(ReceiveError::LargePacket(message.len())) } else { Ok(message) };
            if packets.send(message).await.is_err() || is_large {
                return;
            }
        }
    });
    tokio::task::spawn_blocking(move || {
        let _place = place;
        let send = |packet: &Packet| {
            let _ = replies.send(Ok(Bytes::from(packet.encode_to_vec())));
        };
        if let Err(error) = receive(target, queue, &send) {
            send(&Packet::error(&error.to_string()));
            let _ = replies.send(Err(Status::unknown(error.to_string())));
        }
    });
    UnboundedReceiverStream::new(stream).boxed()
}

fn receive(target: ExportFolder, mut queue: Incoming, send: &dyn Fn(&Packet)) -> Result<(), ReceiveError> {
    let transfers = Arc::clone(&target.transfers);
    let mut receiver = Receiver {
        disk: Disk::open(target)?,
        next_id: 0,
        listed: BTreeMap::new(),
        requested: BTreeMap::new(),
        open_files: 0,
        stage: Stage::Listing,
    };
    loop {
        let packet = Packet::decode(queue.blocking_recv().ok_or(ReceiveError::Truncated)??)?;
        match PacketType::try_from(packet.kind) {
            Ok(PacketType::Stat) => receiver.entry(packet.stat)?,
            Ok(PacketType::Data) => receiver.data(packet.id, &packet.data)?,
            Ok(PacketType::Err) => {
                let text = &packet.data[..packet.data.len().min(MAX_ERROR_BYTES)];
                return Err(ReceiveError::Sender(String::from_utf8_lossy(text).into_owned()));
            }
            Ok(PacketType::Fin) if receiver.stage == Stage::Complete => return Ok(()),
            Ok(PacketType::Fin) => return Err(ReceiveError::Truncated),
            _ => continue,
        }
        receiver.request(send);
        if receiver.stage == Stage::Listed && receiver.requested.is_empty() {
            receiver.disk.finish()?;
            // Before the sender hears of it, and the build ends.
            transfers.fetch_add(1, Ordering::Release);
            send(&Packet::fin());
            receiver.stage = Stage::Complete;
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Entries come, and contents.
    Listing,
    /// Contents come.
    Listed,
    /// Everything is there.
    Complete,
}

/// A file that was asked for.
enum Requested {
    /// Nothing has come yet.
    Listed(ListedFile),
    /// Some of it has come.
    Open(OpenFile),
}

struct Receiver {
    disk: Disk,
    next_id: u32,
    /// Files that are to be asked for.
    listed: BTreeMap<u32, ListedFile>,
    requested: BTreeMap<u32, Requested>,
    open_files: usize,
    stage: Stage,
}

impl Receiver {
    /// Takes the next entry, or the end of the listing.
    fn entry(&mut self, stat: Option<Stat>) -> Result<(), ReceiveError> {
        if self.stage != Stage::Listing {
            return Err(ReceiveError::Unlisted);
        }
        let Some(stat) = stat else {
            self.stage = Stage::Listed;
            return Ok(());
        };
        let id = self.next_id;
        self.next_id = id.checked_add(1).ok_or(ReceiveError::Unlisted)?;
        if let Some(file) = self.disk.create(stat)? {
            self.listed.insert(id, file);
        }
        Ok(())
    }

    /// Asks for as many files as may be asked for at once, in the order of the listing.
    fn request(&mut self, send: &dyn Fn(&Packet)) {
        while self.requested.len() < MAX_REQUESTS
            && let Some((id, file)) = self.listed.pop_first()
        {
            self.requested.insert(id, Requested::Listed(file));
            send(&Packet::request(id));
        }
    }

    fn data(&mut self, id: u32, data: &[u8]) -> Result<(), ReceiveError> {
        let mut file = match self.requested.remove(&id).ok_or(ReceiveError::UnknownFile(id))? {
            Requested::Listed(_) if self.open_files >= MAX_OPEN_FILES => return Err(ReceiveError::OpenFiles),
            Requested::Listed(file) => {
                self.open_files += 1;
                self.disk.open_file(file)?
            }
            Requested::Open(file) => file,
        };
        if data.is_empty() {
            self.open_files -= 1;
            self.disk.close_file(file)?;
        } else {
            file.write(data)?;
            self.requested.insert(id, Requested::Open(file));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
