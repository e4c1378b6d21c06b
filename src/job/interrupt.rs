//! Ctrl-C and SIGTERM: the first cancels, the second ends at once.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Listens for SIGINT and SIGTERM while it lives.
#[derive(Debug)]
pub struct Interrupts {
    first: CancellationToken,
    second: CancellationToken,
    listener: tokio::task::JoinHandle<()>,
}

impl Interrupts {
    /// Begins to listen. From now on these signals do not end the process by themselves.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn listen() -> io::Result<Self> {
        let (first, second) = (CancellationToken::new(), CancellationToken::new());
        let signals = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        let tokens = (first.clone(), second.clone());
        let listener = tokio::spawn(async move {
            let (mut interrupt, mut terminate) = signals;
            first_of(&mut interrupt, &mut terminate).await;
            tokens.0.cancel();
            first_of(&mut interrupt, &mut terminate).await;
            tokens.1.cancel();
        });
        Ok(Self { first, second, listener })
    }

    /// Fires at the first signal.
    pub fn cancel(&self) -> &CancellationToken {
        &self.first
    }

    /// Returns what `work` returns; `None` where a second signal came before its end. `work` is dropped then.
    pub async fn unless_twice<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        self.second.run_until_cancelled(work).await
    }
}

impl Drop for Interrupts {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

async fn first_of(one: &mut Signal, other: &mut Signal) {
    tokio::select! {
        _ = one.recv() => {}
        _ = other.recv() => {}
    }
}
