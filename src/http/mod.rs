//! Parts of HTTP that registries and the proxy share: bodies, queries, dates.

pub mod body;
pub(crate) mod date;
pub mod query;
