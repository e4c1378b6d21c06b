//! Which checks run: `# check=skip=…;error=…` and its like (`ParseLintOptions` in
//! frontend/dockerfile/linter/linter.go).

use std::collections::BTreeSet;

use super::rules::Rule;
use crate::converter::dockerfile::directives;
use crate::gotext::parse_bool;

/// Which checks run, and whether what they find is an error (BuildKit's `Config`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    skip: RuleNames,
    experimental: RuleNames,
    return_as_error: bool,
}

/// Names of rules, or all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct RuleNames {
    all: bool,
    names: BTreeSet<String>,
}

/// Settings that mean nothing. Each variant holds the part that does not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// No `=`, or an unknown name before it.
    #[error("invalid check option {0:?}: use skip=…, error=… or experimental=…")]
    UnknownOption(String),
    /// `error=` with neither true nor false.
    #[error("invalid check option {0:?}: error= takes true or false")]
    InvalidBool(String),
}

impl RuleNames {
    fn parse(text: &str) -> Self {
        let text = text.trim();
        if text == "all" {
            return Self { all: true, names: BTreeSet::new() };
        }
        Self { all: false, names: text.split(',').map(|name| name.trim().to_owned()).collect() }
    }

    fn contains(&self, name: &str) -> bool {
        self.all || self.names.contains(name)
    }
}

impl Settings {
    /// The settings in a directive's value: `skip=A,B;error=true;experimental=all`, at most three parts.
    ///
    /// # Errors
    /// [`SettingsError`] for a part that means nothing.
    pub fn parse(text: &str) -> Result<Self, SettingsError> {
        let mut settings = Self::default();
        let text = text.trim();
        if text.is_empty() {
            return Ok(settings);
        }
        for part in text.splitn(3, ';') {
            let Some((name, value)) = part.split_once('=') else {
                return Err(SettingsError::UnknownOption(part.to_owned()));
            };
            match name.trim() {
                "skip" => settings.skip = RuleNames::parse(value),
                "experimental" => settings.experimental = RuleNames::parse(value),
                "error" => {
                    let invalid = || SettingsError::InvalidBool(part.to_owned());
                    settings.return_as_error = parse_bool(value.trim()).ok_or_else(invalid)?;
                }
                other => return Err(SettingsError::UnknownOption(other.to_owned())),
            }
        }
        Ok(settings)
    }

    /// The settings of a build: those that were given for it, else those of the Dockerfile (`toDispatchState` in
    /// frontend/dockerfile/dockerfile2llb/convert.go).
    ///
    /// # Errors
    /// [`SettingsError`] for settings that mean nothing.
    pub fn of_build(given: Option<&str>, dockerfile: &[u8]) -> Result<Self, SettingsError> {
        match given {
            Some(text) => Self::parse(text),
            None => match directives::find(dockerfile, directives::Name::Check) {
                Some(directive) => Self::parse(directive.first_word()),
                None => Ok(Self::default()),
            },
        }
    }

    /// Whether what is found makes the build fail.
    pub(super) const fn returns_as_error(&self) -> bool {
        self.return_as_error
    }

    /// Whether a rule runs for an instruction. `comments` is what the comments above it say: the value of `check=…`.
    pub(super) fn allow(&self, rule: &Rule, comments: Option<&str>) -> bool {
        let local = comments.and_then(|text| Self::parse(text).ok());
        let is_named = |names: fn(&Self) -> &RuleNames| {
            let is_named_in = |settings| names(settings).contains(rule.name);
            is_named_in(self) || local.as_ref().is_some_and(is_named_in)
        };
        if rule.experimental {
            is_named(|settings| &settings.experimental)
        } else {
            !is_named(|settings| &settings.skip)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_read_in_any_order() {
        let settings = Settings::parse(" error = true ; skip = A , B ").unwrap();
        assert!(
            settings.return_as_error
                && settings.skip.contains("A")
                && settings.skip.contains("B")
                && !settings.skip.contains("C")
        );
        assert!(Settings::parse("skip=all").unwrap().skip.contains("C"));
        assert_eq!(Settings::parse("").unwrap(), Settings::default());
    }

    #[test]
    fn what_means_nothing_is_an_error() {
        for (text, named) in [("skip", "skip"), ("skp=A", "skp"), (";", "")] {
            assert_eq!(Settings::parse(text), Err(SettingsError::UnknownOption(named.into())), "{text}");
        }
        assert_eq!(Settings::parse("error=maybe"), Err(SettingsError::InvalidBool("error=maybe".into())));
    }

    #[test]
    fn what_follows_the_third_part_belongs_to_it() {
        let settings = Settings::parse("skip=A;error=1;experimental=all;x=1").unwrap();
        let names = |name: &str| RuleNames { all: false, names: BTreeSet::from([name.to_owned()]) };
        let expected = Settings { skip: names("A"), experimental: names("all;x=1"), return_as_error: true };
        assert_eq!(settings, expected);
    }

    #[test]
    fn settings_of_the_build_replace_those_of_the_dockerfile() {
        let text = b"# check=error=true\nFROM a\n";
        assert!(Settings::of_build(None, text).unwrap().return_as_error);
        assert!(!Settings::of_build(Some(""), text).unwrap().return_as_error);
    }
}
