use ::regex::Regex;
use proptest::prelude::*;

use super::*;
use crate::converter::ignore::{regex, wildcard};
use crate::fuzz::texts;

/// The expression that moby/patternmatcher turns a pattern into.
fn regex(pattern: &str) -> Regex {
    let mut expression = "^".to_owned();
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '*' if chars.next_if_eq(&'*').is_some() => {
                chars.next_if_eq(&'/');
                expression.push_str(if chars.peek().is_some() { "(.*/)?" } else { ".*" });
            }
            '*' => expression.push_str("[^/]*"),
            '?' => expression.push_str("[^/]"),
            '.' | '+' | '(' | ')' | '$' => expression.extend(['\\', c]),
            '\\' => expression.extend(std::iter::once(c).chain(chars.next())),
            _ => expression.push(c),
        }
    }
    regex::compile(&(expression + "$")).unwrap()
}

/// Fails if units do not match what the pattern's regular expression matches. Other forms are not looked at.
fn check(pattern: &str, paths: &[String]) {
    let Form::Wildcards(units) = of_pattern(pattern) else {
        return;
    };
    let regex = regex(pattern);
    for path in paths {
        assert_eq!(wildcard::matches(&units, path), regex.is_match(path), "{pattern:?} {path:?}");
    }
}

#[test]
fn short_patterns_match_what_their_regular_expressions_match() {
    let paths = texts("a/\n", 4);
    for pattern in texts("a*?/", 4) {
        check(&pattern, &paths);
    }
}

#[test]
fn what_wildcards_cannot_say_becomes_a_regular_expression() {
    for pattern in ["[a]", "*a|b", "a{2}*", "*}", "^*", "?^", "\\w", "\\é", "a]", "a*\\", "\\Q*"] {
        assert!(matches!(of_pattern(pattern), Form::Regex(_)), "{pattern}");
    }
    for pattern in ["a*", "\\[", "\\|?", "a/**/b.c", "+($)*", "\\ ", "**/a*", "a**b"] {
        assert!(matches!(of_pattern(pattern), Form::Wildcards(_)), "{pattern}");
    }
    let forms = ["a", "a|b^", "a/**", "**", "**/a{"].map(of_pattern);
    assert_eq!(forms, [Form::Exact, Form::Exact, Form::Prefix, Form::Suffix, Form::Suffix]);
}

#[test]
fn long_texts_take_time_by_their_length() {
    let path = "a/".repeat(500_000);
    for pattern in ["**/b/*", "?**/b**/c*", "*a", "a?**/a*/**/b**", &("*".repeat(500) + "b")[..]] {
        if let Form::Wildcards(units) = of_pattern(pattern) {
            assert!(!wildcard::matches(&units, &path[..path.len() / pattern.len()]));
        }
    }
    let Form::Wildcards(units) = of_pattern(&(path.clone() + "*b")) else {
        panic!("no wildcards");
    };
    assert!(wildcard::matches(&units, &(path + "b")));
}

proptest! {
    #[test]
    fn patterns_match_what_their_regular_expressions_match(
        pattern in r"([ab*?/]|\*\*/?|\\[*?\\./|\[ ]|[.+()$é#\n-]){1,10}",
        paths in proptest::collection::vec(r"([ab/]|[ab/.\n*?\\|\[ +()$é#-]){0,12}", 64),
    ) {
        check(&pattern, &paths);
    }

    #[test]
    fn paths_made_from_patterns_match_as_with_regular_expressions(
        parts in proptest::collection::vec(
            prop_oneof![
                "[ab/.é]{1,2}".prop_map(|text| (text.clone(), text)),
                "[ab\n]{0,2}".prop_map(|text| ("*".to_owned(), text)),
                "[ab/\n]{0,3}/?".prop_map(|text| ("**".to_owned(), text)),
                "[ab/]{0,3}/".prop_map(|text| ("**/".to_owned(), text)),
                "[ab\n]".prop_map(|text| ("?".to_owned(), text)),
            ],
            1..7,
        ),
    ) {
        let (patterns, path): (Vec<_>, Vec<_>) = parts.into_iter().unzip();
        check(&patterns.concat(), &[path.concat()]);
    }
}
