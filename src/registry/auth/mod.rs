//! Logins and tokens: where they come from, and how a registry's challenge is answered with them.
//!
//! [`store`] has the logins of a docker configuration ([`docker_config`], [`helper`]) or an auth variable. [`authenticator`]
//! sends requests with them; [`challenge`] reads what a registry asks for, [`challenge_cache`] remembers it, [`probe`] finds
//! it out. Tokens come from a [`token_endpoint`] and are kept in a [`token_cache`].

pub(super) mod authenticator;
mod challenge;
pub(super) mod challenge_cache;
pub(super) mod credential;
pub(super) mod docker_config;
pub(super) mod helper;
mod probe;
pub(super) mod scope;
pub(super) mod store;
mod token_cache;
pub(super) mod token_endpoint;
