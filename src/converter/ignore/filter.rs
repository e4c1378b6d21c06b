//! Which files of a directory tree are sent (tonistiigi/fsutil, filter.go).

use super::{Error, MatchInfo, Pattern, Patterns};

/// Include and exclude patterns for a walk over a directory tree.
///
/// Source: `NewFilterFS` in `filter.go` of `tonistiigi/fsutil`.
#[derive(Debug, Clone)]
pub struct Filter {
    pub(super) include: Option<Patterns>,
    pub(super) exclude: Option<Patterns>,
    /// Without wildcards in their middle, include patterns tell whether a directory can hold matches.
    only_prefix_includes: bool,
    /// The same for exceptions (`!`) to exclude patterns.
    only_prefix_exceptions: bool,
}

/// What the patterns said about a directory; the default stands for the root.
///
/// Source: `visitedDir` in `filter.go` of `tonistiigi/fsutil`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DirState {
    include: MatchInfo,
    exclude: MatchInfo,
}

/// What to do with a file or directory.
///
/// Source: `filterFS.Walk` in `filter.go` of `tonistiigi/fsutil`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Whether it is selected. A directory that is not selected is still sent, just before the first
    /// selected thing below it.
    pub selected: bool,
    /// Whether something below it can be selected; false for what is no directory.
    pub descend: bool,
    /// What its children need, if it is a directory.
    pub state: DirState,
}

impl Filter {
    /// Returns a filter that selects what matches `include` (everything if that is empty) and does not
    /// match `exclude`.
    ///
    /// Source: `NewFilterFS` in `filter.go` of `tonistiigi/fsutil`.
    ///
    /// # Errors
    /// [`Error::EmptyExclusion`], [`Error::BadPattern`].
    pub fn new(include: &[impl AsRef<str>], exclude: &[impl AsRef<str>]) -> Result<Self, Error> {
        let include = compiled(include)?;
        let exclude = compiled(exclude)?;
        let simple = |patterns: &Option<Patterns>, exclusion: bool| {
            let mut patterns = patterns.iter().flat_map(Patterns::patterns);
            !patterns.any(|pattern| pattern.is_exclusion() == exclusion && has_wildcard(pattern))
        };
        Ok(Self {
            only_prefix_includes: simple(&include, false),
            only_prefix_exceptions: simple(&exclude, true),
            include,
            exclude,
        })
    }

    /// Returns what to do with `path` (relative to the root, separated by slashes), which lies in a
    /// directory for which the verdict's state was `parent`.
    ///
    /// Source: `filterFS.Walk` in `filter.go` of `tonistiigi/fsutil`.
    ///
    /// # Errors
    /// [`Error::BadPattern`] if a pattern that counts cannot be used.
    pub fn check(&self, path: &str, is_dir: bool, parent: &DirState) -> Result<Verdict, Error> {
        let mut verdict = Verdict { selected: true, descend: is_dir, state: DirState::default() };
        if let Some(include) = &self.include {
            let (matched, info) = include.matches_using_parent_results(path, &parent.include)?;
            verdict.state.include = info;
            if !matched {
                verdict.selected = false;
                if self.only_prefix_includes && !may_match_below(include, false, path) {
                    verdict.descend = false;
                    return Ok(verdict);
                }
            }
        }
        if let Some(exclude) = &self.exclude {
            let (matched, info) = exclude.matches_using_parent_results(path, &parent.exclude)?;
            verdict.state.exclude = info;
            if matched {
                verdict.selected = false;
                if self.only_prefix_exceptions && !may_match_below(exclude, true, path) {
                    verdict.descend = false;
                }
            }
        }
        Ok(verdict)
    }
}

impl Filter {
    /// Whether something below `dir`, a directory that is not selected itself, could be selected. Says so in
    /// doubt, but looks closer than [`Filter::check`], which has to be quick.
    ///
    /// Source: `filterFS.Walk` in `filter.go` of `tonistiigi/fsutil`, whose `onlyPrefixIncludes` looks less close.
    pub fn may_select_below(&self, dir: &str) -> bool {
        let included = self.include.as_ref().is_none_or(|include| include.may_match_below(dir));
        included && self.exclude.as_ref().is_none_or(|exclude| exclude.may_spare_below(dir))
    }
}

fn compiled(patterns: &[impl AsRef<str>]) -> Result<Option<Patterns>, Error> {
    if patterns.is_empty() {
        return Ok(None);
    }
    Patterns::new(patterns).map(Some)
}

fn has_wildcard(pattern: &Pattern) -> bool {
    without_trailing_glob(pattern).contains(['*', '[', ']', '?', '^', '\\'])
}

/// Whether a pattern with the given sign begins with directory `path`, so that it can match below it.
fn may_match_below(patterns: &Patterns, exclusion: bool, path: &str) -> bool {
    patterns.patterns().iter().any(|pattern| {
        let text = without_trailing_glob(pattern);
        pattern.is_exclusion() == exclusion
            && text.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}

fn without_trailing_glob(pattern: &Pattern) -> &str {
    let text = pattern.text();
    let text = text.strip_suffix("/**").unwrap_or(text);
    text.strip_suffix("/*").unwrap_or(text)
}
