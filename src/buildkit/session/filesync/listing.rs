//! What of local folders was sent: noted on the way, so that nothing is read a second time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Stat;

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

/// What stands for the content of a file that is being sent: it tells versions of one file apart, and is no proof of
/// anything. A digest that proves something takes as long as sending the file does.
///
/// Each piece but the last one has to be a multiple of [`BLOCK`].
#[derive(Debug)]
pub(super) struct ContentHash {
    lanes: [u64; 2],
    length: u64,
}

/// Bytes that are mixed at once.
const BLOCK: usize = 32;
/// Numbers without a pattern: the fractions of the square roots of 2, 3, 5 and 7.
const MIX: [u64; 4] =
    [0x6a09_e667_f3bc_c908, 0xbb67_ae85_84ca_a73b, 0x3c6e_f372_fe94_f82b, 0xa54f_f53a_5f1d_36f1];

impl ContentHash {
    pub(super) const fn new() -> Self {
        Self { lanes: [MIX[0], MIX[1]], length: 0 }
    }

    /// Adds a piece.
    pub(super) fn update(&mut self, piece: &[u8]) {
        let (blocks, rest) = piece.as_chunks::<BLOCK>();
        for block in blocks {
            self.mix(block);
        }
        if !rest.is_empty() {
            let mut last = [0; BLOCK];
            last[..rest.len()].copy_from_slice(rest);
            self.mix(&last);
        }
        self.length += piece.len() as u64;
    }

    fn mix(&mut self, block: &[u8; BLOCK]) {
        let word = |at: usize| {
            let bytes = block[8 * at..].first_chunk::<8>();
            bytes.map_or(0, |bytes| u64::from_le_bytes(*bytes))
        };
        let [first, second] = self.lanes;
        self.lanes = [
            first ^ folded(word(0) ^ MIX[2], word(1) ^ MIX[3] ^ first).rotate_left(29),
            second ^ folded(word(2) ^ MIX[3], word(3) ^ MIX[2] ^ second).rotate_left(29),
        ];
    }

    /// Returns it; never zero.
    pub(super) fn finish(&self) -> u64 {
        let [first, second] = self.lanes;
        let both = folded(first ^ MIX[3], second ^ MIX[0]);
        folded(both ^ MIX[1], self.length ^ MIX[2]).max(1)
    }
}

/// Returns both halves of a product, mixed.
#[expect(clippy::cast_possible_truncation, reason = "the halves")]
const fn folded(a: u64, b: u64) -> u64 {
    let product = (a as u128) * (b as u128);
    (product as u64) ^ ((product >> 64) as u64)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn hash(bytes: &[u8]) -> u64 {
        let mut hash = ContentHash::new();
        hash.update(bytes);
        hash.finish()
    }

    #[test]
    fn versions_of_a_file_are_told_apart() {
        let text: Vec<u8> = (0..3000_u32).map(|number| (number * number % 251) as u8).collect();
        let mut versions = vec![text.clone(), Vec::new(), vec![0], vec![0; 2], vec![0; 32], vec![0; 64]];
        for at in 0..text.len() {
            for bit in [0, 7] {
                let mut other = text.clone();
                other[at] ^= 1 << bit;
                versions.push(other);
            }
            versions.push(text[..at].to_vec());
        }
        for (a, b) in (0..90).flat_map(|a| (a + 1..90).map(move |b| (a, b))) {
            let mut swapped = text.clone();
            for at in 0..BLOCK {
                swapped.swap(a * BLOCK + at, b * BLOCK + at);
            }
            versions.push(swapped);
        }
        versions.sort();
        versions.dedup();
        let hashes: BTreeSet<u64> = versions.iter().map(|version| hash(version)).collect();
        assert_eq!(hashes.len(), versions.len());
    }

    #[test]
    fn pieces_make_what_the_whole_makes() {
        let text: Vec<u8> = (0..1000_u32).map(|number| (number & 0x7f) as u8).collect();
        let mut hash_of_pieces = ContentHash::new();
        for piece in text.chunks(4 * BLOCK) {
            hash_of_pieces.update(piece);
        }
        assert_eq!(hash_of_pieces.finish(), hash(&text));
    }

    #[test]
    fn what_was_listed_last_stays_and_has_the_contents_that_were_sent() {
        let files = SentFiles::default();
        let note = |folder: &str| Recording { files: files.clone(), folder: folder.into() };
        let file = |size| ListedFile { mode: 0o644, size, modified: 1, content: 0, link: Vec::new() };
        note("a").contents(vec![(b"x".to_vec(), 7), (b"gone".to_vec(), 8)]);
        note("a").list(Some(vec![(b"y".to_vec(), file(1)), (b"x".to_vec(), file(1))]));
        note("a").list(Some(vec![(b"x".to_vec(), file(2))]));
        note("b").list(Some(Vec::new()));
        note("b").list(None);
        let taken = files.take();
        let x = ListedFile { content: 7, ..file(2) };
        assert_eq!(taken["a"], Some(vec![(b"x".to_vec(), x), (b"y".to_vec(), file(1))]));
        assert_eq!(taken["b"], None, "a listing that did not come to its end says nothing");
        assert!(files.take().is_empty());
    }
}
