//! What can be wrong in workspace mode.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// A fault of the workspace or of the variables that describe the build. No text holds a variable's
/// value where that may be a credential.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The process lacks root rights.
    #[error(
        "bob build must run as root in a workspace, it runs as user {uid}; start it as root, or give it arguments (bob build --help)"
    )]
    NotRoot {
        /// Effective user id.
        uid: u32,
    },
    /// A variable holds bytes that are not UTF-8.
    #[error("{variable} is not valid UTF-8; set it to plain text")]
    NotUtf8 {
        /// Name of the variable.
        variable: &'static str,
    },
    /// A variable that another one makes necessary is absent.
    #[error("{variable} is needed when {because}; set it")]
    Needed {
        /// Name of the absent variable.
        variable: &'static str,
        /// What makes it necessary.
        because: &'static str,
    },
    /// A switch is neither `true` nor `false`.
    #[error("{variable} must be true or false")]
    NotBoolean {
        /// Name of the variable.
        variable: &'static str,
    },
    /// `BOB_AUTH_KEY` has the wrong length.
    #[error("BOB_AUTH_KEY must be exactly 32 bytes long, it has {length}")]
    KeyLength {
        /// Length in bytes.
        length: usize,
    },
    /// An encrypted value is not unpadded base64.
    #[error("{variable} is not unpadded base64, which it must be where BOB_AUTH_KEY is set")]
    NotBase64 {
        /// Name of the variable.
        variable: &'static str,
    },
    /// An encrypted value does not open with the key.
    #[error(
        "{variable} cannot be decrypted with BOB_AUTH_KEY: the key is another one, or the value was changed or cut"
    )]
    Undecryptable {
        /// Name of the variable.
        variable: &'static str,
    },
    /// A value that must be JSON of a certain shape is not.
    #[error("{variable} is not {expected} (line {line}, column {column})")]
    Json {
        /// Name of the variable.
        variable: &'static str,
        /// The shape that is expected.
        expected: &'static str,
        /// Line of the fault, from 1.
        line: usize,
        /// Column of the fault, from 1; 0 where it is the whole.
        column: usize,
    },
    /// A path lies outside the workspace once symlinks are resolved.
    #[error("{what} {path} is not in {root}; check {variable} and {setting}", path = path.display(), root = root.display())]
    Outside {
        /// What the path is for, with its first letter in upper case.
        what: &'static str,
        /// The path as asked for.
        path: PathBuf,
        /// Root of the workspace.
        root: PathBuf,
        /// The variable that holds the path.
        variable: &'static str,
        /// Where the path is set.
        setting: &'static str,
    },
    /// A path does not exist.
    #[error("{what} {path} does not exist; check {setting}", path = path.display())]
    Missing {
        /// What the path is for.
        what: &'static str,
        /// The path relative to the workspace root.
        path: PathBuf,
        /// Where the path is set.
        setting: &'static str,
    },
    /// A path is a folder where a file is needed, or the other way round.
    #[error("{what} {path} is not a {expected}; check {setting}", path = path.display())]
    WrongKind {
        /// What the path is for.
        what: &'static str,
        /// The path relative to the workspace root.
        path: PathBuf,
        /// `file` or `folder`.
        expected: &'static str,
        /// Where the path is set.
        setting: &'static str,
    },
    /// A path cannot be looked at.
    #[error("{what} {path} cannot be read; check {setting}", path = path.display())]
    Unreadable {
        /// What the path is for.
        what: &'static str,
        /// The path relative to the workspace root.
        path: PathBuf,
        /// Where the path is set.
        setting: &'static str,
        /// What the operating system says.
        source: io::Error,
    },
    /// The ready file did not come in time.
    #[error("the workspace was not ready after {}: {} did not appear", in_words(*waited), path.display())]
    NeverReady {
        /// The file that was waited for.
        path: PathBuf,
        /// How long.
        waited: Duration,
    },
    /// The operating system refused to watch for the ready file.
    #[error("cannot watch for {path}", path = path.display())]
    Watch {
        /// The file that was waited for.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// `bob.log` could not be written.
    #[error("cannot write {path}", path = path.display())]
    Log {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
}

impl Error {
    /// Whether the fault lies in the variables (wrong usage) rather than in the workspace.
    pub const fn is_usage(&self) -> bool {
        matches!(
            self,
            Self::NotRoot { .. }
                | Self::NotUtf8 { .. }
                | Self::Needed { .. }
                | Self::NotBoolean { .. }
                | Self::KeyLength { .. }
                | Self::NotBase64 { .. }
                | Self::Undecryptable { .. }
                | Self::Json { .. }
        )
    }
}

/// A time as `30m` or `90s`.
fn in_words(time: Duration) -> String {
    let seconds = time.as_secs();
    if seconds > 0 && seconds.is_multiple_of(60) {
        format!("{}m", seconds / 60)
    } else {
        format!("{seconds}s")
    }
}
