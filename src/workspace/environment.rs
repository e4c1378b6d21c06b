//! Environment variables as a value.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

use super::Error;
use super::variables::Variable;

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

    /// The value of `variable`; `None` where it is absent or empty.
    ///
    /// # Errors
    /// [`Error::NotUtf8`] where the value is not UTF-8.
    pub fn get(&self, variable: Variable) -> Result<Option<&str>, Error> {
        let Some(value) = self.raw(variable.name) else { return Ok(None) };
        value.to_str().map(Some).ok_or(Error::NotUtf8 { variable: variable.name })
    }

    /// The value of the variable called `name`, whatever bytes it holds; `None` where it is absent or empty.
    pub fn raw(&self, name: &str) -> Option<&OsStr> {
        self.variables.get(OsStr::new(name)).map(OsString::as_os_str).filter(|value| !value.is_empty())
    }
}

/// The value of a variable of this process, even an empty one. Together with [`Environment::of_process`] this is where
/// the command line reads the environment.
pub fn process_variable(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

/// The value of a variable of this process; `None` where it is absent or empty.
pub fn nonempty_process_variable(name: &str) -> Option<OsString> {
    process_variable(name).filter(|value| !value.is_empty())
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
