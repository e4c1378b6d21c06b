//! Regular expressions of filters, which buildkitd compiles: what is wrong with one, it says in its own log only.
//!
//! Source: `Match` in `pkg/filters/filter.go` of containerd; the syntax is that of Go's `regexp/syntax`.

use regex::Regex;

/// The letters and digits that stand behind a backslash in Go.
const ESCAPES: &str = "AbBQzafnrtvxdDsSwWpP01234567";

/// The classes of characters that have a name.
const CLASSES: [&str; 14] = [
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space",
    "upper", "word", "xdigit",
];

/// Checks that Go compiles `expression`. The error is what is wrong.
pub(super) fn check(expression: &str) -> Result<(), String> {
    let translated = translate(expression)?;
    Regex::new(&translated).map(drop).map_err(|error| match error {
        regex::Error::Syntax(text) => {
            // A picture of the expression, with the reason in its last line.
            let reason = text.lines().last().unwrap_or_default();
            format!("{expression:?} is no regular expression: {}", reason.trim_start_matches("error: "))
        }
        _ => format!("{expression:?} is too large a regular expression"),
    })
}

/// An expression of Go in the syntax of the `regex` crate, as far as the two differ.
fn translate(expression: &str) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = expression;
    let mut is_class = false;
    // Where an operator that repeats stands right behind another one.
    let mut repeats = false;
    while let Some(c) = rest.chars().next() {
        let mut after = &rest[c.len_utf8()..];
        let mut repeats_now = false;
        match c {
            '\\' => {
                let escaped = after.chars().next().ok_or("there is nothing behind its last backslash")?;
                if escaped.is_ascii_alphanumeric() && !ESCAPES.contains(escaped) {
                    return Err(format!("\\{escaped} means nothing in a regular expression"));
                }
                after = &after[escaped.len_utf8()..];
                match escaped {
                    'Q' => {
                        let (literal, behind) = after.split_once("\\E").unwrap_or((after, ""));
                        out.push_str(&regex::escape(literal));
                        after = behind;
                    }
                    '0'..='7' => out.push('0'),
                    _ => out.extend([c, escaped]),
                }
            }
            '[' if is_class => match after.strip_prefix(':').and_then(|after| after.split_once(":]")) {
                Some((name, behind)) => {
                    let known = CLASSES.contains(&name.trim_start_matches('^'));
                    if !known {
                        return Err(format!("there is no class [:{name}:] of characters"));
                    }
                    out.push_str(&format!("[:{name}:]"));
                    after = behind;
                }
                None => out.push_str("\\["),
            },
            '&' | '~' if is_class => out.extend(['\\', c]),
            '[' => {
                is_class = true;
                out.push(c);
                // A bracket that comes first is one of the characters.
                let negation = after.strip_prefix('^');
                out.push_str(if negation.is_some() { "^" } else { "" });
                after = negation.unwrap_or(after);
                if let Some(behind) = after.strip_prefix(']') {
                    out.push_str("\\]");
                    after = behind;
                }
            }
            ']' => {
                is_class = false;
                out.push(c);
            }
            '{' if !is_class && !is_count(after) => out.push_str("\\{"),
            '*' | '+' | '{' if !is_class => {
                if repeats {
                    return Err(format!("{c} stands behind another operator that repeats"));
                }
                repeats_now = true;
                out.push(c);
            }
            _ => out.push(c),
        }
        if repeats_now && c == '{' {
            let (count, behind) = after.split_once('}').unwrap_or((after, ""));
            out.push_str(count);
            out.push('}');
            after = behind;
        }
        repeats = repeats_now;
        rest = after;
    }
    Ok(out)
}

/// Whether what stands behind a brace says how often something is repeated; else the brace is a character.
fn is_count(text: &str) -> bool {
    let Some((count, _)) = text.split_once('}') else { return false };
    let (low, high) = count.split_once(',').unwrap_or((count, ""));
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    !low.is_empty() && is_number(low) && is_number(high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_go_compiles_is_taken() {
        for expression in [
            "",
            "abc",
            "^a.*b$",
            "[[]",
            "[]a]",
            "[^]a]",
            "[[:alpha:]x]",
            "[a&&b]",
            "a{",
            "a{,2}",
            "{",
            "x{2}",
            "x{2,}?",
            "a*?",
            "a+?b??",
            r"\Qa[(\E+",
            r"\Qa[",
            r"\123",
            r"\x41\pN\/\-_",
            "(?i)run",
            "(?P<n>a)|b",
            "/usr/[a-z]+",
        ] {
            assert_eq!(check(expression), Ok(()), "{expression}");
        }
    }

    #[test]
    fn what_go_refuses_is_said() {
        for expression in [
            "[",
            "(",
            ")",
            "a(b",
            "*",
            "a**",
            "a+*",
            "a{2}*",
            "[z-a]",
            r"a\",
            r"\i",
            r"\8",
            r"\u0041",
            "(?<!a)",
            "a{2,1}",
            r"\pX",
            "[[:nothing:]]",
        ] {
            assert!(check(expression).is_err(), "{expression}");
        }
        assert!(
            check("[").unwrap_err().starts_with("\"[\" is no regular expression: unclosed character class")
        );
    }
}
