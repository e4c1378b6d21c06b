//! Packets on their way to the connection, many at a time: a thread that waits for the connection and is woken for each
//! entry of a large folder costs more than looking at the entry.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::sync::mpsc;
use tokio_stream::Stream;
use tonic::Status;

use crate::buildkit::session::wire::Packet;

/// Packets that are sent at once, at most.
const PACKETS: usize = 256;
/// Bytes of a batch from which it is sent.
const BYTES: usize = 64 << 10;

/// What goes to the connection at once.
#[derive(Debug)]
pub(super) enum Reply {
    /// Packets in their order.
    Packets(Vec<Packet>),
    /// The end of the call.
    Status(Status),
}

/// Packets of one thread that wait to be sent together.
#[derive(Debug)]
pub(super) struct Batch<'a> {
    replies: &'a mpsc::Sender<Reply>,
    packets: Vec<Packet>,
    bytes: usize,
}

impl<'a> Batch<'a> {
    /// Returns an empty batch for `replies`.
    pub(super) const fn new(replies: &'a mpsc::Sender<Reply>) -> Self {
        Self { replies, packets: Vec::new(), bytes: 0 }
    }

    /// Adds a packet, and sends the batch when it is large. Returns whether the connection takes more.
    pub(super) fn add(&mut self, packet: Packet) -> bool {
        self.bytes += packet.data.len();
        if let Some(stat) = &packet.stat {
            let attributes: usize = stat.xattrs.iter().map(|(name, value)| name.len() + value.len()).sum();
            self.bytes += stat.path.len() + stat.linkname.len() + attributes;
        }
        self.packets.push(packet);
        if self.packets.len() < PACKETS && self.bytes < BYTES { true } else { self.send() }
    }

    /// Sends what waits, from a thread that may wait for the connection. Returns whether the connection takes more.
    pub(super) fn send(&mut self) -> bool {
        if self.packets.is_empty() {
            return !self.replies.is_closed();
        }
        self.bytes = 0;
        self.replies.blocking_send(Reply::Packets(std::mem::take(&mut self.packets))).is_ok()
    }
}

/// The packets of all batches, one after the other.
#[derive(Debug)]
pub(crate) struct Packets {
    batches: mpsc::Receiver<Reply>,
    batch: std::vec::IntoIter<Packet>,
}

impl Packets {
    pub(super) fn new(batches: mpsc::Receiver<Reply>) -> Self {
        Self { batches, batch: Vec::new().into_iter() }
    }
}

impl Stream for Packets {
    type Item = Result<Packet, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(packet) = self.batch.next() {
                return Poll::Ready(Some(Ok(packet)));
            }
            match ready!(self.batches.poll_recv(context)) {
                Some(Reply::Packets(packets)) => self.batch = packets.into_iter(),
                Some(Reply::Status(status)) => return Poll::Ready(Some(Err(status))),
                None => return Poll::Ready(None),
            }
        }
    }
}
