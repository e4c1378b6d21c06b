//! The text form: one pattern a line (moby/patternmatcher, ignorefile).

use super::path::clean;
use super::{Error, Patterns};

/// Bytes of a line without its line feed that Go's `bufio.Scanner` takes.
const MAX_LINE: usize = 64 * 1024 - 1;

/// Returns the patterns of a `.dockerignore`, cleaned: relative to the context, without `.` and `..`
/// in their middle, a `!` kept in front.
///
/// A byte order mark, lines that begin with `#` and empty lines are skipped. Bytes that are not UTF-8
/// become U+FFFD.
///
/// Source: `ReadAll` in `ignorefile/ignorefile.go` of `moby/patternmatcher`.
///
/// # Errors
/// [`Error::LineTooLong`].
pub fn read_all(text: &[u8]) -> Result<Vec<String>, Error> {
    let mut patterns = Vec::new();
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    for (index, line) in text.split(|byte| *byte == b'\n').enumerate() {
        if line.len() > MAX_LINE {
            return Err(Error::LineTooLong { line: index + 1, max: MAX_LINE });
        }
        if !line.starts_with(b"#") {
            patterns.extend(pattern(&String::from_utf8_lossy(line)));
        }
    }
    Ok(patterns)
}

/// Returns which line of a `.dockerignore` leaves `path` (relative, separated by slashes) out: its number, from 1, and its
/// text. `None` where `path` is not left out.
pub fn excluding_line(text: &[u8], path: &str) -> Option<(usize, String)> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let mut found = None;
    for (index, line) in text.split(|byte| *byte == b'\n').enumerate() {
        if line.starts_with(b"#") {
            continue;
        }
        let line = String::from_utf8_lossy(line);
        let Some(pattern) = pattern(&line) else { continue };
        let (is_exception, pattern) = match pattern.strip_prefix('!') {
            Some(pattern) => (true, pattern),
            None => (false, pattern.as_str()),
        };
        let matches = Patterns::new([pattern]).and_then(|pattern| pattern.matches_or_parent_matches(path));
        match matches {
            Ok(true) if is_exception => found = None,
            // A later pattern for the same changes nothing.
            Ok(true) if found.is_none() => found = Some((index + 1, line.trim().to_owned())),
            _ => {}
        }
    }
    found
}

fn pattern(line: &str) -> Option<String> {
    let line = line.trim();
    let (sign, pattern) = match line.strip_prefix('!') {
        Some(rest) => ("!", rest.trim()),
        None => ("", line),
    };
    if pattern.is_empty() {
        return (!sign.is_empty()).then(|| sign.to_owned());
    }
    let cleaned = clean(pattern);
    let relative = match cleaned.strip_prefix('/') {
        Some(relative) if !relative.is_empty() => relative,
        _ => &cleaned,
    };
    Some(format!("{sign}{relative}"))
}
