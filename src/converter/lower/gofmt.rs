//! Values as Go's `fmt` and `strconv` write them: image histories are full of them.

use std::fmt::Write as _;

/// Adds `text` in double quotes, as `strconv.Quote` writes it; bytes that are not UTF-8 by their numbers.
fn push_quote(out: &mut String, text: &[u8]) {
    out.reserve(text.len() + 2);
    out.push('"');
    for chunk in text.utf8_chunks() {
        push_quoted(out, chunk.valid());
        for byte in chunk.invalid() {
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    out.push('"');
}

fn push_quoted(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{b}' => out.push_str("\\v"),
            c if is_print(c) => out.push(c),
            c => {
                let code = u32::from(c);
                let _ = match code {
                    0..0x20 | 0x7f => write!(out, "\\x{code:02x}"),
                    ..0x10000 => write!(out, "\\u{code:04x}"),
                    _ => write!(out, "\\U{code:08x}"),
                };
            }
        }
    }
}

/// `["a" "b"]`: a list with `%q`.
pub(super) fn quoted_list<'a>(items: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut list = "[".to_owned();
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            list.push(' ');
        }
        push_quote(&mut list, item);
    }
    list.push(']');
    list
}

/// `[a b]`: a list with `%v`.
pub(super) fn list(items: &[String]) -> String {
    ["[", &items.join(" "), "]"].concat()
}

/// A duration as `time.Duration.String` writes it, `1m30s`.
pub(super) fn duration(nanoseconds: i64) -> String {
    let sign = if nanoseconds < 0 { "-" } else { "" };
    let total = nanoseconds.unsigned_abs();
    match total {
        0 => "0s".into(),
        1..1_000 => format!("{sign}{total}ns"),
        1_000..1_000_000 => format!("{sign}{}µs", decimal(total, 1_000)),
        1_000_000..1_000_000_000 => format!("{sign}{}ms", decimal(total, 1_000_000)),
        _ => {
            let (minutes, rest) = (total / 60_000_000_000, total % 60_000_000_000);
            let seconds = decimal(rest, 1_000_000_000);
            match (minutes / 60, minutes % 60) {
                (0, 0) => format!("{sign}{seconds}s"),
                (0, minutes) => format!("{sign}{minutes}m{seconds}s"),
                (hours, minutes) => format!("{sign}{hours}h{minutes}m{seconds}s"),
            }
        }
    }
}

/// `value / unit` without trailing zeros; `unit` is a power of ten.
fn decimal(value: u64, unit: u64) -> String {
    let (whole, rest) = (value / unit, value % unit);
    if rest == 0 {
        return whole.to_string();
    }
    let width = unit.ilog10() as usize;
    format!("{whole}.{rest:0width$}").trim_end_matches('0').to_owned()
}

/// Whether Go prints a character as it is (`unicode.IsPrint`).
fn is_print(c: char) -> bool {
    if c.is_ascii() {
        return (' '..='~').contains(&c);
    }
    // Rust's own escaping follows the same Unicode categories; after a letter it leaves combining marks.
    let mut text = [0; 5];
    text[0] = b'a';
    let length = c.encode_utf8(&mut text[1..]).len();
    str::from_utf8(&text[..=length]).is_ok_and(|text| text.escape_debug().nth(1) == Some(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_are_those_of_strconv() {
        for (text, quoted) in [
            ("a\"b\\", r#""a\"b\\""#),
            ("\t\n\u{1}\u{7f}", r#""\t\n\x01\x7f""#),
            ("\u{7}\u{8}\u{b}\u{c}\r", r#""\a\b\v\f\r""#),
            ("é世\u{301}😀", "\"é世\u{301}😀\""),
            ("\u{a0}\u{200b}\u{e000}\u{e0001}", r#""\u00a0\u200b\ue000\U000e0001""#),
            ("\u{fffd}", "\"\u{fffd}\""),
            ("'", r#""'""#),
        ] {
            assert_eq!(quoted_list([text.as_bytes()]), format!("[{quoted}]"));
        }
        assert_eq!(quoted_list([&b"a\xff"[..], b""]), r#"["a\xff" ""]"#);
        assert_eq!(list(&[]), "[]");
    }

    #[test]
    fn durations_are_those_of_time() {
        for (nanoseconds, text) in [
            (0, "0s"),
            (1, "1ns"),
            (1_100, "1.1µs"),
            (2_200_000, "2.2ms"),
            (30_000_000_000, "30s"),
            (90_000_000_000, "1m30s"),
            (3_600_000_000_000, "1h0m0s"),
            (5_430_500_000_000, "1h30m30.5s"),
            (-1_500_000_000, "-1.5s"),
            (i64::MIN, "-2562047h47m16.854775808s"),
        ] {
            assert_eq!(duration(nanoseconds), text);
        }
    }
}
