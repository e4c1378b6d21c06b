//! What the daemon asks for: the patterns of a request, with links resolved.
//!
//! Source: `NewFilterFS` of `fsutil/filter.go`.

use super::follow;
use crate::beneath::Root;
use crate::converter::ignore::{self, Filter};

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
#[error("invalid patterns: {0}")]
pub(super) struct FilterError(#[from] ignore::Error);

impl Patterns {
    /// Returns the filter for a folder; links are resolved as they are now.
    pub(super) fn filter(self, root: &Root) -> Result<Filter, FilterError> {
        let mut include = self.include;
        // The root among the follow-paths adds nothing, as in fsutil.
        if !self.follow.is_empty()
            && let Some(found) = follow::resolve(root, &self.follow)
        {
            include.extend(found);
            include = follow::without_nested(include).unwrap_or_default();
        }
        Ok(Filter::new(&include, &self.exclude)?)
    }
}
