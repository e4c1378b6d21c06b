//! Talking to registries: credentials, challenges, tokens, the HTTP transport and a small client.
//!
//! From the outside in: [`Client`] speaks the distribution API; [`Authenticator`] turns a host's
//! challenge and the stored [`Credentials`] into an `Authorization` header, retries and follows
//! redirects; [`Transport`] moves bytes and decides which addresses and schemes may be used at all.

mod address;
mod auth;
mod call;
mod challenge;
mod client;
mod client_error;
mod connect;
mod credential;
mod date;
mod digest;
mod docker_config;
mod error;
mod follow;
mod helper;
mod host;
mod idle;
mod memory;
mod names;
mod onward;
mod plain;
pub mod query;
mod record;
mod retry;
mod scope;
mod secret;
mod store;
mod stream;
mod tally;
mod tap;
mod tls;
mod token;
mod tokens;
mod transport;
mod transport_error;
mod words;

pub use address::Reach;
pub use auth::{AuthScheme, Authenticator};
pub use call::{Access, Call, Payload};
pub use client::{Client, Descriptor, MANIFEST_LIMIT, Manifest, Repository, with_query};
pub use client_error::ClientError;
pub use credential::{Credential, Login, Origin};
pub use digest::DigestHasher;
pub use error::CallError;
pub use follow::is_redirect;
pub use helper::HelperError;
pub use host::{ECR_WILDCARD, Host, HostError};
pub use idle::{Stalled, idle_limited};
pub use onward::{Onward, OnwardError};
pub use scope::{Scope, ScopeError, Scopes};
pub use secret::Secret;
pub use store::{Credentials, CredentialsError};
pub use tally::Tally;
pub use tap::tap;
pub use tls::RootsError;
pub use token::HandedToken;
pub use transport::{Body, BoxError, Transport, TransportConfig, empty_body, full_body};
pub use transport_error::TransportError;
