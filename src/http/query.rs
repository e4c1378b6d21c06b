//! Query strings: strict reading and exact writing.

use crate::percent;

/// Returns `text` with every byte percent-encoded that is not unreserved.
pub fn encode(text: &str) -> String {
    percent::encode(text.as_bytes(), percent::is_unreserved)
}

/// Returns `a=b&c=d`, encoded. It is allocated once in its longest form, so that no copy of a secret in it is left behind
/// unwiped where it grows.
pub fn encode_pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let pairs: Vec<(&str, &str)> = pairs.into_iter().collect();
    let longest = pairs.iter().map(|(name, value)| 3 * (name.len() + value.len()) + 2).sum();
    let mut out = String::with_capacity(longest);
    for (name, value) in pairs {
        if !out.is_empty() {
            out.push('&');
        }
        percent::encode_to(&mut out, name.as_bytes(), percent::is_unreserved);
        out.push('=');
        percent::encode_to(&mut out, value.as_bytes(), percent::is_unreserved);
    }
    out
}

/// Returns the names and values of a query string. None if an escape is broken, or a name or value is not UTF-8 or holds
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
    let bytes = percent::decode_form(text.as_bytes())?.into_owned();
    String::from_utf8(bytes).ok().filter(|text| !text.chars().any(char::is_control))
}

#[cfg(test)]
mod tests {
    use super::{encode, encode_pairs, parse_pairs};

    #[test]
    fn what_is_written_reads_back() {
        let pairs = [("scope", "repository:a/b:pull,push"), ("a b", "ü+&=%"), ("empty", "")];
        let read = parse_pairs(&encode_pairs(pairs)).unwrap();
        let read: Vec<_> = read.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(read, pairs);
    }

    #[test]
    fn a_value_is_encoded_but_for_unreserved_characters() {
        assert_eq!(encode("a-Z_0.9~ /?:\u{fc}"), "a-Z_0.9~%20%2F%3F%3A%C3%BC");
    }

    #[test]
    fn pairs_are_written_without_growing_the_text() {
        let long = "=".repeat(1000);
        let written = encode_pairs([(&*long, "="), ("=", &*long)]);
        // A text that grew would have about twice its length in memory. One separator more is reserved than is written.
        assert_eq!((written.len(), written.capacity()), (6009, 6010));
    }

    #[test]
    fn broken_escapes_and_control_characters_are_refused() {
        for query in ["a=%", "a=%4", "a=%zz", "a=%0d%0aX", "a=%00", "%ff=1"] {
            assert_eq!(parse_pairs(query), None, "{query}");
        }
    }
}
