//! Values as Go's libraries read them: booleans, sizes, durations.

use crate::gotext::to_lower;

/// Returns a boolean as Go's `strconv.ParseBool` reads it; `None` if it is none.
pub fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

/// Returns an unsigned number of digits only, in base `radix`, that fits 32 bits.
pub(super) fn parse_u32(text: &str, radix: u32) -> Option<u32> {
    let digits = text.chars().all(|c| c.is_digit(radix));
    digits.then(|| u32::from_str_radix(text, radix).ok()).flatten()
}

/// Returns a size in bytes as docker's go-units reads it (`RAMInBytes`): a number, perhaps a space,
/// perhaps one of `k`, `m`, `g`, `t`, `p` (powers of 1024) with `b` or `ib` behind it; `None` if it is
/// no size.
pub fn parse_ram_in_bytes(text: &str) -> Option<i64> {
    let end = text.rfind(|c: char| c.is_ascii_digit() || matches!(c, '.' | ' '))?;
    let (number, suffix) = text.split_at(end + 1);
    let number = parse_float(number.strip_suffix(' ').unwrap_or(number))?;
    if number < 0.0 || suffix.len() > 3 {
        return None;
    }
    let power = match to_lower(suffix).as_str() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 1,
        "m" | "mb" | "mib" => 2,
        "g" | "gb" | "gib" => 3,
        "t" | "tb" | "tib" => 4,
        "p" | "pb" | "pib" => 5,
        _ => return None,
    };
    Some(to_i64(number * 1024_f64.powi(power)))
}

/// Returns a number as Go's `strconv.ParseFloat` reads it, but for hexadecimal ones.
fn parse_float(text: &str) -> Option<f64> {
    let digit = |at: Option<usize>| at.and_then(|at| text.as_bytes().get(at)).is_some_and(u8::is_ascii_digit);
    let mut underscores = text.match_indices('_');
    if !underscores.all(|(at, _)| digit(at.checked_sub(1)) && digit(Some(at + 1))) {
        return None;
    }
    let number = text.replace('_', "").parse::<f64>().ok()?;
    // Infinity can be named, but not reached by too large a number.
    (number.is_finite() || !text.contains(|c: char| c.is_ascii_digit())).then_some(number)
}

/// Returns whole bytes; out of range, what the x86 instruction behind Go's conversion gives.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "the range is checked, and a size is cut to whole bytes"
)]
fn to_i64(number: f64) -> i64 {
    if number >= i64::MIN as f64 && number < i64::MAX as f64 { number as i64 } else { i64::MIN }
}

/// Returns nanoseconds as Go's `time.ParseDuration` reads them.
///
/// # Errors
/// What is wrong with the text.
pub fn parse_duration_ns(text: &str) -> Result<i64, &'static str> {
    const OVERFLOW: &str = "it is too long";
    let (negative, mut rest) = match text.as_bytes() {
        [b'-', ..] => (true, &text[1..]),
        [b'+', ..] => (false, &text[1..]),
        _ => (false, text),
    };
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err("it is empty");
    }
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let (part, after) = duration_part(rest)?;
        total = total.checked_add(part).filter(|total| *total <= 1 << 63).ok_or(OVERFLOW)?;
        rest = after;
    }
    if negative {
        return Ok(0_i64.wrapping_sub_unsigned(total));
    }
    i64::try_from(total).map_err(|_| OVERFLOW)
}

/// Returns the nanoseconds of the number and unit at the front, and what follows.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a fraction of a unit is less than the unit, which fits"
)]
fn duration_part(text: &str) -> Result<(u64, &str), &'static str> {
    const OVERFLOW: &str = "it is too long";
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let (whole, rest) = text.split_at(digits(text));
    let (fraction, rest) = match rest.strip_prefix('.') {
        Some(rest) => rest.split_at(digits(rest)),
        None => ("", rest),
    };
    if whole.is_empty() && fraction.is_empty() {
        return Err("a number is missing");
    }
    let end = rest.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(rest.len());
    let (unit, rest) = rest.split_at(end);
    let unit_ns: u64 = match unit {
        "" => return Err("a unit is missing"),
        "ns" => 1,
        "us" | "µs" | "μs" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return Err("the unit is unknown"),
    };
    let whole = if whole.is_empty() { 0 } else { whole.parse::<u64>().map_err(|_| OVERFLOW)? };
    let whole_ns = whole.checked_mul(unit_ns).filter(|ns| *ns <= 1 << 63).ok_or(OVERFLOW)?;
    let (fraction, scale) = leading_fraction(fraction);
    let fraction_ns = (fraction * (unit_ns as f64 / scale)) as u64;
    let ns = whole_ns.checked_add(fraction_ns).filter(|ns| *ns <= 1 << 63).ok_or(OVERFLOW)?;
    Ok((ns, rest))
}

/// Returns the digits as a number and the power of ten to divide it by; digits behind what 63 bits hold
/// do not count.
#[expect(clippy::cast_precision_loss, reason = "as in Go, where the fraction becomes a float too")]
fn leading_fraction(digits: &str) -> (f64, f64) {
    let mut value: u64 = 0;
    let mut scale = 1.0;
    for digit in digits.bytes().map(|byte| u64::from(byte - b'0')) {
        let next = value.checked_mul(10).map(|tens| tens + digit);
        let Some(next) = next.filter(|next| *next <= 1 << 63) else {
            break;
        };
        value = next;
        scale *= 10.0;
    }
    (value as f64, scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_binary_units() {
        for (text, bytes) in [
            ("0", 0),
            ("10", 10),
            ("1.5k", 1536),
            ("1 KB", 1024),
            ("2MiB", 2 << 20),
            (".5g", 1 << 29),
            ("1b", 1),
            ("1_000", 1000),
            ("1t", 1 << 40),
            ("1P", 1 << 50),
            ("+1e3", 1000),
            ("99999999p", i64::MIN),
        ] {
            assert_eq!(parse_ram_in_bytes(text), Some(bytes), "{text}");
        }
        for text in
            ["", "k", "-1", "1x", "1kbb", "1bb", "1 kib ", "1  k", "1__0", "_1", "1e999", "1.2.3", "1ki"]
        {
            assert_eq!(parse_ram_in_bytes(text), None, "{text}");
        }
    }

    #[test]
    fn booleans_are_those_of_go() {
        assert_eq!(parse_bool("T"), Some(true));
        assert_eq!(parse_bool("0"), Some(false));
        assert_eq!(parse_bool("yes"), None);
    }

    #[test]
    fn numbers_are_digits_only() {
        assert_eq!(parse_u32("0755", 8), Some(0o755));
        assert_eq!(parse_u32("4294967295", 10), Some(u32::MAX));
        for text in ["", "+1", "-1", "8", "1_0"] {
            assert_eq!(parse_u32(text, 8), None, "{text}");
        }
        assert_eq!(parse_u32("4294967296", 10), None);
    }

    #[test]
    fn a_fraction_beyond_what_counts_is_dropped() {
        assert_eq!(parse_duration_ns("0.99999999999999999999999s"), Ok(1_000_000_000));
        assert_eq!(parse_duration_ns("1.123456789123456789s"), Ok(1_123_456_789));
        assert_eq!(parse_duration_ns("0.1234567891h"), Ok(444_444_440_760));
        assert_eq!(parse_duration_ns("1.s"), Ok(1_000_000_000));
        assert_eq!(parse_duration_ns("-1.5ms"), Ok(-1_500_000));
        assert_eq!(parse_duration_ns("-9223372036854775808ns"), Ok(i64::MIN));
        assert!(parse_duration_ns("9223372036854775808ns").is_err());
        assert!(parse_duration_ns("").is_err());
    }
}
