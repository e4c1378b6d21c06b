//! `type=inline`: a cache that is written into the image itself (BuildKit: `cache/remotecache/inline`).

use super::{Backend, pass_on};

pub(super) const BACKEND: Backend = Backend { name: "inline", keys: &[], complete: pass_on };
