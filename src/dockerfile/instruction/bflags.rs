//! Values of an instruction's flags (BuildKit's instructions/bflag.go).

use std::collections::BTreeMap;

use crate::dockerfile::error::ErrorKind;
use crate::dockerfile::suggest::nearest;

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

/// The flags that an instruction knows.
#[derive(Debug)]
pub(super) struct Flags {
    known: Vec<(&'static str, Takes)>,
}

/// The flags that are given, with their values.
#[derive(Debug, Default)]
pub(super) struct Values(BTreeMap<&'static str, Vec<String>>);

impl Flags {
    /// Returns no flags.
    pub(super) fn none() -> Self {
        Self { known: Vec::new() }
    }

    /// Returns the flags with those that have no value or a boolean one.
    pub(super) fn bools(self, names: &[&'static str]) -> Self {
        self.with(names, Takes::Bool)
    }

    /// Returns the flags with those that have one value.
    pub(super) fn texts(self, names: &[&'static str]) -> Self {
        self.with(names, Takes::Text)
    }

    /// Returns the flags with those that may be repeated.
    pub(super) fn repeated(self, names: &[&'static str]) -> Self {
        self.with(names, Takes::Texts)
    }

    fn with(mut self, names: &[&'static str], takes: Takes) -> Self {
        self.known.extend(names.iter().map(|name| (*name, takes)));
        self
    }

    /// Returns the values of the flags in `given`, each of which begins with `--`.
    ///
    /// # Errors
    /// An unknown or repeated flag, or a value that is missing or not boolean.
    pub(super) fn parse(&self, given: &[String]) -> Result<Values, ErrorKind> {
        let mut values = Values::default();
        for flag in given {
            let text = flag.strip_prefix("--").unwrap_or(flag);
            let (name, value) = match text.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (text, None),
            };
            let Some((known, takes)) = self.known.iter().find(|(known, _)| *known == name) else {
                return Err(ErrorKind::UnknownFlag {
                    suggestion: nearest(name, self.known.iter().map(|(known, _)| *known), true)
                        .map(|known| format!("--{known}")),
                    name: name.to_owned(),
                });
            };
            let given = values.0.entry(known).or_default();
            if !given.is_empty() && *takes != Takes::Texts {
                return Err(ErrorKind::DuplicateFlag { name: name.to_owned() });
            }
            given.push(checked(name, value, *takes)?);
        }
        Ok(values)
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
    match value.to_lowercase().as_str() {
        "" => Err(missing()),
        lower @ ("true" | "false") => Ok(lower.to_owned()),
        _ => Err(ErrorKind::NotBoolean { name: name.to_owned(), value: value.to_owned() }),
    }
}

impl Values {
    /// Returns the value of a flag that takes one, empty if it is not given.
    pub(super) fn text(&self, name: &str) -> String {
        self.texts(name).first().cloned().unwrap_or_default()
    }

    /// Returns the values of a flag in order.
    pub(super) fn texts(&self, name: &str) -> &[String] {
        self.0.get(name).map_or(&[], Vec::as_slice)
    }

    /// Returns the value of a boolean flag, `None` if it is not given.
    pub(super) fn bool(&self, name: &str) -> Option<bool> {
        self.texts(name).first().map(|value| value == "true")
    }

    /// Returns the names of the flags that are given, sorted.
    pub(super) fn used(&self) -> Vec<&'static str> {
        self.0.keys().copied().collect()
    }
}
