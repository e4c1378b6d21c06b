//! `type=azblob`: a cache in Azure's blob storage (BuildKit: `cache/remotecache/azblob`).

use super::{Backend, pass_on};

pub(super) const BACKEND: Backend = Backend {
    name: "azblob",
    keys: &[
        "account_name",
        "account_url",
        "blobs_prefix",
        "container",
        "manifests_prefix",
        "name",
        "prefix",
        "secret_access_key",
    ],
    complete: pass_on,
};
