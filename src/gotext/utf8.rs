//! Bytes taken as UTF-8, with Go's reading of those that are none (`unicode/utf8`, `bytes`).

use std::borrow::Cow;

/// Returns `bytes` as text, every byte that is not part of valid UTF-8 replaced by U+FFFD.
///
/// Source: `for range` over a string, `unicode/utf8.DecodeRune`. Go reads invalid bytes one at a time; [`String::from_utf8_lossy`] replaces runs of them.
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

/// Returns `bytes` without white space (Unicode's) at its start (`bytes.TrimLeftFunc` with
/// `unicode.IsSpace`).
pub fn trim_start(bytes: &[u8]) -> &[u8] {
    let mut rest = bytes.trim_ascii_start();
    while let Some((c, len)) = first_char(rest) {
        if !c.is_whitespace() {
            break;
        }
        rest = &rest[len..];
    }
    rest
}

/// Returns `bytes` without white space (Unicode's) at both ends (`bytes.TrimSpace`).
pub fn trim(bytes: &[u8]) -> &[u8] {
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

/// Returns the first character and its length in bytes; an invalid byte counts as one U+FFFD
/// (`utf8.DecodeRune`).
pub fn first_char(bytes: &[u8]) -> Option<(char, usize)> {
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
