//! Upper and lower case, one character to one (`strings`, `unicode`).
//!
//! Rust's `str::to_lowercase` may make two characters of one, and looks at what stands around a sigma; Go does neither.

use smol_str::{SmolStr, StrExt as _};

/// Returns `text` with each character mapped to its lower case, one to one (`strings.ToLower`).
pub fn to_lower(text: &str) -> SmolStr {
    if text.is_ascii() { text.to_ascii_lowercase_smolstr() } else { text.chars().map(lower).collect() }
}

/// Returns `text` with each character mapped to its upper case, one to one (`strings.ToUpper`).
pub fn to_upper(text: &str) -> SmolStr {
    if text.is_ascii() { text.to_ascii_uppercase_smolstr() } else { text.chars().map(upper).collect() }
}

/// Whether lower case changes nothing in `text`.
///
/// Source: `strings.ToLower(text) == text`.
pub fn is_lower(text: &str) -> bool {
    let plain = text.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase());
    plain || text.chars().all(|c| lower(c) == c)
}

/// Whether upper case changes nothing in `text`.
///
/// Source: `strings.ToUpper(text) == text`.
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

/// Whether both texts are equal under simple case folding (`strings.EqualFold`).
pub fn equal_fold(one: &str, other: &str) -> bool {
    if one.is_ascii() && other.is_ascii() {
        return one.eq_ignore_ascii_case(other);
    }
    // Lower case of the upper case joins the characters that fold together, such as `ſ`, `S` and
    // `s`, or `K` (Kelvin), `K` and `k`.
    let fold = |c: char| match c {
        // The two letters of Turkish have no other case to fold with.
        'İ' | 'ı' => c,
        _ => lower(upper(c)),
    };
    one.chars().map(fold).eq(other.chars().map(fold))
}
