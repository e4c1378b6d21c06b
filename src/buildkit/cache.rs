//! What the daemon's cache holds, and freeing it.

use std::time::Duration;

use super::client::Client;
use super::error::Error;
use super::proto::control::{DiskUsageRequest, PruneRequest, UsageRecord};
use super::proto::protobuf::Timestamp;

/// One part of the daemon's cache: the result of a step, a source, a cache mount or something of the daemon's own.
///
/// Source: `UsageInfo` in `client/diskusage.go` in BuildKit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CacheRecord {
    /// Its id.
    pub id: String,
    /// What it takes on disk, in bytes.
    pub size: i64,
    /// When it was made, in seconds since the epoch.
    pub created: Option<i64>,
    /// When it was last used, in seconds since the epoch.
    pub last_used: Option<i64>,
    /// How often it was used.
    pub uses: i64,
    /// Whether something uses it now, so that it cannot be freed.
    pub is_in_use: bool,
    /// Whether it may still change.
    pub is_mutable: bool,
    /// Whether images share it.
    pub is_shared: bool,
    /// What kind of record it is, such as `regular` or `source.local`.
    pub kind: String,
    /// What made it.
    pub description: String,
    /// The ids of the records that it lies on.
    pub parents: Vec<String>,
}

/// What a prune leaves.
///
/// Source: `PruneInfo` in `client/prune.go` in BuildKit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PruneOptions {
    /// A filter in containerd's syntax; empty for all records.
    pub filter: String,
    /// Whether the daemon's own records go, too.
    pub all: bool,
    /// Records used within this time stay.
    pub keep_duration: Duration,
    /// How many bytes of the cache may stay in any case.
    pub reserved_space: i64,
    /// How many bytes of the cache may stay at most; 0 for no such bound.
    pub max_used_space: i64,
    /// How many bytes of the disk are to be free afterwards; 0 for no such bound.
    pub min_free_space: i64,
}

impl Client {
    /// Returns the records of the daemon's cache, those of all its workers. `filter` is in containerd's syntax, empty for
    /// all; `unused_for` leaves out those that were used within that time.
    ///
    /// # Errors
    ///
    /// [`Error::Failed`], [`Error::Disconnected`].
    pub async fn disk_usage(&self, filter: &str, unused_for: Duration) -> Result<Vec<CacheRecord>, Error> {
        let request = DiskUsageRequest { filter: filters(filter), age_limit: nanoseconds(unused_for) };
        let reply = self.control().disk_usage(request).await;
        let reply = reply.map_err(|status| Error::from_status("DiskUsage", status))?.into_inner();
        Ok(reply.record.into_iter().map(CacheRecord::from).collect())
    }

    /// Frees records of the daemon's cache, and calls `freed` with each as it goes.
    ///
    /// # Errors
    ///
    /// [`Error::Failed`], [`Error::Disconnected`].
    pub async fn prune(
        &self,
        options: &PruneOptions,
        mut freed: impl FnMut(CacheRecord),
    ) -> Result<(), Error> {
        let request = PruneRequest {
            filter: filters(&options.filter),
            all: options.all,
            keep_duration: nanoseconds(options.keep_duration),
            reserved_space: options.reserved_space,
            max_used_space: options.max_used_space,
            min_free_space: options.min_free_space,
        };
        let failed = |status| Error::from_status("Prune", status);
        let mut records = self.control().prune(request).await.map_err(failed)?.into_inner();
        while let Some(record) = records.message().await.map_err(failed)? {
            freed(record.into());
        }
        Ok(())
    }
}

fn filters(filter: &str) -> Vec<String> {
    if filter.is_empty() { Vec::new() } else { vec![filter.to_owned()] }
}

fn nanoseconds(time: Duration) -> i64 {
    i64::try_from(time.as_nanos()).unwrap_or(i64::MAX)
}

impl From<UsageRecord> for CacheRecord {
    fn from(record: UsageRecord) -> Self {
        let seconds = |time: Option<Timestamp>| time.map(|time| time.seconds);
        Self {
            id: record.id,
            size: record.size,
            created: seconds(record.created_at),
            last_used: seconds(record.last_used_at),
            uses: record.usage_count,
            is_in_use: record.in_use,
            is_mutable: record.mutable,
            is_shared: record.shared,
            kind: record.record_type,
            description: record.description,
            parents: record.parents,
        }
    }
}
