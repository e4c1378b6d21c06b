//! Maps of bounded size for what registries send.

use std::collections::BTreeMap;

/// What a map needs for an entry beside its texts, in bytes, about.
const ENTRY_OVERHEAD_BYTES: usize = 256;

/// A map of at most so many bytes. An entry that does not fit beside the others replaces them all.
#[derive(Debug)]
pub(super) struct BoundedMap<K, V> {
    entries: BTreeMap<K, (V, usize)>,
    bytes: usize,
    limit: usize,
}

impl<K: Ord, V> BoundedMap<K, V> {
    /// Returns an empty map for `limit` bytes.
    pub(super) const fn new(limit: usize) -> Self {
        Self { entries: BTreeMap::new(), bytes: 0, limit }
    }

    /// Returns the value of `key`.
    pub(super) fn get(&self, key: &K) -> Option<&V> {
        self.entries.get(key).map(|(value, _)| value)
    }

    /// Inserts `value`; key and value have `bytes` bytes. An entry that is larger than the whole map is not kept.
    pub(super) fn insert(&mut self, key: K, value: V, bytes: usize) {
        let bytes = bytes.saturating_add(ENTRY_OVERHEAD_BYTES);
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

    /// Removes the value of `key`.
    pub(super) fn remove(&mut self, key: &K) {
        if let Some((_, bytes)) = self.entries.remove(key) {
            self.bytes -= bytes;
        }
    }

    /// Returns all keys and values.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.entries.iter().map(|(key, (value, _))| (key, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_remembered_never_has_more_than_its_bytes() {
        let mut memory = BoundedMap::new(10 * ENTRY_OVERHEAD_BYTES);
        for number in 0..1000_usize {
            memory.insert(number % 37, number, number % 5 * ENTRY_OVERHEAD_BYTES);
            let held: usize = memory.entries.values().map(|(_, bytes)| bytes).sum();
            assert_eq!(held, memory.bytes);
            assert!(held <= 10 * ENTRY_OVERHEAD_BYTES, "{held}");
            assert_eq!(memory.get(&(number % 37)), Some(&number));
        }
        memory.insert(1, 1, 10 * ENTRY_OVERHEAD_BYTES);
        assert_eq!(memory.get(&1), None);
    }

    #[test]
    fn entries_that_just_fit_are_kept_and_one_more_replaces_them() {
        let mut memory = BoundedMap::new(10 * ENTRY_OVERHEAD_BYTES);
        let keys = |memory: &BoundedMap<u8, ()>| memory.iter().map(|(key, ())| *key).collect::<Vec<_>>();
        memory.insert(1, (), 9 * ENTRY_OVERHEAD_BYTES);
        assert_eq!(keys(&memory), [1]);
        memory.insert(1, (), 4 * ENTRY_OVERHEAD_BYTES);
        memory.insert(2, (), 4 * ENTRY_OVERHEAD_BYTES);
        assert_eq!(keys(&memory), [1, 2]);
        memory.insert(3, (), 0);
        assert_eq!(keys(&memory), [3]);
    }
}
