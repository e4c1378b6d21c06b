//! Paths inside images, cleaned and joined as Go's `path` and BuildKit's `util/system` do it.

use std::borrow::Cow;

pub use llb::path::{base, clean, join};

/// A Windows path that a Dockerfile may not name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// A drive letter alone.
    #[error("removing drive letter: No relative path specified in {0:?}")]
    OnlyDrive(String),
    /// `\\server\share`.
    #[error("removing drive letter: UNC paths are not supported")]
    Unc,
    /// Another drive than `C:`.
    #[error("removing drive letter: The specified path is not on the system drive (C:)")]
    OtherDrive,
}

/// `path` with forward slashes: on Windows a backslash is a separator too.
pub fn to_slash<'p>(path: &'p str, os: &str) -> Cow<'p, str> {
    if os == "windows" && path.contains('\\') { path.replace('\\', "/").into() } else { path.into() }
}

/// `path` with the separators of `os`.
pub fn from_slash(path: String, os: &str) -> String {
    if os == "windows" { path.replace('/', "\\") } else { path }
}

/// The absolute form of `path`, relative paths taken from `parent`. `keep_slash` keeps a trailing `/` or
/// `/.`, which say that a destination is a folder (`NormalizePath`).
///
/// # Errors
/// [`PathError`] for Windows paths that are not on `C:`.
pub fn normalize(parent: &str, path: &str, os: &str, keep_slash: bool) -> Result<String, PathError> {
    let original = to_slash(path, os);
    let parent = to_slash(if parent.is_empty() { "/" } else { parent }, os);
    let mut parent = without_drive(&parent, os, keep_slash)?;
    if !is_absolute(&parent, os) {
        parent = join(["/", &parent]).into();
    }
    let path = if original.is_empty() { Cow::Borrowed(&*parent) } else { original.clone() };
    let path = without_drive(&path, os, keep_slash)?;
    let mut path = if is_absolute(&path, os) { path.into_owned() } else { join([&parent, &path]) };
    if keep_slash {
        if original.ends_with('/') && !path.ends_with('/') {
            path.push('/');
        } else if original.ends_with("/.") {
            if path != "/" {
                path.push('/');
            }
            path.push('.');
        }
    }
    Ok(path)
}

/// The working directory after `WORKDIR path` in `current`, with the separators of `os`
/// (`NormalizeWorkdir`).
///
/// # Errors
/// [`PathError`] for Windows paths that are not on `C:`.
pub fn normalize_workdir(current: &str, path: &str, os: &str) -> Result<String, PathError> {
    Ok(from_slash(normalize(current, path, os, false)?, os))
}

/// Whether `path` is absolute on `os`, its drive letter apart (`IsAbs`).
pub fn is_absolute(path: &str, os: &str) -> bool {
    without_drive(path, os, false).is_ok_and(|path| path.starts_with('/'))
}

/// `path` without its drive letter, cleaned and with forward slashes; on other systems than Windows
/// `path` itself (`CheckSystemDriveAndRemoveDriveLetter`).
///
/// # Errors
/// [`PathError`] for paths that are not on `C:`.
pub fn without_drive<'p>(path: &'p str, os: &str, keep_slash: bool) -> Result<Cow<'p, str>, PathError> {
    if os != "windows" {
        return Ok(path.into());
    }
    let bytes = path.as_bytes();
    if bytes.len() == 2 && bytes[1] == b':' {
        return Err(PathError::OnlyDrive(path.into()));
    }
    if bytes.len() >= 2 && bytes[..2].iter().all(|b| matches!(b, b'/' | b'\\')) {
        return Err(PathError::Unc);
    }
    let rest = match path.split_once(':') {
        None => path,
        Some((drive, rest)) if drive.eq_ignore_ascii_case("c") => rest,
        Some(_) => return Err(PathError::OtherDrive),
    };
    let slashed = to_slash(rest, os);
    let mut cleaned = clean(&slashed).into_owned();
    if keep_slash && cleaned.len() > 1 && slashed.ends_with('/') {
        cleaned.push('/');
    }
    Ok(cleaned.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clean_and_join_follow_go() {
        for (path, cleaned) in [
            ("", "."),
            ("/", "/"),
            ("//a//b/", "/a/b"),
            ("a/../..", ".."),
            ("/..", "/"),
            ("./a/.", "a"),
            ("a/..", "."),
        ] {
            assert_eq!(clean(path), cleaned, "{path:?}");
        }
        assert_eq!(join(["", ""]), "");
        assert_eq!(join(["/", "../a"]), "/a");
        assert_eq!(join([".", "/foo"]), "foo");
        assert_eq!((base(""), base("//"), base("a/b/")), (".", "/", "b"));
    }

    #[test]
    fn linux_paths_stay_as_written_when_absolute() {
        let at = |path| normalize("/srv", path, "linux", false).unwrap();
        assert_eq!(at("/a/../b"), "/a/../b");
        assert_eq!(at("a/../b"), "/srv/b");
        assert_eq!(at(""), "/srv");
        assert_eq!(normalize("rel", "x", "linux", false).unwrap(), "/rel/x");
    }

    #[test]
    fn trailing_slashes_are_kept_where_asked() {
        let at = |path| normalize("/srv", path, "linux", true).unwrap();
        assert_eq!(at("a/"), "/srv/a/");
        assert_eq!(at("./"), "/srv/");
        assert_eq!(at("a/."), "/srv/a/.");
        assert_eq!(normalize("/", "x/.", "", true).unwrap(), "/x/.");
    }

    #[test]
    fn a_backslash_is_a_separator_on_windows_alone() {
        assert_eq!(to_slash("a\\b", "windows"), "a/b");
        assert_eq!(to_slash("a\\b", "linux"), "a\\b");
        assert_eq!(normalize("/", "a\\b", "linux", false).unwrap(), "/a\\b");
    }

    #[test]
    fn windows_paths_lose_drive_and_backslashes() {
        assert_eq!(normalize("C:\\app", "b\\c\\", "windows", true).unwrap(), "/app/b/c/");
        assert_eq!(normalize_workdir("", "c:\\a\\..\\b", "windows").unwrap(), "\\b");
        assert_eq!(normalize("/", "d:\\x", "windows", false), Err(PathError::OtherDrive));
        assert_eq!(normalize("/", "C:", "windows", false), Err(PathError::OnlyDrive("C:".into())));
        assert_eq!(normalize("/", "\\\\s\\x", "windows", false), Err(PathError::Unc));
    }
}
