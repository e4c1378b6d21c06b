//! Images and blobs, of registries and of OCI layouts.

use std::borrow::Cow;

use super::{Attrs, set};
use crate::setters::setters;

/// An image of a registry: its layers, laid over each other.
///
/// Source: `Image` in [client/llb/source.go](https://github.com/moby/buildkit/blob/v0.32.2/client/llb/source.go).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ImageSource {
    /// The reference, as people write it: `alpine` stands for `docker.io/library/alpine:latest`.
    pub reference: String,
    /// Where the image is looked for.
    pub resolve_mode: ResolveMode,
    /// Why the image is used, such as `internal`; empty for a plain base image.
    pub record_type: String,
    /// Use this many layers only, counted from the lowest.
    pub layer_limit: Option<i64>,
    /// Digest that the image must have, if it is not empty.
    pub checksum: String,
}

setters! { ImageSource {
    with_resolve_mode = value resolve_mode: ResolveMode;
    with_record_type = into record_type: String;
    with_layer_limit = into layer_limit: Option<i64>;
    with_checksum = into checksum: String;
} }

impl ImageSource {
    /// Returns an image by its reference.
    pub fn new(reference: impl Into<String>) -> Self {
        Self { reference: reference.into(), ..Self::default() }
    }

    pub(super) fn identifier(&self) -> String {
        ["docker-image://", &with_tag(&self.reference)].concat()
    }

    pub(super) fn attrs(&self) -> Attrs<'_> {
        let mut attrs = Attrs::new();
        set(
            &mut attrs,
            "image.resolvemode",
            match self.resolve_mode {
                ResolveMode::Default => "",
                ResolveMode::ForcePull => "pull",
                ResolveMode::PreferLocal => "local",
            },
        );
        set(&mut attrs, "image.recordtype", &*self.record_type);
        set_limit(&mut attrs, "image.layerlimit", self.layer_limit);
        set(&mut attrs, "image.checksum", &*self.checksum);
        attrs
    }
}

/// Where an image is looked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ResolveMode {
    /// Where the daemon decides.
    #[default]
    Default,
    /// In the registry, always.
    ForcePull,
    /// Among the images that the daemon has, if it is there.
    PreferLocal,
}

/// An image of an OCI layout that the client's session offers.
///
/// Source: `OCILayout` in [client/llb/source.go](https://github.com/moby/buildkit/blob/v0.32.2/client/llb/source.go).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct OciLayoutSource {
    /// Reference of the image with its digest.
    pub reference: String,
    /// Session that offers the layout; the build's own if empty.
    pub session_id: String,
    /// Which of the session's layouts; taken from the reference if empty.
    pub store_id: String,
    /// Use this many layers only, counted from the lowest.
    pub layer_limit: Option<i64>,
}

setters! { OciLayoutSource {
    with_session_id = into session_id: String;
    with_store_id = into store_id: String;
    with_layer_limit = into layer_limit: Option<i64>;
} }

impl OciLayoutSource {
    /// Returns an image by its reference.
    pub fn new(reference: impl Into<String>) -> Self {
        Self { reference: reference.into(), ..Self::default() }
    }

    pub(super) fn attrs(&self) -> Attrs<'_> {
        let mut attrs = Attrs::new();
        set(&mut attrs, "oci.session", &*self.session_id);
        set(&mut attrs, "oci.store", &*self.store_id);
        set_limit(&mut attrs, "oci.layerlimit", self.layer_limit);
        attrs
    }
}

/// One blob, as a single file.
///
/// Source: `ImageBlob` and `OCILayoutBlob` in [client/llb/source.go](https://github.com/moby/buildkit/blob/v0.32.2/client/llb/source.go).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BlobSource {
    /// Repository and digest, `name@sha256:…`.
    pub reference: String,
    /// Where the repository is.
    pub store: BlobStore,
    /// Name of the file; BuildKit's choice if empty.
    pub filename: String,
    /// Permissions of the file; BuildKit's choice if zero.
    pub mode: u32,
    /// Owner of the file.
    pub uid: u32,
    /// Group of the file.
    pub gid: u32,
}

setters! { BlobSource {
    with_store = value store: BlobStore;
    with_filename = into filename: String;
    with_mode = value mode: u32;
    with_uid = value uid: u32;
    with_gid = value gid: u32;
} }

/// Where a blob's repository is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum BlobStore {
    /// In a registry.
    #[default]
    Registry,
    /// In an OCI layout that a session offers.
    OciLayout {
        /// The session; the build's own if empty.
        session_id: String,
        /// Which of the session's layouts; taken from the reference if empty.
        store_id: String,
    },
}

impl BlobSource {
    /// Returns a blob of a registry.
    pub fn new(reference: impl Into<String>) -> Self {
        Self {
            reference: reference.into(),
            store: BlobStore::Registry,
            filename: String::new(),
            mode: 0,
            uid: 0,
            gid: 0,
        }
    }

    /// Whether the reference has a digest and no tag.
    pub(super) fn is_by_digest(&self) -> bool {
        let (name, digest) = self.reference.split_once('@').unwrap_or_default();
        let last = name.rsplit('/').next().unwrap_or_default();
        !last.is_empty() && !last.contains(':') && !digest.is_empty()
    }

    pub(super) fn identifier(&self) -> String {
        let scheme = match self.store {
            BlobStore::Registry => "docker-image+blob",
            BlobStore::OciLayout { .. } => "oci-layout+blob",
        };
        format!("{scheme}://{}", with_domain(&self.reference))
    }

    pub(super) fn attrs(&self) -> Attrs<'_> {
        let mut attrs = file_attrs(&self.filename, self.mode, self.uid, self.gid);
        if let BlobStore::OciLayout { session_id, store_id } = &self.store {
            set(&mut attrs, "oci.session", &**session_id);
            set(&mut attrs, "oci.store", &**store_id);
        }
        attrs
    }
}

/// Returns the attributes of a source that yields one file.
pub(super) fn file_attrs(filename: &str, mode: u32, uid: u32, gid: u32) -> Attrs<'_> {
    let mut attrs = Attrs::new();
    set(&mut attrs, "http.filename", filename);
    if mode != 0 {
        set(&mut attrs, "http.perm", format!("0{mode:o}"));
    }
    for (name, id) in [("http.uid", uid), ("http.gid", gid)] {
        if id != 0 {
            set(&mut attrs, name, id.to_string());
        }
    }
    attrs
}

fn set_limit(attrs: &mut Attrs<'_>, name: &'static str, limit: Option<i64>) {
    if let Some(limit) = limit {
        set(attrs, name, limit.to_string());
    }
}

/// Returns a reference with the domain that it implies (`normalize.go` of `distribution/reference`).
fn with_domain(reference: &str) -> Cow<'_, str> {
    let (domain, name) = match reference.split_once('/') {
        Some((domain, name)) if is_domain(domain) => (domain, name),
        _ => ("", reference),
    };
    let official = !name.contains('/');
    match domain {
        "" | "docker.io" | "index.docker.io" if official => ["docker.io/library/", name].concat().into(),
        "" | "index.docker.io" => ["docker.io/", name].concat().into(),
        _ => reference.into(),
    }
}

fn is_domain(part: &str) -> bool {
    part.bytes().any(|byte| matches!(byte, b'.' | b':'))
        || part == "localhost"
        || part.chars().any(char::is_uppercase)
}

/// Returns a reference with the domain and the tag that it implies.
fn with_tag(reference: &str) -> Cow<'_, str> {
    let mut full = with_domain(reference);
    let path = full.find('/').map_or(0, |slash| slash + 1);
    if !full.as_bytes()[path..].iter().any(|byte| matches!(byte, b':' | b'@')) {
        full.to_mut().push_str(":latest");
    }
    full
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_get_the_domain_and_tag_they_imply() {
        for (given, full) in [
            ("alpine", "docker.io/library/alpine:latest"),
            ("alpine:3.20", "docker.io/library/alpine:3.20"),
            ("gitpod/workspace", "docker.io/gitpod/workspace:latest"),
            ("index.docker.io/alpine", "docker.io/library/alpine:latest"),
            ("index.docker.io/a/b", "docker.io/a/b:latest"),
            ("docker.io/alpine@sha256:ab", "docker.io/library/alpine@sha256:ab"),
            ("localhost/a", "localhost/a:latest"),
            ("localhost:5000/a", "localhost:5000/a:latest"),
            ("ghcr.io/a/b:1@sha256:ab", "ghcr.io/a/b:1@sha256:ab"),
        ] {
            assert_eq!(with_tag(given), full);
            assert_eq!(with_tag(full), full);
        }
    }
}
