//! What a build is asked to do, and what it answers.

use std::collections::BTreeMap;
use std::fmt;

use tokio::io::AsyncWrite;

use super::proto::{control, frontend, sourcepolicy};
use super::session::ExportFolder;

/// Everything that the daemon is told when a build starts; the graph itself comes through the gateway.
#[derive(Debug, Default)]
pub struct BuildRequest {
    /// What becomes of the result. Empty: it is built and stays in the cache.
    pub exports: Vec<Export>,
    /// Where to look for cached results.
    pub cache_imports: Vec<CacheEntry>,
    /// Where to write the cache of this build.
    pub cache_exports: Vec<CacheEntry>,
    /// Rights that this build may use, such as `network.host`.
    pub entitlements: Vec<String>,
    /// Attributes that the daemon reads in place of a frontend, such as `attest:sbom` or `no-cache`.
    pub frontend_attrs: BTreeMap<String, String>,
    /// Rules on the sources of this build.
    pub source_policy: Option<sourcepolicy::Policy>,
    /// Leaves history and provenance out.
    pub internal: bool,
}

/// One use that is made of the result.
#[derive(Debug)]
pub struct Export {
    /// The exporter: `image`, `local`, `tar`, `oci` or `docker`.
    pub kind: String,
    /// Its attributes, such as `name` and `push`.
    pub attrs: BTreeMap<String, String>,
    /// Where the data goes, for exporters that send it to the client.
    pub target: ExportTarget,
}

/// Where exported data goes.
#[derive(Default)]
pub enum ExportTarget {
    /// The daemon keeps or pushes the result itself.
    #[default]
    Daemon,
    /// One stream of bytes: `tar`, `oci`, `docker`. Shut down when the stream ended well.
    Writer(Box<dyn AsyncWrite + Send + Unpin>),
    /// A folder: `local`. It is created where missing; nothing outside it is ever written.
    Folder(ExportFolder),
}

impl fmt::Debug for ExportTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Daemon => f.write_str("Daemon"),
            Self::Writer(_) => f.write_str("Writer(..)"),
            Self::Folder(folder) => f.debug_tuple("Folder").field(&folder.path).finish(),
        }
    }
}

/// A place of cached results.
#[derive(Clone, PartialEq, Eq)]
pub struct CacheEntry {
    /// `registry`, `inline`, `gha`, `s3`, `azblob`, …
    pub kind: String,
    /// Its attributes, such as `ref` and `mode`.
    pub attrs: BTreeMap<String, String>,
}

impl CacheEntry {
    /// Whether the attribute called `key` is a credential of a store.
    pub fn is_secret(key: &str) -> bool {
        let key = key.to_lowercase();
        ["token", "secret", "password"].iter().any(|word| key.contains(word))
    }
}

impl fmt::Debug for CacheEntry {
    /// The names of the attributes alone: some are keys of a store.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CacheEntry")
            .field("kind", &self.kind)
            .field("attrs", &self.attrs.keys().collect::<Vec<_>>())
            .finish()
    }
}

impl From<CacheEntry> for control::CacheOptionsEntry {
    fn from(entry: CacheEntry) -> Self {
        Self { r#type: entry.kind, attrs: entry.attrs.into_iter().collect() }
    }
}

impl From<CacheEntry> for frontend::CacheOptionsEntry {
    fn from(entry: CacheEntry) -> Self {
        Self { r#type: entry.kind, attrs: entry.attrs.into_iter().collect() }
    }
}

/// What a successful build answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildOutcome<T> {
    /// What the exporters say: `containerimage.digest`, `image.name`, ….
    pub exporter_response: BTreeMap<String, String>,
    /// The ref under which the daemon keeps the build in its history.
    pub build_ref: String,
    /// The value that the caller's function returned beside the result.
    pub value: T,
}
