//! Values as Go's `fmt`, `strconv` and `time` write them: image histories are full of them.

use std::fmt::Write as _;

/// Returns `text` in double quotes as `strconv.Quote` writes it.
pub fn quote(text: &[u8]) -> String {
    let mut out = String::new();
    push_quote(&mut out, text);
    out
}

/// Adds `text` in double quotes; bytes that are not UTF-8 by their numbers.
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

/// Returns a list of strings as `fmt.Sprintf` writes it with `%q`: `["a" "b"]`.
pub fn quoted_list<'a>(items: impl IntoIterator<Item = &'a [u8]>) -> String {
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

/// Returns a list of strings as `fmt.Sprintf` writes it with `%v`: `[a b]`.
pub fn list(items: &[String]) -> String {
    format!("[{}]", items.join(" "))
}

/// Returns a duration as `time.Duration.String` writes it: `1m30s`.
pub fn duration(nanoseconds: i64) -> String {
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
