//! JSON arrays as Go's `encoding/json` reads them into a slice of anything.

use crate::gotext::json::Json;
use crate::gotext::trim_start;

/// What a text is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Array {
    /// No JSON array, or one that Go cannot decode.
    No,
    /// An array with elements that are not strings.
    OtherValues,
    /// An array of strings.
    Strings(Vec<String>),
}

/// Returns what `text` is.
///
/// Source: `parseJSON` in `frontend/dockerfile/parser/line_parsers.go` of BuildKit.
pub(super) fn array(text: &[u8]) -> Array {
    let text = trim_start(text);
    if text.first() != Some(&b'[') {
        return Array::No;
    }
    let Ok(Json::Array(elements)) = Json::parse_any(text) else { return Array::No };
    let string = |element| match element {
        Json::String(text) => Some(text.into_owned()),
        _ => None,
    };
    elements.into_iter().map(string).collect::<Option<_>>().map_or(Array::OtherValues, Array::Strings)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(text: &str) -> Vec<String> {
        match array(text.as_bytes()) {
            Array::Strings(strings) => strings,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn an_array_of_strings_gives_its_elements() {
        assert_eq!(strings(r#" ["a", "b\n\"\/A" , ""] "#), ["a", "b\n\"/A", ""]);
        assert_eq!(strings("[ ]"), [""; 0]);
        assert_eq!(strings("\u{a0}[]"), [""; 0]);
    }

    #[test]
    fn surrogates_are_joined_in_pairs_and_replaced_alone() {
        assert_eq!(
            strings(r#"["\ud83d\ude00 \ud83d \ude00 \ud83d\u0041"]"#),
            ["😀 \u{fffd} \u{fffd} \u{fffd}A"]
        );
    }

    #[test]
    fn other_elements_are_told_from_no_array() {
        for text in ["[1]", "[null]", r#"["a", ["b"]]"#, r#"[{"a":[1,{"b":-0.5e+3}],"c":true}]"#, "[[],{}]"] {
            assert_eq!(array(text.as_bytes()), Array::OtherValues, "{text}");
        }
        for text in [
            "",
            "x",
            "[",
            "[a]",
            r#"["a",]"#,
            r#"["a"] x"#,
            "['a']",
            "[01]",
            "[1e999]",
            "[{1:2}]",
            r#"["\x"]"#,
        ] {
            assert_eq!(array(text.as_bytes()), Array::No, "{text}");
        }
        assert_eq!(array(b"[\"a\tb\"]"), Array::No);
        assert_eq!(array(b"[\"a\", 1e999]"), Array::No);
    }

    #[test]
    fn nesting_is_bounded_without_recursion() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert_eq!(array(nested(10_000).as_bytes()), Array::OtherValues);
        assert_eq!(array(nested(10_001).as_bytes()), Array::No);
        assert_eq!(array("[".repeat(1 << 20).as_bytes()), Array::No);
    }

    #[test]
    fn bytes_that_are_no_text_are_replaced_one_by_one() {
        assert_eq!(array(b"[\"\xe2\x82\"]"), Array::Strings(vec!["\u{fffd}\u{fffd}".to_owned()]));
    }
}
