use proptest::prelude::*;
use regex::Regex;

use super::*;
use crate::fuzz::texts;

/// The expression that BuildKit turns a pattern into (`convertShellPatternToRegex`), `None` if it refuses.
fn regex(pattern: &str, stars: Match, at_start: bool) -> Option<Regex> {
    let mut expression = if at_start { "^" } else { "" }.to_owned();
    let mut chars = pattern.strip_prefix('\u{feff}').unwrap_or(pattern).chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '*' if stars == Match::Shortest => expression.push_str(".*?"),
            '*' => expression.push_str(".*"),
            '?' => expression.push('.'),
            '\\' if matches!(chars.peek(), Some('}' | '/')) => {}
            '\\' => {
                let escaped = chars.next().filter(|c| matches!(c, '*' | '?' | '\\'))?;
                expression.extend(['\\', escaped]);
            }
            _ => expression.push_str(&regex::escape(&c.to_string())),
        }
    }
    Some(Regex::new(&expression).unwrap())
}

/// A pattern's regular expressions.
struct Expressions {
    pattern: String,
    prefix: [(Match, Option<Regex>); 2],
    suffix: [(Match, Option<Regex>); 2],
    anywhere: Option<Regex>,
}

impl Expressions {
    fn new(pattern: &str) -> Self {
        let both = |pattern: &str| {
            [Match::Shortest, Match::Longest].map(|stars| (stars, regex(pattern, stars, true)))
        };
        Self {
            pattern: pattern.to_owned(),
            prefix: both(pattern),
            suffix: both(&reversed_pattern(pattern)),
            anywhere: regex(pattern, Match::Longest, false),
        }
    }

    /// Fails if anything about the pattern and one of `values` differs.
    fn check_all(&self, values: &[String]) {
        for value in values {
            self.check(value);
        }
    }

    fn check(&self, value: &str) {
        let pattern = &self.pattern;
        let reversed = |text: &str| text.chars().rev().collect::<String>();
        let trimmed = |regex: &Option<Regex>, value: &str| {
            regex.as_ref().map(|regex| regex.replace(value, "").into_owned())
        };
        for (stars, regex) in &self.prefix {
            let ours = trim_prefix(value, pattern, *stars).ok();
            assert_eq!(ours, trimmed(regex, value), "{value:?} # {pattern:?} {stars:?}");
        }
        for (stars, regex) in &self.suffix {
            let ours = trim_suffix(value, pattern, *stars).ok();
            let theirs = trimmed(regex, &reversed(value)).map(|text| reversed(&text));
            assert_eq!(ours, theirs, "{value:?} % {pattern:?} {stars:?}");
        }
        let regex = self.anywhere.as_ref();
        let theirs = regex.map(|regex| regex.find(value).map(|found| found.range()));
        assert_eq!(find(value, pattern).ok(), theirs, "{value:?} / {pattern:?}");
        let theirs = regex.map(|regex| Some(regex.replace_all(value, "<$0>").into_owned()));
        let ours = replace_all(value, pattern, "<$0>", usize::MAX).ok();
        assert_eq!(ours, theirs, "{value:?} // {pattern:?}");
    }
}

#[test]
fn short_patterns_find_what_their_regular_expressions_find() {
    let values = texts("aé\n", 3);
    for pattern in texts("aé*?\n", 3) {
        Expressions::new(&pattern).check_all(&values);
    }
}

#[test]
fn long_texts_take_time_by_their_length() {
    let long = "a".repeat(500_000);
    for pattern in [
        "*b",
        "a*b",
        "?b",
        "*a?b",
        "*a*b*c",
        &(long.clone() + "b"),
        &(long.clone() + "*b"),
        &"*a".repeat(100_000),
        &"*".repeat(500_000),
        &"?".repeat(500_000),
    ] {
        let _ = trim_prefix(&long, pattern, Match::Longest);
        let _ = trim_suffix(&long, pattern, Match::Shortest);
        let _ = replace_all(&long, pattern, "", usize::MAX);
        let _ = replace_all(&"a\n".repeat(250_000), pattern, "", usize::MAX);
    }
}

proptest! {
    #[test]
    fn patterns_find_what_their_regular_expressions_find(
        pattern in r"(\x{feff}|)([ab*?]|\*|\\[*?\\/}]|[\n\\/}é.])?([ab*?]|\*|[ab*?\n]){0,10}",
        values in proptest::collection::vec(r"[ab*?]{0,3}[ab\n*?\\/é.]{0,20}", 32),
    ) {
        Expressions::new(&pattern).check_all(&values);
    }
}
