//! Go's regular expressions: the syntax is that of RE2, not that of the `regex` crate.

use std::iter::Peekable;
use std::str::Chars;

use regex::{Regex, RegexBuilder};

/// Bytes that a compiled pattern may take.
const SIZE_LIMIT: usize = 64 << 20;

/// Returns the compiled form of an expression in Go's syntax, `None` if Go refuses it.
pub(super) fn compile(expression: &str) -> Option<Regex> {
    let translated = translate(expression)?;
    RegexBuilder::new(&translated).size_limit(SIZE_LIMIT).build().ok()
}

/// Returns an expression of Go in the syntax of the `regex` crate. Knows what patterns can
/// become: no groups but `(.*/)?`.
fn translate(expression: &str) -> Option<String> {
    let mut out = String::new();
    let mut chars = expression.chars().peekable();
    // Go refuses a repetition of a repetition.
    let mut repeated = false;
    while let Some(c) = chars.next() {
        let repeats = match c {
            '*' | '?' => {
                out.push(c);
                true
            }
            '{' => {
                let counts = repetition(&mut chars);
                let repeats = counts.is_some();
                out.push_str(&counts.unwrap_or_else(|| Some(literal(c)))?);
                repeats
            }
            '^' | '$' | '.' | '(' | ')' | '|' => {
                out.push(c);
                false
            }
            '[' => {
                class(&mut chars, &mut out)?;
                false
            }
            '\\' => {
                escape(&mut chars, &mut out)?;
                false
            }
            _ => {
                out.push_str(&literal(c));
                false
            }
        };
        if repeats && repeated {
            return None;
        }
        repeated = repeats;
    }
    Some(out)
}

/// `n}`, `n,}` or `n,m}` behind a `{`, which is an ordinary character without them; the inner `None`
/// are counts that Go refuses.
#[expect(clippy::option_option, reason = "no counts, counts that are refused, or counts")]
fn repetition(chars: &mut Peekable<Chars<'_>>) -> Option<Option<String>> {
    const MAX: u32 = 1000;
    let rest: String = chars.clone().take_while(|c| *c != '}').collect();
    if chars.clone().nth(rest.chars().count()) != Some('}') {
        return None;
    }
    let is_count = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        digits && (text.len() == 1 || !text.starts_with('0'))
    };
    let (low, high) = rest.split_once(',').unwrap_or((&rest, &rest));
    if !is_count(low) || !(is_count(high) || high.is_empty()) {
        return None;
    }
    chars.by_ref().take(rest.len() + 1).for_each(drop);
    let low = low.parse().unwrap_or(u32::MAX);
    let high = if high.is_empty() { MAX } else { high.parse().unwrap_or(u32::MAX) };
    Some((low <= high && high <= MAX).then(|| format!("{{{rest}}}")))
}

fn literal(c: char) -> String {
    format!("\\x{{{:x}}}", u32::from(c))
}

/// An escape outside of classes whose `\\` has been taken.
fn escape(chars: &mut Peekable<Chars<'_>>, out: &mut String) -> Option<()> {
    match *chars.peek()? {
        'A' => out.push_str("\\A"),
        'z' => out.push_str("\\z"),
        'b' => out.push_str("(?-u:\\b)"),
        'B' => out.push_str("(?-u:\\B)"),
        'Q' => {
            chars.next();
            let rest: String = chars.clone().collect();
            let quoted = rest.split_once("\\E").map_or(rest.as_str(), |(quoted, _)| quoted);
            out.extend(quoted.chars().map(literal));
            let taken = quoted.chars().count() + if quoted.len() < rest.len() { 2 } else { 0 };
            chars.by_ref().take(taken).for_each(drop);
            return Some(());
        }
        _ => {
            if let Some(set) = set(chars)? {
                out.extend(["[", &set, "]"]);
            } else {
                out.push_str(&literal(escaped_char(chars)?));
            }
            return Some(());
        }
    }
    chars.next();
    Some(())
}

/// A set of characters such as `\\d` or `\\pL` whose `\\` has been taken, in the syntax of a class.
#[expect(clippy::option_option, reason = "refused, no set, or a set")]
fn set(chars: &mut Peekable<Chars<'_>>) -> Option<Option<String>> {
    let set = match *chars.peek()? {
        'd' => "0-9",
        'D' => "[^0-9]",
        's' => "\\t\\n\\x0c\\r\\x20",
        'S' => "[^\\t\\n\\x0c\\r\\x20]",
        'w' => "0-9A-Za-z_",
        'W' => "[^0-9A-Za-z_]",
        c @ ('p' | 'P') => {
            chars.next();
            return unicode_set(chars, c == 'P').map(Some);
        }
        _ => return Some(None),
    };
    chars.next();
    Some(Some(set.to_owned()))
}

/// A category or script, `L` or `{Greek}` or `{^Greek}`, of which the `\\p` or `\\P` has been taken.
fn unicode_set(chars: &mut Peekable<Chars<'_>>, negated: bool) -> Option<String> {
    let mut name = String::new();
    match chars.next()? {
        '{' => loop {
            match chars.next()? {
                '}' => break,
                c => name.push(c),
            }
        },
        c => name.push(c),
    }
    let (name, negated) = name.strip_prefix('^').map_or((&*name, negated), |name| (name, !negated));
    if !name.chars().all(|c| c.is_ascii_alphanumeric() || " _-".contains(c)) {
        return None;
    }
    let sign = if negated { 'P' } else { 'p' };
    let sets = ["gc", "sc"].map(|kind| format!("\\{sign}{{{kind}={name}}}"));
    sets.into_iter().find(|set| Regex::new(set).is_ok())
}

/// A single escaped character whose `\\` has been taken.
fn escaped_char(chars: &mut Peekable<Chars<'_>>) -> Option<char> {
    let octal = |c: &char| c.is_digit(8);
    match chars.next()? {
        'a' => Some('\u{7}'),
        'f' => Some('\u{c}'),
        'n' => Some('\n'),
        'r' => Some('\r'),
        't' => Some('\t'),
        'v' => Some('\u{b}'),
        'x' if chars.next_if_eq(&'{').is_some() => {
            let mut value = chars.next()?.to_digit(16)?;
            loop {
                match chars.next()? {
                    '}' => return char::from_u32(value),
                    digit => value = value.checked_mul(16)? | digit.to_digit(16)?,
                }
            }
        }
        'x' => {
            let high = chars.next()?.to_digit(16)?;
            let low = chars.next()?.to_digit(16)?;
            char::from_u32(high * 16 + low)
        }
        c @ '0'..='7' => {
            // A single digit but 0 would be a back reference.
            if c != '0' && !chars.peek().is_some_and(octal) {
                return None;
            }
            let mut value = c.to_digit(8)?;
            for _ in 0..2 {
                let Some(digit) = chars.next_if(octal) else {
                    break;
                };
                value = value * 8 + digit.to_digit(8)?;
            }
            char::from_u32(value)
        }
        c if c.is_ascii() && !c.is_ascii_alphanumeric() => Some(c),
        _ => None,
    }
}

/// A class whose `[` has been taken.
fn class(chars: &mut Peekable<Chars<'_>>, out: &mut String) -> Option<()> {
    out.push('[');
    if chars.next_if_eq(&'^').is_some() {
        out.push('^');
    }
    let mut first = true;
    while first || chars.peek() != Some(&']') {
        first = false;
        if let Some(name) = named_class(chars) {
            out.push_str(&name?);
            continue;
        }
        if *chars.peek()? == '\\' {
            let mut ahead = chars.clone();
            ahead.next();
            if let Some(set) = set(&mut ahead)? {
                *chars = ahead;
                out.push_str(&set);
                continue;
            }
        }
        let low = class_char(chars)?;
        let mut ahead = chars.clone();
        let ranges = ahead.next() == Some('-') && ahead.peek().is_some_and(|c| *c != ']');
        let high = if ranges {
            chars.next();
            class_char(chars)?
        } else {
            low
        };
        if high < low {
            return None;
        }
        out.extend([literal(low).as_str(), "-", &literal(high)]);
    }
    chars.next();
    out.push(']');
    Some(())
}

/// `[:name:]` in a class; the inner `None` is a name that does not exist.
#[expect(clippy::option_option, reason = "no name, a name that is refused, or a name")]
fn named_class(chars: &mut Peekable<Chars<'_>>) -> Option<Option<String>> {
    const NAMES: [&str; 14] = [
        "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space",
        "upper", "word", "xdigit",
    ];
    let rest: String = chars.clone().take(64).collect();
    let (name, _) = rest.strip_prefix("[:")?.split_once(":]")?;
    chars.by_ref().take(name.chars().count() + 4).for_each(drop);
    let known = NAMES.contains(&name.strip_prefix('^').unwrap_or(name));
    Some(known.then(|| format!("[:{name}:]")))
}

fn class_char(chars: &mut Peekable<Chars<'_>>) -> Option<char> {
    match chars.next()? {
        '\\' => escaped_char(chars),
        c => Some(c),
    }
}
