//! Times in RFC 3339, as Go's `time.Time` reads and writes them in JSON.

use std::fmt::Write as _;

/// A text that is no RFC 3339 time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a time as RFC 3339 writes it")]
pub struct TimestampError(String);

/// `text` as Go writes the time that it names: fractions without trailing zeros.
///
/// Source: `Time.UnmarshalJSON` and `Time.MarshalJSON` of Go's `time`.
///
/// # Errors
/// [`TimestampError`] where Go refuses the text.
pub fn normalize(text: &str) -> Result<String, TimestampError> {
    parts(text).ok_or_else(|| TimestampError(text.into()))
}

fn parts(text: &str) -> Option<String> {
    let b = text.as_bytes();
    let number = |from: usize, to: usize| -> Option<u32> {
        let digits = text.get(from..to)?;
        digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok())?
    };
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let separators = b[4] == b'-' && b[7] == b'-' && b[10] == b'T' && b[13] == b':' && b[16] == b':';
    let in_range = (1..=12).contains(&month)
        && (1..=days_in(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60;
    if !separators || !in_range {
        return None;
    }
    let mut rest = &text[19..];
    let mut fraction = "";
    if let Some(after) = rest.strip_prefix('.') {
        let digits = after.bytes().take_while(u8::is_ascii_digit).count();
        if digits == 0 {
            return None;
        }
        fraction = after[..digits.min(9)].trim_end_matches('0');
        rest = &after[digits..];
    }
    let zone = match rest.as_bytes() {
        b"Z" => "Z",
        [b'+' | b'-', _, _, b':', _, _] => {
            let (at, digits) = (text.len() - 5, text.len());
            if number(at, at + 2)? > 23 || number(digits - 2, digits)? > 59 {
                return None;
            }
            if &rest[1..] == "00:00" { "Z" } else { rest }
        }
        _ => return None,
    };
    let mut out = String::with_capacity(text.len());
    out.push_str(&text[..19]);
    if !fraction.is_empty() {
        out.push('.');
        out.push_str(fraction);
    }
    out.push_str(zone);
    Some(out)
}

/// The time of `seconds` after the epoch in UTC, `2024-01-02T03:04:05Z`; `None` for a year that RFC 3339
/// has no four digits for.
pub fn from_unix(seconds: i64) -> Option<String> {
    let (days, of_day) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = civil(days);
    if !(0..=9999).contains(&year) {
        return None;
    }
    let mut out = String::with_capacity(20);
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    let _ = write!(out, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z");
    Some(out)
}

/// Year, month and day of a count of days since 1970-01-01 in the Gregorian calendar.
pub(crate) fn civil(days: i64) -> (i64, i64, i64) {
    // Years begin in March, so that the leap day is a year's last; 146,097 days are 400 years.
    let shifted = i128::from(days) + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i128::from(month <= 2);
    let narrow = |value: i128| i64::try_from(value).unwrap_or(i64::MAX);
    (narrow(year), narrow(month), narrow(day))
}

fn days_in(year: u32, month: u32) -> u32 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fractions_lose_trailing_zeros_and_zero_offsets_are_z() {
        for (text, written) in [
            ("2024-01-02T03:04:05Z", "2024-01-02T03:04:05Z"),
            ("2024-01-02T03:04:05.120Z", "2024-01-02T03:04:05.12Z"),
            ("2024-01-02T03:04:05.000Z", "2024-01-02T03:04:05Z"),
            ("2024-02-29T03:04:05+02:00", "2024-02-29T03:04:05+02:00"),
            ("2024-01-02T03:04:05+00:00", "2024-01-02T03:04:05Z"),
            ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
        ] {
            assert_eq!(normalize(text).as_deref(), Ok(written));
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "2024",
            "2023-02-29T00:00:00Z",
            "2024-01-02 03:04:05Z",
            "2024-01-02T24:00:00Z",
            "2024-01-02T03:04:05",
            "2024-01-02T03:04:05.Z",
            "2024-01-02T03:04:05+25:00",
            "é024-01-02T03:04:05Z",
        ] {
            assert!(normalize(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn seconds_become_dates() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (1_704_164_645, "2024-01-02T03:04:05Z"),
            (-1, "1969-12-31T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (253_402_300_799, "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(from_unix(seconds).as_deref(), Some(text));
        }
        assert_eq!(from_unix(253_402_300_800), None);
        assert_eq!(from_unix(i64::MIN), None);
    }
}
