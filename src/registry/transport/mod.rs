//! Bytes to and from registries: addresses, TLS, connections, retries, redirects.

pub(super) mod address;
pub(super) mod connect;
pub(super) mod error;
pub(super) mod idle;
pub(super) mod plain_http;
pub(super) mod pool;
pub(super) mod record;
pub(super) mod redirect_target;
pub(super) mod retry;
pub(super) mod stream;
pub(super) mod tls;
