//! Patterns of `${name#pattern}`, `${name%pattern}` and `${name/pattern/replacement}`: `*` stands for
//! any text, `?` for any character, neither for a line feed; `\` makes them ordinary.

use std::ops::Range;

use regex::{Regex, RegexBuilder};

use super::ErrorKind;
use super::name::is_name_char;

/// Bytes that a compiled pattern may take; a pattern is no longer than a Dockerfile.
const SIZE_LIMIT: usize = 1 << 30;

/// Whether `*` takes as little or as much as it can.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Match {
    Shortest,
    Longest,
}

/// Returns `value` without the prefix that matches.
pub(super) fn trim_prefix(value: &str, pattern: &str, stars: Match) -> Result<String, ErrorKind> {
    if is_literal(pattern) {
        return Ok(value.strip_prefix(pattern).unwrap_or(value).to_owned());
    }
    let found = compile(pattern, stars, true)?.find(value);
    Ok(value[found.map_or(0, |found| found.end())..].to_owned())
}

/// Returns `value` without the suffix that matches.
///
/// A regular expression finds the leftmost match, not the shortest at the end: both texts are turned
/// around.
pub(super) fn trim_suffix(value: &str, pattern: &str, stars: Match) -> Result<String, ErrorKind> {
    let reversed: String = value.chars().rev().collect();
    let trimmed = trim_prefix(&reversed, &reversed_pattern(pattern), stars)?;
    Ok(trimmed.chars().rev().collect())
}

/// Returns where the first match of `pattern` in `value` is.
pub(super) fn find(value: &str, pattern: &str) -> Result<Option<Range<usize>>, ErrorKind> {
    if is_literal(pattern) {
        return Ok(value.find(pattern).map(|start| start..start + pattern.len()));
    }
    let found = compile(pattern, Match::Longest, false)?.find(value).map(|found| found.range());
    Ok(found)
}

/// Returns `value` with every match of `pattern` replaced, `None` if that is longer than `max` bytes.
///
/// `$0` and `${0}` in the replacement stand for the match, `$$` for `$`, and every other `$name` for
/// nothing, since patterns have no groups (Go's `Regexp.Expand`).
pub(super) fn replace_all(
    value: &str,
    pattern: &str,
    replacement: &str,
    max: usize,
) -> Result<Option<String>, ErrorKind> {
    let regex = compile(pattern, Match::Longest, false)?;
    let mut out = String::new();
    let mut end = 0;
    for found in regex.find_iter(value) {
        out.push_str(&value[end..found.start()]);
        expand(&mut out, replacement, found.as_str());
        end = found.end();
        if out.len() > max {
            return Ok(None);
        }
    }
    out.push_str(&value[end..]);
    Ok(Some(out))
}

fn expand(out: &mut String, template: &str, whole: &str) {
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        if let Some(after) = after.strip_prefix('$') {
            out.push('$');
            rest = after;
        } else if let Some((name, after)) = group_name(after) {
            if name == "0" {
                out.push_str(whole);
            }
            rest = after;
        } else {
            out.push('$');
            rest = after;
        }
    }
    out.push_str(rest);
}

/// Returns the name behind a `$`, in braces or not, and what follows it.
fn group_name(text: &str) -> Option<(&str, &str)> {
    let inner = text.strip_prefix('{');
    let name_on = inner.unwrap_or(text);
    let end = name_on.find(|c| !is_name_char(c)).unwrap_or(name_on.len());
    let (name, rest) = name_on.split_at(end);
    let rest = if inner.is_some() { rest.strip_prefix('}')? } else { rest };
    (!name.is_empty()).then_some((name, rest))
}

/// Whether every character of a pattern is ordinary, so that no regular expression is needed.
fn is_literal(pattern: &str) -> bool {
    !pattern.contains(['*', '?', '\\', '\u{feff}'])
}

fn compile(pattern: &str, stars: Match, at_start: bool) -> Result<Regex, ErrorKind> {
    let invalid = || ErrorKind::InvalidPattern { pattern: pattern.to_owned() };
    let mut expression = String::with_capacity(pattern.len() + 4);
    if at_start {
        expression.push('^');
    }
    let star = match stars {
        Match::Shortest => ".*?",
        Match::Longest => ".*",
    };
    // Like the words, a pattern is read by a scanner that drops a byte order mark at its start.
    let pattern_text = pattern.strip_prefix('\u{feff}').unwrap_or(pattern);
    let mut chars = pattern_text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '*' => expression.push_str(star),
            '?' => expression.push('.'),
            // `}` and `/` are escaped for the substitution around the pattern, not for the pattern.
            '\\' if matches!(chars.peek(), Some('}' | '/')) => {}
            '\\' => {
                let escaped = chars.next().filter(|c| matches!(c, '*' | '?' | '\\')).ok_or_else(invalid)?;
                push_literal(&mut expression, escaped);
            }
            _ => push_literal(&mut expression, c),
        }
    }
    RegexBuilder::new(&expression).size_limit(SIZE_LIMIT).build().map_err(|_| invalid())
}

fn push_literal(expression: &mut String, c: char) {
    expression.push_str(&regex::escape(c.encode_utf8(&mut [0; 4])));
}

/// Returns the pattern for the reversed text; an escape stays before what it escapes.
fn reversed_pattern(pattern: &str) -> String {
    let mut units = Vec::new();
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        units.push((c, if c == '\\' { chars.next() } else { None }));
    }
    units.iter().rev().flat_map(|(c, escaped)| std::iter::once(*c).chain(*escaped)).collect()
}
