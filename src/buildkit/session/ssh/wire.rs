//! The data types of SSH's protocols that agents speak with. (<https://www.rfc-editor.org/rfc/rfc4251#section-5>)

use bytes::Buf as _;

/// Appends `bytes` with their length before them.
pub(super) fn put_string(message: &mut Vec<u8>, bytes: &[u8]) {
    let length = u32::try_from(bytes.len()).expect("keys and signatures are short");
    message.extend_from_slice(&length.to_be_bytes());
    message.extend_from_slice(bytes);
}

/// Appends the positive number `bytes`, big-endian, in its shortest form, which begins with a zero bit.
pub(super) fn put_mpint(message: &mut Vec<u8>, bytes: &[u8]) {
    let first = bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len());
    let digits = &bytes[first..];
    let zero: &[u8] = if digits.first().is_some_and(|byte| byte & 0x80 != 0) { &[0] } else { &[] };
    put_string(message, &[zero, digits].concat());
}

/// Takes a text with its length before it off the front of `message`. None where it ends too early.
pub(super) fn take_string<'a>(message: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(message.try_get_u32().ok()?).ok()?;
    let (text, rest) = message.split_at_checked(length)?;
    *message = rest;
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_positive() {
        for (bytes, want) in [
            (&[0, 0, 5][..], &[0, 0, 0, 1, 5][..]),
            (&[0x80], &[0, 0, 0, 2, 0, 0x80]),
            (&[0, 0], &[0, 0, 0, 0]),
        ] {
            let mut message = Vec::new();
            put_mpint(&mut message, bytes);
            assert_eq!(message, want);
        }
    }

    #[test]
    fn a_text_ends_within_its_message() {
        let mut message = &[0, 0, 0, 1, 7, 0, 0, 0, 2, 1][..];
        assert_eq!(take_string(&mut message), Some(&[7][..]));
        assert_eq!(take_string(&mut message), None);
        assert_eq!(take_string(&mut &[0, 0][..]), None);
    }
}
