//! What of local folders was sent: noted on the way, so that nothing is read a second time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sha2::{Digest as _, Sha256};

use super::Stat;

/// Larger files are sent without a digest of their content.
const MAX_HASHED_BYTES: usize = 1 << 20;

/// One file, folder or link that was listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedFile {
    /// Go's `FileMode`.
    pub mode: u32,
    /// In bytes.
    pub size: i64,
    /// Nanoseconds since 1970.
    pub modified: i64,
    /// Stands for the content, the target of a link and extended attributes; empty where the content was not read.
    pub content: String,
}

type Folders = BTreeMap<String, BTreeMap<Vec<u8>, ListedFile>>;

/// Notes the files of local folders that are sent in a session; clones note in the same place.
#[derive(Debug, Clone, Default)]
pub struct SentFiles(Arc<Mutex<Folders>>);

impl SentFiles {
    /// Returns what was sent until now, by the names of the folders and paths in them, and forgets it.
    pub fn take(&self) -> BTreeMap<String, BTreeMap<Vec<u8>, ListedFile>> {
        std::mem::take(&mut *self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Folders> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place where one transfer is noted.
#[derive(Debug, Clone)]
pub(super) struct Recording {
    pub(super) files: SentFiles,
    /// The folder's name.
    pub(super) folder: String,
}

impl Recording {
    /// Notes a listing.
    pub(super) fn list(&self, listed: Vec<(Vec<u8>, ListedFile)>) {
        let mut folders = self.files.lock();
        let folder = folders.entry(self.folder.clone()).or_default();
        for (path, file) in listed {
            // A content that was read meanwhile stays.
            let content = folder.get(&path).map(|known| known.content.clone());
            let file = match content {
                Some(content) if file.content.is_empty() => ListedFile { content, ..file },
                _ => file,
            };
            folder.insert(path, file);
        }
    }

    /// Notes the content of a file that was sent.
    pub(super) fn content(&self, path: &[u8], content: String) {
        let mut folders = self.files.lock();
        let folder = folders.entry(self.folder.clone()).or_default();
        if let Some(file) = folder.get_mut(path) {
            file.content = content;
        } else {
            let file = ListedFile { mode: 0, size: 0, modified: 0, content };
            folder.insert(path.to_vec(), file);
        }
    }
}

/// Returns a listed file, its content where that is no file's.
pub(super) fn listed(stat: &Stat) -> ListedFile {
    let mut content = String::new();
    // The attributes of a file do not say what is in it: such a file's content is not known.
    if !stat.linkname.is_empty() {
        let mut hash = Sha256::new();
        hash.update(&stat.linkname);
        for (name, value) in &stat.xattrs {
            hash.update([0]);
            hash.update(name.as_bytes());
            hash.update([0]);
            hash.update(value);
        }
        content = short(hash);
    }
    ListedFile { mode: stat.mode, size: stat.size, modified: stat.mod_time, content }
}

/// The digest of a file that is being sent.
pub(super) struct ContentHash(Option<Sha256>);

impl ContentHash {
    /// Begins with a file of `size` bytes.
    pub(super) fn new(is_recorded: bool, size: usize) -> Self {
        Self((is_recorded && size <= MAX_HASHED_BYTES).then(Sha256::new))
    }

    /// Adds a piece.
    pub(super) fn update(&mut self, piece: &[u8]) {
        if let Some(hash) = &mut self.0 {
            hash.update(piece);
        }
    }

    /// Returns the digest, if there is one.
    pub(super) fn finish(self) -> Option<String> {
        self.0.map(short)
    }
}

/// The beginning of a digest: it tells versions of one file apart, and is no proof of anything.
fn short(hash: Sha256) -> String {
    hex::encode(&hash.finalize()[..8])
}
