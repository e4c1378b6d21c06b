//! Which files of a folder are sent.
//!
//! Source: `fsutil/filter.go`; the patterns are those of moby/patternmatcher.

use std::path::Path;

use super::follow;

/// The patterns that the daemon sends with a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Patterns {
    /// Only what matches one of these; empty: everything.
    pub(super) include: Vec<String>,
    /// Nothing that matches these.
    pub(super) exclude: Vec<String>,
    /// Added to `include`, with what links on the way lead to.
    pub(super) follow: Vec<String>,
}

/// A pattern that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("invalid {kind} {patterns:?}")]
pub(super) struct FilterError {
    kind: &'static str,
    patterns: Vec<String>,
    source: MatcherError,
}

/// What becomes of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// It is sent.
    Send,
    /// It is not sent, though something in it may be.
    Look,
    /// Neither it nor anything in it is sent.
    SkipTree,
}

/// The patterns that matched a folder, for what lies in it.
#[derive(Clone, Debug, Default)]
pub(super) struct MatchState {
    include: MatchInfo,
    exclude: MatchInfo,
}

/// The compiled patterns of one request.
#[derive(Debug)]
pub(super) struct Filter {
    include: Option<Matcher>,
    exclude: Option<Matcher>,
    /// Where each include pattern begins with plain names: the folders that are worth a look.
    include_prefixes: Option<Vec<String>>,
    /// The same for exceptions to the excludes.
    exception_prefixes: Option<Vec<String>>,
}

impl Filter {
    /// Returns the filter for a folder; links of `follow` are resolved now.
    pub(super) fn new(root: &Path, patterns: Patterns) -> Result<Self, FilterError> {
        let mut include = patterns.include;
        if !patterns.follow.is_empty() {
            // The root among the follow-paths adds nothing, as in fsutil.
            if let Some(found) = follow::resolve(root, &patterns.follow) {
                include.extend(found);
                include = follow::without_nested(include).unwrap_or_default();
            }
        }
        let include = matcher("include patterns", include)?;
        let exclude = matcher("exclude patterns", patterns.exclude)?;
        let include_prefixes = include.as_ref().and_then(|m| plain_prefixes(m, false));
        let exception_prefixes = exclude.as_ref().and_then(|m| plain_prefixes(m, true));
        Ok(Self {
            include,
            exclude,
            include_prefixes,
            exception_prefixes,
        })
    }

    /// Returns what becomes of an entry, and the state for what lies in it.
    pub(super) fn decide(
        &self,
        path: &[u8],
        is_dir: bool,
        parent: &MatchState,
    ) -> Result<(Decision, MatchState), FilterError> {
        let path = String::from_utf8_lossy(path);
        let mut state = MatchState::default();
        let mut send = true;
        if let Some(include) = &self.include {
            let matched;
            (matched, state.include) = include.matches(&path, &parent.include);
            if !matched {
                if is_dir && nothing_below(&path, self.include_prefixes.as_deref()) {
                    return Ok((Decision::SkipTree, state));
                }
                send = false;
            }
        }
        if let Some(exclude) = &self.exclude {
            let matched;
            (matched, state.exclude) = exclude.matches(&path, &parent.exclude);
            if matched {
                if is_dir && nothing_below(&path, self.exception_prefixes.as_deref()) {
                    return Ok((Decision::SkipTree, state));
                }
                send = false;
            }
        }
        Ok((if send { Decision::Send } else { Decision::Look }, state))
    }
}

fn matcher(kind: &'static str, patterns: Vec<String>) -> Result<Option<Matcher>, FilterError> {
    if patterns.is_empty() {
        return Ok(None);
    }
    let matcher = Matcher::new(&patterns);
    matcher.map(Some).map_err(|source| FilterError {
        kind,
        patterns,
        source,
    })
}

/// The patterns of one kind without trailing wildcards, each with a slash; `None` if one of them holds a
/// wildcard elsewhere, so that anything could match anywhere.
fn plain_prefixes(matcher: &Matcher, exceptions: bool) -> Option<Vec<String>> {
    const SPECIAL: &[char] = &['*', '[', ']', '?', '^', '\\'];
    let patterns = matcher
        .patterns()
        .filter(|(_, exception)| *exception == exceptions);
    let plain = patterns.map(|(text, _)| {
        let text = text.strip_suffix("/**").unwrap_or(text);
        let text = text.strip_suffix("/*").unwrap_or(text);
        (!text.contains(SPECIAL)).then(|| format!("{text}/"))
    });
    plain.collect()
}

/// Whether no pattern could match anything in the folder.
fn nothing_below(dir: &str, prefixes: Option<&[String]>) -> bool {
    let below = |p: &String| {
        p.strip_prefix(dir)
            .is_some_and(|rest| rest.starts_with('/'))
    };
    prefixes.is_some_and(|prefixes| !prefixes.iter().any(below))
}

use super::pattern::{MatchInfo, Matcher, MatcherError};
