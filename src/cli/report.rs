//! What subcommands that run jobs share: signals, standard output, and the failure of a job.

use std::io::Write as _;

use super::Failure;
use crate::job::{self, Interrupts};

/// The failure of the subcommand whose job failed with `error`.
pub(super) fn job_failure(error: &job::Error) -> Failure {
    let report = error.report();
    if error.is_usage() { Failure::Usage(report) } else { Failure::Rendered(format!("error: {report}")) }
}

/// Listens for the signals that interrupt a job.
pub(super) fn listen() -> Result<Interrupts, Failure> {
    Interrupts::listen().map_err(|source| job_failure(&job::Error::Signals(source)))
}

/// Writes to standard output; a reader that has seen enough is no failure.
pub(super) fn print(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}
