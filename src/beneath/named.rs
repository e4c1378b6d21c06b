//! Files that the user names on the command line: wherever they lie, but never without an end.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use rustix::fs::{FileType, fstat};

use super::Error;

/// Reads the whole file that the user named: a regular file, or a pipe such as a shell makes for `<(command)`.
/// Links are followed: the user vouches for the path.
///
/// # Errors
/// [`Error::NotAFile`] for folders, devices and sockets, [`Error::TooLarge`] beyond `limit` bytes, [`Error::Io`].
pub fn read_named(path: &Path, limit: u64) -> Result<Vec<u8>, Error> {
    use std::os::unix::fs::MetadataExt as _;
    // Asked before it is opened, because opening a device may do something.
    refuse_special(FileType::from_raw_mode(fs::metadata(path)?.mode()))?;
    let file = File::open(path)?;
    refuse_special(FileType::from_raw_mode(fstat(&file)?.st_mode))?;
    read_stream(file, limit)
}

fn refuse_special(found: FileType) -> Result<(), Error> {
    match found {
        FileType::RegularFile | FileType::Fifo => Ok(()),
        found => Err(Error::NotAFile { found }),
    }
}

/// Reads a stream to its end.
///
/// # Errors
/// [`Error::TooLarge`] beyond `limit` bytes, [`Error::Io`].
pub fn read_stream(stream: impl Read, limit: u64) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    stream.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length <= limit) {
        Ok(bytes)
    } else {
        Err(Error::TooLarge { limit })
    }
}
