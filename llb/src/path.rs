//! Paths of file actions.

use std::borrow::Cow;

use gopath::{clean, join};

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
