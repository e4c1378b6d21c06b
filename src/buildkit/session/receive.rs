//! The receiving side of a transfer: a tree of files written into a folder, and never outside it.
//!
//! Every name is checked and every folder is opened below the one before it without following links, so
//! neither a hostile listing nor a link in the target leads anywhere else. Source of the protocol:
//! `fsutil/receive.go` and `rootdiskwriter.go`.

mod disk;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use prost::Message as _;
use tokio::sync::mpsc;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::{Status, Streaming};

use self::disk::{Disk, DiskError, OpenFile};
use super::filesync::mode;
use super::wire::{Packet, PacketType, Stat};

/// Packets that may wait for the disk.
const WAITING_PACKETS: usize = 8;

/// Why a transfer into a folder ends early.
#[derive(Debug, thiserror::Error)]
enum ReceiveError {
    #[error(transparent)]
    Disk(#[from] DiskError),
    #[error("error from sender: {0}")]
    Sender(String),
    #[error("malformed packet")]
    Malformed(#[from] prost::DecodeError),
    #[error("invalid file request {0}")]
    UnknownFile(u32),
    #[error("the transfer ended early")]
    Truncated,
}

/// Receives into `dest`, which is created where missing; returns the packets to answer.
pub(super) fn start(
    dest: PathBuf,
    mut messages: Streaming<Bytes>,
) -> impl Stream<Item = Result<Bytes, Status>> + Send {
    let (packets, queue) = mpsc::channel(WAITING_PACKETS);
    // Unbounded: the sender may stop reading requests until its data is taken. One small packet a file.
    let (replies, stream) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok(Some(message)) = messages.message().await {
            if packets.send(message).await.is_err() {
                return;
            }
        }
    });
    tokio::task::spawn_blocking(move || {
        let send = |packet: &Packet| {
            let _ = replies.send(Ok(Bytes::from(packet.encode_to_vec())));
        };
        if let Err(error) = receive(&dest, queue, &send) {
            send(&Packet::error(&error.to_string()));
            let _ = replies.send(Err(Status::unknown(error.to_string())));
        }
    });
    UnboundedReceiverStream::new(stream).boxed()
}

fn receive(
    dest: &Path,
    mut queue: mpsc::Receiver<Bytes>,
    send: &dyn Fn(&Packet),
) -> Result<(), ReceiveError> {
    let mut receiver =
        Receiver { disk: Disk::open(dest)?, next_id: 0, awaited: BTreeMap::new(), listed: false };
    loop {
        let message = queue.blocking_recv().ok_or(ReceiveError::Truncated)?;
        let packet = Packet::decode(message)?;
        match PacketType::try_from(packet.kind) {
            Ok(PacketType::Stat) => match packet.stat {
                Some(stat) => receiver.entry(stat, send)?,
                None => receiver.listed = true,
            },
            Ok(PacketType::Data) => receiver.data(packet.id, &packet.data)?,
            Ok(PacketType::Err) => {
                return Err(ReceiveError::Sender(String::from_utf8_lossy(&packet.data).into_owned()));
            }
            Ok(PacketType::Fin) => return Ok(()),
            _ => continue,
        }
        if receiver.is_complete() {
            receiver.disk.finish()?;
            send(&Packet::fin());
            receiver.listed = false;
        }
    }
}

/// A file that was asked for.
enum Awaited {
    /// Nothing has come yet.
    Listed(Stat),
    /// Some of it has come.
    Open(OpenFile),
}

struct Receiver {
    disk: Disk,
    next_id: u32,
    awaited: BTreeMap<u32, Awaited>,
    listed: bool,
}

impl Receiver {
    fn is_complete(&self) -> bool {
        self.listed && self.awaited.is_empty()
    }

    fn entry(&mut self, stat: Stat, send: &dyn Fn(&Packet)) -> Result<(), ReceiveError> {
        let id = self.next_id;
        self.next_id += 1;
        let has_content = stat.mode & mode::TYPE == 0 && stat.linkname.is_empty();
        self.disk.create(&stat)?;
        if has_content {
            self.awaited.insert(id, Awaited::Listed(stat));
            send(&Packet::request(id));
        }
        Ok(())
    }

    fn data(&mut self, id: u32, data: &[u8]) -> Result<(), ReceiveError> {
        let mut file = match self.awaited.remove(&id).ok_or(ReceiveError::UnknownFile(id))? {
            Awaited::Listed(stat) => self.disk.open_file(stat)?,
            Awaited::Open(file) => file,
        };
        if data.is_empty() {
            file.finish()?;
        } else {
            file.write(data)?;
            self.awaited.insert(id, Awaited::Open(file));
        }
        Ok(())
    }
}
