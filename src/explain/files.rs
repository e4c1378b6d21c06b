//! The files of a context: how they are noted, and how two listings differ.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::packed::{pack, unpack};
use super::record::Read;
use crate::converter::ignore::{DirState, Filter};
use crate::gotext::filepath;

/// Files of one context that are noted, at most.
pub(super) const MAX_FILES: usize = 200_000;
/// The bit of a folder in Go's `FileMode`.
const DIR: u32 = 1 << 31;
/// The bit of a symbolic link in Go's `FileMode`.
const SYMLINK: u32 = 1 << 27;
/// The bits of mode that a result depends on, those of the kind left out.
const PERMISSIONS: u32 = 0o777 | 1 << 23 | 1 << 22 | 1 << 20;
/// Links that are followed on one way, at most: Linux's bound.
const MAX_LINKS: usize = 40;

/// The files of a context, as they were sent, in the order of their paths: owners are not among it, because everything
/// belongs to root in a build.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing(Vec<(String, FileEntry)>);

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

impl Listing {
    /// Returns the listing of some paths; `None` where they are too many.
    pub fn new(entries: impl IntoIterator<Item = (String, FileEntry)>) -> Option<Self> {
        let mut entries: Vec<_> = entries.into_iter().take(MAX_FILES + 1).collect();
        entries.sort_by(|a, b| a.0.cmp(&b.0));
        entries.dedup_by(|a, b| a.0 == b.0);
        (entries.len() <= MAX_FILES).then_some(Self(entries))
    }

    /// Fills in the contents that this build did not read: from a listing of before in which nothing of the file differs,
    /// and for further names of one file those of its first name.
    pub fn carry_over(&mut self, before: Option<&Self>) {
        let mut old = before.map(|listing| listing.0.as_slice()).unwrap_or_default();
        for (path, entry) in &mut self.0 {
            while let [(first, _), rest @ ..] = old
                && *first < *path
            {
                old = rest;
            }
            if entry.content == 0
                && let [(first, known), ..] = old
                && *first == *path
                && (known.mode, known.size, known.modified) == (entry.mode, entry.size, entry.modified)
                && known.link == entry.link
            {
                entry.content = known.content;
            }
        }
        let is_name = |entry: &FileEntry| !entry.link.is_empty() && entry.mode & SYMLINK == 0;
        let names: Vec<usize> = (0..self.0.len()).filter(|at| is_name(&self.0[*at].1)).collect();
        for at in names {
            self.0[at].1.content = self.get(&self.0[at].1.link).map_or(0, |first| first.content);
        }
    }

    fn get(&self, path: &str) -> Option<&FileEntry> {
        let at = self.0.binary_search_by(|(known, _)| known.as_str().cmp(path)).ok()?;
        Some(&self.0[at].1)
    }

    /// Returns where a path leads when the symbolic links on it are followed.
    fn followed(&self, path: &str) -> String {
        let mut rest: Vec<&str> = path.split('/').rev().collect();
        let mut done: Vec<&str> = Vec::new();
        let mut links = 0;
        while let Some(part) = rest.pop() {
            match part {
                "" | "." => continue,
                ".." => {
                    done.pop();
                    continue;
                }
                _ => done.push(part),
            }
            if let Some(entry) = self.get(&done.join("/"))
                && entry.mode & SYMLINK != 0
                && links < MAX_LINKS
            {
                links += 1;
                done.pop();
                if entry.link.starts_with('/') {
                    done.clear();
                }
                rest.extend(entry.link.split('/').rev());
            }
        }
        done.join("/")
    }
}

impl Serialize for Listing {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&pack(&self.0))
    }
}

impl<'de> Deserialize<'de> for Listing {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error as _;
        let text = String::deserialize(deserializer)?;
        let entries = unpack(&text).ok_or_else(|| D::Error::custom("no listing of files"))?;
        if !entries.is_sorted_by(|a, b| a.0 < b.0) {
            return Err(D::Error::custom("a listing in no order"));
        }
        Ok(Self(entries))
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
    /// Its content is another.
    Content,
    /// A symbolic link leads elsewhere.
    Target,
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
    // The changes of all files, most often few: what of them is read is asked afterwards.
    let mut changed: Vec<(&str, &FileEntry, How)> = Vec::new();
    let (mut before, mut now) = (old.0.iter().peekable(), new.0.iter().peekable());
    loop {
        let order = match (before.peek(), now.peek()) {
            (Some((old, _)), Some((new, _))) => old.cmp(new),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => break,
        };
        let old = if order == Ordering::Greater { None } else { before.next() };
        let new = if order == Ordering::Less { None } else { now.next() };
        match (old, new) {
            (Some((_, old)), Some((path, new))) => {
                changed.extend(difference(old, new).map(|how| (path.as_str(), new, how)));
            }
            (Some((path, old)), None) => changed.push((path, old, How::Removed)),
            (None, Some((path, new))) => changed.push((path, new, How::Added)),
            (None, None) => break,
        }
    }
    if changed.is_empty() {
        return Vec::new();
    }
    let reads = with_followed(old, new, read);
    let selections: Vec<Selection<'_>> = reads.iter().map(Selection::new).collect();
    let is_read = |path: &str, entry: &FileEntry| selections.iter().any(|one| one.holds(path, entry));
    let read = changed.into_iter().filter(|(path, entry, _)| is_read(path, entry));
    without_folders_of_others(read.map(|(path, _, how)| FileChange { path: path.to_owned(), how }).collect())
}

/// Returns what is read, and where it leads: symbolic links at the beginning of a copy are followed. Where one of them leads
/// elsewhere now, what is there was not listed before: the link itself says that it changed.
fn with_followed(old: &Listing, new: &Listing, read: &Read) -> Vec<Read> {
    let leads_to = |listing: &Listing| -> BTreeSet<String> {
        if !read.is_pattern {
            return BTreeSet::from([listing.followed(&read.path)]);
        }
        let selection = Selection { read, filter: None };
        let links = listing.0.iter().filter(|(_, entry)| entry.mode & SYMLINK != 0);
        let roots = links.filter(|(path, _)| selection.below(path) == Some(""));
        roots.map(|(path, _)| listing.followed(path)).collect()
    };
    let in_both = &leads_to(old) & &leads_to(new);
    let elsewhere = in_both.into_iter().filter(|path| *path != read.path);
    let at = |path| Read { path, is_pattern: false, ..read.clone() };
    std::iter::once(read.clone()).chain(elsewhere.map(at)).collect()
}

fn difference(old: &FileEntry, new: &FileEntry) -> Option<How> {
    let kind = |mode: u32| mode & !PERMISSIONS;
    if kind(old.mode) != kind(new.mode) {
        return Some(How::Kind);
    }
    let is_link = new.mode & SYMLINK != 0;
    if is_link && old.link != new.link {
        return Some(How::Target);
    }
    let is_known = is_link || (old.content != 0 && new.content != 0);
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
        let Some(filter) = &self.filter else { return true };
        if below.is_empty() {
            return entry.mode & DIR == 0;
        }
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
        let entry = |number: i64| FileEntry {
            mode: 0o644,
            size: number,
            modified: -7 * number,
            content: number.unsigned_abs() - 1,
            link: if number == 2 { "a/é".to_owned() } else { String::new() },
        };
        let paths = ["a", "a/é", "a/è", "b\n\"c\"", "ab"];
        let listing =
            Listing::new(paths.iter().zip(1..).map(|(path, n)| ((*path).to_owned(), entry(n)))).unwrap();
        let text = serde_json::to_string(&listing).unwrap();
        assert_eq!(serde_json::from_str::<Listing>(&text).unwrap(), listing);
        for bad in ["[]", "\"?\"", "\"AA\"", "\"////\""] {
            assert!(serde_json::from_str::<Listing>(bad).is_err(), "{bad}");
        }
        let twice = pack(&[("b".to_owned(), entry(1)), ("a".to_owned(), entry(1))]);
        assert!(serde_json::from_str::<Listing>(&format!("{twice:?}")).is_err());
    }

    #[test]
    fn links_on_the_way_are_followed_within_the_context() {
        let link =
            |to: &str| FileEntry { mode: SYMLINK | 0o777, link: to.to_owned(), ..FileEntry::default() };
        let file = FileEntry { mode: 0o644, ..FileEntry::default() };
        let entries = [
            ("current", link("releases/two")),
            ("releases/two/x", file.clone()),
            ("out", link("../../etc/x")),
            ("absolute", link("/releases")),
            ("circle", link("circle")),
        ];
        let listing = Listing::new(entries.map(|(path, entry)| (path.to_owned(), entry))).unwrap();
        for (path, leads_to) in [
            ("current", "releases/two"),
            ("current/x", "releases/two/x"),
            ("absolute/two/x", "releases/two/x"),
            ("out", "etc/x"),
            ("nothing", "nothing"),
        ] {
            assert_eq!(listing.followed(path), leads_to, "{path}");
        }
        assert_eq!(listing.followed("circle"), "circle");
    }
}
