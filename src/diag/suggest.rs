//! What a misspelt name may mean.

use smol_str::SmolStr;

use crate::gotext::{to_lower, to_upper};

/// Returns the option nearest to `value` if fewer than three edits part them (BuildKit's util/suggest).
///
/// A value that is among the options has no suggestion: the error is about something else. Without
/// regard to case, the suggestion takes the case of `value`. Among equally near options the first wins
/// (BuildKit picks one at random).
pub fn nearest<'a>(
    value: &str,
    options: impl IntoIterator<Item = &'a str>,
    case_sensitive: bool,
) -> Option<String> {
    let folded = if case_sensitive { value.into() } else { to_lower(value) };
    let length = folded.chars().count();
    let mut best: Option<SmolStr> = None;
    let mut least = 3;
    for option in options {
        let option = if case_sensitive { option.into() } else { to_lower(option) };
        if option == folded {
            return None;
        }
        // An edit changes the length by one at most: no need to measure a text that is far longer.
        if option.chars().count().abs_diff(length) >= least {
            continue;
        }
        let distance = strsim::levenshtein(&folded, &option);
        if distance < least {
            least = distance;
            best = Some(option);
        }
    }
    best.map(|option| if case_sensitive { option } else { in_case_of(option, value) })
        .map(String::from)
        .filter(|option| !option.is_empty())
}

fn in_case_of(option: SmolStr, value: &str) -> SmolStr {
    if value == to_lower(value) {
        to_lower(&option)
    } else if value == to_upper(value) {
        to_upper(&option)
    } else {
        option
    }
}

/// Returns ` (did you mean X?)`, or nothing without a suggestion.
pub fn did_you_mean(suggestion: Option<&str>) -> String {
    suggestion.map_or_else(String::new, |suggestion| format!(" (did you mean {suggestion}?)"))
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn the_nearest_within_two_edits_is_suggested_in_the_case_of_the_value() {
        assert_eq!(nearest("FRMO", ["FROM", "RUN"], false).as_deref(), Some("FROM"));
        assert_eq!(nearest("frmo", ["FROM", "RUN"], false).as_deref(), Some("from"));
        assert_eq!(nearest("Frmo", ["FROM", "RUN"], false).as_deref(), Some("from"));
        assert_eq!(nearest("form", ["platform"], true), None);
        assert_eq!(nearest("chwon", ["chown", "chmod"], true).as_deref(), Some("chown"));
    }

    #[test]
    fn a_value_among_the_options_has_no_suggestion() {
        assert_eq!(nearest("run", ["rum", "RUN"], false), None);
    }
}
