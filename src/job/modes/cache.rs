//! `bob du` and `bob prune`: the cache of the buildkitd that builds would use.

use std::time::Duration;

use crate::buildkit::{Address, CacheRecord, PruneOptions};
use crate::job::daemon::builder::DaemonChoice;
use crate::job::error::Error;
use crate::job::interrupt::Interrupts;

/// Returns the records of the cache. `filter` is in containerd's syntax; records used within `unused_for` are left out.
/// Where several buildkitd are named, those of all.
///
/// # Errors
/// [`Error`] where a buildkitd cannot be had, or does not answer.
pub async fn disk_usage(
    daemon: &DaemonChoice,
    filter: &str,
    unused_for: Duration,
    interrupts: &Interrupts,
) -> Result<Vec<CacheRecord>, Error> {
    let mut records = Vec::new();
    for daemon in each(daemon) {
        let builder = daemon.connect(interrupts.cancel()).await?;
        let asked = builder.client.disk_usage(filter, unused_for);
        let found = interrupts.cancel().run_until_cancelled(asked).await;
        builder.stop().await;
        records.extend(found.ok_or(Error::Interrupted)?.map_err(Error::Connection)?);
    }
    Ok(records)
}

/// Frees records of the cache, and calls `freed` with each as it goes. Where several buildkitd are named, those of all.
///
/// # Errors
/// [`Error`] where a buildkitd cannot be had, or does not answer; what went before then is gone.
pub async fn prune(
    daemon: &DaemonChoice,
    options: &PruneOptions,
    interrupts: &Interrupts,
    mut freed: impl FnMut(CacheRecord),
) -> Result<(), Error> {
    for daemon in each(daemon) {
        let builder = daemon.connect(interrupts.cancel()).await?;
        let pruning = builder.client.prune(options, &mut freed);
        let done = interrupts.cancel().run_until_cancelled(pruning).await;
        builder.stop().await;
        done.ok_or(Error::Interrupted)?.map_err(Error::Connection)?;
    }
    Ok(())
}

/// A choice of each buildkitd that is named; of the one that a build would use, where none is.
fn each(daemon: &DaemonChoice) -> Vec<DaemonChoice> {
    if daemon.addresses.is_empty() {
        return vec![daemon.clone()];
    }
    let only = |address: &Address| DaemonChoice { addresses: vec![address.clone()], ..daemon.clone() };
    daemon.addresses.iter().map(only).collect()
}
