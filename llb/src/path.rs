//! Slash-separated paths as Go's package [`path`](https://pkg.go.dev/path) treats them.
//!
//! BuildKit's client and Dockerfile frontend clean paths with it, and the cleaned text is part of every digest.
//! Frontends that are written against this crate need the same rules, so the module is public. It works on
//! text alone: the separator is `/` on every host, and no path is looked up.
//!
//! ```
//! use llb::path::{base, clean, join};
//!
//! assert_eq!(clean("/src/./app/../lib/"), "/src/lib");
//! assert_eq!(join(["/", "src", "../lib"]), "/lib");
//! assert_eq!(base("/src/lib/"), "lib");
//! ```

use std::borrow::Cow;

/// Returns the shortest path that names the same as `path`; `.` for an empty one (`path.Clean`). A path that
/// is clean already is borrowed.
pub fn clean(path: &str) -> Cow<'_, str> {
    if is_clean(path) { path.into() } else { cleaned(path).into() }
}

/// Returns whether `path` is clean already. A dot at the start of an element counts as no, whatever follows it.
fn is_clean(path: &str) -> bool {
    let rest = path.strip_prefix('/').unwrap_or(path);
    let mut at_start = true;
    for byte in rest.bytes() {
        if at_start && matches!(byte, b'/' | b'.') {
            return false;
        }
        at_start = byte == b'/';
    }
    !at_start || path == "/"
}

fn cleaned(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut clean = String::with_capacity(path.len() + 1);
    // How many elements `..` can take back.
    let mut depth = 0_usize;
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if depth > 0 => {
                depth -= 1;
                clean.truncate(clean.rfind('/').unwrap_or(0));
            }
            ".." if rooted => {}
            part => {
                depth += usize::from(part != "..");
                if rooted || !clean.is_empty() {
                    clean.push('/');
                }
                clean.push_str(part);
            }
        }
    }
    if clean.is_empty() {
        clean.push(if rooted { '/' } else { '.' });
    }
    clean
}

/// Returns the parts joined and cleaned; empty parts do not count (`path.Join`).
pub fn join<const N: usize>(parts: [&str; N]) -> String {
    let mut joined = String::with_capacity(parts.iter().map(|part| part.len() + 1).sum());
    for part in parts.into_iter().filter(|part| !part.is_empty()) {
        if !joined.is_empty() && !joined.ends_with('/') {
            joined.push('/');
        }
        joined.push_str(part);
    }
    if joined.is_empty() || is_clean(&joined) { joined } else { cleaned(&joined) }
}

/// Returns the last element of a path; `.` for an empty one, `/` for slashes alone (`path.Base`).
pub fn base(path: &str) -> &str {
    if path.is_empty() {
        return ".";
    }
    let trimmed = path.trim_end_matches('/');
    if trimmed.is_empty() {
        return "/";
    }
    trimmed.rsplit('/').next().unwrap_or(trimmed)
}

/// Returns a path of a file action, absolute and cleaned; a relative one is relative to `dir`. With
/// `keep_slash` a trailing `/` or `/.` stays (`normalizePath` in `client/llb/fileop.go`).
pub(crate) fn normalize<'p>(dir: &str, path: &'p str, keep_slash: bool) -> Cow<'p, str> {
    let mut normal = clean(path);
    if !normal.starts_with('/') {
        normal = join(["/", dir, &normal]).into();
    }
    if keep_slash {
        if path.ends_with('/') {
            if !normal.ends_with('/') {
                normal.to_mut().push('/');
            }
        } else if path.ends_with("/.") {
            if normal != "/" {
                normal.to_mut().push('/');
            }
            normal.to_mut().push('.');
        }
    }
    normal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clean_resolves_dots_and_slashes() {
        for (path, cleaned) in [
            ("", "."),
            (".", "."),
            ("/", "/"),
            ("//a//b/", "/a/b"),
            ("a/./b/..", "a"),
            ("a/..", "."),
            ("../a/../..", "../.."),
            ("/../a", "/a"),
            ("/a/../../b", "/b"),
            ("..", ".."),
            ("/a/b", "/a/b"),
            ("a/b/", "a/b"),
            (".a/..b", ".a/..b"),
            ("../a/..", ".."),
            ("a/../../b/c/..", "../b"),
            ("/a/..", "/"),
        ] {
            assert_eq!(clean(path), cleaned, "{path:?}");
        }
    }

    #[test]
    fn join_leaves_empty_parts_out_and_cleans_the_rest() {
        assert_eq!(join(["", ""]), "");
        assert_eq!(join(["", "a"]), "a");
        assert_eq!(join(["a", "", "/b/"]), "a/b");
        assert_eq!(join(["/", "..", "a"]), "/a");
        assert_eq!(join(["a/", "../.."]), "..");
    }

    #[test]
    fn base_is_the_last_element() {
        for (path, last) in [("", "."), ("/", "/"), ("//", "/"), ("a", "a"), ("/a/b/", "b"), ("a/..", "..")] {
            assert_eq!(base(path), last, "{path:?}");
        }
    }

    #[test]
    fn normalize_keeps_the_sign_of_a_directory() {
        for (dir, path, normal) in [
            ("/", "a", "/a"),
            ("/w", "a/", "/w/a/"),
            ("/w", ".", "/w"),
            ("/w", "./", "/w/"),
            ("/w", "/.", "/."),
            ("/w", "/x/.", "/x/."),
            ("/w", "/", "/"),
            ("w", "../../x", "/x"),
            ("", "", "/"),
        ] {
            assert_eq!(normalize(dir, path, true), normal, "{dir:?} {path:?}");
        }
        assert_eq!(normalize("/w", "a/", false), "/w/a");
        assert_eq!(normalize("/w", "/x/.", false), "/x");
    }
}
