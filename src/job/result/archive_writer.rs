//! The writers of archives. What goes wrong in one is kept: buildkitd only repeats it, in words of its own.

use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use tokio::io::AsyncWrite;

use super::prepared::OutputError;
use super::whole_files::WriteError;

/// Why an archive was not written, once that is known.
#[derive(Debug)]
pub(super) struct ArchiveFailure {
    /// The file; `None` for standard output.
    file: Option<PathBuf>,
    error: Arc<Mutex<Option<io::Error>>>,
}

/// Writes an archive.
pub(super) struct ArchiveWriter {
    inner: Box<dyn AsyncWrite + Send + Unpin>,
    error: Arc<Mutex<Option<io::Error>>>,
}

impl ArchiveWriter {
    /// Returns the writer of an archive to `file`, or to standard output, and why it failed.
    pub(super) fn new(
        file: Option<PathBuf>,
        inner: Box<dyn AsyncWrite + Send + Unpin>,
    ) -> (Self, ArchiveFailure) {
        let error = Arc::default();
        (Self { inner, error: Arc::clone(&error) }, ArchiveFailure { file, error })
    }

    /// Keeps the first error, and returns one with its words.
    fn keep(&self, error: io::Error) -> io::Error {
        let copy = io::Error::new(error.kind(), error.to_string());
        self.error.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        copy
    }
}

impl ArchiveFailure {
    /// Returns the error for the user; `None` where nothing failed, or where buildkitd's report says more: of a disk that
    /// is full.
    pub(super) fn take(&self) -> Option<OutputError> {
        let error = self.error.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        match &self.file {
            Some(_) if error.kind() == io::ErrorKind::StorageFull => None,
            Some(file) => Some(WriteError::new(file, error).into()),
            None if error.kind() == io::ErrorKind::BrokenPipe => Some(OutputError::ReaderGone),
            None => Some(OutputError::Stdout(error)),
        }
    }
}

impl AsyncWrite for ArchiveWriter {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(context, bytes).map_err(|error| self.keep(error))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context).map_err(|error| self.keep(error))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context).map_err(|error| self.keep(error))
    }
}
