//! `type=azblob`: a cache in Azure's blob storage (BuildKit: `cache/remotecache/azblob`).

use super::{Backend, pass_on};

pub(super) const BACKEND: Backend = Backend { name: "azblob", complete: pass_on };
