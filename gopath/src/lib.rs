//! Slash-separated paths as Go's package `path` treats them: BuildKit's client and frontend clean paths with it,
//! and what they come to is part of every digest.

use std::borrow::Cow;

/// The shortest path that names the same as `path`; `.` for an empty one (`path.Clean`).
pub fn clean(path: &str) -> Cow<'_, str> {
    if is_clean(path) { path.into() } else { cleaned(path).into() }
}

/// Whether `path` is clean already. A dot at the start of an element counts as no, whatever follows it.
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

/// The parts joined and cleaned; empty parts do not count (`path.Join`).
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

/// The last element of a path; `.` for an empty one, `/` for slashes alone (`path.Base`).
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
}
