//! The files of a context: how they are noted, and how two listings differ.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::record::Read;
use crate::converter::ignore::{DirState, Filter};
use crate::gotext::filepath;

/// Files of one context that are noted, at most.
const MAX_FILES: usize = 200_000;
/// The bit of a folder in Go's `FileMode`.
const DIR: u32 = 1 << 31;
/// The bits of mode that a result depends on, those of the kind left out.
const PERMISSIONS: u32 = 0o777 | 1 << 23 | 1 << 22 | 1 << 20;

/// The files of a context, as they were sent: owners are not among it, because everything belongs to root in a build.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing(BTreeMap<String, FileEntry>);

/// One file, folder or link.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileEntry {
    /// Go's `FileMode`.
    pub mode: u32,
    /// In bytes.
    pub size: i64,
    /// When it was last written, in nanoseconds since 1970.
    pub modified: i64,
    /// Stands for the content, the target of a link and extended attributes; empty where the content is not known.
    pub content: String,
}

/// The form in which an entry is written: the bytes of the path that it has in common with the one before, the rest of
/// the path, and the fields of [`FileEntry`].
#[derive(Serialize, Deserialize)]
struct Packed(usize, String, u32, i64, i64, String);

impl Listing {
    /// Returns the listing of some paths; `None` where they are too many.
    pub fn new(entries: impl IntoIterator<Item = (String, FileEntry)>) -> Option<Self> {
        let entries: BTreeMap<_, _> = entries.into_iter().take(MAX_FILES + 1).collect();
        (entries.len() <= MAX_FILES).then_some(Self(entries))
    }

    /// Fills in the contents that this build did not read, from a listing of before in which nothing of the file differs.
    pub fn carry_over(&mut self, before: &Self) {
        for (path, entry) in &mut self.0 {
            if entry.content.is_empty()
                && let Some(old) = before.0.get(path)
                && (old.mode, old.size, old.modified) == (entry.mode, entry.size, entry.modified)
            {
                entry.content.clone_from(&old.content);
            }
        }
    }
}

impl Serialize for Listing {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut before = "";
        serializer.collect_seq(self.0.iter().map(|(path, entry)| {
            let common = before.bytes().zip(path.bytes()).take_while(|(a, b)| a == b).count();
            let common = path.floor_char_boundary(common);
            before = path;
            let content = entry.content.clone();
            Packed(common, path[common..].to_owned(), entry.mode, entry.size, entry.modified, content)
        }))
    }
}

impl<'de> Deserialize<'de> for Listing {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error as _;
        let packed = Vec::<Packed>::deserialize(deserializer)?;
        if packed.len() > MAX_FILES {
            return Err(D::Error::custom("too many files"));
        }
        let mut path = String::new();
        let mut entries = Vec::with_capacity(packed.len());
        let mut bytes = 0_usize;
        for Packed(common, rest, mode, size, modified, content) in packed {
            if !path.is_char_boundary(common) {
                return Err(D::Error::custom("a path without its beginning"));
            }
            path.truncate(common);
            path.push_str(&rest);
            // Short differences can stand for long paths: what they come to is bounded, too.
            bytes = bytes.saturating_add(path.len());
            if bytes > 4 * super::MAX_RECORD_BYTES {
                return Err(D::Error::custom("paths too long"));
            }
            entries.push((path.clone(), FileEntry { mode, size, modified, content }));
        }
        Ok(Self(entries.into_iter().collect()))
    }
}

/// A file that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileChange {
    /// Its path in the context.
    pub path: String,
    /// What happened to it.
    pub how: How,
}

/// What happened to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// It was not there before.
    Added,
    /// It is not there any more.
    Removed,
    /// Its content is another, or where a link leads.
    Content,
    /// It was written again; whether its content is the same is not known.
    Rewritten,
    /// Its permissions are others: before and now.
    Mode(u32, u32),
    /// It became something else, such as a folder.
    Kind,
    /// Only its time is another, which changes no result.
    Touched,
}

/// Returns how files that are read differ, in the order of their paths.
pub(super) fn differences(old: &Listing, new: &Listing, read: &Read) -> Vec<FileChange> {
    let selection = Selection::new(read);
    let mut changes = Vec::new();
    let mut add = |path: &str, how| changes.push(FileChange { path: path.to_owned(), how });
    for (path, entry) in &new.0 {
        let how = match old.0.get(path) {
            None => Some(How::Added),
            Some(before) => difference(before, entry),
        };
        if let Some(how) = how
            && selection.holds(path, entry)
        {
            add(path, how);
        }
    }
    for (path, entry) in old.0.iter().filter(|(path, _)| !new.0.contains_key(*path)) {
        if selection.holds(path, entry) {
            add(path, How::Removed);
        }
    }
    changes.sort_by(|a, b| a.path.cmp(&b.path));
    without_folders_of_others(changes)
}

fn difference(old: &FileEntry, new: &FileEntry) -> Option<How> {
    let kind = |mode: u32| mode & !PERMISSIONS;
    if kind(old.mode) != kind(new.mode) {
        return Some(How::Kind);
    }
    let is_known = !old.content.is_empty() && !new.content.is_empty();
    if old.size != new.size || (is_known && old.content != new.content) {
        return Some(How::Content);
    }
    if old.mode != new.mode {
        return Some(How::Mode(old.mode & PERMISSIONS, new.mode & PERMISSIONS));
    }
    match old.modified == new.modified || new.mode & DIR != 0 {
        true => None,
        false if is_known => Some(How::Touched),
        false => Some(How::Rewritten),
    }
}

/// Leaves out folders that came or went with something in them: the files say it.
fn without_folders_of_others(changes: Vec<FileChange>) -> Vec<FileChange> {
    let is_parent = |change: &FileChange| {
        let below = format!("{}/", change.path);
        let from = changes.partition_point(|other| other.path < below);
        let next = changes.get(from);
        matches!(change.how, How::Added | How::Removed)
            && next.is_some_and(|next| next.how == change.how && next.path.starts_with(&below))
    };
    let parents: Vec<bool> = changes.iter().map(is_parent).collect();
    changes.into_iter().zip(parents).filter(|(_, is_parent)| !is_parent).map(|(change, _)| change).collect()
}

/// What an instruction reads of a context.
struct Selection<'a> {
    read: &'a Read,
    /// The patterns of `--exclude` and the like; `None` where there are none, or where they mean nothing.
    filter: Option<Filter>,
}

impl<'a> Selection<'a> {
    fn new(read: &'a Read) -> Self {
        let has_patterns = !read.include.is_empty() || !read.exclude.is_empty();
        let filter = has_patterns.then(|| Filter::new(&read.include, &read.exclude).ok()).flatten();
        Self { read, filter }
    }

    fn holds(&self, path: &str, entry: &FileEntry) -> bool {
        let Some(below) = self.below(path) else { return false };
        // The mode of the folder that is read counts only where it is copied as a folder, which it is not.
        if below.is_empty() {
            return entry.mode & DIR == 0;
        }
        let Some(filter) = &self.filter else { return true };
        let mut state = DirState::default();
        let ends = below.match_indices('/').map(|(at, _)| at).chain([below.len()]);
        let mut selected = true;
        for end in ends {
            let is_dir = end < below.len() || entry.mode & DIR != 0;
            let Ok(verdict) = filter.check(&below[..end], is_dir, &state) else { return true };
            (state, selected) = (verdict.state, verdict.selected);
        }
        selected
    }

    /// Returns what of `path` lies below what is read: empty where it is that itself, `None` where it is elsewhere.
    fn below<'p>(&self, path: &'p str) -> Option<&'p str> {
        let root = self.read.path.as_str();
        if root.is_empty() || root == "." {
            return Some(path);
        }
        let parts = root.split('/').count();
        let end = path.match_indices('/').nth(parts - 1).map_or(path.len(), |(at, _)| at);
        let head = &path[..end];
        let is_in = if self.read.is_pattern {
            head.split('/').count() == parts
                && head
                    .split('/')
                    .zip(root.split('/'))
                    .all(|(name, pattern)| filepath::matches(pattern.as_bytes(), name.as_bytes()))
        } else {
            head == root
        };
        is_in.then(|| path[end..].trim_start_matches('/'))
    }
}

/// Names of files that are made anew by programs and seldom wanted in an image.
const MADE_ENDINGS: [&str; 8] = [".log", ".tmp", ".pyc", ".swp", ".pid", ".lock.tmp", ".orig", "~"];
/// Folders of such files.
const MADE_FOLDERS: [&str; 10] = [
    ".git",
    "node_modules",
    "target",
    "__pycache__",
    ".idea",
    ".vscode",
    ".cache",
    ".pytest_cache",
    ".mypy_cache",
    "logs",
];

/// Returns the pattern that would keep a file out of the context, where it looks like one that programs make anew.
pub(super) fn ignore_candidate(path: &str) -> Option<String> {
    let parts: Vec<&str> = path.split('/').collect();
    let (name, folders) = parts.split_last()?;
    if let Some(depth) = folders.iter().position(|folder| MADE_FOLDERS.contains(folder)) {
        return Some(folders[..=depth].join("/"));
    }
    let ending = MADE_ENDINGS.iter().find(|ending| name.ends_with(*ending));
    let is_made = *name == ".DS_Store" || *name == "Thumbs.db";
    match ending {
        Some(&"~") => Some("**/*~".to_owned()),
        Some(ending) => Some(format!("**/*{ending}")),
        None => is_made.then(|| format!("**/{name}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_programs_make_are_known() {
        for (path, pattern) in [
            ("a/b/debug.log", Some("**/*.log")),
            ("web/node_modules/x/y.js", Some("web/node_modules")),
            (".git/index", Some(".git")),
            ("src/main.rs", None),
            ("notes~", Some("**/*~")),
        ] {
            assert_eq!(ignore_candidate(path).as_deref(), pattern, "{path}");
        }
    }

    #[test]
    fn a_listing_is_read_as_it_was_written_and_no_other() {
        let entry = |size| FileEntry { mode: 0o644, size, modified: -7, content: "c".into() };
        let paths = ["a", "a/é", "a/è", "b\n\"c\"", "ab"];
        let listing =
            Listing::new(paths.iter().zip(1..).map(|(path, n)| ((*path).to_owned(), entry(n)))).unwrap();
        let text = serde_json::to_string(&listing).unwrap();
        assert_eq!(serde_json::from_str::<Listing>(&text).unwrap(), listing);
        for bad in [r#"[[1,"a",0,0,0,""]]"#, r#"[[0,"é",0,0,0,""],[1,"x",0,0,0,""]]"#, "[[0]]"] {
            assert!(serde_json::from_str::<Listing>(bad).is_err(), "{bad}");
        }
    }
}
