//! `bob du` and `bob prune`: the cache of the buildkitd that builds would use.

use std::time::Duration;

use crate::buildkit::{CacheRecord, PruneOptions};
use crate::job::daemon::builder::DaemonChoice;
use crate::job::error::Error;
use crate::job::interrupt::Interrupts;

/// Returns the records of the cache. `filter` is in containerd's syntax; records used within `unused_for` are left out.
///
/// # Errors
/// [`Error`] where no buildkitd can be had, or it does not answer.
pub async fn disk_usage(
    daemon: &DaemonChoice,
    filter: &str,
    unused_for: Duration,
    interrupts: &Interrupts,
) -> Result<Vec<CacheRecord>, Error> {
    let builder = daemon.connect(interrupts.cancel()).await?;
    let asked = builder.client.disk_usage(filter, unused_for);
    let records = interrupts.cancel().run_until_cancelled(asked).await;
    builder.stop().await;
    records.ok_or(Error::Interrupted)?.map_err(Error::Connection)
}

/// Frees records of the cache, and calls `freed` with each as it goes.
///
/// # Errors
/// [`Error`] where no buildkitd can be had, or it does not answer; what went before then is gone.
pub async fn prune(
    daemon: &DaemonChoice,
    options: &PruneOptions,
    interrupts: &Interrupts,
    freed: impl FnMut(CacheRecord),
) -> Result<(), Error> {
    let builder = daemon.connect(interrupts.cancel()).await?;
    let pruning = builder.client.prune(options, freed);
    let done = interrupts.cancel().run_until_cancelled(pruning).await;
    builder.stop().await;
    done.ok_or(Error::Interrupted)?.map_err(Error::Connection)
}
