//! Secrets that RUN steps may mount.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Component, Path, PathBuf};

use crate::beneath::{self, Root, read_named};
use crate::secret::SecretBytes;

/// The largest secret that BuildKit takes, in bytes (BuildKit: `session/secrets/secretsprovider/store.go`).
const MAX_SECRET_BYTES: usize = 500 * 1024;

/// Why a secret cannot be had. No text holds a secret.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
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
    /// A secret is larger than BuildKit takes.
    #[error("the secret {id:?} has {length} bytes; at most {MAX_SECRET_BYTES} are allowed")]
    TooLarge {
        /// The secret's id.
        id: String,
        /// Its length in bytes.
        length: usize,
    },
    /// The pipe of a secret holds more than BuildKit takes.
    #[error("the secret {id:?} goes on after {MAX_SECRET_BYTES} bytes, which is the most that is allowed")]
    TooLong {
        /// The secret's id.
        id: String,
    },
}

/// Looks environment variables up.
pub type Lookup<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// Where a secret is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// In a file; a relative path is taken from the current folder.
    File(PathBuf),
    /// In an environment variable.
    Variable(String),
}

/// The secret `id`.
///
/// # Errors
/// [`SecretError`] where it cannot be read or is too large.
pub fn read_secret(
    id: &str,
    source: SecretSource,
    environment: Lookup<'_>,
) -> Result<SecretBytes, SecretError> {
    let bytes = match source {
        SecretSource::File(path) => read_file(id, path)?,
        // As in buildx, a variable that is not set is an empty secret.
        SecretSource::Variable(variable) => environment(&variable).unwrap_or_default().into_vec(),
    };
    if bytes.len() > MAX_SECRET_BYTES {
        return Err(SecretError::TooLarge { id: id.to_owned(), length: bytes.len() });
    }
    Ok(bytes.into())
}

/// Reads the file of a secret: one that the user names outside of the current folder is a file or a pipe wherever it
/// leads, one in the current folder, which may be a repository, a file that does not lead out of it.
fn read_file(id: &str, path: PathBuf) -> Result<Vec<u8>, SecretError> {
    // The usual way to give none. No other device is opened: it may do something.
    if path == Path::new("/dev/null") {
        return Ok(Vec::new());
    }
    let id = id.to_owned();
    let is_near = path.is_relative() && !path.components().any(|part| part == Component::ParentDir);
    let limit = MAX_SECRET_BYTES as u64;
    let read = if is_near {
        Root::open(Path::new(".")).map_err(Into::into).and_then(|here| here.read(&path, limit))
    } else {
        read_named(&path, limit)
    };
    read.map_err(|error| match error {
        beneath::Error::TooLarge { .. } => match fs::metadata(&path).map(|found| found.len()) {
            Ok(length) if length > MAX_SECRET_BYTES as u64 => {
                SecretError::TooLarge { id, length: usize::try_from(length).unwrap_or(usize::MAX) }
            }
            _ => SecretError::TooLong { id },
        },
        error => SecretError::File { id, path, source: error.into() },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(source: SecretSource) -> Result<SecretBytes, SecretError> {
        read_secret("x", source, &|name| (name == "TOP").then(|| "from env".into()))
    }

    fn read_path(path: &Path) -> Result<SecretBytes, SecretError> {
        read(SecretSource::File(path.to_owned()))
    }

    #[test]
    fn secrets_come_from_files_and_variables() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        fs::write(&path, "from file").unwrap();
        assert_eq!(read_path(&path).unwrap().expose(), b"from file");
        assert_eq!(read_path(Path::new("/dev/null")).unwrap().expose(), b"");
        read_path(Path::new("/dev/zero")).unwrap_err();
        assert_eq!(read(SecretSource::Variable("TOP".to_owned())).unwrap().expose(), b"from env");
        assert_eq!(read(SecretSource::Variable("UNSET".to_owned())).unwrap().expose(), b"");
    }

    #[test]
    fn a_secret_that_is_not_there_is_named_with_its_place() {
        assert_eq!(
            read_path(Path::new("/nonexistent")).unwrap_err().to_string(),
            "cannot read the secret \"x\" from /nonexistent"
        );
    }

    #[test]
    fn a_secret_that_is_too_large_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        fs::write(&path, vec![b'x'; MAX_SECRET_BYTES + 1]).unwrap();
        let error = read_path(&path).unwrap_err();
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
        let error = read_path(Path::new("/dev/zero")).unwrap_err();
        assert_eq!(error.to_string(), "cannot read the secret \"x\" from /dev/zero");
        assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "it is a device, not a file");
        let dir = tempfile::tempdir().unwrap();
        let pipe = dir.path().join("pipe");
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| fs::write(&pipe, "from a pipe").unwrap());
            assert_eq!(read_path(&pipe).unwrap().expose(), b"from a pipe");
            // The reader stops long before the end, which the writer takes for an error.
            scope.spawn(|| fs::write(&pipe, vec![b'x'; 4 * MAX_SECRET_BYTES]));
            let error = read_path(&pipe).unwrap_err();
            assert!(matches!(error, SecretError::TooLong { .. }), "{error}");
        });
    }
}
