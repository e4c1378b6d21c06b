//! The order in which a tree is listed, which keeps names from being used twice.
//!
//! The entries of a folder follow it in ascending order of their names, bytewise, each once, and each folder's whole
//! content comes before the next entry of the folder above. So the folders from the root to the last entry are all
//! that has to be remembered. Source: `fsutil/validator.go`.

use super::disk::shown;

/// The longest path, in bytes; Linux takes none that is longer.
const MAX_PATH_BYTES: usize = 4096;

/// Why an entry may not stand where it does in the listing.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum OrderError {
    #[error("the path {path:?} in the export leads out of its folder")]
    Outside { path: String },
    #[error("the path {path:?} in the export is longer than {MAX_PATH_BYTES} bytes")]
    TooLong { path: String },
    #[error("the export lists {path:?} after {before:?}: each name comes once, in ascending order")]
    Repeated { path: String, before: String },
    #[error("the export lists {path:?}, but not the folder that it lies in before it")]
    NoFolder { path: String },
}

/// The folders on the way to the last entry, the root first.
#[derive(Debug)]
pub(super) struct Order {
    levels: Vec<Level>,
}

#[derive(Debug, Default)]
struct Level {
    /// The folder's name; empty for the root.
    name: Vec<u8>,
    /// The name of the last entry in it.
    last: Vec<u8>,
}

impl Order {
    pub(super) fn new() -> Self {
        Self { levels: vec![Level::default()] }
    }

    /// Takes note of the next entry. Returns how many folders it lies in: those below are complete.
    pub(super) fn next(&mut self, path: &[u8]) -> Result<usize, OrderError> {
        check(path)?;
        let mut parts = path.split(|b| *b == b'/');
        let name = parts.next_back().unwrap_or_default();
        let mut depth = 0;
        for folder in parts {
            depth += 1;
            if self.levels.get(depth).is_none_or(|level| level.name != folder) {
                return Err(OrderError::NoFolder { path: shown(path) });
            }
        }
        let last = &self.levels[depth].last;
        if name <= last.as_slice() {
            return Err(OrderError::Repeated { path: shown(path), before: shown(last) });
        }
        self.levels.truncate(depth + 1);
        self.levels[depth].last = name.to_vec();
        Ok(depth)
    }

    /// Takes note that the last entry is a folder.
    pub(super) fn enter(&mut self) {
        let name = self.levels.last().map(|level| level.last.clone()).unwrap_or_default();
        self.levels.push(Level { name, last: Vec::new() });
    }
}

/// Checks that a path is relative and names every folder on its way plainly.
pub(super) fn check(path: &[u8]) -> Result<(), OrderError> {
    if path.len() > MAX_PATH_BYTES {
        return Err(OrderError::TooLong { path: shown(path) });
    }
    let is_plain = |name: &[u8]| !name.is_empty() && name != b"." && name != b".." && !name.contains(&0);
    if !path.split(|b| *b == b'/').all(is_plain) {
        return Err(OrderError::Outside { path: shown(path) });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lists `paths`, those with a slash at the end as folders; returns what the first refusal says.
    fn list(paths: &[&str]) -> Result<(), OrderError> {
        let mut order = Order::new();
        for path in paths {
            order.next(path.trim_end_matches('/').as_bytes())?;
            if path.ends_with('/') {
                order.enter();
            }
        }
        Ok(())
    }

    #[test]
    fn a_folder_comes_with_its_content_before_the_next_name() {
        list(&["foo/", "foo/a", "foo/b/", "foo/b/c", "foo/d", "foo-x", "foo.txt"]).unwrap();
    }

    #[test]
    fn a_name_comes_once_and_in_ascending_order() {
        for paths in [
            &["a", "a"][..],
            &["a/", "a"],
            &["a/", "a/"],
            &["b", "a"],
            &["a/", "a/x", "a/x"],
            &["a/", "a/x/", "a/x/y", "a/x"],
            &["foo.txt", "foo/"],
        ] {
            assert!(matches!(list(paths), Err(OrderError::Repeated { .. })), "{paths:?}");
        }
    }

    #[test]
    fn nothing_lies_in_what_is_no_folder_or_is_complete() {
        for paths in
            [&["a", "a/b"][..], &["a/b"], &["a/", "a/x", "b", "a/y"], &["a/", "a/b/", "a/c", "a/b/x"]]
        {
            assert!(matches!(list(paths), Err(OrderError::NoFolder { .. })), "{paths:?}");
        }
    }

    #[test]
    fn names_that_lead_out_of_the_folder_are_refused() {
        for path in ["..", "../x", "/x", "a/../../x", ".", "", "a//b", "./x", "x/", "a\0b"] {
            assert!(matches!(check(path.as_bytes()), Err(OrderError::Outside { .. })), "{path}");
        }
        assert!(matches!(check(&[b'x'; 5000]), Err(OrderError::TooLong { .. })));
    }

    #[test]
    fn fuzz_what_is_accepted_is_strictly_ascending() {
        crate::fuzz::run(&[b"a\nb/\nb/c\nb/c-d", b"foo/\nfoo/a\nfoo-x", b"a/\na/b/\na/b/c"], |bytes| {
            let mut order = Order::new();
            // As the receiver compares: a slash is lower than any byte.
            let key = |path: &[u8]| path.iter().map(|b| if *b == b'/' { 0 } else { *b }).collect::<Vec<u8>>();
            let mut before = Vec::new();
            for line in bytes.split(|b| *b == b'\n') {
                let path = line.strip_suffix(b"/").unwrap_or(line);
                let Ok(depth) = order.next(path) else { continue };
                assert!(key(path) > before, "{path:?}");
                assert_eq!(depth, path.iter().filter(|b| **b == b'/').count());
                before = key(path);
                if line.len() > path.len() {
                    order.enter();
                }
            }
        });
    }
}
