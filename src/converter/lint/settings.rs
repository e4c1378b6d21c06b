//! Which checks run: `# check=skip=…;error=…` and its like (BuildKit's linter/linter.go).

use std::collections::BTreeSet;

use super::rules::Rule;
use crate::converter::dockerfile::{directives, parse_bool};

/// Which checks run, and whether what they find is an error.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    skip: Names,
    experimental: Names,
    error: bool,
}

/// Names of rules, or all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Names {
    all: bool,
    names: BTreeSet<String>,
}

/// Settings that mean nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// No `=`, or an unknown name before it.
    #[error("invalid check option {0:?}: use skip=…, error=… or experimental=…")]
    Option(String),
    /// Neither true nor false.
    #[error("invalid check option {0:?}: error= takes true or false")]
    Error(String),
}

impl Names {
    fn parse(text: &str) -> Self {
        let text = text.trim();
        if text == "all" {
            return Self { all: true, names: BTreeSet::new() };
        }
        Self { all: false, names: text.split(',').map(|name| name.trim().to_owned()).collect() }
    }

    fn has(&self, name: &str) -> bool {
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
            let (name, value) = part.split_once('=').ok_or_else(|| SettingsError::Option(part.to_owned()))?;
            match name.trim() {
                "skip" => settings.skip = Names::parse(value),
                "experimental" => settings.experimental = Names::parse(value),
                "error" => {
                    let wrong = || SettingsError::Error(part.to_owned());
                    settings.error = parse_bool(value.trim()).ok_or_else(wrong)?;
                }
                other => return Err(SettingsError::Option(other.to_owned())),
            }
        }
        Ok(settings)
    }

    /// The settings of a build: those that were given for it, else those of the Dockerfile.
    ///
    /// # Errors
    /// [`SettingsError`] for settings that mean nothing.
    pub fn of(given: Option<&str>, dockerfile: &[u8]) -> Result<Self, SettingsError> {
        match given {
            Some(text) => Self::parse(text),
            None => match directives::find(dockerfile, directives::Name::Check) {
                Some(directive) => Self::parse(directive.first_word()),
                None => Ok(Self::default()),
            },
        }
    }

    /// Whether what is found makes the build fail.
    pub(super) const fn fails(&self) -> bool {
        self.error
    }

    /// Whether a rule runs for an instruction whose comments say `check`.
    pub(super) fn runs(&self, rule: &Rule, check: Option<&str>) -> bool {
        let local = check.and_then(|text| Self::parse(text).ok());
        let says = |names: fn(&Self) -> &Names| {
            names(self).has(rule.name) || local.as_ref().is_some_and(|local| names(local).has(rule.name))
        };
        if rule.experimental {
            says(|settings| &settings.experimental)
        } else {
            !says(|settings| &settings.skip)
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
            settings.error && settings.skip.has("A") && settings.skip.has("B") && !settings.skip.has("C")
        );
        assert!(Settings::parse("skip=all").unwrap().skip.has("C"));
        assert_eq!(Settings::parse("").unwrap(), Settings::default());
    }

    #[test]
    fn what_means_nothing_is_an_error() {
        for (text, named) in [("skip", "skip"), ("skp=A", "skp"), (";", "")] {
            assert_eq!(Settings::parse(text), Err(SettingsError::Option(named.into())), "{text}");
        }
        assert_eq!(Settings::parse("error=maybe"), Err(SettingsError::Error("error=maybe".into())));
    }

    #[test]
    fn what_follows_the_third_part_belongs_to_it() {
        let settings = Settings::parse("skip=A;error=1;experimental=all;x=1").unwrap();
        let names = |name: &str| Names { all: false, names: BTreeSet::from([name.to_owned()]) };
        let expected = Settings { skip: names("A"), experimental: names("all;x=1"), error: true };
        assert_eq!(settings, expected);
    }

    #[test]
    fn settings_of_the_build_replace_those_of_the_dockerfile() {
        let text = b"# check=error=true\nFROM a\n";
        assert!(Settings::of(None, text).unwrap().error);
        assert!(!Settings::of(Some(""), text).unwrap().error);
    }
}
