//! Percent-encoding: the one reader and writer of `%41`. What may stand unencoded, each caller says.
//! (<https://www.rfc-editor.org/rfc/rfc3986#section-2.1>)

use std::borrow::Cow;

/// Returns the bytes that `text` stands for. None where a percent sign is not followed by two hex digits.
pub fn decode(text: &[u8]) -> Option<Cow<'_, [u8]>> {
    decode_where(text, false)
}

/// Returns the bytes that a part of a form or query stands for: as [`decode`], with `+` for a space.
/// (<https://url.spec.whatwg.org/#application/x-www-form-urlencoded>)
pub fn decode_form(text: &[u8]) -> Option<Cow<'_, [u8]>> {
    decode_where(text, true)
}

fn decode_where(text: &[u8], plus_is_space: bool) -> Option<Cow<'_, [u8]>> {
    if !(text.contains(&b'%') || plus_is_space && text.contains(&b'+')) {
        return Some(Cow::Borrowed(text));
    }
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.iter().copied();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => {
                let mut digit = || char::from(bytes.next()?).to_digit(16);
                u8::try_from(digit()? * 16 + digit()?).ok()?
            }
            b'+' if plus_is_space => b' ',
            other => other,
        });
    }
    Some(Cow::Owned(decoded))
}

/// Returns `bytes` with all but those encoded for which `stays` holds, which are ASCII.
pub fn encode(bytes: &[u8], stays: impl Fn(u8) -> bool) -> String {
    let mut text = String::with_capacity(bytes.len());
    encode_to(&mut text, bytes, stays);
    text
}

/// Appends to `text` what [`encode`] returns.
pub fn encode_to(text: &mut String, bytes: &[u8], stays: impl Fn(u8) -> bool) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for &byte in bytes {
        if byte.is_ascii() && stays(byte) {
            text.push(char::from(byte));
        } else {
            text.push('%');
            text.push(char::from(DIGITS[usize::from(byte >> 4)]));
            text.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
    }
}

/// Whether `byte` never has to be encoded.
/// (<https://www.rfc-editor.org/rfc/rfc3986#section-2.3>)
pub const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_escape_has_two_hex_digits() {
        for (text, want) in [
            ("a%41%c3%BC+", Some("aAü+")),
            ("a+b", Some("a+b")),
            ("%", None),
            ("%4", None),
            ("%zz", None),
            ("%+f", None),
            ("%4%31", None),
        ] {
            assert_eq!(decode(text.as_bytes()).as_deref(), want.map(str::as_bytes), "{text}");
        }
        assert_eq!(decode_form(b"a+b%2B").as_deref(), Some(&b"a b+"[..]));
        assert_eq!(decode_form(b"a+%zz"), None);
    }

    #[test]
    fn every_byte_that_is_encoded_reads_back() {
        let bytes: Vec<u8> = (0..=255).collect();
        let text = encode(&bytes, is_unreserved);
        assert!(text.starts_with("%00%01") && text.ends_with("%FF") && text.contains("ABC"));
        assert_eq!(decode(text.as_bytes()).unwrap(), bytes);
        // No caller can have a byte stand that is not ASCII.
        assert_eq!(encode("ü".as_bytes(), |_| true), "%C3%BC");
    }
}
