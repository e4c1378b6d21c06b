//! What is wrong with a value.

use crate::job;

/// What is wrong with the value of a flag or variable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    /// The value breaks the rules of its kind.
    #[error("{setting} {given:?}: {fault}")]
    Malformed {
        /// The flag or variable.
        setting: &'static str,
        /// The value.
        given: String,
        /// What is wrong, and what to write.
        fault: String,
    },
    /// A `NAME=VALUE` pair begins with `=`, or is empty.
    #[error("{setting} {given:?} has no name: write NAME=VALUE")]
    Unnamed {
        /// The flag.
        setting: &'static str,
        /// The value.
        given: String,
    },
    /// A named context means nothing.
    #[error("--build-context {name}={value}: {fault}")]
    BuildContext {
        /// The context's name.
        name: String,
        /// Where it is said to be.
        value: String,
        /// What is wrong, and what to write.
        fault: String,
    },
    /// The fault names the value itself.
    #[error("{setting}: {fault}")]
    Named {
        /// The flag or variable.
        setting: &'static str,
        /// What is wrong with which value.
        fault: String,
    },
    /// Two flags exclude each other.
    #[error("{first} and {second} do not go together")]
    Conflict {
        /// One of the flags.
        first: &'static str,
        /// The other one.
        second: &'static str,
    },
    /// Two flags name one place that is written to.
    #[error("{first} and {second} write to the same place; give each one of its own")]
    SamePlace {
        /// One flag with the place as it is given there.
        first: String,
        /// The other one.
        second: String,
    },
    /// The value is no time. The parser of arguments names the flag.
    #[error("{given:?} is not a time; write it as 500ms, 2s, 30m or 1h")]
    Time {
        /// The value.
        given: String,
    },
    /// The value is no number of seconds. The parser of arguments names flag and value.
    #[error("write a number of seconds from 1 to 86400")]
    Seconds,
}

impl ValueError {
    /// A fault of the value `given` of `setting`.
    pub(in crate::cli) fn new(setting: &'static str, given: &str, fault: impl Into<String>) -> Self {
        Self::Malformed { setting, given: given.to_owned(), fault: fault.into() }
    }
}

impl From<ValueError> for job::Error {
    fn from(error: ValueError) -> Self {
        Self::Setting(Box::new(error))
    }
}
