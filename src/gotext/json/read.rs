//! The reader of JSON texts, with the limits and the leniency of Go's.
//!
//! Source: `scanner.go` and `decode.go` of Go's `encoding/json`.

use std::borrow::Cow;

use super::Json;
use crate::gotext::lossy;

/// How deep arrays and objects may lie in each other; Go's `maxNestingDepth`.
pub const MAX_DEPTH: usize = 10_000;
/// How deep values are kept. An image configuration has its deepest field at five; what lies deeper than this is only
/// checked, without recursion.
const KEPT_DEPTH: usize = 8;

/// Why a text is no JSON.
///
/// Source: `SyntaxError` in `scanner.go` of Go's `encoding/json`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} at byte {at}")]
pub struct SyntaxError {
    what: &'static str,
    /// Where, from 0.
    at: usize,
}

/// Returns the value that `text` writes.
pub(super) fn parse(text: &[u8]) -> Result<Json<'_>, SyntaxError> {
    let mut reader = Reader::new(text);
    reader.document()
}

/// Returns the value that `text` writes, if its numbers are those of `float64`.
pub(super) fn parse_with_finite_numbers(text: &[u8]) -> Result<Json<'_>, SyntaxError> {
    let mut reader = Reader::new(text);
    let value = reader.document()?;
    match reader.infinite_number {
        None => Ok(value),
        Some(at) => Err(SyntaxError { what: "a number is out of range", at }),
    }
}

struct Reader<'t> {
    text: &'t [u8],
    at: usize,
    /// Where the first number begins that `float64` does not hold, if there is one.
    infinite_number: Option<usize>,
}

impl<'t> Reader<'t> {
    fn new(text: &'t [u8]) -> Self {
        Self { text, at: 0, infinite_number: None }
    }

    /// Reads a value with nothing but white space around it.
    fn document(&mut self) -> Result<Json<'t>, SyntaxError> {
        let value = self.value(1)?;
        self.space();
        if self.at < self.text.len() { Err(self.wrong("unexpected text after the value")) } else { Ok(value) }
    }

    fn wrong(&self, what: &'static str) -> SyntaxError {
        let what = if self.at < self.text.len() { what } else { "unexpected end of JSON input" };
        SyntaxError { what, at: self.at }
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\r' | b'\n') = self.peek() {
            self.at += 1;
        }
    }

    /// Takes `byte` and the white space before it.
    fn take(&mut self, byte: u8) -> bool {
        self.space();
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    /// Reads a value that would be the `depth`th array or object around its content.
    fn value(&mut self, depth: usize) -> Result<Json<'t>, SyntaxError> {
        self.space();
        let is_deep = depth > KEPT_DEPTH;
        match self.peek() {
            Some(b'[' | b'{') if is_deep => self.skip(depth),
            Some(b'[') => {
                self.at += 1;
                self.elements(depth)
            }
            Some(b'{') => {
                self.at += 1;
                self.members(depth)
            }
            _ => self.scalar(),
        }
    }

    fn elements(&mut self, depth: usize) -> Result<Json<'t>, SyntaxError> {
        let mut elements = Vec::new();
        if self.take(b']') {
            return Ok(Json::Array(elements));
        }
        loop {
            elements.push(self.value(depth + 1)?);
            if !self.take(b',') {
                break;
            }
        }
        if self.take(b']') { Ok(Json::Array(elements)) } else { Err(self.wrong("expected `,` or `]`")) }
    }

    fn members(&mut self, depth: usize) -> Result<Json<'t>, SyntaxError> {
        let mut members = Vec::new();
        if self.take(b'}') {
            return Ok(Json::Object(members));
        }
        loop {
            let name = self.name()?;
            members.push((name, self.value(depth + 1)?));
            if !self.take(b',') {
                break;
            }
        }
        if self.take(b'}') { Ok(Json::Object(members)) } else { Err(self.wrong("expected `,` or `}`")) }
    }

    /// Reads a member's name and the colon after it.
    fn name(&mut self) -> Result<Cow<'t, str>, SyntaxError> {
        if !self.take(b'"') {
            return Err(self.wrong("expected a name in quotes"));
        }
        let name = self.string()?;
        if self.take(b':') { Ok(name) } else { Err(self.wrong("expected `:`")) }
    }

    /// Checks an array or object that lies at `depth`, and returns an empty one.
    fn skip(&mut self, depth: usize) -> Result<Json<'t>, SyntaxError> {
        let is_array = self.peek() == Some(b'[');
        // What closes each array and object that is open.
        let mut open = Vec::new();
        loop {
            self.space();
            let closing = match self.peek() {
                Some(b'[') => b']',
                Some(b'{') => b'}',
                _ => {
                    self.scalar()?;
                    0
                }
            };
            if closing != 0 {
                if depth + open.len() > MAX_DEPTH {
                    return Err(SyntaxError { what: "exceeded max depth", at: self.at });
                }
                self.at += 1;
                open.push(closing);
                if !self.take(closing) {
                    if closing == b'}' {
                        self.name()?;
                    }
                    continue;
                }
                open.pop();
            }
            // A value has ended, and perhaps what it lies in.
            while let Some(closing) = open.last() {
                if self.take(b',') {
                    break;
                }
                if !self.take(*closing) {
                    return Err(self.wrong("expected `,` or the end of an array or object"));
                }
                open.pop();
            }
            match open.last() {
                None if is_array => return Ok(Json::Array(Vec::new())),
                None => return Ok(Json::Object(Vec::new())),
                Some(b'}') => drop(self.name()?),
                Some(_) => {}
            }
        }
    }

    fn scalar(&mut self) -> Result<Json<'t>, SyntaxError> {
        let rest = &self.text[self.at..];
        for (word, value) in
            [(b"null".as_slice(), Json::Null), (b"true", Json::Bool(true)), (b"false", Json::Bool(false))]
        {
            if rest.starts_with(word) {
                self.at += word.len();
                return Ok(value);
            }
        }
        match self.peek() {
            Some(b'"') => {
                self.at += 1;
                self.string().map(Json::String)
            }
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => Err(self.wrong("expected a value")),
        }
    }

    fn number(&mut self) -> Result<Json<'t>, SyntaxError> {
        let start = self.at;
        self.at += usize::from(self.peek() == Some(b'-'));
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        let integer_end = self.at;
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            self.at += usize::from(matches!(self.peek(), Some(b'+' | b'-')));
            self.digits()?;
        }
        let text = str::from_utf8(&self.text[start..self.at]).unwrap_or_default();
        Ok(match text.parse() {
            Ok(integer) if self.at == integer_end => Json::Integer(integer),
            _ => {
                if !text.parse().is_ok_and(f64::is_finite) {
                    self.infinite_number.get_or_insert(start);
                }
                Json::Number
            }
        })
    }

    fn digits(&mut self) -> Result<(), SyntaxError> {
        let count = self.text[self.at..].iter().take_while(|b| b.is_ascii_digit()).count();
        self.at += count;
        if count > 0 { Ok(()) } else { Err(self.wrong("expected a digit")) }
    }

    /// Reads a string whose opening quote was taken.
    fn string(&mut self) -> Result<Cow<'t, str>, SyntaxError> {
        let start = self.at;
        let plain = |b: &u8| !matches!(b, b'"' | b'\\' | 0..=0x1f);
        self.at += self.text[start..].iter().take_while(|b| plain(b)).count();
        if self.peek() == Some(b'"') {
            let text = &self.text[start..self.at];
            self.at += 1;
            return Ok(lossy(text));
        }
        let mut out = lossy(&self.text[start..self.at]).into_owned();
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(out.into());
                }
                Some(b'\\') => {
                    self.at += 1;
                    out.push(self.escape()?);
                }
                Some(0x20..) => {
                    let length = self.text[self.at..].iter().take_while(|b| plain(b)).count();
                    out.push_str(&lossy(&self.text[self.at..self.at + length]));
                    self.at += length;
                }
                _ => return Err(self.wrong("control character in a string")),
            }
        }
    }

    /// Reads what follows a backslash.
    fn escape(&mut self) -> Result<char, SyntaxError> {
        let escaped = match self.peek() {
            Some(b @ (b'"' | b'\\' | b'/')) => char::from(b),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.code_point(),
            _ => return Err(self.wrong("invalid escape in a string")),
        };
        self.at += 1;
        Ok(escaped)
    }

    /// Reads `uXXXX`, and the other half where that is one half of a pair. A half alone is U+FFFD.
    fn code_point(&mut self) -> Result<char, SyntaxError> {
        let first = self.code_unit(self.at + 1).ok_or_else(|| self.wrong("invalid escape in a string"))?;
        self.at += 5;
        let second =
            if self.text[self.at..].starts_with(b"\\u") { self.code_unit(self.at + 2) } else { None };
        match char::decode_utf16([first].into_iter().chain(second)).next() {
            Some(Ok(decoded)) => {
                self.at += if decoded.len_utf16() == 2 { 6 } else { 0 };
                Ok(decoded)
            }
            _ => Ok(char::REPLACEMENT_CHARACTER),
        }
    }

    /// The four hexadecimal digits at `at`.
    fn code_unit(&self, at: usize) -> Option<u16> {
        let digits = self.text.get(at..at + 4)?;
        let digits =
            str::from_utf8(digits).ok().filter(|text| text.bytes().all(|b| b.is_ascii_hexdigit()))?;
        u16::from_str_radix(digits, 16).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn string(text: &[u8]) -> String {
        match parse(text) {
            Ok(Json::String(text)) => text.into_owned(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn halves_of_pairs_and_bytes_that_are_no_text_are_replaced() {
        assert_eq!(string(br#""\ud800""#), "\u{fffd}");
        assert_eq!(string(br#""a\udc00b""#), "a\u{fffd}b");
        assert_eq!(string(br#""\ud800\ud83d\ude00""#), "\u{fffd}\u{1f600}");
        assert_eq!(string(br#""\ud800A\ud800\n""#), "\u{fffd}A\u{fffd}\n");
        assert_eq!(
            string(b"\"a\xff\xe2\x82\xed\xa0\x80b\""),
            "a\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}b"
        );
        assert_eq!(string(b"\"\xc3\xa9\\u00e9\xff\\/\""), "éé\u{fffd}/");
    }

    #[test]
    fn values_lie_as_deep_as_in_go_on_a_small_stack() {
        let nested = |depth: usize| {
            [b"{\"a\":".repeat(depth / 2), b"[".repeat(depth - depth / 2)]
                .concat()
                .into_iter()
                .chain([b"]".repeat(depth - depth / 2), b"}".repeat(depth / 2)].concat())
                .collect::<Vec<u8>>()
        };
        let read = move || {
            assert!(parse(&nested(MAX_DEPTH)).is_ok());
            let error = parse(&nested(MAX_DEPTH + 1)).unwrap_err();
            assert_eq!(error.what, "exceeded max depth");
            assert!(parse(&b"[".repeat(1 << 20)).is_err());
            assert!(parse(&b"{\"a\":".repeat(1 << 20)).is_err());
        };
        std::thread::Builder::new().stack_size(128 << 10).spawn(read).unwrap().join().unwrap();
    }

    #[test]
    fn what_go_refuses_is_refused_at_every_depth() {
        let wrong = [
            "",
            " ",
            "{",
            "[",
            "[1",
            "[1,",
            "[1,]",
            "[,1]",
            "{,}",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "{a:1}",
            "[1 2]",
            "{\"a\":1 \"b\":2}",
            "01",
            "-",
            "1.",
            ".5",
            "1e",
            "+1",
            "0x1",
            "NaN",
            "nul",
            "True",
            "'a'",
            "\"a",
            "\"\\x\"",
            "\"\\u12\"",
            "\"\\u12g4\"",
            "\"\u{1}\"",
            "\"a\nb\"",
            "[}",
            "{]",
            "//",
            "1 1",
            "[]]",
            "\u{feff}1",
            "\u{a0}1",
        ];
        let around = |text: &str| format!("{}{text}{}", "[".repeat(20), "]".repeat(20));
        for text in wrong {
            assert!(parse(text.as_bytes()).is_err(), "{text}");
            assert!(text.trim().is_empty() || parse(around(text).as_bytes()).is_err(), "{text}");
        }
        for text in ["[ ]", " {\r\n}\t", "[1 , -0.5e+10]", "{ \"a\" : [ ] , \"a\":{ } }", "0", "-0", "1E5"] {
            assert!(parse(text.as_bytes()).is_ok(), "{text}");
            assert!(parse(around(text).as_bytes()).is_ok(), "{text}");
        }
    }

    #[test]
    fn integers_are_those_that_64_bits_hold() {
        assert_eq!(parse(b"-9223372036854775808").unwrap(), Json::Integer(i64::MIN));
        for text in ["9223372036854775808", "1.0", "1e3", "1e999"] {
            assert_eq!(parse(text.as_bytes()).unwrap(), Json::Number, "{text}");
        }
    }

    #[test]
    fn fuzz_what_serde_reads_is_read_alike() {
        let seeds: [&[u8]; 6] = [
            br#"{"config":{"Env":["A=<b>"],"Labels":{"b":"\ud83d\ude00"}},"os":"linux","n":-1.5e3}"#,
            br#"[[[[[[[[[[{"a":[1,{"b":null}]}]]]]]]]]]]"#,
            br#" { "a" : [ true , false ] } "#,
            b"\"\\u00e9\\n\xff\xed\xa0\x80\"",
            br#"{"deep":[[[[[[[[[[[[1]]]]]]]]]]]]}"#,
            b"12345678901234567890",
        ];
        crate::fuzz::run(&seeds, |bytes| {
            let ours = parse(bytes);
            if let Ok(theirs) = serde_json::from_slice::<serde_json::Value>(bytes) {
                assert!(same(ours.as_ref().expect("serde reads it"), &theirs, 1), "{ours:?} {theirs:?}");
            }
        });
    }

    /// Whether both hold the same strings, numbers and kinds, as deep as values are kept.
    fn same(ours: &Json<'_>, theirs: &serde_json::Value, depth: usize) -> bool {
        use serde_json::Value;
        match (ours, theirs) {
            (Json::Null, Value::Null) | (Json::Number, Value::Number(_)) => true,
            (Json::Bool(ours), Value::Bool(theirs)) => ours == theirs,
            (Json::Integer(ours), Value::Number(theirs)) => {
                theirs.as_i64() == Some(*ours) || (*ours == 0 && theirs.as_f64() == Some(0.0))
            }
            (Json::String(ours), Value::String(theirs)) => ours == theirs,
            (Json::Array(_), Value::Array(_)) | (Json::Object(_), Value::Object(_)) if depth > KEPT_DEPTH => {
                true
            }
            (Json::Array(ours), Value::Array(theirs)) => {
                ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(a, b)| same(a, b, depth + 1))
            }
            (Json::Object(ours), Value::Object(theirs)) => theirs.iter().all(|(name, value)| {
                ours.iter()
                    .rev()
                    .find(|(found, _)| found == name)
                    .is_some_and(|(_, ours)| same(ours, value, depth + 1))
            }),
            _ => false,
        }
    }
}
