//! `--chmod`: octal, or symbolic as `tonistiigi/dchapes-mode` reads it.

use llb::Chmod;

use crate::converter::lower::ErrorKind;

/// The permissions that `text` means; none for an empty text.
pub(super) fn parse(text: &str) -> Result<Option<Chmod>, ErrorKind> {
    if text.is_empty() {
        return Ok(None);
    }
    let digits = |text: &str| text.bytes().all(|b| matches!(b, b'0'..=b'7'));
    let octal = || ErrorKind::Chmod { value: text.into() };
    if digits(text)
        && let Ok(bits) = u32::from_str_radix(text, 8)
    {
        return if bits > 0o7777 { Err(octal()) } else { Ok(Some(Chmod::Bits(bits))) };
    }
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(octal());
    }
    if is_symbolic(text.as_bytes()) {
        return Ok(Some(Chmod::Symbolic(text.into())));
    }
    Err(ErrorKind::SymbolicChmod { value: text.into() })
}

/// Whether `text` is `[ugoa]*([-+=][rwxXstugo]*)+`, repeated with commas.
fn is_symbolic(text: &[u8]) -> bool {
    text.split(|b| *b == b',').all(|clause| {
        let who = clause.iter().take_while(|b| matches!(b, b'a' | b'u' | b'g' | b'o')).count();
        let mut rest = &clause[who..];
        while let Some((b'+' | b'-' | b'=', after)) = rest.split_first() {
            let permissions = b"rstwXxugo";
            let count = after.iter().take_while(|b| permissions.contains(b)).count();
            rest = &after[count..];
            if rest.is_empty() {
                return true;
            }
        }
        false
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octal_and_symbolic_modes_are_read() {
        assert_eq!(parse("").unwrap(), None);
        assert_eq!(parse("0755").unwrap(), Some(Chmod::Bits(0o755)));
        assert_eq!(parse("7777").unwrap(), Some(Chmod::Bits(0o7777)));
        for text in ["u=rwX,go=rX", "+x", "a+t", "u+s-w", "=", "g=u", "u+r+x", "u+"] {
            assert_eq!(parse(text).unwrap(), Some(Chmod::Symbolic(text.into())), "{text}");
        }
    }

    #[test]
    fn other_modes_are_refused() {
        for text in ["8", "10000", "0o755", "99999999999999999999"] {
            assert_eq!(parse(text).unwrap_err(), ErrorKind::Chmod { value: text.into() }, "{text}");
        }
        for text in ["foo", "u", ",", "+x,", "u+q", "-1x", "é"] {
            assert_eq!(parse(text).unwrap_err(), ErrorKind::SymbolicChmod { value: text.into() }, "{text}");
        }
    }
}
