//! Patterns of `${name#pattern}`, `${name%pattern}` and `${name/pattern/replacement}`: `*` stands for
//! any text, `?` for any character, neither for a line feed; `\` makes them ordinary.

use std::ops::Range;

use super::ErrorKind;
use super::name::is_name_char;
use super::wildcard::{Match, Wildcards};

/// Returns `value` without the prefix that matches.
pub(super) fn trim_prefix(value: &str, pattern: &str, stars: Match) -> Result<String, ErrorKind> {
    let end = read(pattern)?.prefix_end(value, stars);
    Ok(value[end.unwrap_or_default()..].to_owned())
}

/// Returns `value` without the suffix that matches.
///
/// Both texts are turned around, as BuildKit does it.
pub(super) fn trim_suffix(value: &str, pattern: &str, stars: Match) -> Result<String, ErrorKind> {
    let reversed: String = value.chars().rev().collect();
    let trimmed = trim_prefix(&reversed, &reversed_pattern(pattern), stars)?;
    Ok(trimmed.chars().rev().collect())
}

/// Returns where the first match of `pattern` in `value` is.
pub(super) fn find(value: &str, pattern: &str) -> Result<Option<Range<usize>>, ErrorKind> {
    Ok(read(pattern)?.find(value, 0))
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
    let pattern = read(pattern)?;
    let mut out = String::new();
    let mut end = 0;
    for found in pattern.matches(value) {
        out.push_str(&value[end..found.start]);
        end = found.end;
        expand(&mut out, replacement, &value[found]);
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

fn read(pattern: &str) -> Result<Wildcards, ErrorKind> {
    let invalid = || ErrorKind::InvalidPattern { pattern: pattern.to_owned() };
    let mut wildcards = Wildcards::new();
    // Like the words, a pattern is read by a scanner that drops a byte order mark at its start.
    let mut chars = pattern.strip_prefix('\u{feff}').unwrap_or(pattern).chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '*' => wildcards.push_star(),
            '?' => wildcards.push(None),
            // `}` and `/` are escaped for the substitution around the pattern, not for the pattern.
            '\\' if matches!(chars.peek(), Some('}' | '/')) => {}
            '\\' => {
                let escaped = chars.next().filter(|c| matches!(c, '*' | '?' | '\\')).ok_or_else(invalid)?;
                wildcards.push(Some(escaped));
            }
            _ => wildcards.push(Some(c)),
        }
    }
    Ok(wildcards)
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

#[cfg(test)]
mod tests;
