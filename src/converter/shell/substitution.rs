//! `${name…}` with an operator.

use super::ErrorKind;
use super::pattern;
use super::wildcard::Match;

/// Bytes that a text may become. Replacements nested in each other can double it at each level.
pub(super) const MAX_LENGTH: usize = 64 << 20;

/// A substitution whose word is being read.
pub(super) struct Substitution<'a> {
    pub(super) name: &'a str,
    pub(super) operator: Operator,
    /// Where in the output it begins.
    pub(super) start: usize,
    /// What `raw_escapes` was outside.
    pub(super) outer_raw_escapes: bool,
    /// Whether it stays as it is written, because the variable is not set: its head is in the output.
    pub(super) kept: bool,
}

pub(super) enum Operator {
    /// `-`, `+` or `?`, with `:` or not.
    Condition {
        sign: char,
        empty_is_unset: bool,
    },
    /// `#` or `%`.
    Trim {
        sign: char,
    },
    /// `/` or `//`, up to the next `/`.
    Pattern {
        all: bool,
    },
    /// The rest of `//`.
    ReplaceAll {
        pattern: String,
    },
    /// The rest of `/`: where the value goes on behind the match, if there is one.
    ReplaceFirst {
        rest: Option<usize>,
    },
    Unsupported {
        modifier: String,
    },
}

impl Substitution<'_> {
    /// The character that ends the word being read.
    pub(super) fn end(&self) -> char {
        match self.operator {
            Operator::Pattern { .. } => '/',
            _ => '}',
        }
    }

    /// Whether escape characters stay in the word being read.
    pub(super) fn has_pattern(&self) -> bool {
        matches!(self.operator, Operator::Trim { .. } | Operator::Pattern { .. })
    }

    /// Replaces the word in `out` by what the substitution gives for a variable with `value`.
    ///
    /// # Errors
    /// A variable that is demanded, a pattern that is none, or a result that is too long.
    pub(super) fn apply(&self, out: &mut String, value: Option<&str>) -> Result<(), ErrorKind> {
        let is_set = |empty_is_unset| value.is_some_and(|value| !(empty_is_unset && value.is_empty()));
        let value = value.unwrap_or_default();
        match &self.operator {
            Operator::Condition { sign, empty_is_unset } => match (sign, is_set(*empty_is_unset)) {
                ('-', false) | ('+', true) => {}
                ('+', false) => out.truncate(self.start),
                ('?', false) => return Err(self.demanded(&out[self.start..], is_set(false))),
                _ => self.replace(out, value),
            },
            Operator::Trim { sign } => {
                let word = out.split_off(self.start);
                let (pattern, stars) = match word.strip_prefix(*sign) {
                    Some(pattern) => (pattern, Match::Longest),
                    None => (word.as_str(), Match::Shortest),
                };
                let trim = if *sign == '%' { pattern::trim_suffix } else { pattern::trim_prefix };
                out.push_str(&trim(value, pattern, stars)?);
            }
            Operator::ReplaceAll { pattern } => {
                let replacement = out.split_off(self.start);
                let replaced = pattern::replace_all(value, pattern, &replacement, MAX_LENGTH)?;
                out.push_str(&replaced.ok_or(ErrorKind::TooLong { max: MAX_LENGTH })?);
            }
            Operator::ReplaceFirst { rest: Some(rest) } => out.push_str(&value[*rest..]),
            Operator::ReplaceFirst { rest: None } => self.replace(out, value),
            Operator::Pattern { .. } => {}
            Operator::Unsupported { modifier } => {
                let modifier = modifier.clone();
                return Err(ErrorKind::UnsupportedModifier { modifier });
            }
        }
        Ok(())
    }

    fn replace(&self, out: &mut String, value: &str) {
        out.truncate(self.start);
        out.push_str(value);
    }

    fn demanded(&self, word: &str, is_empty: bool) -> ErrorKind {
        let message = match word {
            "" if is_empty => "must not be empty",
            "" => "must be set",
            word => word,
        };
        ErrorKind::Demanded { name: self.name.to_owned(), message: message.to_owned() }
    }
}

impl Operator {
    /// The operator as it is kept for a variable that is not set; BuildKit keeps one `/` of two.
    pub(super) fn sign(&self) -> String {
        match self {
            Self::Condition { sign, empty_is_unset: true } => format!(":{sign}"),
            Self::Condition { sign, .. } | Self::Trim { sign } => sign.to_string(),
            Self::Unsupported { modifier } => modifier.clone(),
            Self::Pattern { .. } | Self::ReplaceAll { .. } | Self::ReplaceFirst { .. } => "/".to_owned(),
        }
    }
}
