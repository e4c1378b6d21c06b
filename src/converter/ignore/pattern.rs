//! Lists of patterns (moby/patternmatcher).

use std::sync::OnceLock;

use ::regex::Regex;

use super::form::{self, Form};
use super::path::{clean, dir, is_match_pattern};
use super::{Error, regex, wildcard};

/// A list of patterns, compiled. A path matches if the last pattern that speaks about it, or about a
/// directory above it, has no `!`.
///
/// Source: `PatternMatcher` in `patternmatcher.go` of `moby/patternmatcher`.
#[derive(Debug, Clone)]
pub struct Patterns {
    patterns: Vec<Pattern>,
    exclusions: bool,
}

/// One pattern of a list.
///
/// Source: `Pattern` in `patternmatcher.go` of `moby/patternmatcher`.
#[derive(Debug, Clone)]
pub struct Pattern {
    text: String,
    exclusion: bool,
    form: Form,
    /// The regular expression that the form may be, compiled when it is first asked. Some patterns pass the
    /// first check and still become none: using those fails.
    regex: OnceLock<Option<Regex>>,
}

/// Which patterns of a list matched a directory; the default knows nothing.
///
/// Source: `MatchInfo` in `patternmatcher.go` of `moby/patternmatcher`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MatchInfo {
    matched: Vec<bool>,
}

impl Pattern {
    /// Returns the pattern, cleaned, without `!`.
    ///
    /// Source: `Pattern.String` in `patternmatcher.go` of `moby/patternmatcher`.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether the pattern begins with `!`: what it matches does not match the list.
    ///
    /// Source: `Pattern.Exclusion` in `patternmatcher.go` of `moby/patternmatcher`.
    pub fn is_exclusion(&self) -> bool {
        self.exclusion
    }

    fn new(pattern: &str) -> Result<Self, Error> {
        let cleaned = clean(pattern);
        let (text, exclusion) = match cleaned.strip_prefix('!') {
            Some("") => return Err(Error::EmptyExclusion),
            Some(text) => (text, true),
            None => (cleaned.as_str(), false),
        };
        if !is_match_pattern(text) {
            return Err(Error::BadPattern { pattern: text.to_owned() });
        }
        Ok(Self { form: form::of_pattern(text), regex: OnceLock::new(), text: text.to_owned(), exclusion })
    }

    fn matches(&self, path: &str) -> Result<bool, Error> {
        Ok(match &self.form {
            Form::Exact => path == self.text,
            Form::Prefix => path.starts_with(&self.text[..self.text.len() - 2]),
            Form::Suffix => {
                let suffix = &self.text[2..];
                path.ends_with(suffix) || suffix.strip_prefix('/') == Some(path)
            }
            Form::Wildcards(units) => wildcard::matches(units, path),
            Form::Regex(text) => match self.regex.get_or_init(|| regex::compile(text)) {
                Some(regex) => regex.is_match(path),
                None => return Err(Error::BadPattern { pattern: self.text.clone() }),
            },
        })
    }

    /// Whether the pattern may match `dir`, a directory above it, or something below it.
    fn may_match_at_or_below(&self, dir: &str) -> bool {
        // Alternatives and repetitions do not end at slashes.
        if self.text.contains(['|', '{']) {
            return true;
        }
        let mut elements = self.text.split('/');
        for name in dir.split('/') {
            let Some(element) = elements.next() else { return true };
            if element.contains("**") {
                return true;
            }
            // In doubt, such as half a class, it does.
            let matches =
                Self::new(element).and_then(|element| Ok(element.exclusion || element.matches(name)?));
            if matches == Ok(false) {
                return false;
            }
        }
        true
    }

    /// Whether the pattern matches one of `parents`; a failure counts as no.
    fn matches_any(&self, parents: &[String]) -> bool {
        parents.iter().any(|parent| self.matches(parent).unwrap_or_default())
    }
}

impl Patterns {
    /// Returns a list of `patterns` in order. White space around a pattern and empty patterns do not
    /// count.
    ///
    /// Source: `New` in `patternmatcher.go` of `moby/patternmatcher`.
    ///
    /// # Errors
    /// [`Error::EmptyExclusion`], [`Error::BadPattern`].
    pub fn new(patterns: impl IntoIterator<Item = impl AsRef<str>>) -> Result<Self, Error> {
        let mut compiled = Vec::new();
        for pattern in patterns {
            let pattern = pattern.as_ref().trim();
            if !pattern.is_empty() {
                compiled.push(Pattern::new(pattern)?);
            }
        }
        Ok(Self { exclusions: compiled.iter().any(Pattern::is_exclusion), patterns: compiled })
    }

    /// Returns the patterns in order.
    ///
    /// Source: `PatternMatcher.Patterns` in `patternmatcher.go` of `moby/patternmatcher`.
    pub fn patterns(&self) -> &[Pattern] {
        &self.patterns
    }

    /// Whether a pattern begins with `!`.
    ///
    /// Source: `PatternMatcher.Exclusions` in `patternmatcher.go` of `moby/patternmatcher`.
    pub fn has_exclusions(&self) -> bool {
        self.exclusions
    }

    /// Whether `path` (relative, separated by slashes) or a directory above it matches.
    ///
    /// Source: `PatternMatcher.MatchesOrParentMatches` in `patternmatcher.go` of `moby/patternmatcher`.
    ///
    /// # Errors
    /// [`Error::BadPattern`] if a pattern that counts cannot be used.
    pub fn matches_or_parent_matches(&self, path: &str) -> Result<bool, Error> {
        self.matches_using_parent_results(path, &MatchInfo::default()).map(|(matched, _)| matched)
    }

    /// Whether something below `dir` may match. Says so in doubt.
    pub(super) fn may_match_below(&self, dir: &str) -> bool {
        self.patterns.iter().any(|pattern| !pattern.exclusion && pattern.may_match_at_or_below(dir))
    }

    /// Whether something below `dir` may be left unmatched: `dir` does not match, or an exception (`!`) behind the
    /// last pattern that matches it begins there. Says so in doubt.
    pub(super) fn may_spare_below(&self, dir: &str) -> bool {
        let parents = parents(dir);
        let matches = |pattern: &Pattern| {
            !pattern.exclusion && (pattern.matches(dir).unwrap_or_default() || pattern.matches_any(&parents))
        };
        let exceptions = self.patterns.iter().rposition(matches).map(|last| &self.patterns[last..]);
        exceptions.is_none_or(|patterns| {
            patterns.iter().any(|pattern| pattern.exclusion && pattern.may_match_at_or_below(dir))
        })
    }

    /// Whether `path` matches, as [`Patterns::matches_or_parent_matches`] says, and what its children
    /// need to know. `parent` is what this function gave for the directory that `path` is in; the
    /// default if that is not known.
    ///
    /// Source: `PatternMatcher.MatchesUsingParentResults` in `patternmatcher.go` of `moby/patternmatcher`.
    ///
    /// # Errors
    /// [`Error::BadPattern`] if a pattern that counts cannot be used.
    pub fn matches_using_parent_results(
        &self,
        path: &str,
        parent: &MatchInfo,
    ) -> Result<(bool, MatchInfo), Error> {
        let known = parent.matched.len() == self.patterns.len();
        let parents = if known { Vec::new() } else { parents(path) };
        let mut info = MatchInfo { matched: vec![false; self.patterns.len()] };
        let mut matched = false;
        for (index, pattern) in self.patterns.iter().enumerate() {
            let mut matches = known && parent.matched[index];
            if !matches {
                // A pattern that cannot change the outcome is not asked.
                if pattern.exclusion != matched {
                    continue;
                }
                matches = pattern.matches(path)? || pattern.matches_any(&parents);
            }
            info.matched[index] = matches;
            if matches {
                matched = !pattern.exclusion;
            }
        }
        Ok((matched, info))
    }
}

/// Returns the directories above `path`, outermost first.
fn parents(path: &str) -> Vec<String> {
    let dir = dir(path);
    if dir == "." {
        return Vec::new();
    }
    let ends = dir.match_indices('/').map(|(at, _)| at).chain([dir.len()]);
    ends.map(|end| dir[..end].to_owned()).collect()
}
