//! Follow-paths: names that the build reads although they may be links, with everything the links lead to.
//!
//! Source: `fsutil/followlinks.go`.

use std::collections::BTreeSet;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use rustix::fs::readlinkat;

use super::folder::{Entries, Folder};
use crate::beneath::{self, Root};
use crate::gotext::filepath;

/// Returns `paths` with every link on the way resolved, sorted, without those below another.
/// `None` stands for "everything": one of them is the root itself.
pub(super) fn resolve(root: &Root, paths: &[String]) -> Option<Vec<String>> {
    let mut resolver = Resolver { root, found: BTreeSet::new(), pending: Vec::new() };
    for path in paths {
        resolver.pending.push(path.clone());
        while let Some(path) = resolver.pending.pop() {
            resolver.follow(&path);
        }
    }
    without_nested(resolver.found.into_iter().collect())
}

/// Returns sorted paths without those that lie below another; `None` if the root is among them.
pub(super) fn without_nested(sorted: Vec<String>) -> Option<Vec<String>> {
    let mut out: Vec<String> = Vec::with_capacity(sorted.len());
    for path in sorted {
        if path == "." {
            return None;
        }
        let nested = out
            .last()
            .is_some_and(|last| path.strip_prefix(last.as_str()).is_some_and(|r| r.starts_with('/')));
        if !nested {
            out.push(path);
        }
    }
    Some(out)
}

struct Resolver<'a> {
    root: &'a Root,
    found: BTreeSet<String>,
    /// Where links led, the next one last.
    pending: Vec<String>,
}

impl Resolver<'_> {
    /// Follows one path to the first link on it; a path that was found before ends there, so loops end too.
    fn follow(&mut self, path: &str) {
        let path = clean_below_root(path);
        let mut current = String::new();
        let mut rest = path.as_str();
        loop {
            let (part, tail) = rest.split_once('/').unwrap_or((rest, ""));
            current = join(&current, part);
            let targets = self.targets(&current);
            if (tail.is_empty() || targets.is_some()) && self.found.contains(&current) {
                return;
            }
            if let Some(targets) = targets {
                self.found.insert(current);
                self.pending.extend(targets.iter().rev().map(|target| format!("{target}/{tail}")));
                return;
            }
            if tail.is_empty() {
                self.found.insert(current);
                return;
            }
            rest = tail;
        }
    }

    /// Where the last component leads: to one target if it is a link, to those of all links that match if it
    /// holds wildcards. `None` if no link is met.
    fn targets(&self, path: &str) -> Option<Vec<String>> {
        if path == "." {
            return None;
        }
        let (dir, name) = split(path);
        // Through no link: those on the way were resolved before.
        let folder = self.root.open_unlinked(Path::new(dir), beneath::STEP).ok()?;
        let target = |name: &str| {
            let target = readlinkat(&folder, name, Vec::new()).ok()?.into_string().ok()?;
            Some(if target.starts_with('/') { target } else { format!("{dir}/{target}") })
        };
        if !filepath::has_wildcards(name) {
            return target(name).map(|target| vec![target]);
        }
        let entries = Folder::open_below(self.root, Path::new(dir)).ok()?;
        let entries = Entries::default().read(&entries).ok()?;
        let names =
            entries.iter().filter(|entry| filepath::matches(name.as_bytes(), entry.name().as_bytes()));
        let mut targets: Vec<_> = names.filter_map(|entry| target(entry.name().to_str()?)).collect();
        targets.sort_unstable();
        (!targets.is_empty()).then_some(targets)
    }
}

/// Folder and name; the folder of a single name is empty.
fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

fn join(dir: &str, name: &str) -> String {
    if dir.is_empty() || dir == "." { name.to_owned() } else { format!("{dir}/{name}") }
}

/// The path without `.`, `..` and doubled slashes, relative to the root, which it never leaves; `.` for the root.
fn clean_below_root(path: &str) -> String {
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            name => parts.push(name),
        }
    }
    if parts.is_empty() { ".".to_owned() } else { parts.join("/") }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn tree() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let at = |p: &str| dir.path().join(p);
        std::fs::create_dir_all(at("foo")).unwrap();
        std::fs::create_dir_all(at("d")).unwrap();
        std::fs::write(at("foo/a"), "").unwrap();
        symlink("../foo/a", at("d/rel")).unwrap();
        symlink("/foo", at("abs")).unwrap();
        symlink("loop2", at("loop1")).unwrap();
        symlink("loop1", at("loop2")).unwrap();
        symlink("../../../foo", at("out")).unwrap();
        dir
    }

    fn followed(paths: &[&str]) -> Vec<String> {
        let paths: Vec<_> = paths.iter().map(|p| (*p).to_owned()).collect();
        resolve(&Root::open(tree().path()).unwrap(), &paths).unwrap()
    }

    #[test]
    fn a_relative_link_brings_its_target() {
        assert_eq!(followed(&["d/rel"]), ["d/rel", "foo/a"]);
    }

    #[test]
    fn a_link_in_the_middle_is_followed() {
        assert_eq!(followed(&["abs/a"]), ["abs", "foo/a"]);
    }

    #[test]
    fn a_link_out_of_the_root_stays_in_it() {
        assert_eq!(followed(&["out"]), ["foo", "out"]);
    }

    #[test]
    fn a_loop_ends() {
        assert_eq!(followed(&["loop1"]), ["loop1", "loop2"]);
    }

    #[test]
    fn a_wildcard_follows_every_link_that_matches() {
        assert_eq!(followed(&["d/r*"]), ["d/r*", "foo/a"]);
    }

    #[test]
    fn missing_paths_and_nested_ones_are_kept_simple() {
        assert_eq!(followed(&["nowhere/x", "foo", "foo/a"]), ["foo", "nowhere/x"]);
    }

    #[test]
    fn the_root_means_everything() {
        assert_eq!(resolve(&Root::open(tree().path()).unwrap(), &["/".to_owned()]), None);
    }

    #[test]
    fn a_chain_of_links_takes_no_stack() {
        let dir = tempfile::tempdir().unwrap();
        for link in 0..20_000 {
            symlink(format!("l{}", link + 1), dir.path().join(format!("l{link}"))).unwrap();
        }
        let root = Root::open(dir.path()).unwrap();
        let follow = move || resolve(&root, &["l0".to_owned()]).unwrap().len();
        let thread = std::thread::Builder::new().stack_size(256 << 10).spawn(follow).unwrap();
        assert_eq!(thread.join().unwrap(), 20_001);
    }

    #[test]
    fn fuzz_follow_paths_stay_below_the_root() {
        let dir = tree();
        let root = Root::open(dir.path()).unwrap();
        let seeds: [&[u8]; 6] = [b"d/rel", b"abs/a", b"out", b"loop1", b"d/r*\0*/[a-z]", b"nowhere/../foo"];
        crate::fuzz::run(&seeds, |bytes| {
            let paths: Vec<_> = String::from_utf8_lossy(bytes).split('\0').map(str::to_owned).collect();
            for path in resolve(&root, &paths).into_iter().flatten() {
                let is_clean = !path.split('/').any(|part| matches!(part, "" | "." | ".."));
                assert!(is_clean, "{path}");
            }
        });
    }
}
