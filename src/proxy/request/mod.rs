//! A request on its way through the layers, and what is read from it.

pub(super) mod access_record;
pub(super) mod action;
pub(super) mod headers;
pub(super) mod manifest;
pub(super) mod names;
pub(super) mod route;

use std::sync::Arc;

use http::request::Parts;

use crate::http::body::Body;

use self::access_record::AccessRecord;

/// A request as the client sent it.
#[derive(Debug)]
pub(crate) struct ClientRequest {
    pub(crate) head: Parts,
    pub(crate) body: Body,
    pub(crate) record: Arc<AccessRecord>,
}
