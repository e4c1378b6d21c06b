//! What a pattern needs to be matched.

use super::wildcard::Unit;

/// How a pattern is matched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Form {
    /// It is the path.
    Exact,
    /// `text**`: everything that begins with the text before `**`.
    Prefix,
    /// `**text`: everything that ends with the text behind `**`, or is that text behind its slash.
    Suffix,
    /// Characters and wildcards.
    Wildcards(Vec<Unit>),
    /// An expression in Go's syntax.
    Regex(String),
}

/// A part of a pattern.
#[derive(Clone, Copy)]
enum Token {
    Unit(Unit),
    /// `\` and what follows it.
    Escape(Option<char>),
    /// A character that means something to regular expressions.
    ///
    /// `|`, `{` and `}` are meant to be escaped, but the table that says so holds no byte above 63
    /// (`escapeBytes`): alternatives and counted repetitions work. `^` is not even meant to be.
    Syntax(char),
}

/// Returns the form of a cleaned pattern (`compile` in moby/patternmatcher).
///
/// Wildcards are taken without regard to classes, so that a `*` or `?` in one closes it early; and `**` at
/// the very start makes a suffix of all that follows it, unless another wildcard follows.
pub(super) fn of_pattern(pattern: &str) -> Form {
    let mut form = Form::Exact;
    let mut tokens = Vec::new();
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        let token = match c {
            '*' if chars.next_if_eq(&'*').is_some() => {
                chars.next_if_eq(&'/');
                Token::Unit(if chars.peek().is_some() { Unit::Dirs } else { Unit::Rest })
            }
            '*' => Token::Unit(Unit::Run),
            '?' => Token::Unit(Unit::One),
            '\\' => Token::Escape(chars.next()),
            '[' | ']' | '|' | '{' | '}' | '^' => Token::Syntax(c),
            _ => Token::Unit(Unit::Char(c)),
        };
        form = match token {
            Token::Unit(Unit::Dirs | Unit::Rest) if tokens.is_empty() => Form::Suffix,
            Token::Unit(Unit::Rest) if form == Form::Exact => Form::Prefix,
            Token::Unit(Unit::Char(_)) | Token::Escape(None) => form,
            Token::Syntax(c) if !matches!(c, '[' | ']') => form,
            _ => Form::Wildcards(Vec::new()),
        };
        tokens.push(token);
    }
    match form {
        Form::Wildcards(_) => {
            let units: Option<_> = tokens.iter().map(|token| token.unit()).collect();
            units.map_or_else(|| Form::Regex(expression(&tokens)), Form::Wildcards)
        }
        form => form,
    }
}

impl Token {
    /// Returns the unit that the token is, `None` if only a regular expression tells what it means.
    fn unit(self) -> Option<Unit> {
        match self {
            Self::Unit(unit) => Some(unit),
            Self::Escape(Some(c)) if c.is_ascii() && !c.is_ascii_alphanumeric() => Some(Unit::Char(c)),
            Self::Escape(_) | Self::Syntax(_) => None,
        }
    }
}

/// Returns the regular expression of a pattern, in Go's syntax.
fn expression(tokens: &[Token]) -> String {
    let mut expression = "^".to_owned();
    for token in tokens {
        match token {
            Token::Unit(Unit::Char(c @ ('.' | '+' | '(' | ')' | '$'))) => expression.extend(['\\', *c]),
            Token::Unit(Unit::Char(c)) | Token::Syntax(c) => expression.push(*c),
            Token::Unit(Unit::One) => expression.push_str("[^/]"),
            Token::Unit(Unit::Run) => expression.push_str("[^/]*"),
            Token::Unit(Unit::Dirs) => expression.push_str("(.*/)?"),
            Token::Unit(Unit::Rest) => expression.push_str(".*"),
            Token::Escape(escaped) => expression.extend(std::iter::once('\\').chain(*escaped)),
        }
    }
    expression + "$"
}

#[cfg(test)]
mod tests;
