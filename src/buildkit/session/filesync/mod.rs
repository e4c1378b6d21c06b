//! File sync: the daemon asks for a local folder, filtered, and gets what it does not have yet.
//!
//! Source of the protocol: `fsutil/send.go` and `session/filesync` in BuildKit.

mod filter;
mod folder;
mod follow;
mod listing;
mod send;
mod stat;
mod walk;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::{Request, Response, Status, Streaming};
use tonic_prost::ProstCodec;

use super::Service;
use super::raw::{Handler, StreamService};
use super::wire::{Packet, PacketType, Stat};
use crate::beneath::{self, Root};
use crate::percent;
use filter::Patterns;
use folder::Withheld;
use send::Transfer;

pub use listing::{FileFacts, ListedFile, SentFiles, SentFolder};
pub(crate) use stat::mode;

pub(super) const SERVICE: Service = Service {
    methods: &[FileSync::PATH],
    add: |routes, parts| {
        let options = &mut parts.options;
        let files = FileSync {
            dirs: std::mem::take(&mut options.local_dirs),
            within: options.local_dirs_within.take(),
            withheld: std::mem::take(&mut options.withheld_dirs),
            withheld_files: std::mem::take(&mut options.withheld_files),
            sent: options.sent_files.take(),
        };
        routes.add_service(StreamService::new(files, parts.refusals.clone()))
    },
};

/// Serves local folders by name.
#[derive(Debug)]
pub(crate) struct FileSync {
    dirs: BTreeMap<String, PathBuf>,
    /// The folder in which all of them must lie.
    within: Option<PathBuf>,
    /// Folders that are never sent.
    withheld: Vec<PathBuf>,
    /// Files that are never sent.
    withheld_files: Vec<PathBuf>,
    /// Where it is noted what is sent.
    sent: Option<SentFiles>,
}

impl FileSync {
    /// Opens a folder, and finds what of it is withheld.
    fn open(&self, path: &Path) -> Result<(Root, Withheld), beneath::Error> {
        let root = match &self.within {
            Some(outer) => Root::open_within(outer, path)?,
            None => Root::open(path)?,
        };
        let withheld = Withheld::find(&self.withheld, &self.withheld_files);
        if withheld.surrounds(&root)? {
            return Err(io::Error::other("the state of buildkitd is never part of a build").into());
        }
        Ok((root, withheld))
    }
}

impl Handler for FileSync {
    const SERVICE: &'static str = "moby.filesync.v1.FileSync";
    const PATH: &'static str = "/moby.filesync.v1.FileSync/DiffCopy";
    type Codec = ProstCodec<Packet, Packet>;
    type Replies = send::Packets;

    async fn handle(
        self: Arc<Self>,
        request: Request<Streaming<Packet>>,
    ) -> Result<Response<Self::Replies>, Status> {
        let header = Header::read(request.metadata());
        let Some(path) = self.dirs.get(&header.dir_name) else {
            return Err(Status::not_found(format!("no access allowed to dir {:?}", header.dir_name)));
        };
        let opened = self.open(path);
        let (root, withheld) =
            opened.map_err(|e| Status::not_found(format!("resolve {}: {e}", header.dir_name)))?;
        // The ignore file alone, which may be no part of the context.
        let is_ignore_file = header.patterns.follow == [".dockerignore"];
        let sent = self.sent.as_ref().filter(|_| !is_ignore_file);
        let recording = sent.map(|files| files.begin(header.dir_name));
        let transfer = Transfer { root, patterns: header.patterns, withheld, recording };
        Ok(Response::new(send::start(transfer, request.into_inner())))
    }

    fn refusal(reply: &Packet) -> Option<String> {
        (reply.kind == PacketType::Err as i32).then(|| String::from_utf8_lossy(&reply.data).into_owned())
    }
}

/// Locks what threads of a transfer share. What one that panicked left is used all the same.
fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
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

/// Returns what Go's `url.QueryUnescape` returns; like the daemon's other clients, a malformed value becomes empty.
fn query_unescape(text: &[u8]) -> Vec<u8> {
    percent::decode_form(text).unwrap_or_default().into_owned()
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
    #[test]
    fn fuzz_request_headers() {
        let seeds: [&[u8]; 4] = [b"a+b%20c", b"%C3%BC+x\ny", b"%", b"%0g%zz%25"];
        crate::fuzz::run(&seeds, |bytes| {
            assert!(query_unescape(bytes).len() <= bytes.len());
            let mut metadata = MetadataMap::new();
            let mut count = 0;
            for value in bytes.split(|byte| *byte == b'\n') {
                if let Ok(value) = MetadataValue::try_from(value) {
                    metadata.append("followpaths", value);
                    count += 1;
                }
            }
            for encoded in ["0", "1"] {
                metadata.insert("followpaths-encoded", encoded.parse().unwrap());
                let header = Header::read(&metadata);
                assert_eq!(header.patterns.follow.len(), count);
            }
        });
    }

    #[test]
    fn a_folder_must_lie_where_it_is_to_lie_when_it_is_opened() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        for name in ["workspace/project", "workspace/state", "outside"] {
            std::fs::create_dir_all(at(name)).unwrap();
        }
        std::os::unix::fs::symlink("../outside", at("workspace/link")).unwrap();
        let sync = FileSync {
            dirs: BTreeMap::new(),
            within: Some(at("workspace")),
            withheld: vec![at("workspace/state")],
            withheld_files: Vec::new(),
            sent: None,
        };
        for (name, allowed) in [
            ("workspace", true),
            ("workspace/project", true),
            ("workspace/link", false),
            ("outside", false),
            ("workspace/../outside", false),
            ("workspace/state", false),
        ] {
            assert_eq!(sync.open(&at(name)).is_ok(), allowed, "{name}");
        }
    }
}
