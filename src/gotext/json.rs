//! JSON as Go's `encoding/json` reads and writes it.
//!
//! Reading: object members keep their order and repetitions, names are matched in any case, unknown
//! ones are dropped, `null` leaves a field as it is. Writing: `<`, `>` and `&` and the two line
//! separators of Unicode are escaped.

mod read;

use std::borrow::Cow;
use std::io;

use serde::ser::Serialize;

use super::equal_fold;

pub use read::{MAX_DEPTH, SyntaxError};

/// A JSON value that keeps the order and the repetition of members. Strings are those of the text where that
/// has no escapes in them.
///
/// Source: `decodeState.value` in `decode.go` of Go's `encoding/json`.
#[derive(Debug, Clone, PartialEq)]
pub enum Json<'t> {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number written as an integer that 64 bits hold.
    Integer(i64),
    /// Any other number.
    Number,
    /// A string.
    String(Cow<'t, str>),
    /// An array.
    Array(Vec<Self>),
    /// An object, members in the order of the text.
    Object(Vec<(Cow<'t, str>, Self)>),
}

/// Why a JSON text does not have the shape that a Go type asks for.
///
/// Source: `UnmarshalTypeError` in `decode.go` of Go's `encoding/json`.
#[derive(Debug, thiserror::Error)]
pub enum JsonError {
    /// Not JSON at all.
    #[error(transparent)]
    Syntax(#[from] SyntaxError),
    /// A value of the wrong kind.
    #[error("cannot read {found} into {field}, which is {wanted}")]
    Kind {
        /// The field's name.
        field: &'static str,
        /// What the field holds.
        wanted: &'static str,
        /// What the text has.
        found: &'static str,
    },
}

impl<'t> Json<'t> {
    /// The value that `text` writes. Bytes that are not UTF-8, and surrogates without their half, become U+FFFD. Arrays
    /// and objects that lie deeper than any field of Go's types here are read, but come out empty.
    ///
    /// # Errors
    /// [`JsonError::Syntax`].
    pub fn parse(text: &'t [u8]) -> Result<Self, JsonError> {
        Ok(read::parse(text)?)
    }

    /// As [`Json::parse`], for a value of any type (`any`): Go takes every number for a `float64` then, and refuses one
    /// that is out of its range, however deep it lies.
    ///
    /// Source: `decodeState.convertNumber` in `decode.go` of Go's `encoding/json`.
    ///
    /// # Errors
    /// [`JsonError::Syntax`].
    pub fn parse_any(text: &'t [u8]) -> Result<Self, JsonError> {
        Ok(read::parse_with_finite_numbers(text)?)
    }

    /// The members of an object; none for `null`.
    ///
    /// Source: `decodeState.object` in `decode.go` of Go's `encoding/json`.
    ///
    /// # Errors
    /// [`JsonError::Kind`] for anything else.
    pub fn members(self, field: &'static str) -> Result<Vec<(Cow<'t, str>, Self)>, JsonError> {
        match self {
            Self::Null => Ok(Vec::new()),
            Self::Object(members) => Ok(members),
            other => Err(other.wrong(field, "an object")),
        }
    }

    /// The string, or `None` for `null`.
    ///
    /// Source: `decodeState.literalStore` in `decode.go` of Go's `encoding/json`.
    ///
    /// # Errors
    /// [`JsonError::Kind`] for anything else.
    pub fn string(self, field: &'static str) -> Result<Option<String>, JsonError> {
        match self {
            Self::Null => Ok(None),
            Self::String(text) => Ok(Some(text.into_owned())),
            other => Err(other.wrong(field, "a string")),
        }
    }

    /// The truth value, or `None` for `null`.
    ///
    /// Source: `decodeState.literalStore` in `decode.go` of Go's `encoding/json`.
    ///
    /// # Errors
    /// [`JsonError::Kind`] for anything else.
    pub fn bool(self, field: &'static str) -> Result<Option<bool>, JsonError> {
        match self {
            Self::Null => Ok(None),
            Self::Bool(value) => Ok(Some(value)),
            other => Err(other.wrong(field, "true or false")),
        }
    }

    /// The integer, or `None` for `null`.
    ///
    /// Source: `decodeState.literalStore` in `decode.go` of Go's `encoding/json`.
    ///
    /// # Errors
    /// [`JsonError::Kind`] for anything else.
    pub fn integer(self, field: &'static str) -> Result<Option<i64>, JsonError> {
        match self {
            Self::Null => Ok(None),
            Self::Integer(value) => Ok(Some(value)),
            other => Err(other.wrong(field, "an integer")),
        }
    }

    /// The elements of an array, or `None` for `null`.
    ///
    /// Source: `decodeState.array` in `decode.go` of Go's `encoding/json`.
    ///
    /// # Errors
    /// [`JsonError::Kind`] for anything else.
    pub fn elements(self, field: &'static str) -> Result<Option<Vec<Self>>, JsonError> {
        match self {
            Self::Null => Ok(None),
            Self::Array(elements) => Ok(Some(elements)),
            other => Err(other.wrong(field, "an array")),
        }
    }

    /// Reads an array of strings into `list`; `null` empties it. A `null` element leaves what stood at its place under
    /// an earlier name, and is an empty string otherwise.
    ///
    /// Source: `decodeState.array` in `decode.go` of Go's `encoding/json`.
    ///
    /// # Errors
    /// [`JsonError::Kind`] for anything else.
    pub fn strings_into(self, field: &'static str, list: &mut Vec<String>) -> Result<(), JsonError> {
        self.elements_into(field, list, |element, string| {
            if let Some(text) = element.string(field)? {
                *string = text;
            }
            Ok(())
        })
    }

    /// Reads an array into `list`, each element into what stands at its place already, as Go does for a name that comes
    /// twice; `null` empties the list.
    ///
    /// Source: `decodeState.array` in `decode.go` of Go's `encoding/json`.
    ///
    /// # Errors
    /// [`JsonError::Kind`] for anything else, and what `read` returns.
    pub fn elements_into<T: Default, E: From<JsonError>>(
        self,
        field: &'static str,
        list: &mut Vec<T>,
        mut read: impl FnMut(Self, &mut T) -> Result<(), E>,
    ) -> Result<(), E> {
        let elements = self.elements(field)?.unwrap_or_default();
        list.resize_with(elements.len(), T::default);
        elements.into_iter().zip(list).try_for_each(|(element, place)| read(element, place))
    }

    fn wrong(&self, field: &'static str, wanted: &'static str) -> JsonError {
        let found = match self {
            Self::Null => "null",
            Self::Bool(_) => "a truth value",
            Self::Integer(_) | Self::Number => "a number",
            Self::String(_) => "a string",
            Self::Array(_) => "an array",
            Self::Object(_) => "an object",
        };
        JsonError::Kind { field, wanted, found }
    }
}

/// Whether a member's name in the text stands for the field `name`, which is ASCII, in any case (`foldName` in
/// `encoding/json/fold.go`).
pub fn names(text: &str, name: &str) -> bool {
    text == name || equal_fold(text, name)
}

/// `value` as Go's `json.Marshal` writes it: compact, with `<`, `>`, `&`, U+2028 and U+2029 escaped.
///
/// # Errors
/// Whatever the value's own `Serialize` reports.
pub fn to_vec<T: Serialize>(value: &T) -> Result<Vec<u8>, serde_json::Error> {
    let mut out = Vec::new();
    value.serialize(&mut serde_json::Serializer::with_formatter(&mut out, GoFormatter))?;
    Ok(out)
}

struct GoFormatter;

impl serde_json::ser::Formatter for GoFormatter {
    fn write_string_fragment<W: io::Write + ?Sized>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(at) = rest.find(['<', '>', '&', '\u{2028}', '\u{2029}']) {
            writer.write_all(&rest.as_bytes()[..at])?;
            let special = rest[at..].chars().next().unwrap_or_default();
            write!(writer, "\\u{:04x}", u32::from(special))?;
            rest = &rest[at + special.len_utf8()..];
        }
        writer.write_all(rest.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn html_and_line_separators_are_escaped() {
        let text = to_vec(&"a<b>&\u{2028}\u{7f}\u{1}\n").unwrap();
        assert_eq!(String::from_utf8(text).unwrap(), "\"a\\u003cb\\u003e\\u0026\\u2028\u{7f}\\u0001\\n\"");
    }

    #[test]
    fn members_keep_their_order() {
        let Json::Object(members) = Json::parse(br#"{"b":1,"a":null,"b":[1.5]}"#).unwrap() else { panic!() };
        assert_eq!(members.len(), 3);
        assert_eq!(members[2], ("b".into(), Json::Array(vec![Json::Number])));
    }

    #[test]
    fn wrong_kinds_are_errors_and_null_is_nothing() {
        assert!(Json::Bool(true).string("Env").is_err());
        assert_eq!(Json::Null.string("Env").unwrap(), None);
        let mut list = vec!["old".to_owned(), "old".to_owned(), "old".to_owned()];
        let array = Json::Array(vec![Json::Null, Json::String("a".into())]);
        array.strings_into("Env", &mut list).unwrap();
        assert_eq!(list, ["old", "a"]);
        Json::Null.strings_into("Env", &mut list).unwrap();
        assert!(list.is_empty());
    }

    #[test]
    fn names_match_in_any_case_of_unicode() {
        for text in ["os", "OS", "o\u{17f}"] {
            assert!(names(text, "os"), "{text}");
        }
        assert!(names("HEALTHCHEC\u{212a}", "Healthcheck"));
        assert!(!names("ös", "os") && !names("osx", "os"));
    }
}
