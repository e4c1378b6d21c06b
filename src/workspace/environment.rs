//! Environment variables as a value.

use std::collections::BTreeMap;
use std::ffi::OsString;

use super::Error;

/// A set of environment variables, taken once where the program starts.
///
/// Its `Debug` form shows names only: values may be credentials.
#[derive(Clone, Default)]
pub struct Environment {
    variables: BTreeMap<OsString, OsString>,
}

impl Environment {
    /// The environment of this process.
    pub fn of_process() -> Self {
        Self { variables: std::env::vars_os().collect() }
    }

    /// The value of `name`; `None` where it is absent or empty.
    ///
    /// # Errors
    /// [`Error::NotUtf8`] where the value is not UTF-8.
    pub fn get(&self, name: &'static str) -> Result<Option<&str>, Error> {
        match self.variables.get(std::ffi::OsStr::new(name)) {
            None => Ok(None),
            Some(value) => match value.to_str() {
                None => Err(Error::NotUtf8 { variable: name }),
                Some("") => Ok(None),
                Some(text) => Ok(Some(text)),
            },
        }
    }
}

impl<K: Into<OsString>, V: Into<OsString>> FromIterator<(K, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        Self { variables: pairs.into_iter().map(|(key, value)| (key.into(), value.into())).collect() }
    }
}

impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.variables.keys()).finish()
    }
}
