//! JSON as Go's `encoding/json` reads and writes it.
//!
//! Reading: object members keep their order and repetitions, names are matched in any case, unknown
//! ones are dropped, `null` leaves a field as it is. Writing: `<`, `>` and `&` and the two line
//! separators of Unicode are escaped.

use std::borrow::Cow;
use std::fmt;
use std::io;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::Serialize;

/// A JSON value that keeps the order and the repetition of members. Strings are those of the text where that
/// has no escapes in them.
#[derive(Debug, Clone, PartialEq)]
pub enum Json<'t> {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number written as an integer that 64 bits hold.
    Integer(i64),
    /// Any other number.
    Float(f64),
    /// A string.
    String(Cow<'t, str>),
    /// An array.
    Array(Vec<Self>),
    /// An object, members in the order of the text.
    Object(Vec<(Cow<'t, str>, Self)>),
}

/// Why a JSON text does not have the shape that a Go type asks for.
#[derive(Debug, thiserror::Error)]
pub enum JsonError {
    /// Not JSON at all.
    #[error(transparent)]
    Syntax(#[from] serde_json::Error),
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
    /// The value that `text` writes.
    ///
    /// # Errors
    /// [`JsonError::Syntax`].
    pub fn parse(text: &'t str) -> Result<Self, JsonError> {
        Ok(serde_json::from_str(text)?)
    }

    /// The members of an object; none for `null`.
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
    /// # Errors
    /// [`JsonError::Kind`] for anything else.
    pub fn elements(self, field: &'static str) -> Result<Option<Vec<Self>>, JsonError> {
        match self {
            Self::Null => Ok(None),
            Self::Array(elements) => Ok(Some(elements)),
            other => Err(other.wrong(field, "an array")),
        }
    }

    /// The strings of an array, or `None` for `null`; a `null` element is an empty string.
    ///
    /// # Errors
    /// [`JsonError::Kind`] for anything else.
    pub fn strings(self, field: &'static str) -> Result<Option<Vec<String>>, JsonError> {
        let Some(elements) = self.elements(field)? else { return Ok(None) };
        let read = |element: Self| Ok(element.string(field)?.unwrap_or_default());
        elements.into_iter().map(read).collect::<Result<_, _>>().map(Some)
    }

    fn wrong(&self, field: &'static str, wanted: &'static str) -> JsonError {
        let found = match self {
            Self::Null => "null",
            Self::Bool(_) => "a truth value",
            Self::Integer(_) | Self::Float(_) => "a number",
            Self::String(_) => "a string",
            Self::Array(_) => "an array",
            Self::Object(_) => "an object",
        };
        JsonError::Kind { field, wanted, found }
    }
}

/// Whether a member's name in the text stands for the field `name`, in any case.
pub fn names(text: &str, name: &str) -> bool {
    text == name || text.eq_ignore_ascii_case(name)
}

impl<'de> Deserialize<'de> for Json<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Json<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON value")
            }
            fn visit_unit<E>(self) -> Result<Json<'de>, E> {
                Ok(Json::Null)
            }
            fn visit_bool<E>(self, value: bool) -> Result<Json<'de>, E> {
                Ok(Json::Bool(value))
            }
            fn visit_i64<E>(self, value: i64) -> Result<Json<'de>, E> {
                Ok(Json::Integer(value))
            }
            fn visit_u64<E>(self, value: u64) -> Result<Json<'de>, E> {
                #[expect(clippy::cast_precision_loss, reason = "only told apart from an integer, never used")]
                Ok(i64::try_from(value).map_or(Json::Float(value as f64), Json::Integer))
            }
            fn visit_f64<E>(self, value: f64) -> Result<Json<'de>, E> {
                Ok(Json::Float(value))
            }
            fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Json<'de>, E> {
                Ok(Json::String(value.into()))
            }
            fn visit_str<E>(self, value: &str) -> Result<Json<'de>, E> {
                Ok(Json::String(value.to_owned().into()))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Json<'de>, A::Error> {
                let mut elements = Vec::new();
                while let Some(element) = access.next_element()? {
                    elements.push(element);
                }
                Ok(Json::Array(elements))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Json<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some((Name(name), value)) = access.next_entry()? {
                    members.push((name, value));
                }
                Ok(Json::Object(members))
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

/// The name of a member, which is that of the text where it can be.
#[derive(Deserialize)]
struct Name<'t>(#[serde(borrow)] Cow<'t, str>);

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
        let Json::Object(members) = Json::parse(r#"{"b":1,"a":null,"b":[1.5]}"#).unwrap() else { panic!() };
        assert_eq!(members.len(), 3);
        assert_eq!(members[2], ("b".into(), Json::Array(vec![Json::Float(1.5)])));
    }

    #[test]
    fn wrong_kinds_are_errors_and_null_is_nothing() {
        assert!(Json::Bool(true).string("Env").is_err());
        assert_eq!(Json::Null.string("Env").unwrap(), None);
        assert_eq!(
            Json::Array(vec![Json::Null, Json::String("a".into())]).strings("Env").unwrap(),
            Some(vec![String::new(), "a".into()])
        );
    }
}
