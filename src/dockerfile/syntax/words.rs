//! Words of ARG, ENV and LABEL (BuildKit's `parser/line_parsers.go`).

use crate::dockerfile::error::ErrorKind;
use crate::dockerfile::text::{lossy, split_blank};

/// Returns the words of `rest`; quotes and escapes stay in them and may hold white space.
pub(super) fn split(rest: &str, escape: char) -> Vec<String> {
    let mut words = Vec::new();
    let mut chars = rest.chars().peekable();
    loop {
        while chars.next_if(|c| c.is_whitespace()).is_some() {}
        if chars.peek().is_none() {
            return words;
        }
        let (word, quoted) = word(&mut chars, escape);
        if quoted || !word.is_empty() {
            words.push(word);
        }
    }
}

/// Returns the word at the front and whether a part of it is quoted.
fn word(chars: &mut std::iter::Peekable<std::str::Chars<'_>>, escape: char) -> (String, bool) {
    let mut word = String::new();
    let mut quote = None;
    let mut quoted = false;
    while let Some(c) = chars.next_if(|c| quote.is_some() || !c.is_whitespace()) {
        match quote {
            None if matches!(c, '\'' | '"') => {
                quote = Some(c);
                quoted = true;
            }
            Some(open) if c == open => quote = None,
            _ => {}
        }
        // Nothing can be escaped between single quotes; an escape character at the very end is dropped.
        if c == escape && quote != Some('\'') {
            let Some(escaped) = chars.next() else { break };
            word.push(c);
            word.push(escaped);
        } else {
            word.push(c);
        }
    }
    (word, quoted)
}

/// Returns name, value and separator of each pair: `name=value …` or, without `=` in the first word,
/// the legacy `name value` with an empty separator.
pub(super) fn pairs(rest: &[u8], instruction: &'static str, escape: char) -> Result<Vec<String>, ErrorKind> {
    let words = split(&lossy(rest), escape);
    let Some(first) = words.first() else {
        return Ok(Vec::new());
    };
    if !first.contains('=') {
        let Some((name, value)) = split_blank(rest) else {
            return Err(ErrorKind::MissingValue { instruction, name: lossy(rest).into_owned() });
        };
        return Ok(vec![lossy(name).into_owned(), lossy(value).into_owned(), String::new()]);
    }
    let mut pairs = Vec::with_capacity(3 * words.len());
    for word in words {
        let Some((name, value)) = word.split_once('=') else {
            return Err(ErrorKind::MissingEquals { instruction, word });
        };
        pairs.extend([name.to_owned(), value.to_owned(), "=".to_owned()]);
    }
    Ok(pairs)
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!(pairs(b"a b=c  d", "ENV", '\\').unwrap(), ["a", "b=c  d", ""]);
        assert_eq!(pairs(b"a=b c=d=e", "ENV", '\\').unwrap(), ["a", "b", "=", "c", "d=e", "="]);
        assert!(matches!(pairs(b"a=b c", "ENV", '\\'), Err(ErrorKind::MissingEquals { .. })));
        assert!(matches!(pairs(b"a", "ENV", '\\'), Err(ErrorKind::MissingValue { .. })));
    }
}
