//! How two listings of a context differ in what an instruction reads.

use std::collections::{BTreeMap, BTreeSet};

use super::listing::{FileEntry, Listing, SYMLINK, both};
use super::record::Read;
use crate::converter::ignore::{DirState, Filter};
use crate::gotext::filepath;

/// The bit of a folder in Go's `FileMode`.
const DIR: u32 = 1 << 31;
/// The bits of mode that a result depends on, those of the kind left out.
const PERMISSIONS: u32 = 0o777 | 1 << 23 | 1 << 22 | 1 << 20;
/// Links that are followed on one way, at most: Linux's bound.
const MAX_LINKS: usize = 40;

/// A file that differs.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FileChange {
    /// Its path in the context.
    pub path: String,
    /// What happened to it.
    pub how: How,
}

/// What happened to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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

/// How two listings of a context differ.
#[derive(Debug, Default)]
pub(super) struct Differences {
    /// What changed, most often little, in the order of the paths, and whether it is a folder.
    changed: Vec<(FileChange, bool)>,
    old_links: Links,
    new_links: Links,
}

impl Differences {
    /// Compares two listings.
    pub(super) fn new(old: &Listing, new: &Listing) -> Self {
        let mut found = Self::default();
        both(old, new, |path, old, new| {
            found.old_links.add(path, old);
            found.new_links.add(path, new);
            let how = match (old, new) {
                (Some(old), Some(new)) => difference(old, new),
                (Some(_), None) => Some(How::Removed),
                (None, new) => new.map(|_| How::Added),
            };
            if let Some(how) = how {
                let is_folder = new.or(old).is_some_and(|entry| entry.mode & DIR != 0);
                found.changed.push((FileChange { path: path.to_owned(), how }, is_folder));
            }
        });
        found
    }

    /// Returns how files that are read differ, in the order of their paths.
    pub(super) fn of(&self, read: &Read) -> Vec<FileChange> {
        if self.changed.is_empty() {
            return Vec::new();
        }
        let reads = self.with_followed(read);
        let selections: Vec<Selection<'_>> = reads.iter().map(Selection::new).collect();
        let is_read = |(change, is_folder): &&(FileChange, bool)| {
            selections.iter().any(|one| one.holds(&change.path, *is_folder))
        };
        let read = self.changed.iter().filter(is_read);
        without_folders_of_others(read.map(|(change, _)| change.clone()).collect())
    }

    /// Returns what is read, and where it leads: symbolic links at the beginning of a copy are followed. Where one of them
    /// leads elsewhere now, what is there was not listed before: the link itself says that it changed.
    fn with_followed(&self, read: &Read) -> Vec<Read> {
        let leads_to = |links: &Links| -> BTreeSet<String> {
            if !read.is_pattern {
                return BTreeSet::from([links.followed(&read.path)]);
            }
            let selection = Selection { read, filter: None };
            let roots = links.0.keys().filter(|path| selection.below(path) == Some(""));
            roots.map(|path| links.followed(path)).collect()
        };
        let in_both = &leads_to(&self.old_links) & &leads_to(&self.new_links);
        let elsewhere = in_both.into_iter().filter(|path| *path != read.path);
        let at = |path| Read { path, is_pattern: false, ..read.clone() };
        std::iter::once(read.clone()).chain(elsewhere.map(at)).collect()
    }
}

/// The symbolic links of a listing by their paths, and where they lead.
#[derive(Debug, Default)]
struct Links(BTreeMap<String, String>);

impl Links {
    fn add(&mut self, path: &str, entry: Option<&FileEntry>) {
        if let Some(entry) = entry
            && entry.mode & SYMLINK != 0
        {
            self.0.insert(path.to_owned(), entry.link.clone());
        }
    }

    /// Returns where a path leads when the links on it are followed.
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
            if let Some(link) = self.0.get(&done.join("/"))
                && links < MAX_LINKS
            {
                links += 1;
                done.pop();
                if link.starts_with('/') {
                    done.clear();
                }
                rest.extend(link.split('/').rev());
            }
        }
        done.join("/")
    }
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

    fn holds(&self, path: &str, is_folder: bool) -> bool {
        let Some(below) = self.below(path) else { return false };
        let Some(filter) = &self.filter else { return true };
        if below.is_empty() {
            return !is_folder;
        }
        let mut state = DirState::default();
        let ends = below.match_indices('/').map(|(at, _)| at).chain([below.len()]);
        let mut selected = true;
        for end in ends {
            let is_dir = end < below.len() || is_folder;
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
    fn links_on_the_way_are_followed_within_the_context() {
        let links = [
            ("current", "releases/two"),
            ("out", "../../etc/x"),
            ("absolute", "/releases"),
            ("circle", "circle"),
        ];
        let links = Links(links.map(|(path, to)| (path.to_owned(), to.to_owned())).into());
        for (path, leads_to) in [
            ("current", "releases/two"),
            ("current/x", "releases/two/x"),
            ("absolute/two/x", "releases/two/x"),
            ("out", "etc/x"),
            ("nothing", "nothing"),
        ] {
            assert_eq!(links.followed(path), leads_to, "{path}");
        }
        assert_eq!(links.followed("circle"), "circle");
    }
}
