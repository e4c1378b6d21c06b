//! Shell patterns for file names (`path/filepath`).
//!
//! Two other kinds of patterns look like these and mean something else. Those of `.dockerignore`
//! ([`converter::ignore`](crate::converter::ignore)) may hold `**`, are made regular expressions in BuildKit, and match
//! what lies below a directory too. Those of `${name#pattern}` ([`converter::shell`](crate::converter::shell)) know
//! neither classes nor slashes: a star there stands for anything but a line feed.

use super::first_char;

/// Whether a name holds a wildcard that is not escaped (`containsWildcards` in fsutil's `followlinks.go`).
pub fn has_wildcards(name: &str) -> bool {
    let mut bytes = name.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => {
                bytes.next();
            }
            b'*' | b'?' | b'[' => return true,
            _ => {}
        }
    }
    false
}

/// Whether `name`, which holds no slash, matches `pattern` (`filepath.Match`). A malformed pattern matches nothing
/// here; Go tells it from one that does not match.
pub fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let (mut p, mut n) = (pattern, name);
    // Where to try again after the last star: the pattern behind it, and the name one character on.
    let mut retry: Option<(&[u8], &[u8])> = None;
    loop {
        if let Some((b'*', rest)) = p.split_first() {
            p = rest;
            retry = Some((rest, n));
            continue;
        }
        match step(p, n) {
            Some((rest_p, rest_n)) => {
                if rest_p.is_empty() && rest_n.is_empty() && p.is_empty() {
                    return true;
                }
                (p, n) = (rest_p, rest_n);
            }
            None => match retry {
                Some((after_star, from)) if !from.is_empty() => {
                    let from = &from[char_len(from)..];
                    retry = Some((after_star, from));
                    (p, n) = (after_star, from);
                }
                _ => return false,
            },
        }
    }
}

/// Takes one element of the pattern and what it matches; at both ends: nothing is taken.
fn step<'a>(p: &'a [u8], n: &'a [u8]) -> Option<(&'a [u8], &'a [u8])> {
    let Some((&first, rest)) = p.split_first() else {
        return n.is_empty().then_some((p, n));
    };
    let length = if n.is_empty() {
        return None;
    } else {
        char_len(n)
    };
    match first {
        b'?' => Some((rest, &n[length..])),
        b'[' => class(rest, first_char(n)?.0).map(|rest| (rest, &n[length..])),
        b'\\' => {
            let (&escaped, rest) = rest.split_first()?;
            (escaped == n[0]).then_some((rest, &n[1..]))
        }
        literal => (literal == n[0]).then_some((rest, &n[1..])),
    }
}

/// Reads a class behind its bracket; returns what follows it if `character` is in it.
fn class(mut p: &[u8], character: char) -> Option<&[u8]> {
    let negated = p.first() == Some(&b'^');
    if negated {
        p = &p[1..];
    }
    let mut found = false;
    let mut first = true;
    loop {
        if !first && p.first() == Some(&b']') {
            return (found != negated).then_some(&p[1..]);
        }
        first = false;
        let (low, rest) = class_char(p)?;
        let (high, rest) = match rest.split_first() {
            Some((b'-', rest)) => class_char(rest)?,
            _ => (low, rest),
        };
        found |= low <= character && character <= high;
        p = rest;
    }
}

/// Reads a character of a class and returns what follows it; a byte that is not UTF-8 makes the pattern malformed.
fn class_char(p: &[u8]) -> Option<(char, &[u8])> {
    let p = match p.first()? {
        b'-' | b']' => return None,
        b'\\' => &p[1..],
        _ => p,
    };
    let (c, length) = first_char(p)?;
    (c != char::REPLACEMENT_CHARACTER || length > 1).then(|| (c, &p[length..]))
}

/// Bytes of the first character; 1 for a byte that is not UTF-8.
fn char_len(text: &[u8]) -> usize {
    first_char(text).map_or(0, |(_, length)| length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escaped_wildcards_are_none() {
        assert!(
            !has_wildcards("a\\*b") && has_wildcards("a\\\\*") && has_wildcards("x[") && !has_wildcards("x]")
        );
        assert!(has_wildcards("a*") && has_wildcards("[a]") && has_wildcards("?"));
        assert!(!has_wildcards("a\\*") && !has_wildcards("a"));
    }
}
