//! One login for one registry, and where it came from.

use std::fmt;
use std::path::PathBuf;

use crate::diag::printable_line;
use crate::registry::secret::Secret;

/// The most that is shown of a path, in characters; the system takes no longer ones.
const MAX_PATH: usize = 4096;

/// How to log in to a registry. Prints without any of its content.
#[derive(Clone)]
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

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Some registries take a token for the user name.
        f.write_str(match self {
            Self::Password { .. } => "Password(***)",
            Self::IdentityToken { .. } => "IdentityToken(***)",
            Self::RegistryToken(_) => "RegistryToken(***)",
        })
    }
}

/// A login and the place that it was read from.
#[derive(Clone, Debug)]
pub struct Credential {
    /// How to log in.
    pub login: Login,
    /// Where the login was read from, for error texts.
    pub origin: Origin,
}

impl fmt::Display for Credential {
    /// What kind of login it is and where it came from. The user name is left out: it may be the secret itself.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match &self.login {
            Login::Password { username, .. } if username.is_empty() => "a password without a user name",
            Login::Password { password, .. } if password.is_empty() => "a user name without a password",
            Login::Password { .. } => "a user name and password",
            Login::IdentityToken { .. } => "an identity token",
            Login::RegistryToken(_) => "a registry token",
        };
        write!(f, "{kind} from {}", self.origin)
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
            Self::File(path) => {
                write!(f, "the file {}", printable_line(&path.display().to_string(), MAX_PATH))
            }
            Self::Helper(name) => write!(f, "the helper {name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_name_that_is_the_token_is_never_printed() {
        let origin = Origin::Flag("--auth".into());
        let password = |username: &str, password: &str| Login::Password {
            username: username.into(),
            password: password.into(),
        };
        for (login, want) in [
            (password("glpat-t0ken", "x"), "a user name and password"),
            (password("t0ken", ""), "a user name without a password"),
            (password("", "t0ken"), "a password without a user name"),
            (Login::IdentityToken { username: "t0ken".into(), token: "t0ken".into() }, "an identity token"),
            (Login::RegistryToken("t0ken".into()), "a registry token"),
        ] {
            let credential = Credential { login, origin: origin.clone() };
            assert_eq!(credential.to_string(), format!("{want} from the flag --auth"));
            assert!(!format!("{credential} {credential:?}").contains("t0ken"));
        }
    }
}
