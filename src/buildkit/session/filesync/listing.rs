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
    /// Stands for the content; zero where the content was not read.
    pub content: u64,
    /// Where a symbolic link leads, or the name under which the same file was listed before.
    pub link: Vec<u8>,
}

/// The files of one folder by their paths; `None` where the listing did not come to its end.
pub type SentFolder = Option<Vec<(Vec<u8>, ListedFile)>>;

/// Notes the files of local folders that are sent in a session; clones note in the same place.
#[derive(Debug, Clone, Default)]
pub struct SentFiles(Arc<Mutex<BTreeMap<String, Notes>>>);

/// What was noted of a folder. It is put together when it is asked for: a transfer does not wait for that.
#[derive(Debug, Default)]
struct Notes {
    listings: Vec<Vec<(Vec<u8>, ListedFile)>>,
    contents: Vec<(Vec<u8>, u64)>,
    is_incomplete: bool,
}

impl Notes {
    fn put_together(self) -> SentFolder {
        if self.is_incomplete {
            return None;
        }
        let mut files = self.listings.into_iter().flatten().collect::<Vec<_>>();
        // What was listed last stands first.
        files.reverse();
        files.sort_by(|a, b| a.0.cmp(&b.0));
        files.dedup_by(|later, first| later.0 == first.0);
        for (path, content) in self.contents {
            if let Ok(at) = files.binary_search_by(|(known, _)| known.cmp(&path)) {
                files[at].1.content = content;
            }
        }
        Some(files)
    }
}

impl SentFiles {
    /// Returns what was sent until now, by the names of the folders, and forgets it.
    pub fn take(&self) -> BTreeMap<String, SentFolder> {
        let noted = std::mem::take(&mut *self.lock());
        noted.into_iter().map(|(name, notes)| (name, notes.put_together())).collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Notes>> {
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
    /// Notes a listing; `None` for one that did not come to its end.
    pub(super) fn list(&self, listed: SentFolder) {
        let mut folders = self.files.lock();
        let notes = folders.entry(self.folder.clone()).or_default();
        match listed {
            Some(listed) => notes.listings.push(listed),
            None => notes.is_incomplete = true,
        }
    }

    /// Notes contents of files that were sent.
    pub(super) fn contents(&self, contents: Vec<(Vec<u8>, u64)>) {
        let mut folders = self.files.lock();
        folders.entry(self.folder.clone()).or_default().contents.extend(contents);
    }
}

/// Returns a listed file, its content left out.
pub(super) fn listed(stat: &Stat) -> ListedFile {
    let link = stat.linkname.clone();
    ListedFile { mode: stat.mode, size: stat.size, modified: stat.mod_time, content: 0, link }
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

    /// Returns the beginning of the digest, if there is one: it tells versions of one file apart, and is no proof of
    /// anything. It is never zero.
    pub(super) fn finish(self) -> Option<u64> {
        let digest = self.0?.finalize();
        let first = digest.first_chunk::<8>()?;
        Some(u64::from_le_bytes(*first).max(1))
    }
}
