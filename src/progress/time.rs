//! Instants as buildkitd sends them, and how they are written.

use std::time::{SystemTime, UNIX_EPOCH};

use bollard_buildkit_proto::google::protobuf::Timestamp;

use crate::image::timestamp::civil;

/// Nanoseconds since the Unix epoch.
pub(super) type Nanos = i64;

const SECOND: Nanos = 1_000_000_000;

pub(super) fn now() -> Nanos {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Nanos::try_from(since.as_nanos()).unwrap_or(Nanos::MAX)
}

pub(super) fn timestamp() -> Timestamp {
    let now = now();
    let nanos = i32::try_from(now % SECOND).expect("a remainder below a second fits");
    Timestamp { seconds: now / SECOND, nanos }
}

pub(super) fn nanos(timestamp: &Timestamp) -> Nanos {
    timestamp.seconds.saturating_mul(SECOND).saturating_add(timestamp.nanos.into())
}

/// Seconds, for people.
#[expect(clippy::cast_precision_loss, reason = "shown with three decimals at most")]
pub(super) fn seconds(nanos: Nanos) -> f64 {
    nanos as f64 / SECOND as f64
}

/// RFC 3339 in UTC with as many decimals as needed, as Go's `time.Time` marshals to JSON.
pub(super) fn rfc3339(timestamp: &Timestamp) -> String {
    let seconds = timestamp.seconds;
    let (year, month, day) = civil(seconds.div_euclid(86_400));
    let of_day = seconds.rem_euclid(86_400);
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    let fraction = format!("{:09}", timestamp.nanos.clamp(0, 999_999_999));
    let fraction = fraction.trim_end_matches('0');
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{point}{fraction}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_go_writes_them() {
        let written = |seconds, nanos| rfc3339(&Timestamp { seconds, nanos });
        assert_eq!(written(0, 0), "1970-01-01T00:00:00Z");
        assert_eq!(written(951_782_400, 120_000_000), "2000-02-29T00:00:00.12Z");
        assert_eq!(written(1_767_225_599, 999_999_999), "2025-12-31T23:59:59.999999999Z");
        assert_eq!(written(-1, 0), "1969-12-31T23:59:59Z");
    }
}
