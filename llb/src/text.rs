//! Texts that are cheap to clone.

use std::borrow::{Borrow, Cow};
use std::fmt;
use std::ops::Deref;

use smol_str::SmolStr;

/// A text that cannot be changed and is cheap to clone: up to 23 bytes are held in place, longer ones are
/// shared.
///
/// Frontends set the same variables, directories and platforms for many ops, so those are of this type. It is
/// made [`From`] any string, and used as a `&str`. With the feature `smol-str` it is converted from and into
/// `smol_str::SmolStr` for free.
///
/// ```
/// use llb::Text;
///
/// let user = Text::from("app");
/// assert_eq!(user, "app");
/// assert!(user.starts_with('a'));
/// ```
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text(SmolStr);

impl Text {
    /// Returns a text of the program itself, which is not copied.
    pub const fn new_static(text: &'static str) -> Self {
        Self(SmolStr::new_static(text))
    }

    /// Returns the text as a slice.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for Text {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Text {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self)
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

macro_rules! from {
    ($($text:ty),*) => {$(
        impl From<$text> for Text {
            fn from(text: $text) -> Self {
                Self(text.into())
            }
        }
    )*};
}

from!(&str, &mut str, String, &String, Box<str>, Cow<'_, str>);
#[cfg(feature = "smol-str")]
from!(SmolStr);

#[cfg(feature = "smol-str")]
impl From<&SmolStr> for Text {
    fn from(text: &SmolStr) -> Self {
        Self(text.clone())
    }
}

impl From<&Text> for Text {
    fn from(text: &Text) -> Self {
        text.clone()
    }
}

impl From<Text> for String {
    fn from(text: Text) -> Self {
        text.0.into()
    }
}

#[cfg(feature = "smol-str")]
impl From<Text> for SmolStr {
    fn from(text: Text) -> Self {
        text.0
    }
}

macro_rules! equal {
    ($($text:ty),*) => {$(
        impl PartialEq<$text> for Text {
            fn eq(&self, other: &$text) -> bool {
                **self == **other
            }
        }

        impl PartialEq<Text> for $text {
            fn eq(&self, other: &Text) -> bool {
                **self == **other
            }
        }
    )*};
}

equal!(&str, String, Cow<'_, str>);

impl PartialEq<str> for Text {
    fn eq(&self, other: &str) -> bool {
        **self == *other
    }
}

impl PartialEq<Text> for str {
    fn eq(&self, other: &Text) -> bool {
        *self == **other
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn a_text_is_made_from_any_string_and_equals_it() {
        let long = "a text that is longer than what is held in place";
        for text in ["", "short", long] {
            let texts: [Text; 5] = [
                text.into(),
                text.to_owned().into(),
                (&text.to_owned()).into(),
                Cow::from(text).into(),
                Box::<str>::from(text).into(),
            ];
            for made in texts {
                assert_eq!(made, text);
                assert_eq!(made.as_str(), text);
                assert_eq!(String::from(made.clone()), text);
                assert_eq!((made.to_string(), format!("{made:?}")), (text.to_owned(), format!("{text:?}")));
                assert_eq!(*text, made);
            }
        }
    }

    #[test]
    fn texts_are_ordered_and_looked_up_as_strings_are() {
        let map: BTreeMap<Text, u8> = [("b".into(), 1), ("a".into(), 2)].into();
        assert_eq!(map.get("b"), Some(&1));
        assert!(map.keys().map(Text::as_str).eq(["a", "b"]));
    }

    #[cfg(feature = "smol-str")]
    #[test]
    fn texts_are_converted_from_and_into_smol_str() {
        let text = Text::from(SmolStr::new("a"));
        assert_eq!(text, Text::from(&SmolStr::new("a")));
        assert_eq!(SmolStr::from(text), "a");
    }
}
