//! Why a file of a repository is not opened.

use std::io;
use std::path::PathBuf;

use rustix::fs::FileType;
use rustix::io::Errno;

/// Why a file or folder is not opened or read. Names come out with their control characters escaped.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A link leads out of the root.
    #[error("the link {link:?} leads out of {root:?}; put the file itself there")]
    LinkLeadsOut {
        /// The link, below the root.
        link: PathBuf,
        /// The root.
        root: PathBuf,
    },
    /// A path leads out of the root by itself.
    #[error("the path {path:?} leads out of {root:?}")]
    LeadsOut {
        /// The path as asked for.
        path: PathBuf,
        /// The root.
        root: PathBuf,
    },
    /// It is a link where none is followed.
    #[error("{path:?} is a link, which is not followed")]
    IsLink {
        /// The link.
        path: PathBuf,
    },
    /// It is no regular file.
    #[error("it is {}, not a file", in_words(*.found))]
    NotAFile {
        /// What it is.
        found: FileType,
    },
    /// It is longer than what is read whole.
    #[error("it is larger than {limit} bytes, which is the most that is read")]
    TooLarge {
        /// The most that is read, in bytes.
        limit: u64,
    },
    /// What the operating system says.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Error {
    /// Whether there is nothing at the path.
    pub fn is_absent(&self) -> bool {
        use io::ErrorKind::{NotADirectory, NotFound};
        matches!(self, Self::Io(error) if matches!(error.kind(), NotFound | NotADirectory))
    }

    /// Whether it is a folder in place of a file.
    pub fn is_folder(&self) -> bool {
        matches!(self, Self::NotAFile { found: FileType::Directory })
    }

    /// Whether a link or the path itself leads out of the root.
    pub fn leads_out(&self) -> bool {
        matches!(self, Self::LinkLeadsOut { .. } | Self::LeadsOut { .. })
    }
}

impl From<Errno> for Error {
    fn from(errno: Errno) -> Self {
        Self::Io(errno.into())
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Io(error) => error,
            other => Self::other(other),
        }
    }
}

/// What a file is, with its article.
fn in_words(found: FileType) -> &'static str {
    match found {
        FileType::RegularFile => "a regular file",
        FileType::Directory => "a folder",
        FileType::Symlink => "a symbolic link",
        FileType::Fifo => "a FIFO",
        FileType::Socket => "a socket",
        FileType::CharacterDevice | FileType::BlockDevice => "a device",
        FileType::Unknown => "of an unknown kind",
    }
}
