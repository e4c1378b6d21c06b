//! Times: a number and a unit, or whole seconds.

use std::time::Duration;

use crate::cli::values::ValueError;

/// A time such as `500ms`, `2s`, `30m` or `1h`. The crate `humantime` would take sums, fractions, months and years too.
pub(in crate::cli) fn argument(text: &str) -> Result<Duration, ValueError> {
    let wrong = || ValueError::Time { given: text.to_owned() };
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let count: u64 = digits.parse().map_err(|_| wrong())?;
    let millis = match &text[digits.len()..] {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err(wrong()),
    };
    count.checked_mul(millis).map(Duration::from_millis).ok_or_else(wrong)
}

/// A whole number of seconds, from one to a day.
pub(in crate::cli) fn seconds(text: &str) -> Result<Duration, ValueError> {
    match text.parse() {
        Ok(seconds @ 1..=86_400) => Ok(Duration::from_secs(seconds)),
        _ => Err(ValueError::Seconds),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_a_number_and_a_unit() {
        assert_eq!(argument("500ms").unwrap(), Duration::from_millis(500));
        assert_eq!(argument("30m").unwrap(), Duration::from_mins(30));
        for text in ["", "5", "s", "-1s", "1.5s", "1h30m", "3 s", "1M", "9999999999999999999h"] {
            assert!(argument(text).is_err(), "{text}");
        }
        assert!(argument("99999999999999999999h").is_err(), "more than 64 bits");
    }

    #[test]
    fn seconds_are_bounded() {
        assert_eq!(seconds("86400").unwrap(), Duration::from_hours(24));
        for text in ["0", "86401", "5s", ""] {
            assert_eq!(seconds(text), Err(ValueError::Seconds), "{text}");
        }
    }
}
