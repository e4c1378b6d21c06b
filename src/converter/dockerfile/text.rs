//! The bytes of a Dockerfile as its parser tells them: how long a line is, what white space is.
//!
//! Source: `frontend/dockerfile/parser` of BuildKit, which has four notions of white space: that of Unicode
//! ([`trim`](crate::gotext::trim)), that of regular expressions, a set of its own, and bytes taken as characters.

/// The UTF-8 byte order mark.
pub(super) const BOM: &[u8] = b"\xef\xbb\xbf";

/// Bytes of a line, its line feed included, that Go's `bufio.Scanner` takes; a last line without a
/// line feed must be shorter by one.
pub(super) const MAX_LINE: usize = 64 * 1024;

/// The white space of regular expressions in Go: no vertical tab, nothing behind ASCII.
fn is_regex_space(byte: u8) -> bool {
    matches!(byte, b'\t' | b'\n' | 0x0c | b'\r' | b' ')
}

/// Returns `bytes` without what [`is_regex_space`] says at its start.
pub(super) fn trim_regex_space_start(bytes: &[u8]) -> &[u8] {
    let blank = bytes.iter().take_while(|byte| is_regex_space(**byte)).count();
    &bytes[blank..]
}

/// Returns `bytes` without what [`is_regex_space`] says at its end.
pub(super) fn trim_regex_space_end(bytes: &[u8]) -> &[u8] {
    let blank = bytes.iter().rev().take_while(|byte| is_regex_space(**byte)).count();
    &bytes[..bytes.len() - blank]
}

/// Whether `byte` is one of the blanks between a Dockerfile's words: tab, vertical tab, form feed,
/// carriage return or space.
pub(super) fn is_blank(byte: u8) -> bool {
    matches!(byte, b'\t' | 0x0b | 0x0c | b'\r' | b' ')
}

/// Whether `byte`, taken as a Latin-1 character, is white space.
pub(super) fn is_latin1_space(byte: u8) -> bool {
    matches!(byte, b'\t'..=b'\r' | b' ' | 0x85 | 0xa0)
}

/// Returns `text` cut in two at its first run of blanks; `None` without one.
pub(super) fn split_blank(text: &str) -> Option<(&str, &str)> {
    let start = text.bytes().position(is_blank)?;
    let len = text[start..].bytes().take_while(|byte| is_blank(*byte)).count();
    Some((&text[..start], &text[start + len..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_of_blanks_parts_two_pieces() {
        assert_eq!(split_blank("a \t b "), Some(("a", "b ")));
        assert_eq!(split_blank("a "), Some(("a", "")));
        assert_eq!(split_blank("ab"), None);
    }
}
