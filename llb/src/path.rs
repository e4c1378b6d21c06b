//! Slash-separated paths as Go's package `path` treats them, which BuildKit's client cleans paths with.

/// Returns the shortest path that means the same: no `.`, no `..` that can be resolved, no doubled or
/// trailing slash. An empty path becomes `.`.
pub(crate) fn clean(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if rooted => {}
            part => parts.push(part),
        }
    }
    match (rooted, parts.is_empty()) {
        (true, _) => format!("/{}", parts.join("/")),
        (false, true) => ".".to_owned(),
        (false, false) => parts.join("/"),
    }
}

/// Returns the parts with slashes between them, cleaned; empty parts are left out.
pub(crate) fn join<const N: usize>(parts: [&str; N]) -> String {
    let mut joined = String::new();
    for part in parts.into_iter().filter(|part| !part.is_empty()) {
        if !joined.is_empty() {
            joined.push('/');
        }
        joined.push_str(part);
    }
    if joined.is_empty() { joined } else { clean(&joined) }
}

/// Returns a path of a file action, absolute and cleaned; a relative one is relative to `dir`. With
/// `keep_slash` a trailing `/` or `/.` stays (`normalizePath` in `client/llb/fileop.go`).
pub(crate) fn normalize(dir: &str, path: &str, keep_slash: bool) -> String {
    let mut normal = clean(path);
    if !normal.starts_with('/') {
        normal = join(["/", dir, &normal]);
    }
    if keep_slash {
        if path.ends_with('/') {
            if !normal.ends_with('/') {
                normal.push('/');
            }
        } else if path.ends_with("/.") {
            if normal != "/" {
                normal.push('/');
            }
            normal.push('.');
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
        ] {
            assert_eq!(clean(path), cleaned, "{path:?}");
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
