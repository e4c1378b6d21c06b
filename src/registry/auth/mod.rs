//! Logins and tokens: where they come from, and how a registry's challenge is answered with them.

pub(super) mod authenticator;
pub(super) mod challenge;
pub(super) mod credential;
pub(super) mod docker_config;
pub(super) mod helper;
pub(super) mod scope;
pub(super) mod store;
pub(super) mod token_cache;
pub(super) mod token_endpoint;
