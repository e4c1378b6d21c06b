//! Writing protobuf as Go's deterministic mode does.
//!
//! Go writes the fields outside of oneofs by number, oneofs after them, and both fields of every map
//! entry. The order of fields is the order of calls here, so each message's `encode` shows it.

use crate::field;

/// A growing protobuf message. Scalars that are zero and strings that are empty are left out, as
/// proto3 wants it; messages are always written, so optional ones are the caller's decision.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    buffer: Vec<u8>,
}

const VARINT: u32 = 0;
const BYTES: u32 = 2;

impl Writer {
    pub(crate) fn new() -> Self {
        Self { buffer: Vec::with_capacity(1024) }
    }

    pub(crate) fn clear(&mut self) {
        self.buffer.clear();
    }

    /// Returns a copy of what was written, which takes no more room than it needs.
    pub(crate) fn to_vec(&self) -> Vec<u8> {
        self.buffer.clone()
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.buffer
    }

    pub(crate) fn append(&mut self, other: &Self) {
        self.buffer.extend_from_slice(&other.buffer);
    }

    fn varint(&mut self, mut value: u64) {
        loop {
            let [low, ..] = value.to_le_bytes();
            value >>= 7;
            if value == 0 {
                return self.buffer.push(low);
            }
            self.buffer.push(low | 0x80);
        }
    }

    fn key(&mut self, field: u32, wire_type: u32) {
        self.varint(u64::from(field << 3 | wire_type));
    }

    /// Writes a bytes field even if it is empty: an element of a repeated field, or a part of a map.
    pub(crate) fn element(&mut self, field: u32, value: &[u8]) {
        self.joined(field, [value]);
    }

    pub(crate) fn bytes(&mut self, field: u32, value: &[u8]) {
        if !value.is_empty() {
            self.element(field, value);
        }
    }

    pub(crate) fn string(&mut self, field: u32, value: &str) {
        self.bytes(field, value.as_bytes());
    }

    pub(crate) fn strings(&mut self, field: u32, values: impl IntoIterator<Item: AsRef<str>>) {
        for value in values {
            self.element(field, value.as_ref().as_bytes());
        }
    }

    /// Writes one element, as [`Writer::element`] does, of several pieces.
    pub(crate) fn joined<T, const N: usize>(&mut self, field: u32, pieces: [&T; N])
    where
        T: AsRef<[u8]> + ?Sized,
    {
        let pieces = pieces.map(AsRef::as_ref);
        self.key(field, BYTES);
        self.varint(pieces.iter().map(|piece| piece.len() as u64).sum());
        for piece in pieces {
            self.buffer.extend_from_slice(piece);
        }
    }

    /// Writes an `int32`, `int64` or enum field. Negative values take ten bytes.
    pub(crate) fn int(&mut self, field: u32, value: impl Into<i64>) {
        self.uint(field, value.into().cast_unsigned());
    }

    pub(crate) fn uint(&mut self, field: u32, value: impl Into<u64>) {
        let value = value.into();
        if value != 0 {
            self.scalar(field, value);
        }
    }

    /// Writes an integer even if it is zero: a member of a oneof, or the value of a map.
    pub(crate) fn scalar(&mut self, field: u32, value: u64) {
        self.key(field, VARINT);
        self.varint(value);
    }

    pub(crate) fn bool(&mut self, field: u32, value: bool) {
        self.uint(field, value);
    }

    pub(crate) fn packed(&mut self, field: u32, values: impl IntoIterator<Item: Into<i64>>) {
        let mut values = values.into_iter().peekable();
        if values.peek().is_some() {
            self.message(field, |w| {
                for value in values {
                    w.varint(value.into().cast_unsigned());
                }
            });
        }
    }

    /// Writes a message field.
    pub(crate) fn message(&mut self, field: u32, body: impl FnOnce(&mut Self)) {
        self.key(field, BYTES);
        // The length goes in front of the body. One byte is kept free for it; few bodies need more.
        let at = self.buffer.len();
        self.buffer.push(0);
        body(self);
        let end = self.buffer.len();
        let mut length = end - at - 1;
        let more = length.checked_ilog2().unwrap_or_default() as usize / 7;
        if more > 0 {
            self.buffer.resize(end + more, 0);
            self.buffer.copy_within(at + 1..end, at + 1 + more);
        }
        for place in &mut self.buffer[at..at + more] {
            *place = length.to_le_bytes()[0] | 0x80;
            length >>= 7;
        }
        self.buffer[at + more] = length.to_le_bytes()[0];
    }

    /// Writes a map entry with both of its fields. `value` writes the value, as the field `map_entry::VALUE`.
    pub(crate) fn entry(&mut self, field: u32, key: &str, value: impl FnOnce(&mut Self)) {
        self.message(field, |w| {
            w.element(field::map_entry::KEY, key.as_bytes());
            value(w);
        });
    }

    pub(crate) fn string_map<K: AsRef<str>, V: AsRef<str>>(
        &mut self,
        field: u32,
        entries: impl IntoIterator<Item = (K, V)>,
    ) {
        for (key, value) in entries {
            self.entry(field, key.as_ref(), |w| {
                w.element(field::map_entry::VALUE, value.as_ref().as_bytes());
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(body: impl FnOnce(&mut Writer)) -> Vec<u8> {
        let mut w = Writer::new();
        body(&mut w);
        w.finish()
    }

    #[test]
    fn zero_values_are_left_out_and_empty_messages_are_not() {
        let bytes = written(|w| {
            w.int(1, 0);
            w.bool(2, false);
            w.string(3, "");
            w.packed(4, [0_i64; 0]);
            w.message(11, |_| {});
        });
        assert_eq!(bytes, [0x5a, 0]);
    }

    #[test]
    fn elements_entries_and_members_are_written_even_if_they_are_empty() {
        let bytes = written(|w| {
            w.strings(1, ["", "a"]);
            w.string_map(2, [("", "")]);
            w.scalar(3, 0);
            w.packed(4, [0_i64, 1]);
        });
        let expected = [0x0a, 0, 0x0a, 1, b'a', 0x12, 4, 0x0a, 0, 0x12, 0, 0x18, 0, 0x22, 2, 0, 1];
        assert_eq!(bytes, expected);
    }

    #[test]
    fn negative_numbers_take_ten_bytes() {
        let bytes = written(|w| w.int(1, -1_i32));
        assert_eq!(bytes, [8, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1]);
    }

    #[test]
    fn lengths_stand_before_long_bodies() {
        let bytes = written(|w| w.message(1, |w| w.message(1, |w| w.bytes(16, &[7; 300]))));
        assert_eq!(bytes[..10], [0x0a, 0xb3, 2, 0x0a, 0xb0, 2, 0x82, 1, 0xac, 2]);
        assert_eq!(bytes[10..], [7; 300]);
    }
}
