//! File sync: the daemon asks for a local folder, filtered, and gets what it does not have yet.
//!
//! Source of the protocol: `fsutil/send.go` and `session/filesync` in BuildKit.

mod filter;
mod follow;
mod glob;
mod send;
mod stat;
mod walk;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use tokio_stream::wrappers::ReceiverStream;
use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::{Request, Response, Status, Streaming};
use tonic_prost::ProstCodec;

use super::raw::Handler;
use super::wire::{Packet, PacketType, Stat};
use filter::Patterns;

pub(crate) use stat::mode;

/// Serves local folders by name.
#[derive(Debug)]
pub(crate) struct FileSync {
    dirs: BTreeMap<String, PathBuf>,
}

impl FileSync {
    pub(crate) fn new(dirs: BTreeMap<String, PathBuf>) -> Self {
        Self { dirs }
    }
}

impl Handler for FileSync {
    const SERVICE: &'static str = "moby.filesync.v1.FileSync";
    const PATH: &'static str = "/moby.filesync.v1.FileSync/DiffCopy";
    type Codec = ProstCodec<Packet, Packet>;
    type Replies = ReceiverStream<Result<Packet, Status>>;

    async fn handle(
        self: Arc<Self>,
        request: Request<Streaming<Packet>>,
    ) -> Result<Response<Self::Replies>, Status> {
        let header = Header::read(request.metadata());
        let Some(root) = self.dirs.get(&header.dir_name) else {
            return Err(Status::not_found(format!("no access allowed to dir {:?}", header.dir_name)));
        };
        let root = tokio::fs::canonicalize(root).await;
        let root = root.map_err(|e| Status::not_found(format!("resolve {}: {e}", header.dir_name)))?;
        Ok(Response::new(send::start(root, header.patterns, request.into_inner())))
    }

    fn refusal(reply: &Packet) -> Option<String> {
        (reply.kind == PacketType::Err as i32).then(|| String::from_utf8_lossy(&reply.data).into_owned())
    }
}

/// What the daemon wants of which folder.
#[derive(Debug, Default, PartialEq, Eq)]
struct Header {
    dir_name: String,
    patterns: Patterns,
}

impl Header {
    fn read(metadata: &MetadataMap) -> Self {
        Self {
            dir_name: values(metadata, "dir-name").into_iter().next().unwrap_or_default(),
            patterns: Patterns {
                include: values(metadata, "include-patterns"),
                exclude: values(metadata, "exclude-patterns"),
                follow: values(metadata, "followpaths"),
            },
        }
    }
}

/// All values of a key; escaped as in a URL query if the key's `-encoded` companion says so.
fn values(metadata: &MetadataMap, key: &str) -> Vec<String> {
    let encoded = metadata.get(format!("{key}-encoded")).is_some_and(|v| v == "1" || v == "true");
    let raw = metadata.get_all(key).iter().map(MetadataValue::as_encoded_bytes);
    raw.map(|v| {
        let bytes = if encoded { query_unescape(v) } else { v.to_vec() };
        String::from_utf8_lossy(&bytes).into_owned()
    })
    .collect()
}

/// Go's `url.QueryUnescape`; like the daemon's other clients, a malformed value becomes empty.
fn query_unescape(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&first, tail)) = rest.split_first() {
        rest = tail;
        match first {
            b'+' => out.push(b' '),
            b'%' => {
                let digits = tail.get(..2).and_then(|d| std::str::from_utf8(d).ok());
                let Some(byte) = digits.and_then(|d| u8::from_str_radix(d, 16).ok()) else {
                    return Vec::new();
                };
                out.push(byte);
                rest = &tail[2..];
            }
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoded_headers_are_unescaped_and_plain_ones_are_not() {
        let mut metadata = MetadataMap::new();
        metadata.insert("dir-name", "a+b%20c".parse().unwrap());
        metadata.append("include-patterns", "%C3%BC+x".parse().unwrap());
        metadata.append("include-patterns", "y".parse().unwrap());
        metadata.insert("include-patterns-encoded", "1".parse().unwrap());
        let header = Header::read(&metadata);
        assert_eq!(header.dir_name, "a+b%20c");
        assert_eq!(header.patterns.include, ["ü x", "y"]);
        assert!(header.patterns.exclude.is_empty());
    }
}
