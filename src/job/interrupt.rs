//! Ctrl-C, SIGTERM and SIGHUP: the first cancels, the second ends at once.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::error::Error;

/// Listens for SIGINT, SIGTERM and SIGHUP while it lives.
#[derive(Debug)]
pub struct Interrupts {
    first: CancellationToken,
    second: CancellationToken,
    /// Whether the first signal was SIGHUP.
    hung_up: Arc<AtomicBool>,
    listener: tokio::task::JoinHandle<()>,
}

/// The signals that end a job.
#[derive(Debug)]
struct Signals {
    interrupt: Signal,
    terminate: Signal,
    /// None where SIGHUP is to be ignored.
    hang_up: Option<Signal>,
}

impl Interrupts {
    /// Begins to listen. From now on these signals do not end the process by themselves.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn listen() -> io::Result<Self> {
        let (first, second) = (CancellationToken::new(), CancellationToken::new());
        let mut signals = Signals {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: hang_up()?,
        };
        let hung_up = Arc::new(AtomicBool::new(false));
        let (tokens, note) = ((first.clone(), second.clone()), Arc::clone(&hung_up));
        let listener = tokio::spawn(async move {
            note.store(signals.next_is_hang_up().await, Ordering::Release);
            tokens.0.cancel();
            signals.next_is_hang_up().await;
            tokens.1.cancel();
        });
        Ok(Self { first, second, hung_up, listener })
    }

    /// Fires at the first signal.
    pub fn cancel(&self) -> &CancellationToken {
        &self.first
    }

    /// Returns what `work` returns; [`Error::Interrupted`] where a second signal came before its end. `work` is dropped
    /// then. An interrupt by SIGHUP is [`Error::HungUp`].
    pub(crate) async fn unless_twice<T>(
        &self,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        match self.second.run_until_cancelled(work).await.unwrap_or(Err(Error::Interrupted)) {
            Err(Error::Interrupted) if self.hung_up.load(Ordering::Acquire) => Err(Error::HungUp),
            outcome => outcome,
        }
    }
}

impl Drop for Interrupts {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

impl Signals {
    /// Waits for the next signal, and returns whether it is SIGHUP.
    async fn next_is_hang_up(&mut self) -> bool {
        let hang_up = async {
            match &mut self.hang_up {
                Some(signal) => signal.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.interrupt.recv() => false,
            _ = self.terminate.recv() => false,
            _ = hang_up => true,
        }
    }
}

/// Listens for SIGHUP, unless this process was started to ignore it, as nohup does: listening would end that.
///
/// # Errors
/// What the operating system says.
pub fn hang_up() -> io::Result<Option<Signal>> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    if ignores(&status, SignalKind::hangup()) { Ok(None) } else { signal(SignalKind::hangup()).map(Some) }
}

/// Whether `status`, the text of `proc_pid_status(5)`, says that a signal is ignored.
fn ignores(status: &str, signal: SignalKind) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask >> (signal.as_raw_value() - 1) & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ignored_signal_is_read_off_the_mask() {
        let status = "SigBlk:\t0000000000000000\nSigIgn:\t0000000000001001\nSigCgt:\t0000000000000002\n";
        assert!(ignores(status, SignalKind::hangup()));
        assert!(!ignores(status, SignalKind::interrupt()) && !ignores("", SignalKind::hangup()));
    }
}
