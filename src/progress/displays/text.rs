//! Small texts that the displays share.

use std::fmt::Write as _;

use crate::diag::{Colours, fitted, log_line};
use crate::progress::time::{self, Nanos};
use crate::progress::trace::Status;

/// A count of bytes in decimal units, as `1.05MB`.
#[expect(clippy::cast_precision_loss, reason = "shown with two decimals")]
pub(in crate::progress) fn bytes(count: i64) -> String {
    const UNITS: [&str; 5] = ["kB", "MB", "GB", "TB", "PB"];
    if count < 1000 {
        return format!("{count}B");
    }
    let mut value = count as f64 / 1000.0;
    let mut unit = 0;
    while value >= 1000.0 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    format!("{value:.2}{}", UNITS[unit])
}

/// The time since a step began, with the precision of a log line's prefix.
pub(super) fn elapsed(span: Nanos) -> String {
    let seconds = time::seconds(span.max(0));
    if seconds < 1.0 {
        format!("{seconds:.3}")
    } else if seconds < 10.0 {
        format!("{seconds:.2}")
    } else {
        format!("{seconds:.1}")
    }
}

/// A transfer as ` 1.05MB / 3.20MB 0.5s done`; empty where nothing is known of it.
pub(super) fn transfer(status: &Status) -> String {
    let mut text = String::new();
    if status.total > 0 {
        let _ = write!(text, " {} / {}", bytes(status.current), bytes(status.total));
    } else if status.current > 0 {
        let _ = write!(text, " {}", bytes(status.current));
    }
    let span = status.span();
    if span > 10_000_000 {
        let _ = write!(text, " {:.1}s", time::seconds(span));
    }
    if status.completed.is_some() {
        text += " done";
    }
    text
}

/// `line` as one terminal row of at most `width` columns, without colours.
pub(super) fn one_row(line: &str, width: usize) -> String {
    fitted(&log_line(line, Colours::Drop).replace('\t', "    "), width)
}

/// How fast a transfer was so far, as `4.10MB/s`; empty where too little of it is known.
#[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "shown with two decimals")]
pub(super) fn rate(status: &Status) -> String {
    let seconds = time::seconds(status.span());
    if status.current <= 0 || seconds < 0.1 {
        return String::new();
    }
    format!("{}/s", bytes((status.current as f64 / seconds) as i64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_decimal() {
        assert_eq!(bytes(0), "0B");
        assert_eq!(bytes(999), "999B");
        assert_eq!(bytes(1_050_000), "1.05MB");
        assert_eq!(bytes(20_000_000_000), "20.00GB");
    }

    #[test]
    fn precision_falls_as_time_passes() {
        assert_eq!(elapsed(123_456_789), "0.123");
        assert_eq!(elapsed(1_234_567_890), "1.23");
        assert_eq!(elapsed(61_000_000_000), "61.0");
        assert_eq!(elapsed(-5), "0.000");
    }

    #[test]
    fn a_row_holds_no_control_sequence_and_fits() {
        assert_eq!(one_row("10%\r50%\r\u{1b}[32m100%\u{1b}[0m\tok", 80), "100%    ok");
        assert_eq!(one_row("abcdef", 4), "abc…");
        assert_eq!(one_row("\u{1b}]0;title\u{7}x", 80), "x");
    }
}
