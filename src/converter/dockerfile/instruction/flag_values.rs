//! Values of an instruction's flags (BuildKit's instructions/bflag.go).

use crate::converter::dockerfile::error::ErrorKind;
use crate::diag::nearest;
use crate::gotext::to_lower;

/// What a flag takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Takes {
    /// Nothing, `true` or `false`.
    Bool,
    /// One text.
    Text,
    /// A text each time it is given.
    Texts,
}

/// A flag that an instruction knows.
pub(super) type Flag = (&'static str, Takes);

/// The flags that are given, with their values, in order.
#[derive(Debug, Default)]
pub(super) struct Values(Vec<(&'static str, String)>);

impl Values {
    /// Returns the values of the flags in `given`, each of which begins with `--` and should be among `known`.
    ///
    /// # Errors
    /// An unknown or repeated flag, or a value that is missing or not boolean.
    pub(super) fn parse(given: &[String], known: &[Flag]) -> Result<Self, ErrorKind> {
        let mut values = Self::default();
        for flag in given {
            let text = flag.strip_prefix("--").unwrap_or(flag);
            let (name, value) = match text.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (text, None),
            };
            let Some((known, takes)) = known.iter().find(|(known, _)| *known == name) else {
                return Err(ErrorKind::UnknownFlag {
                    suggestion: nearest(name, known.iter().map(|(known, _)| *known), true)
                        .map(|known| format!("--{known}")),
                    name: name.to_owned(),
                });
            };
            if *takes != Takes::Texts && values.first(known).is_some() {
                return Err(ErrorKind::DuplicateFlag { name: name.to_owned() });
            }
            values.0.push((known, checked(name, value, *takes)?));
        }
        Ok(values)
    }

    /// Returns the first value of a flag.
    pub(super) fn first(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(given, _)| *given == name).map(|(_, value)| value.as_str())
    }

    /// Returns the value of a flag that takes one, empty if it is not given.
    pub(super) fn text(&self, name: &str) -> String {
        self.first(name).unwrap_or_default().to_owned()
    }

    /// Returns the values of a flag in order.
    pub(super) fn texts(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(given, _)| *given == name).map(|(_, value)| value.as_str())
    }

    /// Returns the value of a boolean flag, `None` if it is not given.
    pub(super) fn bool(&self, name: &str) -> Option<bool> {
        self.first(name).map(|value| value == "true")
    }
}

fn checked(name: &str, value: Option<&str>, takes: Takes) -> Result<String, ErrorKind> {
    let missing = || ErrorKind::MissingFlagValue { name: name.to_owned() };
    let value = match (takes, value) {
        (Takes::Bool, None) => return Ok("true".to_owned()),
        (_, None) => return Err(missing()),
        (_, Some(value)) => value,
    };
    if takes != Takes::Bool {
        return Ok(value.to_owned());
    }
    match to_lower(value).as_str() {
        "" => Err(missing()),
        lower @ ("true" | "false") => Ok(lower.to_owned()),
        _ => Err(ErrorKind::NotBoolean { name: name.to_owned(), value: value.to_owned() }),
    }
}
