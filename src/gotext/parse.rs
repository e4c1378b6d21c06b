//! Values as Go reads them: booleans and durations as its standard library does, sizes as docker's `go-units` does.

use super::to_lower;

/// Returns a boolean as Go's `strconv.ParseBool` reads it; `None` if it is none.
pub fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
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

/// What is wrong with a duration of more nanoseconds than 63 bits hold.
const OVERFLOW: &str = "it is too long";

/// Returns nanoseconds as Go's `time.ParseDuration` reads them.
///
/// # Errors
/// What is wrong with the text.
pub fn parse_duration_ns(text: &str) -> Result<i64, &'static str> {
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
