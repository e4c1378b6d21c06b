//! What subcommands that run jobs share: signals and standard output.

use std::io::Write as _;

use super::Failure;
use crate::job::{self, Interrupts};

/// Listens for the signals that interrupt a job.
pub(super) fn listen() -> Result<Interrupts, Failure> {
    Interrupts::listen().map_err(|source| Failure::of_job(&job::Error::Signals(source)))
}

/// Warns on standard error.
pub(super) fn warn(text: &str) {
    let _ = writeln!(std::io::stderr(), "warning: {text}");
}

/// Writes to standard output; a reader that has seen enough is no failure.
pub(super) fn print(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}
