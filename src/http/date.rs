//! Dates in the two forms that registries send, as seconds since 1970.

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// The seconds since 1970 of an HTTP date such as `Sun, 06 Nov 1994 08:49:37 GMT`.
/// (<https://www.rfc-editor.org/rfc/rfc9110#section-5.6.7>; the two obsolete forms are not read)
pub(crate) fn parse_http_date(text: &str) -> Option<u64> {
    let (_, rest) = text.trim().split_once(", ")?;
    let fields: Vec<&str> = rest.split(' ').collect();
    let [day, month, year, time, "GMT"] = fields[..] else { return None };
    let month = MONTHS.iter().position(|name| *name == month)?;
    seconds(number(year)?, u64::try_from(month).ok()? + 1, number(day)?, time)
}

/// The seconds since 1970 of a timestamp such as `2015-12-31T23:59:59.123Z` or `…+02:00`.
/// (<https://www.rfc-editor.org/rfc/rfc3339>)
pub(crate) fn parse_timestamp(text: &str) -> Option<u64> {
    let (date, time) = text.trim().split_at_checked(10)?;
    let time = time.strip_prefix(['T', 't', ' '])?;
    let date: Vec<&str> = date.split('-').collect();
    let [year, month, day] = date[..] else { return None };
    let (clock, zone) = time.split_at_checked(8)?;
    let zone = zone.trim_start_matches(|c: char| c == '.' || c.is_ascii_digit());
    let local = seconds(number(year)?, number(month)?, number(day)?, clock)?;
    if matches!(zone, "Z" | "z") {
        return Some(local);
    }
    let (hours, minutes) = zone.get(1..)?.split_once(':')?;
    let offset = number(hours)? * 3600 + number(minutes)? * 60;
    match zone.as_bytes()[0] {
        b'+' => local.checked_sub(offset),
        b'-' => local.checked_add(offset),
        _ => None,
    }
}

fn number(text: &str) -> Option<u64> {
    let digits = (1..=4).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().ok())?
}

fn seconds(year: u64, month: u64, day: u64, clock: &str) -> Option<u64> {
    let clock: Vec<&str> = clock.split(':').collect();
    let [hour, minute, second] = clock[..] else { return None };
    let (hour, minute, second) = (number(hour)?, number(minute)?, number(second)?);
    let valid = (1970..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60
        && second <= 60;
    // Days of a year that begins in March, so that the leap day is its last.
    let (shifted_year, shifted_month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = shifted_year / 4 - shifted_year / 100 + shifted_year / 400;
    let days = shifted_year * 365 + leap_days + (153 * shifted_month + 2) / 5 + day - 1;
    let since_1970 = days.checked_sub(719_468)?;
    valid.then_some(since_1970 * 86400 + hour * 3600 + minute * 60 + second)
}

#[cfg(test)]
mod tests {
    use super::{parse_http_date, parse_timestamp};

    #[test]
    fn reads_http_dates() {
        assert_eq!(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777));
        assert_eq!(parse_http_date("Thu, 29 Feb 2024 00:00:00 GMT"), Some(1_709_164_800));
        for text in ["", "120", "Sun, 06 Nov 1994 08:49:37 CET", "Sun, 06 Foo 1994 08:49:37 GMT"] {
            assert_eq!(parse_http_date(text), None, "{text}");
        }
    }

    #[test]
    fn fuzz_dates_are_read_or_not() {
        let seeds: [&[u8]; 3] =
            [b"Sun, 06 Nov 1994 08:49:37 GMT", b"2015-12-31T23:59:59.123Z", b"2016-01-01T01:59:59+02:00"];
        // The seconds of 9999-12-31, with the largest offset.
        let last = 253_402_300_800 + 9999 * 3660;
        crate::fuzz::run(&seeds, |bytes| {
            let Ok(text) = std::str::from_utf8(bytes) else { return };
            assert!(parse_http_date(text).unwrap_or_default() <= last);
            assert!(parse_timestamp(text).unwrap_or_default() <= last);
        });
    }

    #[test]
    fn reads_timestamps_with_fractions_and_zones() {
        for text in ["2015-12-31T23:59:59Z", "2015-12-31T23:59:59.123456789Z", "2016-01-01T01:59:59+02:00"] {
            assert_eq!(parse_timestamp(text), Some(1_451_606_399), "{text}");
        }
        for text in ["", "2015-12-31", "2015-12-31T23:59:59", "2015-13-31T23:59:59Z", "ü015-12-31T23:59:59Z"]
        {
            assert_eq!(parse_timestamp(text), None, "{text}");
        }
    }
}
