//! Query strings: strict reading and exact writing.

/// `text` with every byte percent-encoded that is not unreserved.
/// (<https://www.rfc-editor.org/rfc/rfc3986#section-2.3>)
pub fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    encode_to(&mut out, text);
    out
}

fn encode_to(out: &mut String, text: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            const HEX: &[u8; 16] = b"0123456789ABCDEF";
            out.push('%');
            out.push(char::from(HEX[usize::from(byte >> 4)]));
            out.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
}

/// `a=b&c=d`, encoded. Written in one place, so that whoever zeroes it leaves no copy of a part behind.
pub fn encode_pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let pairs: Vec<(&str, &str)> = pairs.into_iter().collect();
    let longest = pairs.iter().map(|(name, value)| 3 * (name.len() + value.len()) + 2).sum();
    let mut out = String::with_capacity(longest);
    for (name, value) in pairs {
        if !out.is_empty() {
            out.push('&');
        }
        encode_to(&mut out, name);
        out.push('=');
        encode_to(&mut out, value);
    }
    out
}

/// The names and values of a query string; none if an escape is broken or a value is not UTF-8 or holds
/// control characters.
pub fn parse_pairs(query: &str) -> Option<Vec<(String, String)>> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Some((decode(name)?, decode(value)?))
        })
        .collect()
}

fn decode(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || char::from(bytes.next()?).to_digit(16);
                u8::try_from(digit()? * 16 + digit()?).ok()?
            }
            other => other,
        });
    }
    String::from_utf8(out).ok().filter(|text| !text.chars().any(char::is_control))
}

#[cfg(test)]
mod tests {
    use super::{encode_pairs, parse_pairs};

    #[test]
    fn what_is_written_reads_back() {
        let pairs = [("scope", "repository:a/b:pull,push"), ("a b", "ü+&=%"), ("empty", "")];
        let read = parse_pairs(&encode_pairs(pairs)).unwrap();
        let read: Vec<_> = read.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(read, pairs);
    }

    #[test]
    fn broken_escapes_and_control_characters_are_refused() {
        for query in ["a=%", "a=%4", "a=%zz", "a=%0d%0aX", "a=%00", "%ff=1"] {
            assert_eq!(parse_pairs(query), None, "{query}");
        }
    }
}
