//! What of local folders was sent: noted on the way, so that nothing is read a second time.

use std::collections::BTreeMap;
use std::mem::take;
use std::sync::{Arc, Mutex};

use super::{Stat, lock};

/// One file, folder or link that was listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListedFile<'a> {
    /// Its path below the folder.
    pub path: &'a [u8],
    /// Where a symbolic link leads, or the name under which the same file was listed before; else empty.
    pub link: &'a [u8],
    /// The rest.
    pub facts: FileFacts,
}

/// What is known of a listed file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileFacts {
    /// Go's `FileMode`.
    pub mode: u32,
    /// In bytes.
    pub size: i64,
    /// Nanoseconds since 1970.
    pub modified: i64,
    /// Stands for the content; zero where the content was not read.
    pub content: u64,
}

/// The files of a folder in the order of their listing. The texts of all of them lie behind each other: a listing of many
/// files costs few allocations.
#[derive(Debug, Default)]
pub struct SentFolder {
    texts: Vec<u8>,
    files: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    /// Bytes of the path and of the link.
    lengths: [usize; 2],
    facts: FileFacts,
}

impl SentFolder {
    /// Returns the files, each once.
    pub fn files(&self) -> impl Iterator<Item = ListedFile<'_>> {
        let mut rest = self.texts.as_slice();
        self.files.iter().map(move |entry| {
            let [path, link] = entry.lengths.map(|length| rest.split_off(..length).unwrap_or_default());
            ListedFile { path, link, facts: entry.facts }
        })
    }

    /// Adds a listed file, whose content is not known yet.
    pub(super) fn list(&mut self, stat: &Stat) {
        let facts = FileFacts { mode: stat.mode, size: stat.size, modified: stat.mod_time, content: 0 };
        self.add(ListedFile { path: &stat.path, link: &stat.linkname, facts });
    }

    fn add(&mut self, file: ListedFile<'_>) {
        self.texts.extend_from_slice(file.path);
        self.texts.extend_from_slice(file.link);
        self.files.push(Entry { lengths: [file.path.len(), file.link.len()], facts: file.facts });
    }

    /// Puts listings of one folder together. Of a file that several of them name stays what the last one says, and the
    /// content that was read last.
    fn join(listings: &[Self]) -> Self {
        let mut files: Vec<ListedFile<'_>> = listings.iter().rev().flat_map(Self::files).collect();
        files.sort_by_key(|file| file.path);
        files.dedup_by(|earlier, last| {
            let is_same = earlier.path == last.path;
            if is_same && last.facts.content == 0 {
                last.facts.content = earlier.facts.content;
            }
            is_same
        });
        let mut joined = Self::default();
        for file in files {
            joined.add(file);
        }
        joined
    }
}

/// Notes the files of local folders that are sent in a session; clones note in the same place.
#[derive(Debug, Clone, Default)]
pub struct SentFiles(Arc<Mutex<Vec<Recording>>>);

/// What was noted of one transfer.
#[derive(Debug, Default)]
struct Notes {
    folder: String,
    /// `None` until the listing came to its end.
    listed: Option<SentFolder>,
    /// Contents of files, by their places in the listing.
    contents: Vec<(u32, u64)>,
}

impl Notes {
    fn put_together(self) -> Option<SentFolder> {
        let mut listed = self.listed?;
        for (place, content) in self.contents {
            if let Some(entry) = usize::try_from(place).ok().and_then(|place| listed.files.get_mut(place)) {
                entry.facts.content = content;
            }
        }
        Some(listed)
    }
}

impl SentFiles {
    /// Returns what was sent until now, by the names of the folders, and forgets it; `None` for a folder of which a listing
    /// did not come to its end.
    pub fn take(&self) -> BTreeMap<String, Option<SentFolder>> {
        let mut folders: BTreeMap<String, Vec<Option<SentFolder>>> = BTreeMap::new();
        for transfer in take(&mut *lock(&self.0)) {
            let mut notes = take(&mut *lock(&transfer.0));
            folders.entry(take(&mut notes.folder)).or_default().push(notes.put_together());
        }
        let join = |listings: Vec<_>| {
            let mut listings = listings.into_iter().collect::<Option<Vec<_>>>()?;
            if listings.len() == 1 { listings.pop() } else { Some(SentFolder::join(&listings)) }
        };
        folders.into_iter().map(|(name, listings)| (name, join(listings))).collect()
    }

    /// Begins with the notes of a transfer of the folder of this name.
    pub(super) fn begin(&self, folder: String) -> Recording {
        let recording = Recording(Arc::new(Mutex::new(Notes { folder, ..Notes::default() })));
        lock(&self.0).push(recording.clone());
        recording
    }
}

/// The place where one transfer is noted.
#[derive(Debug, Clone)]
pub(super) struct Recording(Arc<Mutex<Notes>>);

impl Recording {
    /// Notes a listing that came to its end.
    pub(super) fn list(&self, listed: SentFolder) {
        lock(&self.0).listed = Some(listed);
    }

    /// Notes contents of files that were sent, by their places in the listing.
    pub(super) fn contents(&self, contents: &[(u32, u64)]) {
        lock(&self.0).contents.extend(contents);
    }
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
        let facts = |size| FileFacts { mode: 0o644, size, modified: 1, content: 0 };
        let list = |listed: &[(&[u8], i64)]| {
            let mut folder = SentFolder::default();
            for (path, size) in listed {
                folder.add(ListedFile { path, link: b"l", facts: facts(*size) });
            }
            folder
        };
        let first = files.begin("a".into());
        first.contents(&[(1, 7), (9, 8)]);
        first.list(list(&[(b"y", 1), (b"x", 1)]));
        files.begin("a".into()).list(list(&[(b"x", 2)]));
        files.begin("b".into()).list(list(&[]));
        let late = files.begin("b".into());
        files.begin("c".into()).list(list(&[(b"z", 3)]));
        let taken = files.take();
        let found = |name: &str| taken[name].as_ref().map(|folder| folder.files().collect::<Vec<_>>());
        let x = FileFacts { content: 7, ..facts(2) };
        let file = |path: &'static [u8], facts| ListedFile { path, link: b"l", facts };
        assert_eq!(found("a"), Some(vec![file(b"x", x), file(b"y", facts(1))]));
        assert_eq!(found("b"), None, "a listing that did not come to its end says nothing");
        assert_eq!(found("c"), Some(vec![file(b"z", facts(3))]));
        late.list(list(&[]));
        assert!(files.take().is_empty());
    }
}
