//! The text form: one pattern a line (moby/patternmatcher, ignorefile).

use super::Error;
use super::path::clean;

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
