//! Names of variables, by the character classes of Go's `unicode` package (Unicode 15.0).

use std::sync::LazyLock;

use regex::Regex;

static LETTER: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"[\p{L}&&\p{Age=15.0}]").expect("the class is well-formed"));
static DIGIT: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"[\p{Nd}&&\p{Age=15.0}]").expect("the class is well-formed"));

pub(super) fn is_digit(c: char) -> bool {
    c.is_ascii_digit() || (!c.is_ascii() && DIGIT.is_match(c.encode_utf8(&mut [0; 4])))
}

pub(super) fn is_name_char(c: char) -> bool {
    c == '_'
        || c.is_ascii_alphabetic()
        || is_digit(c)
        || (!c.is_ascii() && LETTER.is_match(c.encode_utf8(&mut [0; 4])))
}

/// Whether `c` names one of the shell's special parameters.
pub(super) fn is_special(c: char) -> bool {
    matches!(c, '@' | '*' | '#' | '?' | '-' | '$' | '!' | '0')
}
