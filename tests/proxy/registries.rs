//! Registries that are not what they were, that stall, or that say too much: what Bob's own side of a connection to
//! them keeps, sends and remembers.

mod answers;
mod credentials;
mod replaced;
mod tls;

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bob::registry::{Authenticator, Credentials, Host, Origin, Repository, Transport, TransportConfig};

use crate::support::Registry;
use crate::upstream::{Upstream, reply};

pub(crate) use tls::{tls_listener, tls_registry};

/// An authenticator with the docker config `auth` that trusts the shared registry's certificate, and gives an answer
/// up after `seconds`.
fn authenticator(auth: &str, seconds: u64) -> Arc<Authenticator> {
    let config = TransportConfig {
        extra_ca: vec![Registry::shared_secured().ca()],
        silence: Duration::from_secs(seconds),
        ..TransportConfig::default()
    };
    authenticator_with(auth, &config)
}

fn authenticator_with(auth: &str, config: &TransportConfig) -> Arc<Authenticator> {
    let credentials = Credentials::from_docker_config(auth, &Origin::Variable("TEST".into())).unwrap();
    Arc::new(Authenticator::new(Arc::new(Transport::new(config).unwrap()), credentials))
}

/// The user `user` with the password `password` at `host`.
fn login(host: &str) -> String {
    format!(r#"{{"auths":{{"{host}":{{"username":"user","password":"password"}}}}}}"#)
}

fn repository(host: &str) -> Repository {
    Repository { host: Host::parse(host).unwrap(), name: "team/base".into() }
}

fn basic(pair: &str) -> String {
    format!("Basic {}", STANDARD.encode(pair))
}

/// The whole text of `error` and its causes.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// A plain registry that wants the login `user:password` by Basic.
async fn basic_registry() -> Upstream {
    Upstream::start(|seen| match seen.header("authorization") {
        Some(value) if value == basic("user:password") => reply(404, &[], ""),
        _ => reply(401, &[("www-authenticate", "Basic realm=\"r\"")], ""),
    })
    .await
}
