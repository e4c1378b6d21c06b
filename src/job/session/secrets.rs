//! `--secret` and `--ssh`: what RUN steps may mount.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Component, Path, PathBuf};

use crate::beneath::{self, Root, read_named};
use crate::job::csv::{self, ValueError};
use crate::secret::SecretBytes;

/// The largest secret that BuildKit takes, in bytes (BuildKit: `session/secrets/secretsprovider/store.go`).
const LARGEST_SECRET: usize = 500 * 1024;

/// Why a secret or an SSH agent cannot be had. No text holds a secret.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// A flag's value cannot be read.
    #[error(transparent)]
    Value(#[from] ValueError),
    /// The file of a secret cannot be read.
    #[error("cannot read the secret {id:?} from {path}", path = path.display())]
    File {
        /// The secret's id.
        id: String,
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The variable of a secret is not set.
    #[error("the secret {id:?} is to come from the environment variable {variable}, which is not set")]
    Variable {
        /// The secret's id.
        id: String,
        /// The variable.
        variable: String,
    },
    /// A secret is larger than BuildKit takes.
    #[error("the secret {id:?} has {length} bytes; at most {LARGEST_SECRET} are allowed")]
    TooLarge {
        /// The secret's id.
        id: String,
        /// Its length in bytes.
        length: usize,
    },
    /// The pipe of a secret holds more than BuildKit takes.
    #[error("the secret {id:?} goes on after {LARGEST_SECRET} bytes, which is the most that is allowed")]
    TooLong {
        /// The secret's id.
        id: String,
    },
    /// `--ssh default` without an agent.
    #[error(
        "--ssh {id}: SSH_AUTH_SOCK is not set; start an agent with ssh-agent, or give its socket with --ssh {id}=PATH"
    )]
    NoAgent {
        /// The agent's id.
        id: String,
    },
    /// `--ssh id=KEYFILE`.
    #[error("--ssh {id}={path} is not the socket of an agent; key files are not supported yet: load it with ssh-add {path} and use --ssh {id}", path = path.display())]
    KeyFile {
        /// The agent's id.
        id: String,
        /// The path.
        path: PathBuf,
    },
    /// The path of `--ssh` cannot be looked at.
    #[error("--ssh {id}: cannot use {path}", path = path.display())]
    Agent {
        /// The agent's id.
        id: String,
        /// The path.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// Looks environment variables up.
pub type Lookup<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// The secrets that the values of `--secret` name, by id. Relative paths are taken from the current
/// folder. A value without `src` and `env` names a variable, else a file, of the id's name.
///
/// # Errors
/// [`SecretError`] for the first value that is malformed, cannot be read or is too large.
pub fn secrets(
    values: &[String],
    environment: Lookup<'_>,
) -> Result<BTreeMap<String, SecretBytes>, SecretError> {
    let mut secrets = BTreeMap::new();
    for value in values {
        let (id, place) = parse_secret(value, environment)?;
        let bytes = match place {
            Place::File(path) => read_file(&id, path)?,
            Place::Variable(variable) => environment(&variable)
                .ok_or_else(|| SecretError::Variable { id: id.clone(), variable })?
                .into_vec(),
        };
        if bytes.len() > LARGEST_SECRET {
            return Err(SecretError::TooLarge { id, length: bytes.len() });
        }
        secrets.insert(id, bytes.into());
    }
    Ok(secrets)
}

/// Reads the file of a secret: one that the user names outside of the current folder is a file or a pipe wherever it
/// leads, one in the current folder, which may be a repository, a file that does not lead out of it.
fn read_file(id: &str, path: PathBuf) -> Result<Vec<u8>, SecretError> {
    let id = id.to_owned();
    let is_near = path.is_relative() && !path.components().any(|part| part == Component::ParentDir);
    let limit = LARGEST_SECRET as u64;
    let read = if is_near {
        Root::open(Path::new(".")).map_err(Into::into).and_then(|here| here.read(&path, limit))
    } else {
        read_named(&path, limit)
    };
    read.map_err(|error| match error {
        beneath::Error::TooLarge { .. } => match fs::metadata(&path).map(|found| found.len()) {
            Ok(length) if length > LARGEST_SECRET as u64 => {
                SecretError::TooLarge { id, length: usize::try_from(length).unwrap_or(usize::MAX) }
            }
            _ => SecretError::TooLong { id },
        },
        error => SecretError::File { id, path, source: error.into() },
    })
}

enum Place {
    File(PathBuf),
    Variable(String),
}

fn parse_secret(value: &str, environment: Lookup<'_>) -> Result<(String, Place), ValueError> {
    let wrong = |fault: String| ValueError::new("--secret", value, fault);
    let (mut id, mut file, mut variable, mut kind) = (None, None, None, None);
    for (key, part) in csv::pairs("--secret", value)? {
        match key.as_str() {
            "id" => id = Some(part),
            "src" | "source" => file = Some(part),
            "env" => variable = Some(part),
            "type" if part == "file" || part == "env" => kind = Some(part),
            "type" => return Err(wrong(format!("there is no type {part:?}; use file or env"))),
            _ => return Err(wrong(format!("there is no option {key:?}; use id, src, env or type"))),
        }
    }
    let id = id.filter(|id| !id.is_empty()).ok_or_else(|| wrong("the id is missing".to_owned()))?;
    if kind.as_deref() == Some("env") && variable.is_none() {
        variable = file.take();
    }
    let place = match (file, variable) {
        (Some(_), Some(_)) => return Err(wrong("src and env exclude each other".to_owned())),
        (Some(path), None) => Place::File(path.into()),
        (None, Some(name)) => Place::Variable(name),
        (None, None) if kind.as_deref() != Some("file") && environment(&id).is_some() => {
            Place::Variable(id.clone())
        }
        (None, None) => Place::File(PathBuf::from(&id)),
    };
    Ok((id, place))
}

/// The sockets of the agents that the values of `--ssh` name, by id: `ID`, `ID=SOCKET`.
///
/// # Errors
/// [`SecretError`] where there is no agent.
pub fn ssh_agents(
    values: &[String],
    environment: Lookup<'_>,
) -> Result<BTreeMap<String, PathBuf>, SecretError> {
    let mut agents = BTreeMap::new();
    for value in values {
        let (id, path) = match value.split_once('=') {
            Some((id, path)) => (id, Some(PathBuf::from(path))),
            None => (value.as_str(), None),
        };
        let id = if id.is_empty() { "default" } else { id }.to_owned();
        let path = match path {
            Some(path) => path,
            None => environment("SSH_AUTH_SOCK")
                .filter(|socket| !socket.is_empty())
                .map(PathBuf::from)
                .ok_or_else(|| SecretError::NoAgent { id: id.clone() })?,
        };
        if is_socket(&path).map_err(|source| SecretError::Agent {
            id: id.clone(),
            path: path.clone(),
            source,
        })? {
            agents.insert(id, path);
        } else {
            return Err(SecretError::KeyFile { id, path });
        }
    }
    Ok(agents)
}

fn is_socket(path: &Path) -> io::Result<bool> {
    Ok(fs::metadata(path)?.file_type().is_socket())
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    fn environment(name: &str) -> Option<OsString> {
        (name == "TOP").then(|| "from env".into())
    }

    fn read(value: &str) -> Result<BTreeMap<String, SecretBytes>, SecretError> {
        secrets(&[value.to_owned()], &environment)
    }

    #[test]
    fn secrets_come_from_files_and_variables() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        fs::write(&path, "from file").unwrap();
        assert_eq!(read(&format!("id=x,src={}", path.display())).unwrap()["x"].expose(), b"from file");
        for value in ["id=x,env=TOP", "type=env,id=x,src=TOP", "id=TOP"] {
            assert_eq!(read(value).unwrap().values().next().unwrap().expose(), b"from env", "{value}");
        }
    }

    #[test]
    fn faults_of_secrets_are_named() {
        let cases = [
            ("src=x", "--secret \"src=x\": the id is missing"),
            (
                "id=x,mode=1",
                "--secret \"id=x,mode=1\": there is no option \"mode\"; use id, src, env or type",
            ),
            ("id=x,src=a,env=b", "--secret \"id=x,src=a,env=b\": src and env exclude each other"),
            (
                "id=x,env=GONE",
                "the secret \"x\" is to come from the environment variable GONE, which is not set",
            ),
            ("id=x,src=/nonexistent", "cannot read the secret \"x\" from /nonexistent"),
        ];
        for (value, text) in cases {
            assert_eq!(read(value).unwrap_err().to_string(), text);
        }
    }

    #[test]
    fn a_secret_that_is_too_large_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        fs::write(&path, vec![b'x'; LARGEST_SECRET + 1]).unwrap();
        let error = read(&format!("id=x,src={}", path.display())).unwrap_err();
        assert_eq!(error.to_string(), "the secret \"x\" has 512001 bytes; at most 512000 are allowed");
    }

    #[test]
    fn a_secret_in_the_current_folder_does_not_lead_out_of_it() {
        let here = std::env::current_dir().unwrap();
        let folder = tempfile::tempdir_in(&here).unwrap();
        let near = folder.path().strip_prefix(&here).unwrap();
        fs::write(folder.path().join("inside"), "value").unwrap();
        std::os::unix::fs::symlink("inside", folder.path().join("link")).unwrap();
        std::os::unix::fs::symlink("/proc/self/environ", folder.path().join("out")).unwrap();
        assert_eq!(read_file("id", near.join("link")).unwrap(), b"value");
        let error = read_file("id", near.join("out")).unwrap_err();
        assert!(matches!(error, SecretError::File { .. }), "{error:?}");
    }

    #[test]
    fn a_secret_without_end_is_refused_and_one_from_a_pipe_is_read() {
        let error = read("id=x,src=/dev/zero").unwrap_err();
        assert_eq!(error.to_string(), "cannot read the secret \"x\" from /dev/zero");
        assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "it is a device, not a file");
        let dir = tempfile::tempdir().unwrap();
        let pipe = dir.path().join("pipe");
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
        let value = format!("id=x,src={}", pipe.display());
        std::thread::scope(|scope| {
            scope.spawn(|| fs::write(&pipe, "from a pipe").unwrap());
            assert_eq!(read(&value).unwrap()["x"].expose(), b"from a pipe");
            // The reader stops long before the end, which the writer takes for an error.
            scope.spawn(|| fs::write(&pipe, vec![b'x'; 4 * LARGEST_SECRET]));
            let error = read(&value).unwrap_err();
            assert!(matches!(error, SecretError::TooLong { .. }), "{error}");
        });
    }

    #[test]
    fn an_agent_is_a_socket() {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("agent");
        let _listener = UnixListener::bind(&socket).unwrap();
        let agents = |value: String| ssh_agents(&[value], &|_| Some(socket.clone().into_os_string()));
        assert_eq!(agents("default".to_owned()).unwrap()["default"], socket);
        assert_eq!(agents(format!("other={}", socket.display())).unwrap()["other"], socket);
        let key = dir.path().join("id_ed25519");
        fs::write(&key, "").unwrap();
        let error = agents(format!("k={}", key.display())).unwrap_err();
        assert!(error.to_string().contains("ssh-add"), "{error}");
        let error = ssh_agents(&["default".to_owned()], &|_| None).unwrap_err();
        assert!(error.to_string().contains("SSH_AUTH_SOCK is not set"), "{error}");
    }
}
