//! JSON arrays as Go's `encoding/json` reads them into a slice of anything.

use crate::gotext::{lossy, trim_start};

/// Containers in containers that Go still decodes.
const MAX_DEPTH: usize = 10_000;

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
pub(super) fn array(text: &[u8]) -> Array {
    let bytes = trim_start(text);
    if bytes.first() != Some(&b'[') {
        return Array::No;
    }
    let mut scanner = Scanner { bytes, at: 0, open: Vec::new(), strings: Vec::new(), others: false };
    match scanner.document() {
        None => Array::No,
        Some(()) if scanner.others => Array::OtherValues,
        Some(()) => Array::Strings(scanner.strings),
    }
}

struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
    /// The closing bracket of each open container.
    open: Vec<u8>,
    /// The strings directly in the outermost array.
    strings: Vec<String>,
    /// Whether the outermost array has elements that are not strings.
    others: bool,
}

impl Scanner<'_> {
    fn document(&mut self) -> Option<()> {
        loop {
            self.value()?;
            loop {
                self.blanks();
                let Some(close) = self.open.last().copied() else {
                    return (self.at == self.bytes.len()).then_some(());
                };
                match self.next()? {
                    b',' => {
                        if close == b'}' {
                            self.key()?;
                        }
                        break;
                    }
                    byte if byte == close => {
                        self.open.pop();
                    }
                    _ => return None,
                }
            }
        }
    }

    /// Takes a scalar, an empty container, or the start of a container up to its first value.
    fn value(&mut self) -> Option<()> {
        loop {
            self.blanks();
            let outermost = self.open.len() == 1;
            if self.peek()? == b'"' {
                let text = self.string()?;
                if outermost {
                    self.strings.push(text);
                }
                return Some(());
            }
            self.others |= outermost;
            let close = match self.next()? {
                b'[' => b']',
                b'{' => b'}',
                b't' => return self.literal("rue"),
                b'f' => return self.literal("alse"),
                b'n' => return self.literal("ull"),
                byte => return self.number(byte),
            };
            if self.open.len() == MAX_DEPTH {
                return None;
            }
            self.open.push(close);
            self.blanks();
            if self.peek()? == close {
                self.at += 1;
                self.open.pop();
                return Some(());
            }
            if close == b'}' {
                self.key()?;
            }
        }
    }

    /// Takes `"name":`.
    fn key(&mut self) -> Option<()> {
        self.blanks();
        if self.peek()? != b'"' {
            return None;
        }
        self.string()?;
        self.blanks();
        (self.next()? == b':').then_some(())
    }

    fn literal(&mut self, rest: &str) -> Option<()> {
        self.bytes[self.at..].starts_with(rest.as_bytes()).then(|| self.at += rest.len())
    }

    /// Takes a number that begins with `first`; Go cannot decode one that is out of range.
    fn number(&mut self, first: u8) -> Option<()> {
        let start = self.at - 1;
        let first = if first == b'-' { self.next()? } else { first };
        match first {
            b'0' => {}
            b'1'..=b'9' => {
                self.digits();
            }
            _ => return None,
        }
        if self.bytes.get(self.at) == Some(&b'.') {
            self.at += 1;
            self.digits().then_some(())?;
        }
        if matches!(self.bytes.get(self.at), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.bytes.get(self.at), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits().then_some(())?;
        }
        let text = str::from_utf8(&self.bytes[start..self.at]).ok()?;
        text.parse::<f64>().ok().filter(|number| number.is_finite()).map(|_| ())
    }

    /// Takes digits and returns whether there were any.
    fn digits(&mut self) -> bool {
        let count = self.bytes[self.at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += count;
        count > 0
    }

    /// Takes a string and returns its text.
    fn string(&mut self) -> Option<String> {
        self.at += 1;
        let mut text = String::new();
        loop {
            let run = self.bytes[self.at..].iter();
            let run = run.take_while(|byte| **byte >= 0x20 && !matches!(byte, b'"' | b'\\')).count();
            text.push_str(&lossy(&self.bytes[self.at..self.at + run]));
            self.at += run;
            match self.next()? {
                b'"' => return Some(text),
                b'\\' => text.push(self.escaped()?),
                _ => return None,
            }
        }
    }

    fn escaped(&mut self) -> Option<char> {
        Some(match self.next()? {
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.code_point(),
            byte @ (b'"' | b'\\' | b'/') => char::from(byte),
            _ => return None,
        })
    }

    /// Takes the four digits behind `\u`, and a second `\u` with them where both are one character.
    fn code_point(&mut self) -> Option<char> {
        let high = self.hex4()?;
        if !(0xd800..0xdc00).contains(&high) {
            return Some(char::from_u32(high).unwrap_or('\u{fffd}'));
        }
        let back = self.at;
        if self.bytes[self.at..].starts_with(b"\\u") {
            self.at += 2;
            let low = self.hex4()?;
            if (0xdc00..0xe000).contains(&low) {
                return char::from_u32(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00));
            }
        }
        self.at = back;
        Some('\u{fffd}')
    }

    fn hex4(&mut self) -> Option<u32> {
        let digits = self.bytes.get(self.at..self.at + 4)?;
        self.at += 4;
        let digit = |value: u32, byte: &u8| Some(value * 16 + char::from(*byte).to_digit(16)?);
        digits.iter().try_fold(0, digit)
    }

    fn blanks(&mut self) {
        let blanks = self.bytes[self.at..].iter();
        self.at += blanks.take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n')).count();
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }
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
