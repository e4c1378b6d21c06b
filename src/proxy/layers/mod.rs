//! The layers that each request passes, one a file.

pub(super) mod access_log;
pub(super) mod authorise;
pub(super) mod content;
pub(super) mod exchange;
pub(super) mod forward;
pub(super) mod gate;
pub(super) mod headers;
pub(super) mod locations;
pub(super) mod manifest;
pub(super) mod rescue;
pub(super) mod route;
pub(super) mod stack;
