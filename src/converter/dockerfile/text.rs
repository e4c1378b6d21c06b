//! Text as Go's standard library sees it, where that differs from Rust's.

use std::borrow::Cow;

use smol_str::{SmolStr, StrExt as _};

/// Returns `bytes` as text, every byte that is not part of valid UTF-8 replaced by U+FFFD.
///
/// Go reads invalid bytes one at a time; [`String::from_utf8_lossy`] replaces runs of them.
pub fn lossy(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = str::from_utf8(bytes) {
        return Cow::Borrowed(text);
    }
    let mut text = String::with_capacity(bytes.len() + 8);
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(std::iter::repeat_n('\u{fffd}', chunk.invalid().len()));
    }
    Cow::Owned(text)
}

/// Returns `text` with each character mapped to its lower case, one to one.
pub fn to_lower(text: &str) -> SmolStr {
    if text.is_ascii() { text.to_ascii_lowercase_smolstr() } else { text.chars().map(lower).collect() }
}

/// Returns `text` with each character mapped to its upper case, one to one.
pub fn to_upper(text: &str) -> SmolStr {
    if text.is_ascii() { text.to_ascii_uppercase_smolstr() } else { text.chars().map(upper).collect() }
}

/// Whether lower case changes nothing in `text`.
pub fn is_lower(text: &str) -> bool {
    let plain = text.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase());
    plain || text.chars().all(|c| lower(c) == c)
}

/// Whether upper case changes nothing in `text`.
pub fn is_upper(text: &str) -> bool {
    let plain = text.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_lowercase());
    plain || text.chars().all(|c| upper(c) == c)
}

fn lower(c: char) -> char {
    match c {
        'İ' => 'i',
        _ => single(c.to_lowercase(), c),
    }
}

fn upper(c: char) -> char {
    single(c.to_uppercase(), c)
}

fn single(mut mapped: impl Iterator<Item = char>, c: char) -> char {
    match (mapped.next(), mapped.next()) {
        (Some(only), None) => only,
        _ => c,
    }
}

/// Case-insensitive comparison, character by character.
pub trait EqualFold {
    /// Whether both texts are equal under simple case folding (Go's `strings.EqualFold`).
    fn equal_fold(&self, other: &str) -> bool;
}

impl EqualFold for str {
    fn equal_fold(&self, other: &str) -> bool {
        if self.is_ascii() && other.is_ascii() {
            return self.eq_ignore_ascii_case(other);
        }
        // Lower case of the upper case joins the characters that fold together, such as `ſ`, `S` and
        // `s`, or `K` (Kelvin), `K` and `k`.
        let fold = |c: char| lower(upper(c));
        self.chars().map(fold).eq(other.chars().map(fold))
    }
}

/// Returns `bytes` without white space (Unicode's) at its start.
pub(super) fn trim_start(bytes: &[u8]) -> &[u8] {
    let mut rest = bytes.trim_ascii_start();
    while let Some((c, len)) = first_char(rest) {
        if !c.is_whitespace() {
            break;
        }
        rest = &rest[len..];
    }
    rest
}

/// Returns `bytes` without white space (Unicode's) at both ends.
pub(super) fn trim(bytes: &[u8]) -> &[u8] {
    if let [first, .., last] = bytes
        && first.is_ascii_graphic()
        && last.is_ascii_graphic()
    {
        return bytes;
    }
    let mut rest = trim_start(bytes).trim_ascii_end();
    while let Some((c, len)) = last_char(rest) {
        if !c.is_whitespace() {
            break;
        }
        rest = &rest[..rest.len() - len];
    }
    rest
}

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

/// Returns the first character and its length in bytes; an invalid byte counts as one U+FFFD.
pub(super) fn first_char(bytes: &[u8]) -> Option<(char, usize)> {
    let first = *bytes.first()?;
    if first.is_ascii() {
        return Some((char::from(first), 1));
    }
    let head = &bytes[..bytes.len().min(4)];
    let chunk = head.utf8_chunks().next()?;
    Some(match chunk.valid().chars().next() {
        Some(c) => (c, c.len_utf8()),
        None => ('\u{fffd}', 1),
    })
}

fn last_char(bytes: &[u8]) -> Option<(char, usize)> {
    let last = *bytes.last()?;
    if last.is_ascii() {
        return Some((char::from(last), 1));
    }
    for len in 2..=bytes.len().min(4) {
        if let Ok(text) = str::from_utf8(&bytes[bytes.len() - len..]) {
            return text.chars().next_back().map(|c| (c, c.len_utf8()));
        }
    }
    Some(('\u{fffd}', 1))
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
    fn every_invalid_byte_becomes_one_replacement_character() {
        assert_eq!(lossy(b"a\xe2\x82b\xff"), "a\u{fffd}\u{fffd}b\u{fffd}");
        assert_eq!(lossy(b"\xed\xa0\x80"), "\u{fffd}\u{fffd}\u{fffd}");
    }

    #[test]
    fn case_is_mapped_one_character_to_one() {
        assert_eq!(to_lower("WORKDİR\u{212a}"), "workdirk");
        assert_eq!(to_upper("straße"), "STRAßE");
    }

    #[test]
    fn characters_that_fold_together_are_equal() {
        assert!("aſ".equal_fold("AS"));
        assert!(!"a".equal_fold("as"));
    }

    #[test]
    fn white_space_is_trimmed_as_characters_not_bytes() {
        assert_eq!(trim("\u{a0} x \u{3000}".as_bytes()), b"x");
        assert_eq!(trim(b"\xa0x\x85"), b"\xa0x\x85");
        assert_eq!(trim(b"\xc2\xa0"), b"");
    }

    #[test]
    fn case_is_told_as_it_is_mapped() {
        for text in ["", "a-1", "A-1", "aA", "straße", "STRAßE", "\u{130}", "Σ", "\u{1c5}"] {
            assert_eq!(is_lower(text), to_lower(text) == text, "{text}");
            assert_eq!(is_upper(text), to_upper(text) == text, "{text}");
        }
    }

    #[test]
    fn a_run_of_blanks_parts_two_pieces() {
        assert_eq!(split_blank("a \t b "), Some(("a", "b ")));
        assert_eq!(split_blank("a "), Some(("a", "")));
        assert_eq!(split_blank("ab"), None);
    }
}
