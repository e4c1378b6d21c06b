//! Paths inside images, cleaned and joined as Go's `path` and BuildKit's `util/system` do it.

use std::borrow::Cow;

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
    // How many elements can be taken back, and where the last one starts.
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
    Ok(if os == "windows" { to_slash(&path, os).into_owned() } else { path })
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
    if os != "windows" {
        return path.starts_with('/');
    }
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
    fn windows_paths_lose_drive_and_backslashes() {
        assert_eq!(normalize("C:\\app", "b\\c\\", "windows", true).unwrap(), "/app/b/c/");
        assert_eq!(normalize_workdir("", "c:\\a\\..\\b", "windows").unwrap(), "\\b");
        assert_eq!(normalize("/", "d:\\x", "windows", false), Err(PathError::OtherDrive));
        assert_eq!(normalize("/", "C:", "windows", false), Err(PathError::OnlyDrive("C:".into())));
        assert_eq!(normalize("/", "\\\\s\\x", "windows", false), Err(PathError::Unc));
    }
}
