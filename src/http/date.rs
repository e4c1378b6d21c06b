//! Dates in the forms that registries send, as seconds since 1970.

use std::time::SystemTime;

/// Returns the seconds since 1970 of an HTTP date such as `Sun, 06 Nov 1994 08:49:37 GMT`; none of an earlier one.
/// (<https://www.rfc-editor.org/rfc/rfc9110#section-5.6.7>)
pub(crate) fn parse_http_date(text: &str) -> Option<u64> {
    let time = httpdate::parse_http_date(text.trim()).ok()?;
    Some(time.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_secs())
}

/// Returns the seconds since 1970 of a timestamp such as `2015-12-31T23:59:59.123Z` or `…+02:00`; none of an earlier one.
/// (<https://www.rfc-editor.org/rfc/rfc3339>)
pub(crate) fn parse_timestamp(text: &str) -> Option<u64> {
    let time: jiff::Timestamp = text.trim().parse().ok()?;
    u64::try_from(time.as_second()).ok()
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
