//! SSH agents that RUN steps and Git sources may use.

use std::fs;
use std::io;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::secrets::Lookup;
use crate::beneath::{self, read_named};
use crate::buildkit::{SshAgent, SshKey, SshKeyError};
use crate::workspace::variables;

/// The largest key file that BuildKit reads, in bytes (BuildKit: `session/sshforward/sshprovider/agentprovider.go`).
const MAX_KEY_BYTES: u64 = 100 * 1024;

/// Why an SSH agent or a key cannot be had. No text holds a part of a key.
#[derive(Debug, thiserror::Error)]
pub enum SshError {
    /// `--ssh default` without an agent.
    #[error(
        "--ssh {id}: SSH_AUTH_SOCK is not set; start an agent with ssh-agent, or give its socket or a key file with --ssh {id}=PATH"
    )]
    NoAgent {
        /// The agent's id.
        id: String,
    },
    /// A path of `--ssh` cannot be read.
    #[error("--ssh {id}: cannot use {path}", path = path.display())]
    Unreadable {
        /// The agent's id.
        id: String,
        /// The path.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A key file is too large.
    #[error("--ssh {id}: {path} is larger than {MAX_KEY_BYTES} bytes, which no key is", path = path.display())]
    TooLarge {
        /// The agent's id.
        id: String,
        /// The path.
        path: PathBuf,
    },
    /// A key has a passphrase.
    #[error(
        "--ssh {id}: the key {path} has a passphrase: load it into an agent with ssh-add {path}, and use --ssh {id}",
        path = path.display()
    )]
    Passphrase {
        /// The agent's id.
        id: String,
        /// The key's file.
        path: PathBuf,
    },
    /// A file holds no key that can be used.
    #[error(
        "--ssh {id}: cannot sign with {path}; if it is a private key, load it into an agent with ssh-add {path}, and use --ssh {id}",
        path = path.display()
    )]
    Key {
        /// The agent's id.
        id: String,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: SshKeyError,
    },
    /// An agent's socket stands beside other paths.
    #[error(
        "--ssh {id}: {path} is the socket of an agent, which stands alone: give the others an id of their own",
        path = path.display()
    )]
    NotAlone {
        /// The agent's id.
        id: String,
        /// The socket.
        path: PathBuf,
    },
    /// `raw=true` with a file.
    #[error("--ssh {id}: raw=true is for the socket of an agent, and {path} is none", path = path.display())]
    RawKey {
        /// The agent's id.
        id: String,
        /// The path.
        path: PathBuf,
    },
}

/// What a value of `--ssh` asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshRequest {
    /// The agent's id.
    pub id: String,
    /// The socket of an agent, or key files; none for the agent that `SSH_AUTH_SOCK` names.
    pub paths: Vec<PathBuf>,
    /// Whether every request reaches the agent, also those that change it.
    pub is_raw: bool,
}

/// Returns the agent that `request` asks for.
///
/// # Errors
/// [`SshError`] where there is none.
pub fn ssh_agent(request: SshRequest, environment: Lookup<'_>) -> Result<SshAgent, SshError> {
    let SshRequest { id, mut paths, is_raw } = request;
    if paths.iter().all(|path| path.as_os_str().is_empty()) {
        let socket = environment(variables::SSH_AUTH_SOCK.name).filter(|socket| !socket.is_empty());
        paths = vec![socket.map(PathBuf::from).ok_or_else(|| SshError::NoAgent { id: id.clone() })?];
    }
    let unreadable =
        |path: &Path, source| SshError::Unreadable { id: id.clone(), path: path.to_owned(), source };
    let mut keys = Vec::new();
    let is_alone = paths.len() == 1;
    for path in paths {
        let found = fs::metadata(&path).map_err(|source| unreadable(&path, source))?;
        if found.file_type().is_socket() {
            if is_alone {
                return Ok(SshAgent::Socket { path, is_raw });
            }
            return Err(SshError::NotAlone { id, path });
        }
        if is_raw {
            return Err(SshError::RawKey { id, path });
        }
        let text = read_named(&path, MAX_KEY_BYTES).map_err(|error| match error {
            beneath::Error::TooLarge { .. } => SshError::TooLarge { id: id.clone(), path: path.clone() },
            error => unreadable(&path, error.into()),
        });
        let key = SshKey::parse(&zeroize::Zeroizing::new(text?)).map_err(|source| match source {
            SshKeyError::Passphrase => SshError::Passphrase { id: id.clone(), path: path.clone() },
            source => SshError::Key { id: id.clone(), path: path.clone(), source },
        })?;
        keys.push(Arc::new(key));
    }
    Ok(SshAgent::Keys(keys))
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    /// Made by `openssl genpkey -algorithm ed25519`, for this test alone.
    const KEY: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f\n-----END PRIVATE KEY-----\n";

    fn agent(paths: &[&Path], is_raw: bool) -> Result<SshAgent, SshError> {
        let paths = paths.iter().map(|path| (*path).to_owned()).collect();
        ssh_agent(SshRequest { id: "git".into(), paths, is_raw }, &|_| None)
    }

    #[test]
    fn an_agent_is_a_socket_or_keys_and_never_both() {
        let dir = tempfile::tempdir().unwrap();
        let (socket, key) = (dir.path().join("agent"), dir.path().join("id_ed25519"));
        let _listener = UnixListener::bind(&socket).unwrap();
        fs::write(&key, KEY).unwrap();
        for is_raw in [true, false] {
            let found = agent(&[&socket], is_raw).unwrap();
            assert!(
                matches!(&found, SshAgent::Socket { path, is_raw: raw } if *path == socket && *raw == is_raw)
            );
        }
        assert!(matches!(agent(&[&key, &key], false).unwrap(), SshAgent::Keys(keys) if keys.len() == 2));
        assert!(matches!(agent(&[&key], true), Err(SshError::RawKey { .. })));
        for paths in [[&*key, &socket], [&socket, &key], [&socket, &socket]] {
            assert!(matches!(agent(&paths, false), Err(SshError::NotAlone { .. })));
        }
        let default = SshRequest { id: "default".into(), paths: vec!["".into()], is_raw: false };
        let of_variable = ssh_agent(default.clone(), &|_| Some(socket.clone().into_os_string())).unwrap();
        assert!(matches!(of_variable, SshAgent::Socket { path, .. } if path == socket));
        let error = ssh_agent(default, &|_| None).unwrap_err();
        assert!(error.to_string().contains("SSH_AUTH_SOCK is not set"), "{error}");
    }

    #[test]
    fn a_file_that_is_no_key_is_named_with_what_to_do() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("id");
        let error_of = |text: &[u8]| {
            fs::write(&path, text).unwrap();
            let error = agent(&[&path], false).unwrap_err().to_string();
            assert!(error.contains(path.to_str().unwrap()), "{error}");
            error
        };
        assert!(error_of(b"hello").contains("ssh-add"));
        let encrypted = b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
        assert!(error_of(encrypted).contains("passphrase"));
        assert!(error_of("x".repeat(100 * 1024 + 1).as_bytes()).contains("larger than 102400 bytes"));
        assert!(matches!(agent(&[&dir.path().join("gone")], false), Err(SshError::Unreadable { .. })));
        assert!(matches!(agent(&[dir.path()], false), Err(SshError::Unreadable { .. })));
    }
}
