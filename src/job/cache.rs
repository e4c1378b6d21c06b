//! Caches in folders of the client: the session offers them as content stores, and their index is kept here.
//!
//! Source: `parseCacheOptions` and `resetCacheStore` in client/solve.go of BuildKit.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::error::Error;
use super::result::layout::{self, LayoutFolder};
use super::result::prepared::OutputError;
use crate::beneath::Root;
use crate::buildkit::{CacheEntry, SessionOptions};
use crate::diag::{visible_path, with_causes};
use crate::gotext::parse_bool;

/// The type of a cache in a folder.
const LOCAL: &str = "local";
/// The name of a cache that has none.
const DEFAULT_TAG: &str = "latest";
/// The key of buildkitd's answer that describes the cache which was written.
const DESCRIPTOR: &str = "cache.manifest";
/// The largest index or manifest that is read, in bytes.
const MAX_MANIFEST_BYTES: u64 = 16 << 20;

/// The caches of one build, those in folders found or made.
#[derive(Debug, Default)]
pub(super) struct PreparedCaches {
    /// Caches to read. Those in folders that hold none are left out.
    pub(super) imports: Vec<CacheEntry>,
    /// Caches to write.
    pub(super) exports: Vec<CacheEntry>,
    readable: BTreeMap<String, PathBuf>,
    written: Vec<WrittenCache>,
}

/// A folder that a cache is written to.
#[derive(Debug)]
struct WrittenCache {
    folder: LayoutFolder,
    tag: String,
    /// Whether what no cache of the folder needs any more is removed.
    reset: bool,
}

impl PreparedCaches {
    /// Looks for the caches to import and makes the folders of those to write. A cache to import that is not there is only
    /// warned of.
    ///
    /// # Errors
    /// [`Error::CacheFolder`] where a folder cannot be made.
    pub(super) fn new(imports: &[CacheEntry], exports: &[CacheEntry]) -> Result<Self, Error> {
        let mut caches = Self { exports: exports.to_vec(), ..Self::default() };
        for entry in imports {
            let mut entry = entry.clone();
            if entry.kind == LOCAL {
                let folder = PathBuf::from(entry.attrs.get("src").map(String::as_str).unwrap_or_default());
                match found(&folder, &entry.attrs) {
                    Ok(digest) => entry.attrs.insert("digest".to_owned(), digest),
                    Err(reason) => {
                        tracing::warn!(folder = %visible_path(&folder), reason, "this cache is not read");
                        continue;
                    }
                };
                caches.readable.insert(store_id(&folder), folder);
            }
            caches.imports.push(entry);
        }
        for CacheEntry { attrs, .. } in exports.iter().filter(|entry| entry.kind == LOCAL) {
            let folder = PathBuf::from(attrs.get("dest").map(String::as_str).unwrap_or_default());
            let made = LayoutFolder::new(&folder);
            caches.written.push(WrittenCache {
                folder: made.map_err(|source| Error::CacheFolder { folder, source })?,
                tag: attrs.get("tag").map_or(DEFAULT_TAG, String::as_str).to_owned(),
                reset: attrs.get("reset").and_then(|reset| parse_bool(reset)) == Some(true),
            });
        }
        Ok(caches)
    }

    /// Offers the folders to buildkitd.
    pub(super) fn offer(&self, session: &mut SessionOptions) {
        session.content_stores.extend(self.readable.clone());
        let folders = self.written.iter().map(|cache| cache.folder.path());
        let written = folders.map(|folder| (store_id(folder), folder.to_owned()));
        session.writable_stores.extend(written);
    }

    /// Puts what buildkitd wrote into the index of each folder.
    ///
    /// # Errors
    /// [`OutputError`] where an index cannot be written.
    pub(super) fn keep(&self, response: &BTreeMap<String, String>) -> Result<(), Error> {
        // An export whose errors are ignored may have written nothing.
        let descriptor = response.get(DESCRIPTOR).and_then(|text| serde_json::from_str::<Value>(text).ok());
        for cache in &self.written {
            let Some(descriptor) = &descriptor else { continue };
            let folder = cache.folder.path();
            layout::put_tagged(folder, descriptor, &cache.tag).map_err(OutputError::from)?;
            if cache.reset
                && let Err(error) = remove_unused(folder)
            {
                tracing::warn!(
                    folder = %visible_path(folder), reason = with_causes(&error),
                    "what this cache no longer needs was not removed"
                );
            }
        }
        Ok(())
    }
}

fn store_id(folder: &Path) -> String {
    format!("local:{}", folder.display())
}

/// Returns the digest of the cache that an import names, or why there is none.
fn found(folder: &Path, attrs: &BTreeMap<String, String>) -> Result<String, String> {
    let root = Root::open(folder).map_err(|error| error.to_string())?;
    let digest = if let Some(digest) = attrs.get("digest").filter(|digest| !digest.is_empty()) {
        digest.clone()
    } else {
        let tag = attrs.get("tag").map_or(DEFAULT_TAG, String::as_str);
        let index =
            root.read(Path::new("index.json"), MAX_MANIFEST_BYTES).map_err(|error| error.to_string())?;
        let index: Value =
            serde_json::from_slice(&index).map_err(|_| "its index.json is no JSON".to_owned())?;
        let cache = layout::tagged(&index, tag).and_then(|cache| cache["digest"].as_str());
        cache.ok_or_else(|| format!("it has no cache called {tag:?}"))?.to_owned()
    };
    let path = layout::blob(&digest).ok_or_else(|| format!("{digest:?} is no digest"))?;
    root.file(&path).map_err(|error| format!("it has no {digest}: {error}"))?;
    Ok(digest)
}

/// Removes the blobs that no manifest of the index leads to.
fn remove_unused(folder: &Path) -> io::Result<()> {
    let root = Root::open(folder).map_err(io::Error::other)?;
    let read = |path: &Path| -> io::Result<Value> {
        let text = root.read(path, MAX_MANIFEST_BYTES).map_err(io::Error::other)?;
        Ok(serde_json::from_slice(&text)?)
    };
    let mut used = BTreeSet::new();
    let mut left: Vec<Value> = descriptors(&read(Path::new("index.json"))?);
    while let Some(descriptor) = left.pop() {
        let Some(path) = descriptor["digest"].as_str().and_then(layout::blob) else { continue };
        let kind = descriptor["mediaType"].as_str().unwrap_or_default();
        let is_manifest = kind.contains("manifest") || kind.contains("image.index");
        if used.insert(path.clone()) && is_manifest {
            left.extend(descriptors(&read(&path)?));
        }
    }
    let blobs = folder.join("blobs");
    for algorithm in real_entries(&blobs, std::fs::FileType::is_dir)? {
        for file in real_entries(&blobs.join(&algorithm), std::fs::FileType::is_file)? {
            let path = Path::new("blobs").join(&algorithm).join(&file);
            let is_blob = file.len() >= 64 && file.bytes().all(|b| b.is_ascii_hexdigit());
            if is_blob && !used.contains(&path) {
                std::fs::remove_file(folder.join(path))?;
            }
        }
    }
    Ok(())
}

/// Returns what an index or a manifest refers to.
fn descriptors(manifest: &Value) -> Vec<Value> {
    let lists = ["manifests", "layers", "blobs"].into_iter().filter_map(|list| manifest[list].as_array());
    let single = ["config", "subject"].map(|name| manifest[name].clone());
    lists.flatten().cloned().chain(single).filter(Value::is_object).collect()
}

/// Returns the names of the entries of a folder that are of one kind, in a folder that is no link.
fn real_entries(folder: &Path, is_wanted: fn(&std::fs::FileType) -> bool) -> io::Result<Vec<String>> {
    if !std::fs::symlink_metadata(folder)?.is_dir() {
        return Ok(Vec::new());
    }
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if is_wanted(&entry.file_type()?) {
            names.extend(entry.file_name().into_string().ok());
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use sha2::{Digest as _, Sha256};

    use super::*;

    fn put(folder: &Path, content: &[u8], media_type: &str) -> Value {
        let digest = hex::encode(Sha256::digest(content));
        std::fs::create_dir_all(folder.join("blobs/sha256")).unwrap();
        std::fs::write(folder.join("blobs/sha256").join(&digest), content).unwrap();
        json!({"mediaType": media_type, "digest": format!("sha256:{digest}"), "size": content.len()})
    }

    /// A cache of one layer in a folder; returns its descriptor.
    fn cache(folder: &Path, layer: &[u8]) -> Value {
        let layer = put(folder, layer, "application/vnd.oci.image.layer.v1.tar+gzip");
        let config = put(folder, b"{}", "application/vnd.buildkit.cacheconfig.v0");
        let manifest = json!({"layers": [layer], "config": config}).to_string();
        put(folder, manifest.as_bytes(), "application/vnd.oci.image.manifest.v1+json")
    }

    fn entry(attrs: &[(&str, &str)]) -> CacheEntry {
        let attrs = attrs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        CacheEntry { kind: LOCAL.to_owned(), attrs }
    }

    fn blobs(folder: &Path) -> usize {
        std::fs::read_dir(folder.join("blobs/sha256")).unwrap().count()
    }

    #[test]
    fn a_cache_is_found_by_its_tag_or_digest_and_left_out_where_it_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("a/cache");
        let dest = folder.to_str().unwrap();
        let caches = PreparedCaches::new(&[], &[entry(&[("dest", dest), ("tag", "t")])]).unwrap();
        let descriptor = cache(&folder, b"1");
        let response = BTreeMap::from([(DESCRIPTOR.to_owned(), descriptor.to_string())]);
        caches.keep(&response).unwrap();
        let digest = descriptor["digest"].as_str().unwrap();
        let digests = |attrs: &[(&str, &str)]| {
            let attrs = [&[("src", dest)], attrs].concat();
            let found = PreparedCaches::new(&[entry(&attrs)], &[]).unwrap();
            assert_eq!(found.readable.len(), found.imports.len());
            found
                .imports
                .into_iter()
                .map(|mut entry| entry.attrs.remove("digest").unwrap())
                .collect::<Vec<_>>()
        };
        assert_eq!(digests(&[("tag", "t")]), [digest]);
        assert_eq!(digests(&[("digest", digest)]), [digest]);
        let none: [&[(&str, &str)]; 4] =
            [&[], &[("tag", "other")], &[("digest", "x")], &[("src", "/nonexistent")]];
        for attrs in none {
            assert!(digests(attrs).is_empty(), "{attrs:?}");
        }
    }

    #[test]
    fn a_reset_removes_what_no_cache_of_the_folder_needs() {
        let dir = tempfile::tempdir().unwrap();
        let dest = dir.path().to_str().unwrap();
        let write = |layer: &[u8], attrs: &[(&str, &str)]| {
            let attrs = [&[("dest", dest)], attrs].concat();
            let caches = PreparedCaches::new(&[], &[entry(&attrs)]).unwrap();
            let descriptor = cache(dir.path(), layer).to_string();
            caches.keep(&BTreeMap::from([(DESCRIPTOR.to_owned(), descriptor)])).unwrap();
        };
        write(b"1", &[("tag", "other")]);
        write(b"2", &[]);
        write(b"3", &[]);
        // Three layers and three manifests, and the configuration of all of them.
        assert_eq!(blobs(dir.path()), 7);
        write(b"3", &[("reset", "true")]);
        assert_eq!(blobs(dir.path()), 5);
    }
}
