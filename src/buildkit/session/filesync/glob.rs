//! Go's `filepath.Match`, for the wildcards of follow-paths.

/// Returns whether a name holds a wildcard that is not escaped.
pub(super) fn has_wildcards(name: &str) -> bool {
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

/// Returns whether `name`, which holds no slash, matches `pattern`; a malformed pattern matches nothing.
pub(super) fn matches(pattern: &[u8], name: &[u8]) -> bool {
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
        b'[' => class(rest, &n[..length]).map(|rest| (rest, &n[length..])),
        b'\\' => {
            let (&escaped, rest) = rest.split_first()?;
            (escaped == n[0]).then_some((rest, &n[1..]))
        }
        literal => (literal == n[0]).then_some((rest, &n[1..])),
    }
}

/// Reads a class behind its bracket; returns what follows it if `character` is in it.
fn class<'a>(mut p: &'a [u8], character: &[u8]) -> Option<&'a [u8]> {
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

fn class_char(p: &[u8]) -> Option<(&[u8], &[u8])> {
    let p = match p.first()? {
        b'-' | b']' => return None,
        b'\\' => &p[1..],
        _ => p,
    };
    (!p.is_empty()).then(|| p.split_at(char_len(p)))
}

/// Bytes of the first character; 1 for bytes that are not UTF-8. Their order is that of the characters.
fn char_len(text: &[u8]) -> usize {
    let length = match text[0] {
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => 1,
    };
    if text.get(..length).is_some_and(|c| std::str::from_utf8(c).is_ok()) { length } else { 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_go() {
        let yes = [
            ("abc", "abc"),
            ("*", "abc"),
            ("*c", "abc"),
            ("a*", "a"),
            ("a*b*c*d", "axbxcxd"),
            ("a?c", "aüc"),
            ("[a-c]x", "bx"),
            ("[^a]x", "bx"),
            ("[ä-ü]", "ö"),
            ("a\\*", "a*"),
            ("*.txt", "a.b.txt"),
            ("[\\]]", "]"),
            ("**", "x"),
            ("", ""),
        ];
        for (pattern, name) in yes {
            assert!(matches(pattern.as_bytes(), name.as_bytes()), "{pattern} {name}");
        }
        let no = [
            ("abc", "ab"),
            ("ab", "abc"),
            ("*c", "ab"),
            ("a?", "a"),
            ("[a-c]", "d"),
            ("[^b]x", "bx"),
            ("[", "a"),
            ("a\\", "a"),
            ("[]a]", "]"),
            ("", "x"),
            ("*x", "xxxy"),
        ];
        for (pattern, name) in no {
            assert!(!matches(pattern.as_bytes(), name.as_bytes()), "{pattern} {name}");
        }
    }

    #[test]
    fn escaped_wildcards_are_none() {
        assert!(
            !has_wildcards("a\\*b") && has_wildcards("a\\\\*") && has_wildcards("x[") && !has_wildcards("x]")
        );
    }
}
