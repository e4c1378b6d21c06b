//! Directories of the client.

use super::{Attrs, flag, set};
use crate::setters::setters;

/// A directory of the client, sent through the session.
///
/// Source: `Local` in [client/llb/source.go](https://github.com/moby/buildkit/blob/v0.32.2/client/llb/source.go).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LocalSource {
    /// Name under which the session offers the directory.
    pub name: String,
    /// Session that offers it. Without one the op gets an attribute `local.unique`, from
    /// [`MarshalOptions::local_unique_id`](crate::MarshalOptions::local_unique_id).
    pub session_id: String,
    /// Send only what matches one of these patterns, if there are any.
    pub include_patterns: Vec<String>,
    /// Leave out what matches one of these patterns.
    pub exclude_patterns: Vec<String>,
    /// Send these paths and whatever their symbolic links lead to.
    pub follow_paths: Vec<String>,
    /// Directories with the same hint share what was sent before.
    pub shared_key_hint: String,
    /// How changed files are found.
    pub differ: Option<Differ>,
    /// Daemons have to know the differ, or refuse the graph.
    pub differ_required: bool,
    /// Send metadata only, but for the files that match one of these patterns.
    pub metadata_only: Option<Vec<String>>,
}

setters! { LocalSource {
    with_session_id = into session_id: String;
    with_include_patterns = list include_patterns: String;
    with_exclude_patterns = list exclude_patterns: String;
    with_follow_paths = list follow_paths: String;
    with_shared_key_hint = into shared_key_hint: String;
    with_differ = into differ: Option<Differ>;
    with_differ_required = value differ_required: bool;
    with_metadata_only = into metadata_only: Option<Vec<String>>;
} }

impl LocalSource {
    /// Returns a whole directory.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    pub(super) fn attrs<'a>(&'a self, local_unique_id: &'a str) -> Attrs<'a> {
        let mut attrs = Attrs::new();
        if self.session_id.is_empty() {
            attrs.push(("local.unique", local_unique_id.into()));
        }
        set(&mut attrs, "local.session", &*self.session_id);
        set(&mut attrs, "local.includepattern", list(&self.include_patterns));
        set(&mut attrs, "local.followpaths", list(&self.follow_paths));
        set(&mut attrs, "local.excludepatterns", list(&self.exclude_patterns));
        set(&mut attrs, "local.sharedkeyhint", &*self.shared_key_hint);
        set(
            &mut attrs,
            "local.differ",
            match self.differ {
                None => "",
                Some(Differ::None) => "none",
                Some(Differ::Metadata) => "metadata",
            },
        );
        flag(&mut attrs, "local.metadatatransfer", self.metadata_only.is_some());
        if let Some(exceptions) = &self.metadata_only {
            set(&mut attrs, "local.metadatatransferexclude", list(exceptions));
        }
        attrs
    }
}

/// How changed files of a local directory are found.
///
/// Source: `Differ` in [client/llb/source.go](https://github.com/moby/buildkit/blob/v0.32.2/client/llb/source.go).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Differ {
    /// All files are sent.
    None,
    /// By their metadata, which is what daemons do anyway.
    Metadata,
}

/// Returns a JSON array as Go writes it, or nothing for an empty list.
fn list(items: &[String]) -> String {
    if items.is_empty() {
        return String::new();
    }
    crate::dump::go_json::strings(items)
}
