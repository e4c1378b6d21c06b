//! One login for one registry, and where it came from.

use std::fmt;
use std::path::PathBuf;

use super::secret::Secret;

/// How to log in to a registry.
#[derive(Clone, Debug)]
pub enum Login {
    /// User name and password: Basic authentication, or sent to the token endpoint.
    Password {
        /// The user name.
        username: String,
        /// The password.
        password: Secret,
    },
    /// An OAuth2 refresh token, exchanged at the token endpoint.
    /// (<https://distribution.github.io/distribution/spec/auth/oauth/>)
    IdentityToken {
        /// The user name beside it, often empty.
        username: String,
        /// The refresh token.
        token: Secret,
    },
    /// A bearer token that is sent to the registry as it is.
    RegistryToken(Secret),
}

/// A login and the place that it was read from.
#[derive(Clone, Debug)]
pub struct Credential {
    /// How to log in.
    pub login: Login,
    /// Where the login was read from, for error texts.
    pub origin: Origin,
}

impl Credential {
    /// The user name, or what stands in its place; never a secret.
    pub fn user(&self) -> &str {
        match &self.login {
            Login::Password { username, .. } => username,
            Login::IdentityToken { username, .. } if !username.is_empty() => username,
            Login::IdentityToken { .. } => "(identity token)",
            Login::RegistryToken(_) => "(registry token)",
        }
    }
}

/// The place that credentials were read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The environment variable of this name.
    Variable(String),
    /// The command-line flag of this name.
    Flag(String),
    /// This file.
    File(PathBuf),
    /// The credential helper program of this name.
    Helper(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable(name) => write!(f, "the variable {name}"),
            Self::Flag(name) => write!(f, "the flag {name}"),
            Self::File(path) => write!(f, "the file {}", path.display()),
            Self::Helper(name) => write!(f, "the helper {name}"),
        }
    }
}
