//! Writing protobuf as Go's deterministic mode does.
//!
//! Go writes the fields outside of oneofs by number, oneofs after them, and both fields of every map
//! entry. The order of fields is the order of calls here, so each message's `encode` shows it.

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
        Self {
            buffer: Vec::with_capacity(256),
        }
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.buffer
    }

    pub(crate) fn append(&mut self, other: Self) {
        self.buffer.extend_from_slice(&other.buffer);
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.buffer.push((value & 0x7f) as u8 | 0x80);
            value >>= 7;
        }
        self.buffer.push(value as u8);
    }

    fn key(&mut self, field: u32, wire_type: u32) {
        self.varint(u64::from(field << 3 | wire_type));
    }

    /// Writes a bytes field even if it is empty: an element of a repeated field, or a part of a map.
    pub(crate) fn element(&mut self, field: u32, value: &[u8]) {
        self.key(field, BYTES);
        self.varint(value.len() as u64);
        self.buffer.extend_from_slice(value);
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

    /// Writes a message field. The body is written in place and its length put in front afterwards.
    pub(crate) fn message(&mut self, field: u32, body: impl FnOnce(&mut Self)) {
        self.key(field, BYTES);
        let start = self.buffer.len();
        body(self);
        let end = self.buffer.len();
        self.varint((end - start) as u64);
        let prefix = self.buffer.len() - end;
        self.buffer[start..].rotate_right(prefix);
    }

    /// Writes a map entry with both of its fields. The value is field 2, written by `value`.
    pub(crate) fn entry(&mut self, field: u32, key: &str, value: impl FnOnce(&mut Self)) {
        self.message(field, |w| {
            w.element(1, key.as_bytes());
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
                w.element(2, value.as_ref().as_bytes());
            });
        }
    }
}
