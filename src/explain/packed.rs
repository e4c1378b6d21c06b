//! Listings of files in few bytes: paths by what they have in common with the one before, numbers in as many bytes as they
//! need, and all of it as text.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::files::{FileEntry, MAX_FILES};
use super::record::MAX_RECORD_BYTES;

/// Returns a listing as text.
pub(super) fn pack(entries: &[(String, FileEntry)]) -> String {
    let mut bytes = Vec::with_capacity(entries.len() * 48);
    let (mut before, mut last) = ("", 0_i64);
    for (path, entry) in entries {
        let common = before.bytes().zip(path.bytes()).take_while(|(a, b)| a == b).count();
        let common = path.floor_char_boundary(common);
        number(&mut bytes, common as u64);
        text(&mut bytes, &path[common..]);
        number(&mut bytes, entry.mode.into());
        signed(&mut bytes, entry.size);
        signed(&mut bytes, entry.modified.wrapping_sub(last));
        bytes.extend(entry.content.to_le_bytes());
        text(&mut bytes, &entry.link);
        (before, last) = (path, entry.modified);
    }
    STANDARD.encode(bytes)
}

/// Returns the listing that a text stands for; `None` where it stands for none, or for one that is too large.
pub(super) fn unpack(packed: &str) -> Option<Vec<(String, FileEntry)>> {
    let bytes = STANDARD.decode(packed).ok()?;
    let mut reader = Reader(&bytes);
    let (mut entries, mut path, mut last) = (Vec::new(), String::new(), 0_i64);
    // Short differences can stand for long paths: what they come to is bounded, too.
    let mut length = 0_usize;
    while !reader.0.is_empty() {
        let common = usize::try_from(reader.number()?).ok()?;
        if !path.is_char_boundary(common) {
            return None;
        }
        path.truncate(common);
        path.push_str(reader.text()?);
        length = length.saturating_add(path.len());
        if length > 4 * MAX_RECORD_BYTES || entries.len() >= MAX_FILES {
            return None;
        }
        let mode = u32::try_from(reader.number()?).ok()?;
        let size = reader.signed()?;
        last = last.wrapping_add(reader.signed()?);
        let content = u64::from_le_bytes(reader.bytes(8)?.try_into().ok()?);
        let link = reader.text()?.to_owned();
        entries.push((path.clone(), FileEntry { mode, size, modified: last, content, link }));
    }
    Some(entries)
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

/// What is left to read.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let [byte, rest @ ..] = self.0 else { return None };
            self.0 = rest;
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
