//! The files of a context as a record holds them: paths by what they have in common with the one before, numbers in as many
//! bytes as they need, and all of it as text. Most builds change little: a listing stays packed while it is compared.

use std::cmp::Ordering;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::record::MAX_RECORD_BYTES;

/// Files of one context that are noted, at most.
const MAX_FILES: usize = 200_000;
/// The bit of a symbolic link in Go's `FileMode`.
pub(super) const SYMLINK: u32 = 1 << 27;

/// The files of a context, as they were sent, in the order of their paths, what lies in a folder behind it. Owners are not
/// among it, because everything belongs to root in a build.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing(Vec<u8>);

/// One file, folder or link.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileEntry {
    /// Go's `FileMode`.
    pub mode: u32,
    /// In bytes.
    pub size: i64,
    /// When it was last written, in nanoseconds since 1970.
    pub modified: i64,
    /// Stands for the content; zero where the content is not known.
    pub content: u64,
    /// Where a symbolic link leads, or the name under which the same file was listed first; else empty.
    pub link: String,
}

impl FileEntry {
    /// Whether it is a further name of a file that was listed before.
    fn is_further_name(&self) -> bool {
        !self.link.is_empty() && self.mode & SYMLINK == 0
    }

    /// Whether it says the same but for the content.
    fn is_alike(&self, other: &Self) -> bool {
        let facts = |entry: &Self| (entry.mode, entry.size, entry.modified);
        facts(self) == facts(other) && self.link == other.link
    }
}

impl Listing {
    /// Returns the listing of some paths; `None` where they are too many. Contents that this build did not read are filled
    /// in: from the listing of before where nothing else of the file differs, and for further names of one file those of
    /// its first name.
    pub fn new<P: AsRef<str>>(
        entries: impl IntoIterator<Item = (P, FileEntry)>,
        before: Option<&Self>,
    ) -> Option<Self> {
        let mut entries: Vec<_> = entries.into_iter().take(MAX_FILES + 1).collect();
        if entries.len() > MAX_FILES {
            return None;
        }
        // They come in this order, except where names are no text.
        entries.sort_by(|a, b| path_order(a.0.as_ref(), b.0.as_ref()));
        entries.dedup_by(|a, b| a.0.as_ref() == b.0.as_ref());
        if let Some(before) = before {
            fill_in_from(before, &mut entries);
        }
        fill_in_further_names(&mut entries);
        Some(Self(pack(&entries)))
    }

    fn entries(&self) -> Entries<'_> {
        Entries { rest: Reader(&self.0), path: String::new(), entry: FileEntry::default() }
    }

    /// Whether it can be read to its end and is not too large.
    fn is_sound(&self) -> bool {
        let mut entries = self.entries();
        // Short differences can stand for long paths: what they come to is bounded, too.
        let (mut count, mut length) = (0, 0);
        while !entries.rest.0.is_empty() {
            let is_entry = entries.advance().is_some();
            (count, length) = (count + 1, length + entries.path.len());
            if !is_entry || count > MAX_FILES || length > 4 * MAX_RECORD_BYTES {
                return false;
            }
        }
        true
    }
}

impl Serialize for Listing {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Listing {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error as _;
        let text = String::deserialize(deserializer)?;
        let listing = Self(STANDARD.decode(text).map_err(|_| D::Error::custom("no listing of files"))?);
        if listing.is_sound() { Ok(listing) } else { Err(D::Error::custom("a listing that no build wrote")) }
    }
}

/// Shows each path of two listings, in their order, with what both say of it.
pub(super) fn both(
    old: &Listing,
    new: &Listing,
    mut show: impl FnMut(&str, Option<&FileEntry>, Option<&FileEntry>),
) {
    let (mut old, mut new) = (old.entries(), new.entries());
    let (mut has_old, mut has_new) = (old.advance().is_some(), new.advance().is_some());
    while has_old || has_new {
        let order = match (has_old, has_new) {
            (true, false) => Ordering::Less,
            (false, _) => Ordering::Greater,
            (true, true) if old.path == new.path => Ordering::Equal,
            (true, true) => path_order(&old.path, &new.path),
        };
        match order {
            Ordering::Less => show(&old.path, Some(&old.entry), None),
            Ordering::Equal => show(&new.path, Some(&old.entry), Some(&new.entry)),
            Ordering::Greater => show(&new.path, None, Some(&new.entry)),
        }
        if order.is_le() {
            has_old = old.advance().is_some();
        }
        if order.is_ge() {
            has_new = new.advance().is_some();
        }
    }
}

/// Fills in the contents of files that were listed before and of which nothing else differs.
fn fill_in_from<P: AsRef<str>>(before: &Listing, entries: &mut [(P, FileEntry)]) {
    let mut old = before.entries();
    let mut has_old = old.advance().is_some();
    for (path, entry) in entries {
        let path = path.as_ref();
        while has_old && old.path != path && path_order(&old.path, path).is_lt() {
            has_old = old.advance().is_some();
        }
        if has_old && entry.content == 0 && old.path == path && entry.is_alike(&old.entry) {
            entry.content = old.entry.content;
        }
    }
}

fn fill_in_further_names<P: AsRef<str>>(entries: &mut [(P, FileEntry)]) {
    for at in 0..entries.len() {
        if entries[at].1.is_further_name() {
            let first = entries.binary_search_by(|(path, _)| path_order(path.as_ref(), &entries[at].1.link));
            entries[at].1.content = first.map_or(0, |first| entries[first].1.content);
        }
    }
}

/// Compares paths so that what lies in a folder follows it at once, as a folder is listed.
fn path_order(a: &str, b: &str) -> Ordering {
    let common = common_bytes(a, b);
    let next = |path: &str| path.as_bytes().get(common).map(|byte| if *byte == b'/' { 0 } else { *byte });
    next(a).cmp(&next(b))
}

fn common_bytes(a: &str, b: &str) -> usize {
    a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count()
}

/// Returns entries in order as bytes.
fn pack<P: AsRef<str>>(entries: &[(P, FileEntry)]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(entries.len() * 48);
    let (mut before, mut last) = ("", 0_i64);
    for (path, entry) in entries {
        let path = path.as_ref();
        let common = path.floor_char_boundary(common_bytes(before, path));
        number(&mut bytes, common as u64);
        text(&mut bytes, &path[common..]);
        number(&mut bytes, entry.mode.into());
        signed(&mut bytes, entry.size);
        signed(&mut bytes, entry.modified.wrapping_sub(last));
        bytes.extend(entry.content.to_le_bytes());
        text(&mut bytes, &entry.link);
        (before, last) = (path, entry.modified);
    }
    bytes
}

/// Adds a number, seven bits a byte, the low ones first.
fn number(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    bytes.push((value & 0x7f) as u8);
}

/// Adds a number that may be negative: small ones of both signs in few bytes.
fn signed(bytes: &mut Vec<u8>, value: i64) {
    number(bytes, ((value << 1) ^ (value >> 63)).cast_unsigned());
}

fn text(bytes: &mut Vec<u8>, value: &str) {
    number(bytes, value.len() as u64);
    bytes.extend(value.as_bytes());
}

/// A place in a listing.
struct Entries<'a> {
    rest: Reader<'a>,
    /// The path of the entry that was read last.
    path: String,
    entry: FileEntry,
}

impl Entries<'_> {
    /// Reads the next entry; `None` where there is none, or one that cannot stand there.
    fn advance(&mut self) -> Option<()> {
        let common = usize::try_from(self.rest.number()?).ok()?;
        let more = self.rest.text()?;
        let is_in_order = path_order(self.path.get(common..)?, more).is_lt();
        if !is_in_order {
            return None;
        }
        self.path.truncate(common);
        self.path.push_str(more);
        let entry = &mut self.entry;
        entry.mode = u32::try_from(self.rest.number()?).ok()?;
        entry.size = self.rest.signed()?;
        entry.modified = entry.modified.wrapping_add(self.rest.signed()?);
        entry.content = u64::from_le_bytes(self.rest.bytes(8)?.try_into().ok()?);
        entry.link.clear();
        entry.link.push_str(self.rest.text()?);
        Some(())
    }
}

/// What is left to read.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        self.0.split_off(..count)
    }

    fn number(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.0.split_off_first()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn signed(&mut self) -> Option<i64> {
        let value = self.number()?;
        Some((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
    }

    fn text(&mut self) -> Option<&'a str> {
        let count = usize::try_from(self.number()?).ok()?;
        std::str::from_utf8(self.bytes(count)?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_is_read_as_it_was_written_and_no_other() {
        let entry = |number: i64| FileEntry {
            mode: 0o644,
            size: number,
            modified: -7 * number,
            content: number.unsigned_abs() - 1,
            link: if number == 2 { "a/é".to_owned() } else { String::new() },
        };
        let paths = ["a", "a/é", "a/è", "b\n\"c\"", "ab"];
        let listing = Listing::new(paths.iter().zip(1..).map(|(path, n)| (path, entry(n))), None).unwrap();
        let text = serde_json::to_string(&listing).unwrap();
        assert_eq!(serde_json::from_str::<Listing>(&text).unwrap(), listing);
        for bad in ["[]", "\"?\"", "\"AA\"", "\"////\""] {
            assert!(serde_json::from_str::<Listing>(bad).is_err(), "{bad}");
        }
        for (first, second) in [("b", "a"), ("a", "a"), ("a/b", "a"), ("a-b", "a/b"), ("é", "è")] {
            let wrong = Listing(pack(&[(first, entry(1)), (second, entry(1))]));
            let text = serde_json::to_string(&wrong).unwrap();
            assert!(serde_json::from_str::<Listing>(&text).is_err(), "{first} {second}");
        }
    }

    #[test]
    fn each_path_of_two_listings_is_shown_once_in_order() {
        let listing = |paths: &[&str]| {
            Listing::new(paths.iter().map(|path| (path, FileEntry::default())), None).unwrap()
        };
        let (old, new) = (listing(&["a", "a/b", "a-b", "c"]), listing(&["a-b", "a", "a/x", "d", "e"]));
        let mut shown = Vec::new();
        both(&old, &new, |path, old, new| shown.push((path.to_owned(), old.is_some(), new.is_some())));
        let shown: Vec<_> = shown.iter().map(|(path, old, new)| (path.as_str(), *old, *new)).collect();
        let expected = [
            ("a", true, true),
            ("a/b", true, false),
            ("a/x", false, true),
            ("a-b", true, true),
            ("c", true, false),
            ("d", false, true),
            ("e", false, true),
        ];
        assert_eq!(shown, expected);
    }
}
