//! Source: fetches files from outside.

mod git;
mod git_url;
mod http;
mod image;
mod local;

use std::borrow::Cow;
use std::collections::BTreeMap;

pub use git::{BundleStore, GitSource};
pub use http::{HttpHeaders, HttpSignature, HttpSource};
pub use image::{BlobSource, BlobStore, ImageSource, OciLayoutSource, ResolveMode};
pub use local::{Differ, LocalSource};

use crate::fault::Fault;
use crate::field;
use crate::wire::Writer;

/// Where a source op gets its files from.
///
/// Each kind converts into this, so [`Graph::source`](crate::Graph::source) takes them as they are.
///
/// Source: `NewSource` in [client/llb/source.go](https://github.com/moby/buildkit/blob/v0.32.2/client/llb/source.go).
#[derive(Clone, Debug, PartialEq)]
pub enum SourceOp {
    /// An image of a registry.
    Image(ImageSource),
    /// A directory of the client.
    Local(LocalSource),
    /// A Git repository.
    Git(Box<GitSource>),
    /// A file behind a URL.
    Http(Box<HttpSource>),
    /// An image of an OCI layout of the client.
    OciLayout(OciLayoutSource),
    /// One blob of a registry or of an OCI layout.
    Blob(BlobSource),
    /// Anything else that a daemon may know.
    Raw(RawSource),
}

/// A source given as it is written into the op.
///
/// Source: `NewSource` in [client/llb/source.go](https://github.com/moby/buildkit/blob/v0.32.2/client/llb/source.go).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RawSource {
    /// A URL whose scheme tells the kind of source.
    pub identifier: String,
    /// Attributes, as `solver/pb/attr.go` of BuildKit lists them.
    pub attrs: BTreeMap<String, String>,
}

impl RawSource {
    /// Whether this is a local source that needs `local.unique`.
    pub(crate) fn is_unique_local(&self) -> bool {
        self.identifier.starts_with("local://") && !self.attrs.contains_key("local.session")
    }

    fn attrs(&self, local_unique_id: &str) -> BTreeMap<String, String> {
        let mut attrs = self.attrs.clone();
        if self.is_unique_local() {
            attrs.insert("local.unique".to_owned(), local_unique_id.to_owned());
        }
        attrs
    }
}

/// Attributes as they are written, in any order.
pub(crate) type Attrs<'a> = Vec<(&'static str, Cow<'a, str>)>;

impl SourceOp {
    /// Returns the URL that names the source, such as `docker-image://docker.io/library/alpine:3.20`.
    pub fn identifier(&self) -> Cow<'_, str> {
        match self {
            Self::Image(source) => source.identifier().into(),
            Self::Local(source) => ["local://", &source.name].concat().into(),
            Self::Git(source) => source.identifier().into(),
            Self::Http(source) => (&source.url).into(),
            Self::OciLayout(source) => ["oci-layout://", &source.reference].concat().into(),
            Self::Blob(source) => source.identifier().into(),
            Self::Raw(source) => (&source.identifier).into(),
        }
    }

    /// Returns the attributes of the source. Local sources without a session get
    /// `local.unique` from `local_unique_id`.
    pub fn attrs(&self, local_unique_id: &str) -> BTreeMap<String, String> {
        if let Self::Raw(source) = self {
            return source.attrs(local_unique_id);
        }
        let attrs = self.own_attrs(local_unique_id).into_iter();
        attrs.map(|(name, value)| (name.to_owned(), value.into_owned())).collect()
    }

    /// The attributes of a source that has a type of its own.
    fn own_attrs<'a>(&'a self, local_unique_id: &'a str) -> Attrs<'a> {
        match self {
            Self::Image(source) => source.attrs(),
            Self::Local(source) => source.attrs(local_unique_id),
            Self::Git(source) => source.attrs(),
            Self::Http(source) => source.attrs(),
            Self::OciLayout(source) => source.attrs(),
            Self::Blob(source) => source.attrs(),
            Self::Raw(_) => Attrs::new(),
        }
    }

    /// Whether the op carries a platform: only images do (`platformSpecificSource` in
    /// `client/llb/source.go`).
    pub(crate) fn has_platform(&self) -> bool {
        match self {
            Self::Image(_) | Self::OciLayout(_) => true,
            Self::Http(_) | Self::Raw(_) => {
                let identifier = self.identifier();
                identifier.starts_with("docker-image://") || identifier.starts_with("oci-layout://")
            }
            Self::Local(_) | Self::Git(_) | Self::Blob(_) => false,
        }
    }

    pub(crate) fn check(&self) -> Result<(), Fault> {
        let named = match self {
            Self::Blob(source) if !source.is_by_digest() => {
                return Err(Fault::BlobReference(source.reference.clone()));
            }
            Self::Image(source) => !source.reference.is_empty(),
            Self::Http(source) => !source.url.is_empty(),
            Self::Raw(source) => !source.identifier.is_empty(),
            // BuildKit's client takes these as they are.
            Self::Local(_) | Self::Git(_) | Self::OciLayout(_) | Self::Blob(_) => true,
        };
        if named { Ok(()) } else { Err(Fault::EmptyIdentifier) }
    }

    pub(crate) fn encode(&self, w: &mut Writer, local_unique_id: &str) {
        w.string(field::source_op::IDENTIFIER, &self.identifier());
        if let Self::Raw(source) = self {
            return w.string_map(field::source_op::ATTRS, source.attrs(local_unique_id));
        }
        let mut attrs = self.own_attrs(local_unique_id);
        attrs.sort_unstable_by_key(|(name, _)| *name);
        w.string_map(field::source_op::ATTRS, attrs);
    }
}

macro_rules! sources {
    ($($name:ident($source:ty)),*) => {$(
        impl From<$source> for SourceOp {
            fn from(source: $source) -> Self {
                Self::$name(source.into())
            }
        }
    )*};
}

sources!(
    Image(ImageSource),
    Local(LocalSource),
    Git(GitSource),
    Http(HttpSource),
    OciLayout(OciLayoutSource),
    Blob(BlobSource),
    Raw(RawSource)
);

/// Adds an attribute unless its value is empty.
fn set<'a>(attrs: &mut Attrs<'a>, name: &'static str, value: impl Into<Cow<'a, str>>) {
    let value = value.into();
    if !value.is_empty() {
        attrs.push((name, value));
    }
}

/// Adds an attribute with the value `true` if `on` is set.
fn flag(attrs: &mut Attrs<'_>, name: &'static str, on: bool) {
    set(attrs, name, if on { "true" } else { "" });
}

#[cfg(test)]
mod tests {
    use bollard_buildkit_proto::pb;
    use prost::Message as _;

    use super::*;

    #[test]
    fn what_a_source_says_of_itself_is_what_is_written() {
        let git = GitSource::new("https://example.com/a.git").with_reference("main").with_mtime("commit");
        let http = HttpSource::new("https://example.com/a").with_mode(0o644).with_filename("b");
        let raw = RawSource { identifier: "local://x".to_owned(), attrs: BTreeMap::new() };
        let sources: [SourceOp; 5] = [
            ImageSource::new("alpine").with_layer_limit(2).into(),
            LocalSource::new("context").with_exclude_patterns(["a", "b"]).into(),
            git.into(),
            http.into(),
            raw.into(),
        ];
        for source in sources {
            let mut w = Writer::new();
            source.encode(&mut w, "unique");
            let written = pb::SourceOp::decode(&*w.finish()).unwrap();
            assert!(!written.attrs.is_empty(), "{written:?}");
            assert_eq!(written.identifier, source.identifier());
            assert_eq!(written.attrs, source.attrs("unique"));
        }
    }
}
