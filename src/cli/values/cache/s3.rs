//! `type=s3`: a cache in a bucket (BuildKit: `cache/remotecache/s3`).

use super::{Backend, pass_on};

pub(super) const BACKEND: Backend = Backend { name: "s3", complete: pass_on };
