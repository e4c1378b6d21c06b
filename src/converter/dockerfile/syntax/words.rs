//! Words of ARG, ENV and LABEL (BuildKit's `parser/line_parsers.go`).

use crate::converter::dockerfile::ast::Pair;
use crate::converter::dockerfile::error::ErrorKind;
use crate::converter::dockerfile::text::split_blank;

/// Returns the words of `text`; quotes and escapes stay in them and may hold white space.
pub(super) fn split(text: &str, escape: char) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let text = rest.trim_start();
        let (word, after) = word(text, escape);
        rest = after;
        (!word.is_empty()).then_some(word)
    })
}

/// Returns the word at the front and what follows it.
fn word(text: &str, escape: char) -> (&str, &str) {
    let mut quote = None;
    let mut at = 0;
    loop {
        at += text[at..].bytes().take_while(|byte| is_letter(*byte)).count();
        let Some(c) = text[at..].chars().next() else {
            return (text, "");
        };
        match quote {
            None if c.is_whitespace() => return text.split_at(at),
            None if matches!(c, '\'' | '"') => quote = Some(c),
            Some(open) if c == open => quote = None,
            _ => {}
        }
        let start = at;
        at += c.len_utf8();
        // Nothing can be escaped between single quotes; an escape character at the very end is dropped.
        if c == escape && quote != Some('\'') {
            match text[at..].chars().next() {
                Some(escaped) => at += escaped.len_utf8(),
                None => return (&text[..start], ""),
            }
        }
    }
}

/// Whether `byte` is part of a word wherever it stands: no white space, quote, escape, or part of a character
/// behind ASCII.
fn is_letter(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'\'' | b'"' | b'\\' | b'`')
}

/// Returns the pairs `name=value …` or, without `=` in the first word, the legacy `name value`.
pub(super) fn pairs(text: &str, instruction: &'static str, escape: char) -> Result<Vec<Pair>, ErrorKind> {
    let mut words = split(text, escape).peekable();
    if words.peek().is_some_and(|first| !first.contains('=')) {
        return legacy_pair(text, instruction).map(|pair| vec![pair]);
    }
    let pair = |word: &str| match word.split_once('=') {
        Some((key, value)) => Ok(Pair { key: key.to_owned(), value: value.to_owned(), legacy: false }),
        None => Err(ErrorKind::MissingEquals { instruction, word: word.to_owned() }),
    };
    words.map(pair).collect()
}

fn legacy_pair(text: &str, instruction: &'static str) -> Result<Pair, ErrorKind> {
    match split_blank(text) {
        Some((key, value)) => Ok(Pair { key: key.to_owned(), value: value.to_owned(), legacy: true }),
        None => Err(ErrorKind::MissingValue { instruction, name: text.to_owned() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str, escape: char) -> Vec<&str> {
        super::split(text, escape).collect()
    }

    fn pairs(text: &str) -> Result<Vec<(String, String, bool)>, ErrorKind> {
        let pairs = super::pairs(text, "ENV", '\\')?;
        Ok(pairs.into_iter().map(|pair| (pair.key, pair.value, pair.legacy)).collect())
    }

    fn pair(key: &str, value: &str, legacy: bool) -> (String, String, bool) {
        (key.to_owned(), value.to_owned(), legacy)
    }

    #[test]
    fn white_space_in_quotes_or_behind_an_escape_stays_in_the_word() {
        assert_eq!(split(r#"a="b c" 'd'e\ f  g"#, '\\'), [r#"a="b c""#, r"'d'e\ f", "g"]);
        assert_eq!(split("a` b", '`'), ["a` b"]);
    }

    #[test]
    fn an_escape_at_the_end_is_dropped_but_not_between_single_quotes() {
        assert_eq!(split("a\\", '\\'), ["a"]);
        assert_eq!(split("'a\\", '\\'), ["'a\\"]);
        assert_eq!(split("\"a\\", '\\'), ["\"a"]);
        assert_eq!(split("\\", '\\'), [""; 0]);
    }

    #[test]
    fn a_quote_behind_an_escape_opens_nothing() {
        assert_eq!(split(r#"a\"b c"#, '\\'), [r#"a\"b"#, "c"]);
        assert_eq!(split(r#""a\" b" c"#, '\\'), [r#""a\" b""#, "c"]);
        assert_eq!(split(r"'a\' b", '\\'), [r"'a\'", "b"]);
    }

    #[test]
    fn the_first_word_decides_between_pairs_and_the_legacy_form() {
        assert_eq!(pairs("a b=c  d").unwrap(), [pair("a", "b=c  d", true)]);
        assert_eq!(pairs("a=b c=d=e").unwrap(), [pair("a", "b", false), pair("c", "d=e", false)]);
        assert!(matches!(pairs("a=b c"), Err(ErrorKind::MissingEquals { .. })));
        assert!(matches!(pairs("a"), Err(ErrorKind::MissingValue { .. })));
        assert_eq!(pairs("").unwrap(), []);
    }
}
