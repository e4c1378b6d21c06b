//! Maps that others fill, bounded in bytes.

use std::collections::BTreeMap;

/// What an entry costs beside its own texts, in bytes: about what a map needs to hold it.
const OVERHEAD: usize = 256;

/// A map that holds at most so many bytes: an entry that does not fit beside the others replaces them all.
#[derive(Debug)]
pub(super) struct BoundedMap<K, V> {
    entries: BTreeMap<K, (V, usize)>,
    bytes: usize,
    limit: usize,
}

impl<K: Ord, V> BoundedMap<K, V> {
    /// An empty one for `limit` bytes.
    pub(super) const fn new(limit: usize) -> Self {
        Self { entries: BTreeMap::new(), bytes: 0, limit }
    }

    /// The value of `key`.
    pub(super) fn get(&self, key: &K) -> Option<&V> {
        self.entries.get(key).map(|(value, _)| value)
    }

    /// Remembers `value`; key and value have `bytes` bytes. One that is too large by itself is not kept.
    pub(super) fn insert(&mut self, key: K, value: V, bytes: usize) {
        let bytes = bytes.saturating_add(OVERHEAD);
        self.remove(&key);
        if bytes > self.limit {
            return;
        }
        if self.bytes + bytes > self.limit {
            self.entries.clear();
            self.bytes = 0;
        }
        self.bytes += bytes;
        self.entries.insert(key, (value, bytes));
    }

    /// Forgets the value of `key`.
    pub(super) fn remove(&mut self, key: &K) {
        if let Some((_, bytes)) = self.entries.remove(key) {
            self.bytes -= bytes;
        }
    }

    /// All keys and values.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.entries.iter().map(|(key, (value, _))| (key, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_remembered_never_has_more_than_its_bytes() {
        let mut memory = BoundedMap::new(10 * OVERHEAD);
        for number in 0..1000_usize {
            memory.insert(number % 37, number, number % 5 * OVERHEAD);
            let held: usize = memory.entries.values().map(|(_, bytes)| bytes).sum();
            assert_eq!(held, memory.bytes);
            assert!(held <= 10 * OVERHEAD, "{held}");
            assert_eq!(memory.get(&(number % 37)), Some(&number));
        }
        memory.insert(1, 1, 10 * OVERHEAD);
        assert_eq!(memory.get(&1), None);
    }
}
