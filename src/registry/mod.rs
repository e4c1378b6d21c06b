//! Talking to registries: credentials, challenges, tokens, the HTTP transport and a small client.
//!
//! From the outside in: [`Client`] speaks the distribution API; [`Authenticator`] turns a host's
//! challenge and the stored [`Credentials`] into an `Authorization` header, retries and follows
//! redirects; [`Transport`] moves bytes and decides which addresses and schemes may be used at all.

mod auth;
mod bounded_map;
mod call;
mod client;
mod counters;
mod error;
mod host;
mod transport;

pub use auth::authenticator::Authenticator;
pub use auth::challenge_cache::AuthScheme;
pub use auth::credential::{Credential, Login, Origin};
pub use auth::helper::HelperError;
pub use auth::scope::{Scope, ScopeError, Scopes};
pub use auth::store::{Credentials, CredentialsError};
pub use auth::token_endpoint::DelegatedToken;
pub use call::{Access, Call, Payload};
pub use client::api::{Client, Descriptor, MAX_MANIFEST_BYTES, Manifest, Repository, with_query};
pub use client::digest::DigestHasher;
pub use client::error::ClientError;
pub use client::follow::is_redirect;
pub use counters::RequestCounters;
pub use error::CallError;
pub use host::{ECR_WILDCARD, Host, HostError};
pub use transport::address::AddressPolicy;
pub use transport::error::TransportError;
pub use transport::http_proxy::{HttpProxies, HttpProxyError};
pub use transport::idle::{Stalled, idle_limited};
pub use transport::redirect_target::{RedirectError, RedirectTarget};
pub use transport::tls::RootsError;
pub use transport::{Transport, TransportConfig};
